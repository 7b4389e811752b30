output "service" {
  description = "The Service for clients that come without a proxy: kubectl -n NAMESPACE get service NAME shows its address."
  value       = "${var.namespace}/${kubernetes_service_v1.mail.metadata[0].name}"
}

output "haproxy_ports" {
  description = "Where HAProxy sends sessions, with send-proxy-v2: these ports of every node. Its checks find the one that has the pod."
  value = {
    smtp        = var.smtp_node_port
    submissions = var.submissions_node_port
    imaps       = var.imaps_node_port
  }
}

output "look" {
  description = "What mail-realip sees."
  value       = "kubectl -n ${var.namespace} logs deploy/${kubernetes_deployment_v1.mail.metadata[0].name} -c realip-policyd"
}
