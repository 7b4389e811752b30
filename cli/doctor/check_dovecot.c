/* Dovecot: whom it believes, and whether mail-realip stands where it must. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct judge {
    struct realip_setup *setup;
    struct realip_findings *findings;
};

/* A list setting: "a b, c", or 2.4's block of "a = yes". "" where it is not set. */
static const char *list_value(struct realip_setup *setup, const char *name, struct realip_origin *origin_r)
{
    const struct realip_block *block = realip_block_find_grouped(setup->dovecot.root, name);
    struct realip_words words = { 0 };

    *origin_r = block != NULL ? block->origin : (struct realip_origin){ NULL, 0 };
    if (block == NULL || !block->is_block)
        return block == NULL ? "" : block->value;
    for (const struct realip_block *child = block->first; child != NULL; child = child->next) {
        if (realip_text_is_yes(child->value))
            realip_words_add(&setup->arena, &words, child->name);
    }
    return realip_words_join(&setup->arena, &words, " ");
}

/* "</file", "$name", "%{env:name}": Dovecot has another text there, which can't be read here. */
static bool is_elsewhere(const struct realip_list_entry *entry)
{
    return !entry->is_network && (entry->text[0] == '<' || entry->text[0] == '$' || strchr(entry->text, '%') != NULL);
}

/* An entry as Dovecot and mail-realip both take it: a mapped one is IPv4, and no bits stand behind the prefix. */
static const char *respelt(struct realip_setup *setup, const struct realip_list_entry *entry)
{
    char text[REALIP_NETWORK_TEXT_SIZE];

    realip_network_format(&entry->network, text);
    return realip_text_copy(&setup->arena, text, strlen(text));
}

/* Dovecot's net_parse_range(): an address and perhaps its bits. A mapped entry is read and never matches. */
static bool is_broken(const struct realip_list_entry *entry)
{
    return !entry->is_network || entry->is_excluded || strncmp(entry->text, "::ffff:", 7) == 0
           || strchr(entry->text, '[') != NULL;
}

static void check_list(struct judge *judge, const char *name, enum realip_finding_id broken,
                       enum realip_finding_id wide)
{
    struct realip_setup *setup = judge->setup;
    struct realip_origin origin;
    struct realip_list list = realip_check_list(setup, list_value(setup, name, &origin));
    struct realip_words kept = { 0 };
    struct realip_words bad = { 0 };
    struct realip_words loose = { 0 };

    for (size_t i = 0; i < list.count; i++) {
        const struct realip_list_entry *entry = &list.items[i];
        bool is_bad = is_broken(entry) && !is_elsewhere(entry);

        if (is_bad)
            realip_words_add(&setup->arena, &bad, entry->text);
        if (!is_bad)
            realip_words_add(&setup->arena, &kept, entry->text);
        else if (entry->is_network && !entry->is_excluded)
            realip_words_add(&setup->arena, &kept, respelt(setup, entry));
        if (!is_bad && entry->is_network && realip_check_is_wide(&entry->network))
            realip_words_add(&setup->arena, &loose, entry->text);
    }
    const char *whom = strcmp(name, "login_trusted_networks") == 0
                           ? "ADDRESS OF EACH WEBMAIL HOST OR DOVECOT PROXY"
                           : realip_check_proxy_list(setup, " ", "ADDRESS OF EACH PROXY");
    if (bad.count > 0)
        realip_finding_add(
            setup, judge->findings, broken, origin, NULL,
            realip_text_format(&setup->arena, "%s has what is no network to Dovecot: %s", name,
                               realip_words_join(&setup->arena, &bad, " ")),
            realip_text_format(&setup->arena, "%s = %s", name,
                               kept.count == 0 ? whom : realip_words_join(&setup->arena, &kept, " ")));
    if (loose.count > 0)
        realip_finding_add(setup, judge->findings, wide, origin, NULL,
                           realip_text_format(&setup->arena, "%s trusts whole networks: %s", name,
                                              realip_words_join(&setup->arena, &loose, " ")),
                           realip_text_format(&setup->arena, "%s = %s", name, whom));
}

static void check_listeners(struct judge *judge)
{
    struct realip_setup *setup = judge->setup;
    struct realip_origin origin;
    const char *trusted = list_value(setup, "haproxy_trusted_networks", &origin);
    struct realip_origin first = { NULL, 0 };
    bool is_empty = realip_check_list(setup, trusted).count == 0;
    bool any = false;

    for (size_t i = 0; i < setup->dovecot.listener_count; i++) {
        const struct realip_dovecot_listener *listener = &setup->dovecot.listeners[i];

        if (!listener->haproxy)
            continue;
        first = any ? first : listener->origin;
        any = true;
        if (is_empty)
            realip_finding_add(setup, judge->findings, REALIP_FINDING_TRUSTED_NETWORKS_EMPTY, first,
                               realip_text_format(&setup->arena, "%s/%s", listener->service, listener->name),
                               "haproxy = yes, and haproxy_trusted_networks is empty",
                               realip_text_format(&setup->arena, "haproxy_trusted_networks = %s",
                                                  realip_check_proxy_list(setup, " ", "ADDRESS OF THE PROXY")));
    }
    if (!any && !is_empty)
        realip_finding_add(setup, judge->findings, REALIP_FINDING_TRUSTED_NETWORKS_UNUSED, origin, NULL,
                           "haproxy_trusted_networks is set for nothing",
                           "inet_listener imap_haproxy {\n  haproxy = yes\n  port = 10143\n}");
}

/* Seconds of "3", "3 secs", "500 msecs", "2 mins", "1h"; -1: not understood. */
static double seconds_of(const char *text)
{
    char *end;
    double number = strtod(text, &end);

    while (isspace((unsigned char)*end))
        end++;
    if (end == text)
        return -1;
    if (strncmp(end, "ms", 2) == 0 || strncmp(end, "milli", 5) == 0)
        return number / 1000;
    return *end == 'm' ? number * 60 : *end == 'h' ? number * 3600 : *end == 'd' ? number * 86400 : number;
}

static void check_timeout(struct judge *judge)
{
    const struct realip_block *block = realip_block_find_grouped(judge->setup->dovecot.root, "haproxy_timeout");
    double seconds = block == NULL ? 3 : seconds_of(block->value);

    for (size_t i = 0; i < judge->setup->dovecot.listener_count; i++) {
        if (block != NULL && judge->setup->dovecot.listeners[i].haproxy && seconds >= 0
            && (seconds < 1 || seconds > 60))
            realip_finding_add(judge->setup, judge->findings, REALIP_FINDING_HAPROXY_TIMEOUT, block->origin, NULL,
                               realip_text_format(&judge->setup->arena, "haproxy_timeout = %s", block->value),
                               "haproxy_timeout = 3 secs");
    }
}

static void check_passdbs(struct judge *judge)
{
    struct realip_setup *setup = judge->setup;
    const struct realip_passdb *before[2] = { NULL, NULL };

    for (size_t i = 0; i < setup->dovecot.passdb_count; i++) {
        const struct realip_passdb *passdb = &setup->dovecot.passdbs[i];
        const struct realip_passdb **first = &before[passdb->is_master ? 1 : 0];

        if (strcmp(passdb->driver, "realip") == 0 && *first != NULL)
            realip_finding_add(
                setup, judge->findings, REALIP_FINDING_PASSDB_ORDER, passdb->origin, NULL,
                realip_text_format(&setup->arena, "the passdb realip stands behind %s (%s)", (*first)->driver,
                                   realip_check_place(setup, (*first)->origin)),
                "passdb {\n  driver = realip\n}\nas the first passdb (2.4: passdb realip { driver = realip })");
        if (*first == NULL && !passdb->denies)
            *first = passdb;
    }
}

/* Is it our policyd that Dovecot asks? */
static bool asks_ours(const struct realip_setup *setup, const char *url)
{
    const struct realip_config *config = setup->rules.config;
    const char *host = url == NULL ? NULL : strstr(url, "://");
    const char *colon = host == NULL ? NULL : strchr(host + 3, ':');

    return config != NULL && config->auth_policy != NULL && colon != NULL
           && (unsigned)strtoul(colon + 1, NULL, 10) == config->auth_policy->port;
}

static bool any_listener_enforces(const struct realip_rules *rules)
{
    bool enforces = rules->fallback.mode != REALIP_MODE_MONITOR;

    for (size_t i = 0; i < rules->listener_count; i++)
        enforces = enforces || rules->listeners[i].mode != REALIP_MODE_MONITOR;
    return enforces;
}

static void check_auth_policy(struct judge *judge)
{
    struct realip_setup *setup = judge->setup;
    const struct realip_block *root = setup->dovecot.root;
    const struct realip_block *attributes = realip_block_find_grouped(root, "auth_policy_request_attributes");
    const struct realip_block *url = realip_block_find_grouped(root, "auth_policy_server_url");
    struct realip_origin where = url == NULL ? (struct realip_origin){ NULL, 0 } : url->origin;

    if (url == NULL || !asks_ours(setup, url->value))
        return;
    const struct realip_block *on_fail = realip_block_find_grouped(root, "auth_policy_reject_on_fail");
    if (!realip_text_is_yes(on_fail == NULL ? NULL : on_fail->value)
        && any_listener_enforces(&setup->rules.config->rules))
        realip_finding_add(setup, judge->findings, REALIP_FINDING_AUTH_POLICY_FAILS_OPEN, where, NULL,
                           "auth_policy_reject_on_fail is not yes, and the rules enforce",
                           "auth_policy_reject_on_fail = yes");
    bool has_peer = attributes != NULL
                    && (attributes->is_block ? realip_block_find(attributes, "real_remote") != NULL
                                             : strstr(attributes->value, "real_remote=") != NULL);
    if (!has_peer)
        realip_finding_add(
            setup, judge->findings, REALIP_FINDING_AUTH_POLICY_ATTRIBUTES,
            attributes != NULL ? attributes->origin : where, NULL,
            "auth_policy_request_attributes does not tell the true peer",
            "auth_policy_request_attributes = login=%{requested_username} pwhash=%{hashed_password} remote=%{rip} "
            "real_remote=%{real_rip} real_lport=%{real_lport} protocol=%s session_id=%{session}\n"
            "(2.4: auth_policy_request_attributes { real_remote = %{real_remote_ip} ... })");
}

static bool has_plugin(struct realip_setup *setup)
{
    struct realip_origin origin;

    for (size_t i = 0; i < setup->dovecot.passdb_count; i++) {
        if (strcmp(setup->dovecot.passdbs[i].driver, "realip") == 0)
            return true;
    }
    return strstr(list_value(setup, "login_plugins", &origin), "login_realip") != NULL;
}

bool realip_check_dovecot_asks(struct realip_setup *setup)
{
    const struct realip_block *url = realip_block_find_grouped(setup->dovecot.root, "auth_policy_server_url");
    struct realip_origin origin;

    return has_plugin(setup) || strstr(list_value(setup, "mail_plugins", &origin), "realip") != NULL
           || (url != NULL && asks_ours(setup, url->value));
}

/* Where our list is empty, Dovecot's own stands in for it. */
static void check_agreement(struct judge *judge)
{
    struct realip_setup *setup = judge->setup;
    const struct realip_network_set *proxies =
        setup->rules.config == NULL ? NULL : setup->rules.config->rules.sets[REALIP_SET_PROXIES];
    struct realip_origin origin;
    struct realip_list list = realip_check_list(setup, list_value(setup, "haproxy_trusted_networks", &origin));
    struct realip_words strangers = { 0 };
    bool any = false;

    for (size_t i = 0; i < setup->dovecot.listener_count; i++)
        any = any || setup->dovecot.listeners[i].haproxy;
    if (proxies == NULL || realip_network_set_count(proxies) == 0 || !any || !has_plugin(setup))
        return;
    for (size_t i = 0; i < list.count; i++) {
        bool is_listed = is_broken(&list.items[i]);

        for (size_t k = 0; k < realip_network_set_count(proxies) && !is_listed; k++)
            is_listed = realip_check_holds(&realip_network_set_entry(proxies, k)->network, &list.items[i].network);
        if (!is_listed)
            realip_words_add(&setup->arena, &strangers, respelt(setup, &list.items[i]));
    }
    if (strangers.count > 0)
        realip_finding_add(setup, judge->findings, REALIP_FINDING_PROXIES_DISAGREE, origin, NULL,
                           realip_text_format(&setup->arena, "Dovecot trusts what is not in networks proxies: %s",
                                              realip_words_join(&setup->arena, &strangers, " ")),
                           realip_text_format(&setup->arena,
                                              "in mail-realip.conf: networks proxies { cidr = { \"%s\" } }",
                                              realip_words_join(&setup->arena, &strangers, "\", \"")));
}

void realip_check_dovecot(struct realip_setup *setup, struct realip_findings *findings)
{
    struct judge judge = { setup, findings };

    if (!setup->dovecot.is_known)
        return;
    check_list(&judge, "haproxy_trusted_networks", REALIP_FINDING_TRUSTED_NETWORKS_BROKEN,
               REALIP_FINDING_TRUSTED_NETWORKS_WIDE);
    check_list(&judge, "login_trusted_networks", REALIP_FINDING_LOGIN_TRUSTED_BROKEN,
               REALIP_FINDING_LOGIN_TRUSTED_WIDE);
    check_listeners(&judge);
    check_timeout(&judge);
    check_passdbs(&judge);
    check_auth_policy(&judge);
    check_agreement(&judge);
}
