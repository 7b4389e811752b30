resource "kubernetes_namespace_v1" "mail" {
  metadata {
    name = var.namespace
    labels = {
      # Postfix needs to change users, and one helper CAP_SYS_PTRACE: "baseline" lets neither in.
      "pod-security.kubernetes.io/enforce" = "privileged"
    }
  }
}

# The account of the mail pods: it may read nodes, and nothing else of the cluster. No container gets its token but the one that mounts it.
resource "kubernetes_service_account_v1" "mail_realip" {
  metadata {
    name      = "mail-realip"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
    labels    = { "app.kubernetes.io/name" = "mail-realip" }
  }
  automount_service_account_token = false
}

resource "kubernetes_cluster_role_v1" "node_reader" {
  metadata {
    name   = "mail-realip-node-reader"
    labels = { "app.kubernetes.io/name" = "mail-realip" }
  }
  rule {
    api_groups = [""]
    resources  = ["nodes"]
    verbs      = ["get", "list", "watch"]
  }
}

resource "kubernetes_cluster_role_binding_v1" "node_reader" {
  metadata {
    name   = "mail-realip-node-reader"
    labels = { "app.kubernetes.io/name" = "mail-realip" }
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = kubernetes_cluster_role_v1.node_reader.metadata[0].name
  }
  subject {
    kind      = "ServiceAccount"
    name      = kubernetes_service_account_v1.mail_realip.metadata[0].name
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
  }
}
