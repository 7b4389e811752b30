/* What more than one check needs to know. */
#include <string.h>

#include "firewall.h"
#include "postfix_patterns.h"

bool realip_check_is_attested(struct realip_setup *setup, const struct realip_door *door)
{
    if (door->policy.list == NULL)
        return false;
    const struct realip_listener *listener = realip_postfix_listener(setup, door, door->policy.context);

    return listener == NULL || listener->attest != REALIP_ATTEST_OFF;
}

bool realip_check_is_firewalled(struct realip_setup *setup, unsigned port)
{
    return realip_firewall_ask(setup, port).keeps_out_ipv4;
}

bool realip_check_is_told(struct realip_setup *setup, const struct realip_door *door)
{
    if (door->takes_proxy || !door->takes_xclient)
        return door->takes_proxy;
    struct realip_list hosts =
        realip_postfix_patterns(setup, realip_postfix_value(setup, door->smtpd, "smtpd_authorized_xclient_hosts", NULL));

    for (size_t i = 0; i < hosts.count; i++) {
        const struct realip_list_entry *host = &hosts.items[i];
        bool is_near = host->is_network ? realip_check_is_near(&host->network) : strcmp(host->text, "localhost") == 0;

        if (!host->is_excluded && !is_near)
            return true;
    }
    return false;
}

struct realip_list_entry realip_check_entry(const char *word)
{
    struct realip_list_entry entry = { .text = word };
    char text[128];
    size_t length = 0;
    const char *reason;

    while (*word == '!') {
        entry.is_excluded = !entry.is_excluded;
        word++;
    }
    if (strcmp(word, "static:all") == 0)
        word = "0.0.0.0/0";
    for (; *word != '\0' && length < sizeof(text) - 1; word++) {
        if (*word != '[' && *word != ']')
            text[length++] = *word;
    }
    text[length] = '\0';
    /* Bits behind the prefix are an error to us and to Postfix; Dovecot takes the network that was meant. */
    realip_network_parse(text, length, &entry.network, &reason);
    entry.is_network = entry.network.address.family != REALIP_FAMILY_NONE;
    return entry;
}

struct realip_list realip_check_list(struct realip_setup *setup, const char *text)
{
    struct realip_words words = realip_text_words(&setup->arena, text, " ,\t\r\n");
    struct realip_list list = { 0 };

    for (size_t i = 0; i < words.count; i++) {
        list.items = realip_text_grow(&setup->arena, list.items, list.count, sizeof(*list.items));
        list.items[list.count++] = realip_check_entry(words.items[i]);
    }
    return list;
}

bool realip_check_holds(const struct realip_network *outer, const struct realip_network *inner)
{
    return inner->prefix >= outer->prefix && realip_network_contains(outer, &inner->address);
}

bool realip_check_overlap(const struct realip_network *one, const struct realip_network *other)
{
    return realip_check_holds(one, other) || realip_check_holds(other, one);
}

static bool lies_in(const struct realip_network *network, const char *text)
{
    struct realip_network outer;
    const char *reason;

    return realip_network_parse(text, strlen(text), &outer, &reason) == 0 && realip_check_holds(&outer, network);
}

bool realip_check_is_near(const struct realip_network *network)
{
    return lies_in(network, "127.0.0.0/8") || lies_in(network, "::1/128") || lies_in(network, "fe80::/10")
           || lies_in(network, "169.254.0.0/16");
}

bool realip_check_is_catch_all(const struct realip_network *network)
{
    return network->prefix <= (network->address.family == REALIP_FAMILY_IPV4 ? 1U : 3U);
}

bool realip_check_is_wide(const struct realip_network *network)
{
    static const char *const blocks[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fd00::/8" };

    if (realip_check_is_near(network))
        return false;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct realip_network block;
        const char *reason;

        if (realip_network_parse(blocks[i], strlen(blocks[i]), &block, &reason) == 0
            && realip_check_holds(network, &block))
            return true;
    }
    return network->prefix <= (network->address.family == REALIP_FAMILY_IPV4 ? 8U : 16U);
}

const char *realip_check_proxy_list(struct realip_setup *setup, const char *separator, const char *otherwise)
{
    const struct realip_network_set *proxies =
        setup->rules.config == NULL ? NULL : setup->rules.config->rules.sets[REALIP_SET_PROXIES];
    struct realip_words words = { 0 };

    for (size_t i = 0; proxies != NULL && i < realip_network_set_count(proxies); i++) {
        const struct realip_network *network = &realip_network_set_entry(proxies, i)->network;
        char text[REALIP_NETWORK_TEXT_SIZE];

        realip_network_format(network, text);
        if (network->prefix == (network->address.family == REALIP_FAMILY_IPV4 ? 32U : 128U))
            *strchr(text, '/') = '\0';
        realip_words_add(&setup->arena, &words, realip_text_copy(&setup->arena, text, strlen(text)));
    }
    return words.count == 0 ? otherwise : realip_words_join(&setup->arena, &words, separator);
}

const char *realip_check_ask(struct realip_setup *setup, const struct realip_service_entry *smtpd, const char *list,
                             const char *endpoint, const char *context, const char *default_action)
{
    const char *own = realip_postfix_value(setup, smtpd, list, NULL);

    return realip_text_format(
        &setup->arena,
        "  -o { %s = check_policy_service { %s, timeout=3s, try_limit=2, policy_context=%s, { default_action = %s } "
        "}%s%s }",
        list, endpoint, context, default_action, own[0] == '\0' ? "" : ", ", own);
}

const char *realip_check_place(struct realip_setup *setup, struct realip_origin origin)
{
    if (origin.file == NULL)
        return "a default";
    return origin.line == 0 ? origin.file : realip_text_format(&setup->arena, "%s:%u", origin.file, origin.line);
}

const char *realip_check_service_name(struct realip_setup *setup, const struct realip_service_entry *entry)
{
    return realip_text_format(&setup->arena, "%s/%s", entry->name, entry->type);
}
