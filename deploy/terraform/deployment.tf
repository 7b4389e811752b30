# The mail server with mail-realip beside it: the same pod as kubectl kustomize deploy/kubernetes/docker-mailserver makes.
resource "kubernetes_deployment_v1" "mail" {
  metadata {
    name      = "mail"
    namespace = kubernetes_namespace_v1.mail.metadata[0].name
    labels = {
      "app.kubernetes.io/name" = "mail"
      "mail-realip"            = "yes"
    }
  }
  # the address comes later than the pod, and the pod is ready when the mail server greets
  wait_for_rollout = false
  spec {
    replicas = 1
    strategy {
      type = "Recreate"
    }
    selector {
      match_labels = { "app.kubernetes.io/name" = "mail" }
    }
    template {
      metadata {
        labels = { "app.kubernetes.io/name" = "mail" }
      }
      spec {
        service_account_name            = kubernetes_service_account_v1.mail_realip.metadata[0].name
        automount_service_account_token = false
        node_selector                   = var.node_selector

        # The daemons do not start without a list that they are told to read; this one waits for the first.
        init_container {
          name    = "realip-node-list-first"
          image   = var.node_list_image
          command = ["/opt/mail-realip/realip-node-list", "--first", "/run/mail-realip-nodes/nodes.json"]
          security_context {
            run_as_non_root            = true
            run_as_user                = "65534"
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
            seccomp_profile {
              type = "RuntimeDefault"
            }
          }
          env {
            name  = "HOME"
            value = "/tmp" # kubectl keeps what it learned of the API there
          }
          resources {
            requests = { cpu = "10m", memory = "64Mi" }
            limits   = { memory = "512Mi" }
          }
          volume_mount {
            name       = "realip-nodes"
            mount_path = "/run/mail-realip-nodes"
          }
          volume_mount {
            name       = "realip-node-list"
            mount_path = "/opt/mail-realip"
            read_only  = true
          }
          volume_mount {
            name       = "realip-node-list-tmp"
            mount_path = "/tmp"
          }
          volume_mount {
            name       = "realip-node-reader"
            mount_path = "/var/run/secrets/kubernetes.io/serviceaccount"
            read_only  = true
          }
        }

        container {
          name  = "mail"
          image = var.mail_image
          env_from {
            config_map_ref {
              name = kubernetes_config_map_v1.settings.metadata[0].name
            }
          }
          port {
            name           = "smtp"
            container_port = 25
            protocol       = "TCP"
          }
          port {
            name           = "submissions"
            container_port = 465
            protocol       = "TCP"
          }
          port {
            name           = "submission"
            container_port = 587
            protocol       = "TCP"
          }
          port {
            name           = "imaps"
            container_port = 993
            protocol       = "TCP"
          }
          port {
            name           = "smtp-proxied"
            container_port = 12525
            protocol       = "TCP"
          }
          port {
            name           = "subms-proxied"
            container_port = 10465
            protocol       = "TCP"
          }
          port {
            name           = "imaps-proxied"
            container_port = 10993
            protocol       = "TCP"
          }
          security_context {
            allow_privilege_escalation = true
            capabilities {
              drop = ["ALL"]
              add  = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW", "SETGID", "SETUID", "SYS_CHROOT"]
            }
            seccomp_profile {
              type = "RuntimeDefault"
            }
          }
          volume_mount {
            name       = "mail-data"
            mount_path = "/var/mail"
            sub_path   = "mail"
          }
          volume_mount {
            name       = "mail-data"
            mount_path = "/var/mail-state"
            sub_path   = "state"
          }
          volume_mount {
            name       = "mail-data"
            mount_path = "/tmp/docker-mailserver"
            sub_path   = "config"
          }
          volume_mount {
            name       = "mail-files"
            mount_path = "/tmp/docker-mailserver/user-patches.sh"
            sub_path   = "user-patches.sh"
            read_only  = true
          }
          volume_mount {
            name       = "mail-files"
            mount_path = "/tmp/docker-mailserver/dovecot.cf"
            sub_path   = "dovecot.cf"
            read_only  = true
          }
          volume_mount {
            name       = "mail-tls"
            mount_path = "/secrets/tls"
            read_only  = true
          }
          volume_mount {
            name       = "realip-run"
            mount_path = "/run/mail-realip"
            read_only  = true
          }
        }

        container {
          name    = "realip-policyd"
          image   = var.realip_image
          command = ["/usr/sbin/realip-policyd"]
          port {
            name           = "policyd-http"
            container_port = 9168
            protocol       = "TCP"
          }
          # The capability is for the helper that sees who is really connected to smtpd; the process that reads what strangers send gives it up before it reads
          # anything. An ordinary user keeps it through exec because the image's program has it in its file.
          security_context {
            run_as_non_root            = true
            run_as_user                = "65532"
            run_as_group               = "65532"
            read_only_root_filesystem  = true
            allow_privilege_escalation = false
            capabilities {
              drop = ["ALL"]
              add  = ["SYS_PTRACE"]
            }
            seccomp_profile {
              type = "RuntimeDefault"
            }
          }
          startup_probe {
            exec {
              command = ["/usr/bin/realipctl", "healthcheck", "--timeout", "4", "http://127.0.0.1:9168"]
            }
            timeout_seconds   = 5
            period_seconds    = 2
            failure_threshold = 30
          }
          liveness_probe {
            exec {
              command = ["/usr/bin/realipctl", "healthcheck", "--timeout", "4", "http://127.0.0.1:9168"]
            }
            timeout_seconds   = 5
            period_seconds    = 10
            failure_threshold = 3
          }
          # The whole pod is ready when the mail server greets behind a PROXY header, as HAProxy's own checks see it.
          readiness_probe {
            exec {
              command = ["/usr/bin/realipctl", "healthcheck", "--timeout", "9", "127.0.0.1:12525"]
            }
            timeout_seconds   = 10
            period_seconds    = 10
            failure_threshold = 3
          }
          resources {
            requests = { cpu = "20m", memory = "16Mi" }
            limits   = { memory = "128Mi" }
          }
          volume_mount {
            name       = "realip-config"
            mount_path = "/etc/mail-realip"
            read_only  = true
          }
          volume_mount {
            name       = "realip-nodes"
            mount_path = "/run/mail-realip-nodes"
            read_only  = true
          }
          volume_mount {
            name       = "realip-run"
            mount_path = "/run/mail-realip"
          }
        }

        container {
          name    = "realip-milter"
          image   = var.realip_image
          command = ["/usr/sbin/realip-milter"]
          port {
            name           = "milter-http"
            container_port = 9169
            protocol       = "TCP"
          }
          security_context {
            run_as_non_root            = true
            run_as_user                = "65532"
            run_as_group               = "65532"
            read_only_root_filesystem  = true
            allow_privilege_escalation = false
            capabilities {
              drop = ["ALL"]
            }
            seccomp_profile {
              type = "RuntimeDefault"
            }
          }
          startup_probe {
            exec {
              command = ["/usr/bin/realipctl", "healthcheck", "--timeout", "4", "http://127.0.0.1:9169"]
            }
            timeout_seconds   = 5
            period_seconds    = 2
            failure_threshold = 30
          }
          liveness_probe {
            exec {
              command = ["/usr/bin/realipctl", "healthcheck", "--timeout", "4", "http://127.0.0.1:9169"]
            }
            timeout_seconds   = 5
            period_seconds    = 10
            failure_threshold = 3
          }
          resources {
            requests = { cpu = "20m", memory = "16Mi" }
            limits   = { memory = "128Mi" }
          }
          volume_mount {
            name       = "realip-config"
            mount_path = "/etc/mail-realip"
            read_only  = true
          }
          volume_mount {
            name       = "realip-nodes"
            mount_path = "/run/mail-realip-nodes"
            read_only  = true
          }
          volume_mount {
            name       = "realip-run"
            mount_path = "/run/mail-realip"
          }
        }

        container {
          name    = "realip-node-list"
          image   = var.node_list_image
          command = ["/opt/mail-realip/realip-node-list", "/run/mail-realip-nodes/nodes.json"]
          security_context {
            run_as_non_root            = true
            run_as_user                = "65534"
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
            seccomp_profile {
              type = "RuntimeDefault"
            }
          }
          env {
            name  = "HOME"
            value = "/tmp" # kubectl keeps what it learned of the API there
          }
          resources {
            requests = { cpu = "10m", memory = "64Mi" }
            limits   = { memory = "512Mi" }
          }
          volume_mount {
            name       = "realip-nodes"
            mount_path = "/run/mail-realip-nodes"
          }
          volume_mount {
            name       = "realip-node-list"
            mount_path = "/opt/mail-realip"
            read_only  = true
          }
          volume_mount {
            name       = "realip-node-list-tmp"
            mount_path = "/tmp"
          }
          volume_mount {
            name       = "realip-node-reader"
            mount_path = "/var/run/secrets/kubernetes.io/serviceaccount"
            read_only  = true
          }
        }

        volume {
          name = "mail-data"
          persistent_volume_claim {
            claim_name = kubernetes_persistent_volume_claim_v1.data.metadata[0].name
          }
        }
        volume {
          name = "mail-files"
          config_map {
            name         = kubernetes_config_map_v1.files.metadata[0].name
            default_mode = "0555"
          }
        }
        # kubectl -n mail create secret tls mail-tls --cert … --key …
        volume {
          name = "mail-tls"
          secret {
            secret_name = "mail-tls"
          }
        }
        volume {
          name = "realip-run"
          empty_dir {
            medium     = "Memory"
            size_limit = "64Mi"
          }
        }
        volume {
          name = "realip-config"
          config_map {
            name         = kubernetes_config_map_v1.mail_realip.metadata[0].name
            default_mode = "0444"
          }
        }
        volume {
          name = "realip-nodes"
          empty_dir {}
        }
        volume {
          name = "realip-node-list-tmp"
          empty_dir {}
        }
        volume {
          name = "realip-node-list"
          config_map {
            name         = kubernetes_config_map_v1.node_list.metadata[0].name
            default_mode = "0555"
          }
        }
        volume {
          name = "realip-node-reader"
          projected {
            default_mode = "0444"
            sources {
              service_account_token {
                path               = "token"
                expiration_seconds = 3600
              }
            }
            sources {
              config_map {
                name = "kube-root-ca.crt"
                items {
                  key  = "ca.crt"
                  path = "ca.crt"
                }
              }
            }
            sources {
              downward_api {
                items {
                  path = "namespace"
                  field_ref {
                    field_path = "metadata.namespace"
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
