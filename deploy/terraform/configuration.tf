locals {
  configuration = coalesce(var.configuration, "${path.module}/../kubernetes/base")
  mail_files    = coalesce(var.configuration, "${path.module}/../kubernetes/docker-mailserver")
  manifests     = "${path.module}/../kubernetes"
}

# The daemons follow its changes within seconds; no pod starts anew for them.
resource "kubernetes_config_map_v1" "mail_realip" {
  metadata {
    name      = "mail-realip"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
  data = {
    "mail-realip.conf" = file("${local.configuration}/mail-realip.conf")
    "proxies.cidr"     = file("${local.configuration}/proxies.cidr")
    "probers.cidr"     = file("${local.configuration}/probers.cidr")
    "internal.cidr"    = file("${local.configuration}/internal.cidr")
  }
}

resource "kubernetes_config_map_v1" "node_list" {
  metadata {
    name      = "realip-node-list"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
  data = {
    "realip-node-list" = file("${local.manifests}/base/realip-node-list")
  }
}

resource "kubernetes_config_map_v1" "settings" {
  metadata {
    name      = "mail-settings"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
  data = {
    OVERRIDE_HOSTNAME = var.hostname
    PERMIT_DOCKER     = "none"
    SSL_TYPE          = "manual"
    SSL_CERT_PATH     = "/secrets/tls/tls.crt"
    SSL_KEY_PATH      = "/secrets/tls/tls.key"
  }
}

# A running pod does not see these change: kubectl -n mail rollout restart deploy/mail
resource "kubernetes_config_map_v1" "files" {
  metadata {
    name      = "mail-files"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
  data = {
    "user-patches.sh" = file("${local.mail_files}/user-patches.sh")
    "dovecot.cf"      = file("${local.mail_files}/dovecot.cf")
  }
}

# Who reaches the PROXY ports: made of mail-realip.conf by realipctl export networkpolicy.
resource "kubernetes_manifest" "network_policy" {
  manifest   = yamldecode(file("${local.configuration}/networkpolicy.yaml"))
  depends_on = [kubernetes_namespace_v1.mail]
}

resource "kubernetes_persistent_volume_claim_v1" "data" {
  metadata {
    name      = "mail-data"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
  spec {
    access_modes = ["ReadWriteOnce"]
    resources {
      requests = { storage = var.storage }
    }
  }
  # where a volume is made for the first pod that wants it
  wait_until_bound = false
}
