#include "trusted_networks.h"

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "dovecot_facts.h"

#define SETTING "haproxy_trusted_networks"
#define SEPARATORS ", "

/* Marks what came from Dovecot's list: there is no line to name. */
#define LABEL_OF_DOVECOT UINT32_MAX

static const char *setting(void)
{
    const struct master_service_settings *settings = realip_compat_service_settings();

    return settings == NULL || settings->haproxy_trusted_networks == NULL ? "" : settings->haproxy_trusted_networks;
}

/* The next entry of the list, or NULL; *at moves behind it. */
static const char *next_entry(const char **at)
{
    size_t length;

    *at += strspn(*at, SEPARATORS);
    length = strcspn(*at, SEPARATORS);
    if (length == 0)
        return NULL;
    *at += length;
    return t_strndup(*at - length, length);
}

static bool is_mapped(const struct ip_addr *ip)
{
    return ip->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&ip->u.ip6);
}

/* As Dovecot reads the entry. */
static bool read_entry(const char *entry, struct realip_network *network_r, bool *mapped_r)
{
    struct ip_addr ip;
    unsigned bits;
    const char *reason;
    const char *text;

    if (net_parse_range(entry, &ip, &bits) < 0)
        return false;
    *mapped_r = is_mapped(&ip);
    text = t_strdup_printf("%s/%u", net_ip2addr(&ip), bits);
    /* Dovecot overlooks bits behind the prefix; the reader names the network that is meant. */
    realip_network_parse(text, strlen(text), network_r, &reason);
    return true;
}

/* What the list really does; *count_r networks, at most `room`. */
static void read_list(struct realip_network_entry *entries, size_t room, size_t *count_r)
{
    const char *at = setting();
    const char *entry;

    *count_r = 0;
    while (*count_r < room && (entry = next_entry(&at)) != NULL) {
        struct realip_network network;
        bool mapped;

        if (!read_entry(entry, &network, &mapped))
            return;
        if (mapped || network.address.family == REALIP_FAMILY_NONE || network.prefix == 0)
            continue;
        entries[(*count_r)++] = (struct realip_network_entry){ network, LABEL_OF_DOVECOT };
    }
}

/* NULL: none, or memory was short. */
static struct realip_network_set *make_set(void)
{
    size_t room = strlen(setting()) / 2 + 1;
    struct realip_network_entry *entries = calloc(room, sizeof(*entries));
    struct realip_network_set *set = NULL;
    const char *reason;
    size_t count;

    if (entries == NULL)
        return NULL;
    T_BEGIN {
        read_list(entries, room, &count);
    } T_END;
    if (count > 0)
        realip_network_set_build(entries, count, &set, &reason);
    free(entries);
    return set;
}

static bool is_empty(const struct realip_network_set *set)
{
    return set == NULL || realip_network_set_count(set) == 0;
}

void realip_trusted_networks_fill_in(struct realip_config *config)
{
    struct realip_network_set **proxies = &config->rules.sets[REALIP_SET_PROXIES];

    if (!is_empty(*proxies))
        return;
    realip_network_set_free(proxies);
    *proxies = make_set();
}

static void check_entries(struct realip_problems *problems)
{
    static const struct realip_origin nowhere = { NULL, 0 };
    const char *at = setting();
    const char *entry;

    while ((entry = next_entry(&at)) != NULL) {
        struct realip_network network;
        bool mapped;

        if (!read_entry(entry, &network, &mapped)) {
            at += strspn(at, SEPARATORS);
            realip_problems_add(problems, nowhere,
                                SETTING ": '%s' is no network: Dovecot ignores it and all behind it (%s); mend it or take it out",
                                entry, *at == '\0' ? "nothing stands there" : at);
            return;
        }
        if (mapped)
            realip_problems_add(problems, nowhere,
                                SETTING ": '%s' never matches, Dovecot compares IPv4 clients as IPv4: write the IPv4 network",
                                entry);
        else if (network.prefix == 0)
            realip_problems_add(problems, nowhere,
                                SETTING ": '%s' is every address: anybody may choose his own; list the proxies themselves",
                                entry);
    }
}

/* The name of a listener of this process that takes PROXY headers, or NULL. */
static const char *haproxy_listener(void)
{
    for (unsigned i = 0; i < master_service->socket_count; i++) {
        const struct master_service_listener *listener = &master_service->listeners[i];

        if (listener->haproxy)
            return listener->name == NULL ? "" : listener->name;
    }
    return NULL;
}

static bool covers(const struct realip_network_set *set, const struct realip_network *network)
{
    const struct realip_network_entry *entry = realip_network_set_find(set, &network->address);

    return entry != NULL && entry->network.prefix <= network->prefix;
}

static void compare(const struct realip_config *config, const struct realip_network_set *trusted,
                    struct realip_problems *problems)
{
    static const struct realip_origin nowhere = { NULL, 0 };
    const struct realip_network_set *proxies = config->rules.sets[REALIP_SET_PROXIES];
    char text[REALIP_NETWORK_TEXT_SIZE];

    for (size_t i = 0; trusted != NULL && i < realip_network_set_count(trusted); i++) {
        const struct realip_network_entry *entry = realip_network_set_entry(trusted, i);

        if (!covers(proxies, &entry->network))
            realip_problems_add(problems, nowhere,
                                SETTING ": %s is not in networks proxies: the clients that it names are proxy-untrusted; "
                                "add it there or take it out here",
                                realip_network_format(&entry->network, text));
    }
    for (size_t i = 0; proxies != NULL && i < realip_network_set_count(proxies); i++) {
        const struct realip_network_entry *entry = realip_network_set_entry(proxies, i);

        if (!covers(trusted, &entry->network))
            realip_problems_add(problems,
                                realip_rules_origin(&config->rules, entry->label),
                                "networks proxies: %s is not in " SETTING ": Dovecot drops its connections to listeners "
                                "with haproxy = yes",
                                realip_network_format(&entry->network, text));
    }
}

void realip_trusted_networks_check(const struct realip_config *config, struct realip_problems *problems)
{
    static const struct realip_origin nowhere = { NULL, 0 };
    const char *listener = haproxy_listener();
    const char *at = setting();

    check_entries(problems);
    if (listener != NULL && next_entry(&at) == NULL)
        realip_problems_add(problems, nowhere,
                            SETTING " is empty: Dovecot drops every connection to listener '%s', which has haproxy = yes",
                            listener);
    at = setting();
    /* A host without PROXY headers lists nothing: its proxies speak by ID or XCLIENT. */
    if (config != NULL && next_entry(&at) != NULL) {
        struct realip_network_set *trusted = make_set();

        compare(config, trusted, problems);
        realip_network_set_free(&trusted);
    }
}
