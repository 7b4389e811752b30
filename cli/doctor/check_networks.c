/* Whom Postfix lets relay for its address alone, and what the host's own network does to addresses. */
#include <stdlib.h>
#include <string.h>

#include "postfix_patterns.h"

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
    const char *mend;    /* of all that is wrong with it, so that it can be pasted for any of the findings */
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

        if (entry->is_unread)
            return false;
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
    mynetworks.list = realip_postfix_patterns(setup, mynetworks.text);
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

#define MOST_TOLD 8 /* networks that a sentence or a mend names one by one */

/* The first of them, and how many more there are. */
static const char *told(struct realip_setup *setup, const struct realip_words *words)
{
    struct realip_words first = { words->items, words->count < MOST_TOLD ? words->count : MOST_TOLD };
    const char *text = realip_words_join(&setup->arena, &first, ", ");

    return words->count <= MOST_TOLD
               ? text
               : realip_text_format(&setup->arena, "%s and %zu more", text, words->count - MOST_TOLD);
}

/* Where an entry stands to what is wrong in its list. */
enum relation { RELATION_APART = 0, RELATION_WITHIN, RELATION_WIDER };

static enum relation relation_of(const struct realip_list_entry *entry, const struct realip_network *bad, size_t count)
{
    enum relation relation = RELATION_APART;

    for (size_t i = 0; i < count && entry->is_network && !entry->is_excluded; i++) {
        if (realip_check_holds(&bad[i], &entry->network))
            return RELATION_WITHIN;
        if (realip_check_holds(&entry->network, &bad[i]))
            relation = RELATION_WIDER;
    }
    return relation;
}

static bool is_open(const struct realip_list_entry *entry)
{
    return entry->is_network && !entry->is_excluded && realip_check_is_catch_all(&entry->network);
}

/* Is all of `network` in an entry that stays, so that it has to be taken out in front of all? */
static bool is_held(const struct mynetworks *mynetworks, const struct realip_network *network)
{
    for (size_t i = 0; i < mynetworks->list.count; i++) {
        const struct realip_list_entry *entry = &mynetworks->list.items[i];
        enum relation relation = is_open(entry) ? RELATION_APART : relation_of(entry, network, 1);

        if (relation == RELATION_WIDER || (relation == RELATION_WITHIN && entry->file != NULL))
            return true;
    }
    return false;
}

/* The words of the list that stay. A file is one word: it goes where an entry for everybody stands in it, or where more is wrong
 * than can be taken out in front of it. */
static void keep_words(struct realip_setup *setup, const struct mynetworks *mynetworks,
                       const struct realip_network *bad, size_t count, bool excludes, struct realip_words *parts)
{
    const struct realip_list *list = &mynetworks->list;

    for (size_t i = 0; i < list->count;) {
        const char *file = list->items[i].file;
        const char *word = file != NULL ? file : list->items[i].text;
        bool stays = true;

        do {
            enum relation relation = relation_of(&list->items[i], bad, count);

            stays = stays && !is_open(&list->items[i])
                    && (relation == RELATION_APART || (excludes && (file != NULL || relation == RELATION_WIDER)));
            i++;
        } while (file != NULL && i < list->count && list->items[i].file == file);
        if (stays)
            realip_words_add(&setup->arena, parts, word);
    }
}

/* What mends a list: entries for everybody go, and those that lie in `bad`; from wider ones it is taken out by a "!" in front of all
 * (postconf(5)), or they go as well where that would be many. */
static const char *without(struct realip_setup *setup, const struct mynetworks *mynetworks,
                           const struct realip_network *bad, size_t count)
{
    struct realip_words parts = { 0 };
    bool excludes = count <= MOST_TOLD;

    for (size_t i = 0; i < count && excludes; i++) {
        bool is_told = false;

        for (size_t k = 0; k < i; k++) /* a proxy may well be infrastructure, too */
            is_told = is_told || realip_check_holds(&bad[k], &bad[i]);
        if (!is_told && is_held(mynetworks, &bad[i]))
            realip_words_add(&setup->arena, &parts, realip_text_format(&setup->arena, "!%s", spelt(setup, &bad[i])));
    }
    keep_words(setup, mynetworks, bad, count, excludes, &parts);
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
                           realip_text_format(&setup->arena, "%s: %s", words, told(setup, &gathered->texts)),
                           mynetworks->mend);
}

static void check_open(struct judge *judge, const struct mynetworks *mynetworks)
{
    struct realip_words open = { 0 };

    for (size_t i = 0; i < mynetworks->list.count; i++) {
        if (is_open(&mynetworks->list.items[i]))
            realip_words_add(&judge->setup->arena, &open, mynetworks->list.items[i].text);
    }
    if (open.count == 0)
        return;
    realip_finding_add(
        judge->setup, judge->findings, REALIP_FINDING_MYNETWORKS_OPEN, mynetworks->origin, mynetworks->subject,
        realip_text_format(&judge->setup->arena, "mynetworks holds (nearly) every address: %s",
                           realip_words_join(&judge->setup->arena, &open, " ")),
        mynetworks->mend);
}

static void gather_infrastructure(struct judge *judge, const struct mynetworks *mynetworks, struct gathered *gathered)
{
    const struct realip_host *host = &judge->setup->host;

    gather_set(judge, mynetworks, REALIP_SET_LISTED_INFRASTRUCTURE, gathered);
    for (size_t i = 0; i < host->gateway_count && (is_container(host) || judge->setup->rules.discovers); i++) {
        struct realip_network gateway = one_host(host->gateways[i]);

        gather_let_in(judge, mynetworks, &gateway, gathered);
    }
}

/* All that is wrong with one list. Each finding has the same mend, which holds all of them: one paste, and none is undone by the next. */
static void check_list(struct judge *judge, struct mynetworks *mynetworks)
{
    struct gathered infrastructure = { 0 };
    struct gathered proxies = { 0 };
    struct gathered all = { 0 };

    gather_infrastructure(judge, mynetworks, &infrastructure);
    gather_set(judge, mynetworks, REALIP_SET_PROXIES, &proxies);
    for (size_t i = 0; i < infrastructure.texts.count; i++)
        gather(judge, &all, &infrastructure.networks[i]);
    for (size_t i = 0; i < proxies.texts.count; i++)
        gather(judge, &all, &proxies.networks[i]);
    mynetworks->mend = without(judge->setup, mynetworks, all.networks, all.texts.count);
    check_open(judge, mynetworks);
    tell(judge, REALIP_FINDING_MYNETWORKS_INFRASTRUCTURE, mynetworks, "mynetworks lets infrastructure relay",
         &infrastructure);
    tell(judge, REALIP_FINDING_MYNETWORKS_PROXY, mynetworks, "mynetworks lets a proxy relay", &proxies);
}

static bool relays_for_mynetworks(struct realip_setup *setup, const struct realip_service_entry *smtpd)
{
    return strstr(realip_postfix_value(setup, smtpd, "smtpd_relay_restrictions", NULL), "permit_mynetworks") != NULL;
}

static void check_asserted(struct judge *judge, const struct realip_door *door, const struct mynetworks *of_main)
{
    struct realip_setup *setup = judge->setup;
    struct mynetworks mynetworks = *of_main;
    struct realip_words bad = { 0 };

    if (!realip_check_is_told(setup, door) || door->is_local || door->smtpd == NULL
        || !relays_for_mynetworks(setup, door->smtpd) || realip_check_is_attested(setup, door)
        || realip_check_is_firewalled(setup, door->front->port))
        return;
    if (realip_postfix_override(door->smtpd, "mynetworks").file != NULL) {
        mynetworks.text = realip_postfix_value(setup, door->smtpd, "mynetworks", &mynetworks.origin);
        mynetworks.list = realip_postfix_patterns(setup, mynetworks.text);
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
                               door->takes_proxy ? "PROXY" : "XCLIENT", told(setup, &bad)),
            realip_text_format(&setup->arena, "in master.cf, below %s:\n  -o mynetworks=127.0.0.0/8,[::1]/128",
                               realip_check_service_name(setup, door->smtpd)));
}

void realip_check_networks(struct realip_setup *setup, struct realip_findings *findings)
{
    struct judge judge = { setup, findings };

    if (!setup->postfix.is_known)
        return;
    struct realip_doors doors = realip_postfix_doors(setup);
    struct mynetworks mynetworks = main_mynetworks(setup);
    check_list(&judge, &mynetworks);
    for (size_t i = 0; i < doors.count; i++) {
        const struct realip_service_entry *smtpd = doors.items[i].smtpd;

        check_asserted(&judge, &doors.items[i], &mynetworks);
        if (doors.items[i].is_internal || smtpd == NULL || realip_postfix_override(smtpd, "mynetworks").file == NULL)
            continue;
        struct mynetworks own = { .subject = realip_check_service_name(setup, smtpd) };
        own.text = realip_postfix_value(setup, smtpd, "mynetworks", &own.origin);
        own.list = realip_postfix_patterns(setup, own.text);
        check_list(&judge, &own);
    }
}
