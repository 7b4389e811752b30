/* What the host's own network does to addresses before any mail server sees them. */
#include <string.h>

#include "check.h"

/* Does infrastructure hold the container's gateway, by list or because mail-realip finds it itself? */
static bool lists_gateway(const struct realip_setup *setup, const struct realip_address *gateway)
{
    return setup->rules.discovers
           || (setup->rules.config != NULL
               && realip_network_set_contains(setup->rules.config->rules.sets[REALIP_SET_LISTED_INFRASTRUCTURE],
                                              gateway));
}

static void check_gateways(struct realip_setup *setup, struct realip_findings *findings, bool *is_listed_r)
{
    struct realip_words found = { 0 };
    char text[REALIP_ADDRESS_TEXT_SIZE];

    *is_listed_r = true;
    for (size_t i = 0; i < setup->host.gateway_count && setup->host.container > REALIP_CONTAINER_NONE; i++) {
        const struct realip_address *gateway = &setup->host.gateways[i];

        if (lists_gateway(setup, gateway))
            continue;
        *is_listed_r = false;
        realip_address_format(gateway, text);
        realip_words_add(&setup->arena, &found, realip_text_copy(&setup->arena, text, strlen(text)));
    }
    if (setup->rules.config != NULL && found.count > 0)
        realip_finding_add(
            setup, findings, REALIP_FINDING_GATEWAY_NOT_LISTED, setup->rules.infrastructure, NULL,
            realip_text_format(&setup->arena,
                               "this is a container, and its gateway %s is not in networks infrastructure",
                               realip_words_join(&setup->arena, &found, ", ")),
            "networks infrastructure { discover = true }");
}

/* Docker's userland proxy carries IPv6 clients to the IPv4 address of a container that has no other. */
static void check_families(struct realip_setup *setup, struct realip_findings *findings, bool is_gateway_listed)
{
    struct realip_doors doors = realip_postfix_doors(setup);
    bool has_ipv6 = false;
    bool has_ipv4_gateway = false;
    bool has_plain_door = false;

    for (size_t i = 0; i < setup->host.address_count; i++) {
        struct realip_network network = { setup->host.addresses[i].address, 128 };

        has_ipv6 = has_ipv6 || (network.address.family == REALIP_FAMILY_IPV6 && !realip_check_is_near(&network));
    }
    for (size_t i = 0; i < setup->host.gateway_count; i++)
        has_ipv4_gateway = has_ipv4_gateway || setup->host.gateways[i].family == REALIP_FAMILY_IPV4;
    for (size_t i = 0; i < doors.count; i++)
        has_plain_door =
            has_plain_door
            || (!doors.items[i].is_internal && !doors.items[i].takes_proxy && !doors.items[i].takes_xclient);
    if (setup->host.container != REALIP_CONTAINER_DOCKER || has_ipv6 || !has_ipv4_gateway || !has_plain_door
        || is_gateway_listed || setup->rules.config != NULL)
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_IPV6_AS_IPV4, setup->host.origin, NULL,
                       "this container has no IPv6 address",
                       "in compose.yaml, for the network of this container:\n  enable_ipv6: true\nor publish its ports "
                       "for IPv4 alone: "
                       "\"0.0.0.0:25:25\"");
}

void realip_check_host(struct realip_setup *setup, struct realip_findings *findings)
{
    bool is_listed = true;

    check_gateways(setup, findings, &is_listed);
    check_families(setup, findings, is_listed);
}
