variable "namespace" {
  description = "The namespace of the mail server; it is made here. The network policy and the account's role name it, too."
  type        = string
  default     = "mail"
}

variable "configuration" {
  description = "A folder with mail-realip.conf, proxies.cidr, probers.cidr, internal.cidr, networkpolicy.yaml (made by realipctl export networkpolicy), user-patches.sh and dovecot.cf. Empty: what deploy/kubernetes has, with addresses that are nobody's."
  type        = string
  default     = ""
}

variable "realip_image" {
  description = "The image of realip-policyd and realip-milter (deploy/container/Containerfile)."
  type        = string
  default     = "mail-realip:latest"
}

variable "node_list_image" {
  description = "The image of the sidecar that lists nodes (deploy/container/Containerfile.node-list)."
  type        = string
  default     = "mail-realip-node-list:latest"
}

variable "mail_image" {
  description = "The mail server's image."
  type        = string
  default     = "mailserver/docker-mailserver:15.1.0"
}

variable "hostname" {
  description = "The mail server's host name. The default is nobody's."
  type        = string
  default     = "mail.example.com"
}

variable "storage" {
  description = "How much room mail has."
  type        = string
  default     = "20Gi"
}

variable "node_selector" {
  description = "Labels of the nodes that may have the mail pod. MetalLB announces the address from these, and from no other."
  type        = map(string)
  default     = { mail-node = "true" }
}

variable "external_traffic_policy" {
  description = "Of the Service for clients that come without a proxy. Local keeps their addresses; with Cluster mail-realip calls them infrastructure."
  type        = string
  default     = "Local"

  validation {
    condition     = contains(["Local", "Cluster"], var.external_traffic_policy)
    error_message = "external_traffic_policy is Local or Cluster."
  }
}

variable "addresses" {
  description = "What MetalLB may give the Service: networks or ranges. The default is for documentation, and would be announced as it stands."
  type        = list(string)
  default     = ["192.0.2.25/32"]

  validation {
    condition     = length(var.addresses) > 0
    error_message = "addresses names at least one, as [\"192.0.2.25/32\"]."
  }
}

variable "metallb_namespace" {
  description = "Where MetalLB lives."
  type        = string
  default     = "metallb-system"
}

variable "smtp_node_port" {
  description = "The node port at which HAProxy reaches SMTP, with PROXY v2."
  type        = number
  default     = 30025
}

variable "submissions_node_port" {
  description = "The same for submissions (TLS at once)."
  type        = number
  default     = 30465
}

variable "imaps_node_port" {
  description = "The same for IMAP (TLS at once)."
  type        = number
  default     = 30993
}
