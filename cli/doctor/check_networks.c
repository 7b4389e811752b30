/* Whom Postfix lets relay for its address alone, and what the host's own network does to addresses. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct judge {
    struct realip_setup *setup;
    struct realip_findings *findings;
};

/* One mynetworks: main.cf's, or that of a service. */
struct mynetworks {
    struct realip_list list;
    struct realip_origin origin;
    const char *text;
    const char *subject; /* NULL: main.cf's */
};

static bool is_container(const struct realip_host *host)
{
    return host->container > REALIP_CONTAINER_NONE;
}

static struct realip_network one_host(struct realip_address address)
{
    return (struct realip_network){ address, address.family == REALIP_FAMILY_IPV4 ? 32 : 128 };
}

/* Postfix goes through the list in order, and the first entry that holds a client decides (postconf(5), mynetworks). */
static bool lets_in(const struct realip_list *list, const struct realip_network *network)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct realip_list_entry *entry = &list->items[i];

        if (!entry->is_network)
            continue;
        if (entry->is_excluded && realip_check_holds(&entry->network, network))
            return false;
        if (!entry->is_excluded && realip_check_overlap(&entry->network, network))
            return true;
    }
    return false;
}

/* Postfix 2 and compatibility level 1 trusted the subnet; since level 2 it is the host (COMPATIBILITY_README). */
static bool style_is_subnet(struct realip_setup *setup, struct realip_origin *origin_r)
{
    const char *style = realip_postfix_value(setup, NULL, "mynetworks_style", origin_r);

    if (style[0] != '\0')
        return strcmp(style, "subnet") == 0 || strcmp(style, "class") == 0;
    return atoi(realip_postfix_value(setup, NULL, "compatibility_level", NULL)) < 2;
}

/* What Postfix makes of the host's interfaces where main.cf does not say. */
static const char *style_text(struct realip_setup *setup, bool is_subnet)
{
    const struct realip_host *host = &setup->host;
    const char *text = "127.0.0.0/8 [::1]/128";

    for (size_t i = 0; i < host->address_count; i++) {
        struct realip_network network = one_host(host->addresses[i].address);
        char spelt[REALIP_ADDRESS_TEXT_SIZE];
        char cut[REALIP_NETWORK_TEXT_SIZE];
        const char *reason;

        if (is_subnet) {
            const char *wanted = realip_text_format(
                &setup->arena, "%s/%u", realip_address_format(&network.address, spelt), host->addresses[i].prefix);

            realip_network_parse(wanted, strlen(wanted), &network, &reason); /* cuts the host's bits off */
        }
        realip_network_format(&network, cut);
        if (network.address.family == REALIP_FAMILY_IPV6) /* Postfix wants its address in brackets */
            text = realip_text_format(&setup->arena, "%s [%.*s]%s", text, (int)strcspn(cut, "/"), cut,
                                      cut + strcspn(cut, "/"));
        else
            text = realip_text_format(&setup->arena, "%s %s", text, cut);
    }
    return text;
}

static struct mynetworks main_mynetworks(struct realip_setup *setup)
{
    struct mynetworks mynetworks = { 0 };

    mynetworks.text = realip_postfix_value(setup, NULL, "mynetworks", &mynetworks.origin);
    if (mynetworks.origin.file == NULL) {
        bool is_subnet = style_is_subnet(setup, &mynetworks.origin);

        if (mynetworks.text[0] == '\0')
            mynetworks.text = style_text(setup, is_subnet);
    }
    if (mynetworks.origin.file == NULL)
        mynetworks.origin = (struct realip_origin){ setup->postfix.main_file, 0 };
    mynetworks.list = realip_check_list(setup, mynetworks.text);
    return mynetworks;
}

/* An address or network as Postfix spells it. */
static const char *spelt(struct realip_setup *setup, const struct realip_network *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];
    bool is_ipv6 = network->address.family == REALIP_FAMILY_IPV6;
    size_t length;

    realip_network_format(network, text);
    length = strcspn(text, "/");
    return realip_text_format(&setup->arena, "%s%.*s%s%s", is_ipv6 ? "[" : "", (int)length, text, is_ipv6 ? "]" : "",
                              network->prefix == (is_ipv6 ? 128U : 32U) ? "" : text + length);
}

/* What mends a list: entries that lie in `bad` go, and from wider ones it is taken out by a "!" in front (postconf(5)).
 */
static const char *without(struct realip_setup *setup, const struct mynetworks *mynetworks,
                           const struct realip_network *bad, size_t count)
{
    struct realip_words kept = { 0 };
    struct realip_words parts = { 0 };

    for (size_t i = 0; i < mynetworks->list.count; i++) {
        const struct realip_list_entry *entry = &mynetworks->list.items[i];
        bool lies_in_bad = false;

        for (size_t k = 0; k < count && entry->is_network && !entry->is_excluded; k++) {
            lies_in_bad = lies_in_bad || realip_check_holds(&bad[k], &entry->network);
            if (!realip_check_holds(&bad[k], &entry->network) && realip_check_holds(&entry->network, &bad[k]))
                realip_words_add(&setup->arena, &parts,
                                 realip_text_format(&setup->arena, "!%s", spelt(setup, &bad[k])));
        }
        if (!lies_in_bad)
            realip_words_add(&setup->arena, &kept, entry->text);
    }
    for (size_t i = 0; i < kept.count; i++)
        realip_words_add(&setup->arena, &parts, kept.items[i]);
    if (mynetworks->subject != NULL)
        return realip_text_format(&setup->arena, "  -o { mynetworks = %s }",
                                  realip_words_join(&setup->arena, &parts, " "));
    return realip_text_format(&setup->arena, "mynetworks = %s", realip_words_join(&setup->arena, &parts, " "));
}

/* Networks that mynetworks lets in and should not. */
struct gathered {
    struct realip_network *networks;
    struct realip_words texts;
};

static void gather(struct judge *judge, struct gathered *gathered, const struct realip_network *network)
{
    struct realip_arena *arena = &judge->setup->arena;

    gathered->networks =
        realip_text_grow(arena, gathered->networks, gathered->texts.count, sizeof(*gathered->networks));
    gathered->networks[gathered->texts.count] = *network;
    realip_words_add(arena, &gathered->texts, spelt(judge->setup, network));
}

/* A catch-all has a finding of its own, and loopback is this host. */
static void gather_let_in(struct judge *judge, const struct mynetworks *mynetworks,
                          const struct realip_network *network, struct gathered *gathered)
{
    if (!realip_check_is_near(network) && !realip_check_is_catch_all(network) && lets_in(&mynetworks->list, network))
        gather(judge, gathered, network);
}

static void gather_set(struct judge *judge, const struct mynetworks *mynetworks, enum realip_set set,
                       struct gathered *gathered)
{
    const struct realip_network_set *networks =
        judge->setup->rules.config == NULL ? NULL : judge->setup->rules.config->rules.sets[set];

    for (size_t i = 0; networks != NULL && i < realip_network_set_count(networks); i++)
        gather_let_in(judge, mynetworks, &realip_network_set_entry(networks, i)->network, gathered);
}

static void tell(struct judge *judge, enum realip_finding_id id, const struct mynetworks *mynetworks, const char *words,
                 const struct gathered *gathered)
{
    struct realip_setup *setup = judge->setup;

    if (gathered->texts.count > 0)
        realip_finding_add(setup, judge->findings, id, mynetworks->origin, mynetworks->subject,
                           realip_text_format(&setup->arena, "%s: %s", words,
                                              realip_words_join(&setup->arena, &gathered->texts, ", ")),
                           without(setup, mynetworks, gathered->networks, gathered->texts.count));
}

static void check_open(struct judge *judge, const struct mynetworks *mynetworks)
{
    struct realip_words open = { 0 };
    struct realip_words kept = { 0 };

    for (size_t i = 0; i < mynetworks->list.count; i++) {
        const struct realip_list_entry *entry = &mynetworks->list.items[i];
        bool is_open = entry->is_network && !entry->is_excluded && realip_check_is_catch_all(&entry->network);

        realip_words_add(&judge->setup->arena, is_open ? &open : &kept, entry->text);
    }
    if (open.count == 0)
        return;
    realip_finding_add(
        judge->setup, judge->findings, REALIP_FINDING_MYNETWORKS_OPEN, mynetworks->origin, mynetworks->subject,
        realip_text_format(&judge->setup->arena, "mynetworks holds (nearly) every address: %s",
                           realip_words_join(&judge->setup->arena, &open, " ")),
        realip_text_format(&judge->setup->arena, "%smynetworks = %s", mynetworks->subject != NULL ? "  -o " : "",
                           realip_words_join(&judge->setup->arena, &kept, mynetworks->subject != NULL ? "," : " ")));
}

static void check_infrastructure(struct judge *judge, const struct mynetworks *mynetworks)
{
    const struct realip_host *host = &judge->setup->host;
    struct gathered gathered = { 0 };

    gather_set(judge, mynetworks, REALIP_SET_LISTED_INFRASTRUCTURE, &gathered);
    for (size_t i = 0; i < host->gateway_count && (is_container(host) || judge->setup->rules.discovers); i++) {
        struct realip_network gateway = one_host(host->gateways[i]);

        gather_let_in(judge, mynetworks, &gateway, &gathered);
    }
    tell(judge, REALIP_FINDING_MYNETWORKS_INFRASTRUCTURE, mynetworks, "mynetworks lets infrastructure relay",
         &gathered);
}

static void check_proxies(struct judge *judge, const struct mynetworks *mynetworks)
{
    struct gathered gathered = { 0 };

    gather_set(judge, mynetworks, REALIP_SET_PROXIES, &gathered);
    tell(judge, REALIP_FINDING_MYNETWORKS_PROXY, mynetworks, "mynetworks lets a proxy relay", &gathered);
}

static bool relays_for_mynetworks(struct realip_setup *setup, const struct realip_service_entry *smtpd)
{
    return strstr(realip_postfix_value(setup, smtpd, "smtpd_relay_restrictions", NULL), "permit_mynetworks") != NULL;
}

static void check_asserted(struct judge *judge, const struct realip_door *door)
{
    struct realip_setup *setup = judge->setup;
    struct mynetworks mynetworks = main_mynetworks(setup);
    struct realip_words bad = { 0 };

    if ((!door->takes_proxy && !door->takes_xclient) || door->is_local || door->smtpd == NULL
        || !relays_for_mynetworks(setup, door->smtpd) || realip_check_is_attested(setup, door)
        || realip_check_is_firewalled(setup, door->front->port))
        return;
    if (realip_postfix_override(door->smtpd, "mynetworks").file != NULL) {
        mynetworks.text = realip_postfix_value(setup, door->smtpd, "mynetworks", &mynetworks.origin);
        mynetworks.list = realip_check_list(setup, mynetworks.text);
    }
    for (size_t i = 0; i < mynetworks.list.count; i++) {
        const struct realip_list_entry *entry = &mynetworks.list.items[i];

        if (entry->is_network && !entry->is_excluded && !realip_check_is_near(&entry->network))
            realip_words_add(&setup->arena, &bad, entry->text);
    }
    if (bad.count > 0)
        realip_finding_add(
            setup, judge->findings, REALIP_FINDING_MYNETWORKS_ASSERTED, mynetworks.origin,
            realip_check_service_name(setup, door->front),
            realip_text_format(&setup->arena, "a client address from outside (%s) can be one of %s",
                               door->takes_proxy ? "PROXY" : "XCLIENT", realip_words_join(&setup->arena, &bad, " ")),
            realip_text_format(&setup->arena, "in master.cf, below %s:\n  -o mynetworks=127.0.0.0/8,[::1]/128",
                               realip_check_service_name(setup, door->smtpd)));
}

/* Does infrastructure hold the container's gateway, by list or because mail-realip finds it itself? */
static bool lists_gateway(const struct realip_setup *setup, const struct realip_address *gateway)
{
    return setup->rules.discovers
           || (setup->rules.config != NULL
               && realip_network_set_contains(setup->rules.config->rules.sets[REALIP_SET_LISTED_INFRASTRUCTURE],
                                              gateway));
}

static void check_gateways(struct judge *judge, bool *is_listed_r)
{
    struct realip_setup *setup = judge->setup;
    struct realip_words found = { 0 };
    char text[REALIP_ADDRESS_TEXT_SIZE];

    *is_listed_r = true;
    for (size_t i = 0; i < setup->host.gateway_count && is_container(&setup->host); i++) {
        const struct realip_address *gateway = &setup->host.gateways[i];

        if (lists_gateway(setup, gateway))
            continue;
        *is_listed_r = false;
        realip_address_format(gateway, text);
        realip_words_add(&setup->arena, &found, realip_text_copy(&setup->arena, text, strlen(text)));
    }
    if (setup->rules.config != NULL && found.count > 0)
        realip_finding_add(
            setup, judge->findings, REALIP_FINDING_GATEWAY_NOT_LISTED, setup->rules.infrastructure, NULL,
            realip_text_format(&setup->arena,
                               "this is a container, and its gateway %s is not in networks infrastructure",
                               realip_words_join(&setup->arena, &found, ", ")),
            "networks infrastructure { discover = true }");
}

/* Docker's userland proxy carries IPv6 clients to the IPv4 address of a container that has no other. */
static void check_families(struct judge *judge, const struct realip_doors *doors, bool is_gateway_listed)
{
    struct realip_setup *setup = judge->setup;
    bool has_ipv6 = false;
    bool has_ipv4_gateway = false;
    bool has_plain_door = false;

    for (size_t i = 0; i < setup->host.address_count; i++) {
        struct realip_network network = one_host(setup->host.addresses[i].address);

        has_ipv6 = has_ipv6 || (network.address.family == REALIP_FAMILY_IPV6 && !realip_check_is_near(&network));
    }
    for (size_t i = 0; i < setup->host.gateway_count; i++)
        has_ipv4_gateway = has_ipv4_gateway || setup->host.gateways[i].family == REALIP_FAMILY_IPV4;
    for (size_t i = 0; i < doors->count; i++)
        has_plain_door =
            has_plain_door
            || (!doors->items[i].is_internal && !doors->items[i].takes_proxy && !doors->items[i].takes_xclient);
    if (setup->host.container != REALIP_CONTAINER_DOCKER || has_ipv6 || !has_ipv4_gateway || !has_plain_door
        || is_gateway_listed || setup->rules.config != NULL)
        return;
    realip_finding_add(setup, judge->findings, REALIP_FINDING_IPV6_AS_IPV4, setup->host.origin, NULL,
                       "this container has no IPv6 address",
                       "in compose.yaml, for the network of this container:\n  enable_ipv6: true\nor publish its ports "
                       "for IPv4 alone: "
                       "\"0.0.0.0:25:25\"");
}

void realip_check_networks(struct realip_setup *setup, struct realip_findings *findings)
{
    struct judge judge = { setup, findings };
    bool is_listed = true;

    check_gateways(&judge, &is_listed);
    if (!setup->postfix.is_known)
        return;
    struct realip_doors doors = realip_postfix_doors(setup);
    struct mynetworks mynetworks = main_mynetworks(setup);
    check_families(&judge, &doors, is_listed);
    check_open(&judge, &mynetworks);
    check_infrastructure(&judge, &mynetworks);
    check_proxies(&judge, &mynetworks);
    for (size_t i = 0; i < doors.count; i++) {
        const struct realip_service_entry *smtpd = doors.items[i].smtpd;

        check_asserted(&judge, &doors.items[i]);
        if (doors.items[i].is_internal || smtpd == NULL || realip_postfix_override(smtpd, "mynetworks").file == NULL)
            continue;
        struct mynetworks own = { .subject = realip_check_service_name(setup, smtpd) };
        own.text = realip_postfix_value(setup, smtpd, "mynetworks", &own.origin);
        own.list = realip_check_list(setup, own.text);
        check_open(&judge, &own);
        check_infrastructure(&judge, &own);
        check_proxies(&judge, &own);
    }
}
