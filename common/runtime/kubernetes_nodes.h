/* kubernetes_nodes - the addresses behind which a cluster's nodes hide clients, from what `kubectl get nodes -o json` prints.
 *
 * Of each node are read (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/, and what the CNI
 * plugins write down):
 *   status.addresses    those of type InternalIP; not ExternalIP, which a NAT in front of the cluster may share with clients
 *   spec.podCIDR(s)     the node's bridge and its VXLAN end have the first addresses of it (k3s: 10.42.0.1, Flannel: 10.42.0.0)
 *   annotations         Flannel's public-ip where it is no ExternalIP and not overwritten, Calico's own and tunnel addresses (IPIP, VXLAN, WireGuard), Cilium's host, ingress
 *                       and pod CIDR under its old and its new name, internal-ip of k3s and RKE2
 */
#ifndef REALIP_KUBERNETES_NODES_H
#define REALIP_KUBERNETES_NODES_H

#include "network_source.h"

/* Reads the file and adds what its nodes have to `list`. The file is a List or a NodeList of version v1 with at least one node;
 * everything in it has the type that Kubernetes gives it, no node stands twice, each address is one that a host can have, and no
 * pod CIDR is wider than /8 (IPv6: /32). `set` names the set in messages, `named_at` is the file's place in the configuration.
 * `pods`: whether pod CIDRs are wanted, too; they hide clients, but give no trust.
 *
 * 0; or -1, the list as it was and problems added. A node that tells no InternalIP (it may be joining just now) adds a warning.
 * An origin is "FILE[NODE]" and the line at which the node begins; its text lives in `arena`. */
int realip_kubernetes_nodes_read(const char *set, const char *path, struct realip_origin named_at, bool pods,
                                 struct realip_arena *arena, struct realip_network_list *list,
                                 struct realip_problems *problems, struct realip_problems *warnings);

#endif
