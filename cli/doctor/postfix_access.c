/* Where Postfix asks mail-realip: its restriction lists in the order in which smtpd goes through them, and its milters.
 */
#include <string.h>

#include "postfix_value.h"

static const char *const lists[] = { "smtpd_client_restrictions",     "smtpd_helo_restrictions",
                                     "smtpd_sender_restrictions",     "smtpd_relay_restrictions",
                                     "smtpd_recipient_restrictions",  "smtpd_data_restrictions",
                                     "smtpd_end_of_data_restrictions" };

/* Words that end a list well for some or all clients before what stands behind them is asked (postconf(5)). */
static const char *const permits[] = { "permit",
                                       "permit_mynetworks",
                                       "permit_sasl_authenticated",
                                       "permit_inet_interfaces",
                                       "permit_tls_clientcerts",
                                       "permit_tls_all_clientcerts",
                                       "permit_auth_destination",
                                       "permit_mx_backup",
                                       "permit_naked_ip_address",
                                       "permit_dnswl_client",
                                       "permit_rhswl_client",
                                       NULL };

static bool names_listener(const struct realip_setup *setup, const char *name)
{
    if (name == NULL || setup->rules.config == NULL)
        return false;
    for (size_t i = 0; i < setup->rules.config->rules.listener_count; i++) {
        if (realip_listener_has_name(&setup->rules.config->rules.listeners[i], name))
            return true;
    }
    return false;
}

/* Is the socket that Postfix names ("unix:realip/policy" below its queue, "inet:host:port") one of the service's? */
static bool is_endpoint_of(struct realip_setup *setup, const struct realip_service *service, const char *text)
{
    bool is_unix = strncmp(text, "unix:", 5) == 0;
    const char *place = is_unix || strncmp(text, "inet:", 5) == 0 ? text + 5 : text;
    const char *colon = strrchr(place, ':');

    for (size_t i = 0; i < service->listen_count; i++) {
        const struct realip_endpoint *endpoint = &service->listen[i];

        if (is_unix && endpoint->path != NULL) {
            const char *queue = realip_postfix_value(setup, NULL, "queue_directory", NULL);
            const char *below = realip_text_format(&setup->arena, "%s/%s", queue, place);

            if (strcmp(place, endpoint->path) == 0 || strcmp(below, endpoint->path) == 0)
                return true;
        }
        if (!is_unix && endpoint->path == NULL && colon != NULL && realip_text_port(colon + 1) == endpoint->port)
            return true;
    }
    return false;
}

static bool is_ours(struct realip_setup *setup, bool is_milter, const char *endpoint, const char *context)
{
    const struct realip_config *config = setup->rules.config;

    if (strstr(endpoint, "realip") != NULL || names_listener(setup, context))
        return true;
    return config != NULL && is_endpoint_of(setup, is_milter ? &config->milter : &config->policyd, endpoint);
}

/* "unix:x", or "{ unix:x, timeout=3s, policy_context=smtp, { default_action = DUNNO } }". */
static struct realip_policy_use read_policy(struct realip_setup *setup, const char *word)
{
    struct realip_policy_use use = { 0 };
    struct realip_words parts = realip_text_words(&setup->arena, realip_text_bare(&setup->arena, word), " ,\t\r\n");

    use.text = word;
    use.endpoint = parts.count > 0 ? parts.items[0] : "";
    for (size_t i = 1; i < parts.count; i++) {
        const char *part = realip_text_bare(&setup->arena, parts.items[i]);
        size_t length = strcspn(part, "=");
        const char *name = realip_text_trim(&setup->arena, realip_text_copy(&setup->arena, part, length));
        const char *value = part[length] == '=' ? realip_text_trim(&setup->arena, part + length + 1) : "";

        if (strcmp(name, "policy_context") == 0)
            use.context = value;
        else if (strcmp(name, "default_action") == 0)
            use.default_action = value;
    }
    return use;
}

/* Words of a list, with restriction classes written out. */
static void write_out(struct realip_setup *setup, const struct realip_service_entry *service, const char *text,
                      unsigned depth, struct realip_words *words)
{
    struct realip_words raw = realip_text_words(&setup->arena, text, " ,\t\r\n");
    struct realip_words classes = realip_text_words(
        &setup->arena, realip_postfix_value(setup, service, "smtpd_restriction_classes", NULL), " ,\t\r\n");

    for (size_t i = 0; i < raw.count; i++) {
        bool is_class = false;

        for (size_t k = 0; k < classes.count; k++)
            is_class = is_class || strcmp(classes.items[k], raw.items[i]) == 0;
        if (is_class && depth < 8)
            write_out(setup, service, realip_postfix_value(setup, service, raw.items[i], NULL), depth + 1, words);
        else
            realip_words_add(&setup->arena, words, raw.items[i]);
    }
}

static struct realip_policy_use find_in_list(struct realip_setup *setup, const struct realip_service_entry *service,
                                             const char *list)
{
    struct realip_policy_use found = { 0 };
    struct realip_origin origin;
    struct realip_words words = { 0 };
    const char *behind = NULL;

    write_out(setup, service, realip_postfix_value(setup, service, list, &origin), 0, &words);
    for (size_t i = 0; i < words.count; i++) {
        if (behind == NULL && realip_text_is_among(words.items[i], permits))
            behind = words.items[i];
        if (strcmp(words.items[i], "check_policy_service") != 0 || i + 1 == words.count)
            continue;
        struct realip_policy_use use = read_policy(setup, words.items[i + 1]);
        if (found.list != NULL || !is_ours(setup, false, use.endpoint, use.context))
            continue;
        found = use;
        found.list = list;
        found.origin = origin;
        found.behind = behind;
        found.only_warns = i > 0 && strcmp(words.items[i - 1], "warn_if_reject") == 0;
    }
    return found;
}

struct realip_policy_use realip_postfix_policy(struct realip_setup *setup, const struct realip_service_entry *service)
{
    struct realip_policy_use first = { 0 };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct realip_policy_use use = find_in_list(setup, service, lists[i]);

        if (use.list != NULL && use.behind == NULL)
            first = use;
        else if (use.list != NULL && first.list == NULL)
            first = use;
        if (first.list != NULL && first.behind == NULL)
            break;
    }
    if (first.list != NULL && first.default_action == NULL)
        first.default_action = realip_postfix_value(setup, service, "smtpd_policy_service_default_action", NULL);
    return first;
}

struct realip_milter_use realip_postfix_milter(struct realip_setup *setup, const struct realip_service_entry *service)
{
    struct realip_milter_use use = { 0 };
    struct realip_words words = realip_text_words(
        &setup->arena, realip_postfix_value(setup, service, "smtpd_milters", &use.origin), " ,\t\r\n");

    use.name = realip_postfix_value(setup, service, "milter_macro_daemon_name", NULL);
    for (size_t i = 0; i < words.count; i++) {
        struct realip_policy_use parts = read_policy(setup, words.items[i]);

        if (!is_ours(setup, true, parts.endpoint, NULL))
            continue;
        use.endpoint = parts.endpoint;
        use.text = parts.text;
        use.default_action = parts.default_action;
        use.action_origin = use.origin;
        if (parts.default_action == NULL)
            use.default_action = realip_postfix_value(setup, service, "milter_default_action", &use.action_origin);
        break;
    }
    return use;
}
