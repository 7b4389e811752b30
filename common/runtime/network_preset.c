#include "network_preset.h"

#include <stdio.h>
#include <string.h>

#include "near_word.h"
#include "network_place.h"

/* Facts of other programs, as far as their own documentation or source tells them; `source` is where to look when one changes.
 * docs/NETWORKS.md has the same table; tests/cli/networks compares them. */
static const struct realip_network_preset presets[] = {
    { .name = "docker",
      .what = "the gateway of each network of Docker's default pools, bridge and docker_gwbridge among them; with docker-proxy IPv6 "
              "clients show as an IPv4 gateway",
      .beware = "in a LAN 192.168.0.1, .16.1, ... may be a router; IPv6 networks are drawn at random, so add discover = true",
      .source = "https://docs.docker.com/engine/network/",
      .pools = { { "172.17.0.0/16", 16 }, { "172.18.0.0/15", 16 }, { "172.20.0.0/14", 16 }, { "172.24.0.0/13", 16 }, { "192.168.0.0/16", 20 } } },
    { .name = "docker-swarm",
      .what = "the ingress network of a swarm, in which every node has an address; 10.255.0.0/16 up to Docker 18.09",
      .beware = "10.0.0.0/24 is a common LAN: there list the nodes' own addresses by cidr (docker network inspect ingress); preset "
                "docker is separate",
      .source = "https://docs.docker.com/engine/swarm/networking/",
      .pools = { { "10.0.0.0/24", 0 }, { "10.255.0.0/16", 0 } } },
    { .name = "podman",
      .what = "the gateways of podman's default network and of the first 256 that a user makes",
      .beware = "further networks lie in 10.90.0.0 to 10.255.255.0, IPv6 ones are drawn at random: add discover = true",
      .source = "https://github.com/containers/common/blob/main/docs/containers.conf.5.md",
      .pools = { { "10.88.0.0/16", 16 }, { "10.89.0.0/16", 24 } } },
    { .name = "rootless",
      .what = "every client of a rootless container whose ports RootlessKit or slirp4netns forwards: loopback, or the ends of their tunnel",
      .beware = "it holds loopback: webmail, amavis and all else on the same host or in the same pod count as infrastructure, too; "
                "pasta keeps addresses and needs no preset",
      .source = "https://github.com/rootless-containers/slirp4netns/blob/master/slirp4netns.1.md",
      .on_purpose = true,
      .pools = { { "127.0.0.0/8", 0 }, { "::1", 0 }, { "10.0.2.2", 0 }, { "10.0.2.100", 0 }, { "fd00::2", 0 } } },
    { .name = "flannel",
      .what = "Flannel's pod network as its manifest has it (nodes show as .0 and .1 of theirs), and the IPv6 one of its documentation",
      .source = "https://github.com/flannel-io/flannel/blob/master/Documentation/configuration.md",
      .pools = { { "10.244.0.0/16", 0 }, { "2001:cafe:42::/56", 0 } } },
    { .name = "k3s",
      .what = "pods (the bridge is 10.42.0.1, and klipper-lb's pods stand before clients) and services; IPv6 as its documentation has them",
      .source = "https://docs.k3s.io/networking/basic-network-options",
      .pools = { { "10.42.0.0/16", 0 }, { "10.43.0.0/16", 0 }, { "2001:cafe:42::/56", 0 }, { "2001:cafe:43::/112", 0 } } },
    { .name = "rke2",
      .what = "pods (nodes show as 10.42.0.0, with kube-vip too) and services; IPv6 as its documentation has them",
      .source = "https://docs.rke2.io/networking/basic_network_options",
      .pools = { { "10.42.0.0/16", 0 }, { "10.43.0.0/16", 0 }, { "2001:cafe:42::/56", 0 }, { "2001:cafe:43::/112", 0 } } },
    { .name = "microk8s",
      .what = "pods and services",
      .beware = "10.1.0.0/16 may be a LAN; IPv6 has no default",
      .source = "https://microk8s.io/docs/change-cidr",
      .pools = { { "10.1.0.0/16", 0 }, { "10.152.183.0/24", 0 } } },
    { .name = "calico",
      .what = "Calico's default pod pool, of which nodes take the ends of their tunnels (IPIP, VXLAN)",
      .beware = "the pool holds all LANs of 192.168: where clients come from one, use kubernetes-nodes, which names the tunnels' ends "
                "alone; the IPv6 pool is drawn at random",
      .source = "https://docs.tigera.io/calico/latest/reference/configure-calico-node",
      .pools = { { "192.168.0.0/16", 0 } } },
    { .name = "mailcow",
      .what = "the gateways of mailcow's own network",
      .beware = "mailcow.conf may have other networks: IPV4_NETWORK and IPV6_NETWORK",
      .source = "https://docs.mailcow.email/manual-guides/Postfix/u_e-postfix-trust_networks/",
      .pools = { { "172.22.1.1", 0 }, { "fd4d:6169:6c63:6f77::1", 0 } } },
    { .name = "mailu",
      .what = "the gateway of Mailu's own network",
      .beware = "mailu.env may have another one: SUBNET; the IPv6 one is drawn at random: SUBNET6",
      .source = "https://mailu.io/master/configuration.html",
      .pools = { { "192.168.203.1", 0 } } },
    { .name = "azure",
      .what = "the health checks of Azure Load Balancer",
      .source = "https://learn.microsoft.com/azure/load-balancer/load-balancer-custom-probe-overview",
      .has_probes = true,
      .pools = { { "168.63.129.16", 0 } } },
    /* Not 209.85.152.0/22 and 209.85.204.0/22, from which passthrough load balancers are checked: Gmail's servers are their neighbours. */
    { .name = "gcp",
      .what = "the health checks and front ends (proxies) of Google Cloud's load balancers",
      .beware = "on Google Cloud alone: Google's SPF records name both IPv4 networks; checks of passthrough load balancers come from "
                "further networks, next to Gmail's, that belong into networks probers by cidr",
      .source = "https://cloud.google.com/load-balancing/docs/firewall-rules",
      .has_probes = true,
      .pools = { { "35.191.0.0/16", 0 }, { "130.211.0.0/22", 0 }, { "2600:2d00:1:b029::/64", 0 }, { "2600:2d00:1:1::/64", 0 },
                 { "2600:1901:8001::/48", 0 } } },
    { .name = "kubernetes",
      .what = "kube-proxy shows nodes' own addresses (externalTrafficPolicy: Cluster, NodePort; ipvs with externalIPs: Local, too)",
      .source = "https://kubernetes.io/docs/tutorials/services/source-ip/",
      .instead = "each cluster's nodes have addresses of their own: write kubernetes-nodes = \"/run/mail-realip/nodes.json\"" },
    { .name = "cilium",
      .what = "Cilium shows nodes in SNAT mode; its default pod pool is 10.0.0.0/8",
      .source = "https://docs.cilium.io/en/stable/network/concepts/ipam/cluster-pool/",
      .instead = "10.0.0.0/8 would be most people's LANs: write kubernetes-nodes = \"/run/mail-realip/nodes.json\", which names each "
                 "node's pods" },
    { .name = "aws-nlb",
      .what = "an NLB shows its own private addresses, unless client IP preservation is on",
      .source = "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html",
      .instead = "its addresses are in your own subnets: write cidr = { those subnets }, and PROXY v2 on the target group shows clients" },
    { .name = "azure-private-link",
      .what = "Private Link shows addresses of the NAT subnet that was chosen for it",
      .source = "https://learn.microsoft.com/azure/private-link/private-link-service-overview",
      .instead = "the NAT subnet is your own choice: write cidr = { that subnet }, and TCP proxy v2 on the service shows clients" },
    { .name = "gcp-psc",
      .what = "Private Service Connect shows addresses of its NAT subnets",
      .source = "https://cloud.google.com/vpc/docs/about-vpc-hosted-services",
      .instead = "its NAT subnets are your own choice: write cidr = { those subnets }, and PROXY protocol on the service attachment shows clients" },
};

#define COUNT (sizeof(presets) / sizeof(presets[0]))

const struct realip_network_preset *realip_network_preset_at(size_t index)
{
    return index < COUNT ? &presets[index] : NULL;
}

static const struct realip_network_preset *find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}

static void list_names(char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < COUNT && used < size; i++) {
        if (presets[i].instead == NULL)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", presets[i].name);
    }
}

static void add_unknown(enum realip_set set, const char *name, struct realip_origin origin, struct realip_problems *problems)
{
    const char *nearest = NULL;
    unsigned best = strlen(name) > 4 ? 4 : 2;
    char known[512];

    for (size_t i = 0; i < COUNT; i++) {
        unsigned distance = realip_near_word_distance(name, presets[i].name);

        if (distance < best) {
            best = distance;
            nearest = presets[i].name;
        }
    }
    list_names(known, sizeof(known));
    realip_problems_add(problems, origin, "networks %s: there is no preset '%.60s'; %s%s%sknown: %s", realip_set_token(set), name,
                        nearest == NULL ? "" : "did you mean '", nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'? ", known);
}

/* Sets that give trust, or look behind a host, need the hosts themselves. */
static bool fits(enum realip_set set, const struct realip_network_preset *preset)
{
    return set == REALIP_SET_INFRASTRUCTURE || (set == REALIP_SET_PROBERS && preset->has_probes);
}

static const struct realip_network_preset *choose(enum realip_set set, const char *name, struct realip_origin origin,
                                                  struct realip_problems *problems)
{
    const struct realip_network_preset *preset = find(name);

    if (preset == NULL) {
        add_unknown(set, name, origin, problems);
        return NULL;
    }
    if (preset->instead != NULL) {
        realip_problems_add(problems, origin, "networks %s: '%s' can be no preset: %s", realip_set_token(set), name, preset->instead);
        return NULL;
    }
    if (!fits(set, preset)) {
        realip_problems_add(problems, origin,
                            "networks %s: preset '%s' belongs into networks infrastructure%s: anybody may stand behind these addresses; "
                            "list the hosts themselves by cidr",
                            realip_set_token(set), name, preset->has_probes ? " or probers" : "");
        return NULL;
    }
    return preset;
}

static int add_first_of_each(const struct realip_network *whole, unsigned each, struct realip_origin origin,
                             struct realip_network_list *list)
{
    struct realip_network one = { whole->address, 32 };

    for (uint64_t i = 0; i < UINT64_C(1) << (each - whole->prefix); i++) {
        one.address.lo = whole->address.lo + (i << (32 - each)) + 1;
        if (realip_network_list_add(list, &one, origin) < 0)
            return -1;
    }
    return 0;
}

static int add_pool(const struct realip_network_preset_pool *pool, struct realip_origin origin, struct realip_network_list *list)
{
    struct realip_network network;
    const char *reason;

    if (realip_network_parse(pool->cidr, strlen(pool->cidr), &network, &reason) < 0)
        return -1;
    if (pool->each != 0)
        return add_first_of_each(&network, pool->each, origin, list);
    return realip_network_list_add(list, &network, origin);
}

int realip_network_preset_add(enum realip_set set, const char *name, struct realip_origin origin, struct realip_arena *arena,
                              struct realip_network_list *list, struct realip_problems *problems,
                              const struct realip_network_preset **preset_r)
{
    const struct realip_network_preset *preset = choose(set, name, origin, problems);
    struct realip_origin at = { NULL, origin.line };

    *preset_r = NULL;
    if (preset == NULL)
        return -1;
    at.file = realip_network_place_write(arena, origin.file, "preset", preset->name);
    bool failed = at.file == NULL;
    for (size_t i = 0; !failed && i < REALIP_NETWORK_PRESET_MOST_POOLS && preset->pools[i].cidr != NULL; i++)
        failed = add_pool(&preset->pools[i], at, list) < 0;
    if (failed) {
        realip_problems_add(problems, origin, "networks %s: out of memory", realip_set_token(set));
        return -1;
    }
    *preset_r = preset;
    return 0;
}

const char *realip_network_preset_pool_text(const struct realip_network_preset_pool *pool, char text[REALIP_NETWORK_PRESET_POOL_SIZE])
{
    if (pool->each == 0)
        snprintf(text, REALIP_NETWORK_PRESET_POOL_SIZE, "%s", pool->cidr);
    else
        snprintf(text, REALIP_NETWORK_PRESET_POOL_SIZE, "%s (first of each /%u)", pool->cidr, pool->each);
    return text;
}
