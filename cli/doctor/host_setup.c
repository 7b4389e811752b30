/* The host: its addresses, gateways, whether it is a container, its firewall as far as it may be read; or a file that
 * tells it. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "runtime/host_networks.h"
#include "setup.h"

#define FIREWALL_SECONDS 5

static const struct {
    const char *word;
    enum realip_container container;
} containers[] = { { "no", REALIP_CONTAINER_NONE },
                   { "docker", REALIP_CONTAINER_DOCKER },
                   { "podman", REALIP_CONTAINER_PODMAN },
                   { "kubernetes", REALIP_CONTAINER_KUBERNETES },
                   { "yes", REALIP_CONTAINER_OTHER } };

static void add_address(struct realip_setup *setup, struct realip_address address, unsigned prefix)
{
    struct realip_host *host = &setup->host;

    host->addresses = realip_text_grow(&setup->arena, host->addresses, host->address_count, sizeof(*host->addresses));
    host->addresses[host->address_count++] = (struct realip_host_address){ address, prefix };
}

static void add_gateway(struct realip_setup *setup, struct realip_address address)
{
    struct realip_host *host = &setup->host;

    host->gateways = realip_text_grow(&setup->arena, host->gateways, host->gateway_count, sizeof(*host->gateways));
    host->gateways[host->gateway_count++] = address;
}

/* "10.0.20.50/24" or "10.0.20.50"; "fe80::1%eth0" is an address, too. */
static bool read_address(const char *text, struct realip_host_address *address_r)
{
    const char *slash = strchr(text, '/');
    const char *reason;

    if (realip_address_parse(text, strcspn(text, "/%"), &address_r->address, &reason) < 0)
        return false;
    unsigned longest = address_r->address.family == REALIP_FAMILY_IPV4 ? 32 : 128;
    address_r->prefix = slash != NULL ? realip_text_port(slash + 1) : longest;
    return address_r->prefix <= longest;
}

/* One line of the file. False: it is not understood. */
static bool read_line(struct realip_setup *setup, const struct realip_words *words)
{
    struct realip_host_address address;

    if (words->count != 2)
        return false;
    if (strcmp(words->items[0], "container") == 0) {
        for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
            if (strcmp(containers[i].word, words->items[1]) == 0)
                setup->host.container = containers[i].container;
        }
        return setup->host.container != REALIP_CONTAINER_UNKNOWN;
    }
    if (!read_address(words->items[1], &address))
        return false;
    if (strcmp(words->items[0], "address") == 0)
        add_address(setup, address.address, address.prefix);
    else if (strcmp(words->items[0], "gateway") == 0 || strcmp(words->items[0], "bridge") == 0)
        add_gateway(setup, address.address);
    else
        return false;
    return true;
}

void realip_host_read_file(struct realip_setup *setup, const char *file)
{
    const char *reason;
    const char *text = realip_text_file(&setup->arena, file, &reason);
    const char *line;

    if (text == NULL) {
        realip_setup_fail(setup, file, reason);
        return;
    }
    setup->host.is_known = true;
    setup->host.origin = (struct realip_origin){ file, 0 };
    realip_words_add(&setup->arena, &setup->looked_at, "host");
    for (unsigned number = 1; (line = realip_text_line(&setup->arena, &text)) != NULL; number++) {
        struct realip_words words =
            realip_text_words(&setup->arena, realip_text_copy(&setup->arena, line, strcspn(line, "#")), " \t");

        if (words.count > 0 && !read_line(setup, &words))
            realip_setup_fail(
                setup, realip_text_format(&setup->arena, "%s:%u", file, number),
                "a line is: address IP/BITS, gateway IP, bridge IP, or container no|docker|podman|kubernetes|yes");
    }
}

static unsigned mask_bits(const unsigned char *bytes, size_t count)
{
    unsigned bits = 0;

    for (size_t i = 0; i < count; i++)
        bits += (unsigned)__builtin_popcount(bytes[i]);
    return bits;
}

static void add_interface(struct realip_setup *setup, const struct ifaddrs *interface)
{
    unsigned char bytes[16];
    unsigned char mask[16] = { 0 };

    if (interface->ifa_addr == NULL)
        return;
    if (interface->ifa_addr->sa_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)(const void *)interface->ifa_addr)->sin_addr, 4);
        if (interface->ifa_netmask != NULL)
            memcpy(mask, &((const struct sockaddr_in *)(const void *)interface->ifa_netmask)->sin_addr, 4);
        add_address(setup, realip_address_from_ipv4(bytes), mask_bits(mask, 4));
    } else if (interface->ifa_addr->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr, 16);
        if (interface->ifa_netmask != NULL)
            memcpy(mask, &((const struct sockaddr_in6 *)(const void *)interface->ifa_netmask)->sin6_addr, 16);
        add_address(setup, realip_address_from_ipv6(bytes), mask_bits(mask, 16));
    }
}

static enum realip_container own_container(void)
{
    if (getenv("KUBERNETES_SERVICE_HOST") != NULL || access("/var/run/secrets/kubernetes.io", F_OK) == 0)
        return REALIP_CONTAINER_KUBERNETES;
    if (access("/.dockerenv", F_OK) == 0)
        return REALIP_CONTAINER_DOCKER;
    if (access("/run/.containerenv", F_OK) == 0)
        return REALIP_CONTAINER_PODMAN;
    return getenv("container") != NULL ? REALIP_CONTAINER_OTHER : REALIP_CONTAINER_NONE;
}

/* What a program prints of the firewall; NULL where it is not there or fails. */
static const char *printed_by(struct realip_setup *setup, const char *program, const char *first, const char *second)
{
    const char *argv[] = { realip_program_find(&setup->arena, program), first, second, NULL };
    struct realip_program_output output;
    const char *reason;

    return argv[0] != NULL && realip_program_run(&setup->arena, argv, FIREWALL_SECONDS, &output, &reason) == 0
                   && output.status == 0
               ? output.out
               : NULL;
}

/* A firewall that is not seen is no failure: it may stand in front of the host as well. nft shows what iptables made, too, and
 * comes in a package of its own. */
static void read_own_firewall(struct realip_setup *setup)
{
    setup->host.firewall = printed_by(setup, "nft", "list", "ruleset");
    if (setup->host.firewall != NULL)
        return;
    setup->host.firewall = printed_by(setup, "iptables-save", NULL, NULL);
    setup->host.firewall_ipv6 = printed_by(setup, "ip6tables-save", NULL, NULL);
}

void realip_host_read_own(struct realip_setup *setup)
{
    struct realip_network_list gateways = { 0 };
    struct realip_problems problems = { 0 };
    struct ifaddrs *interfaces = NULL;

    if (getifaddrs(&interfaces) < 0) {
        realip_setup_fail(setup, "this host's addresses", strerror(errno));
        return;
    }
    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next)
        add_interface(setup, at);
    freeifaddrs(interfaces);
    if (realip_host_networks_discover((struct realip_origin){ NULL, 0 }, NULL, &gateways, &problems) < 0)
        realip_setup_fail(setup, "this host's gateways", problems.text != NULL ? problems.text : "out of memory");
    for (size_t i = 0; i < gateways.count; i++)
        add_gateway(setup, gateways.entries[i].network.address);
    realip_network_list_clear(&gateways);
    realip_problems_clear(&problems);
    setup->host.container = own_container();
    setup->host.is_known = true;
    setup->host.origin = (struct realip_origin){ "/proc/net/route", 0 };
    realip_words_add(&setup->arena, &setup->looked_at, "host");
    if (geteuid() == 0) /* nobody else may ask */
        read_own_firewall(setup);
}

void realip_host_read_firewall(struct realip_setup *setup, const char *file)
{
    const char *reason;
    const char *text = realip_text_file(&setup->arena, file, &reason);

    if (text == NULL)
        realip_setup_fail(setup, file, reason);
    else
        setup->host.firewall = text;
}
