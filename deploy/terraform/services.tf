# For clients that come without a proxy.
resource "kubernetes_service_v1" "mail" {
  metadata {
    name        = "mail"
    namespace   = kubernetes_namespace_v1.mail.metadata[0].name
    annotations = { "metallb.io/address-pool" = "mail" }
  }
  spec {
    type                    = "LoadBalancer"
    external_traffic_policy = var.external_traffic_policy
    # where policyd can't start, Postfix decides what happens to mail, and not readiness
    publish_not_ready_addresses = true
    selector                    = { "app.kubernetes.io/name" = "mail" }
    port {
      name        = "smtp"
      port        = 25
      target_port = "smtp"
      protocol    = "TCP"
    }
    port {
      name        = "submissions"
      port        = 465
      target_port = "submissions"
      protocol    = "TCP"
    }
    port {
      name        = "submission"
      port        = 587
      target_port = "submission"
      protocol    = "TCP"
    }
    port {
      name        = "imaps"
      port        = 993
      target_port = "imaps"
      protocol    = "TCP"
    }
  }
}

# For HAProxy outside of the cluster. Always Local: behind Cluster a stranger at a node port would come with the same node's address as HAProxy.
resource "kubernetes_service_v1" "proxied" {
  metadata {
    name      = "mail-proxied"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
  spec {
    type                        = "NodePort"
    external_traffic_policy     = "Local"
    publish_not_ready_addresses = true
    selector                    = { "app.kubernetes.io/name" = "mail" }
    port {
      name        = "smtp-proxied"
      port        = 12525
      target_port = "smtp-proxied"
      node_port   = var.smtp_node_port
      protocol    = "TCP"
    }
    port {
      name        = "subms-proxied"
      port        = 10465
      target_port = "subms-proxied"
      node_port   = var.submissions_node_port
      protocol    = "TCP"
    }
    port {
      name        = "imaps-proxied"
      port        = 10993
      target_port = "imaps-proxied"
      node_port   = var.imaps_node_port
      protocol    = "TCP"
    }
  }
}

# The mail address is announced by the nodes that may have the mail pod: with Local, what another one announces vanishes there without a trace.
# kubernetes_manifest asks the cluster for the kind as it plans, so MetalLB has to be there.
resource "kubernetes_manifest" "address_pool" {
  manifest = {
    apiVersion = "metallb.io/v1beta1"
    kind       = "IPAddressPool"
    metadata = {
      name      = "mail"
      namespace = var.metallb_namespace
    }
    spec = {
      addresses  = var.addresses
      autoAssign = false
    }
  }
}

resource "kubernetes_manifest" "l2_advertisement" {
  manifest = {
    apiVersion = "metallb.io/v1beta1"
    kind       = "L2Advertisement"
    metadata = {
      name      = "mail"
      namespace = var.metallb_namespace
    }
    spec = {
      ipAddressPools = ["mail"]
      nodeSelectors = [
        { matchLabels = var.node_selector }
      ]
    }
  }
}
