#include "postfix_value.h"

#include <ctype.h>
#include <string.h>

#define MAX_EXPANSION 12
/* Of one value. Parameters that name each other several times would otherwise never end. */
#define MAX_NAMES 1000
#define MAX_LENGTH ((size_t)1 << 20)

/* Postfix 3.7's defaults at compatibility level 1 and later, of what the checks ask for (postconf(5)). */
static const char *const defaults[][2] = {
    { "config_directory", "/etc/postfix" },
    { "default_database_type", "hash" },
    { "inet_interfaces", "all" },
    { "inet_protocols", "all" },
    { "milter_default_action", "tempfail" },
    { "milter_macro_daemon_name", "$myhostname" },
    { "mynetworks_style", "${{$compatibility_level} <level {2} ? {subnet} : {host}}" },
    { "queue_directory", "/var/spool/postfix" },
    { "smtpd_delay_reject", "yes" },
    { "smtpd_policy_service_default_action", "451 4.3.5 Server configuration problem" },
    { "smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination" },
    { "smtpd_service_name", "smtpd" },
};

static const char *raw_value(const struct realip_setup *setup, const struct realip_service_entry *service,
                             const char *name, struct realip_origin *origin_r)
{
    const struct realip_setting *found = service == NULL ? NULL : realip_settings_find(&service->options, name);

    *origin_r = (struct realip_origin){ NULL, 0 };
    if (found == NULL)
        found = realip_settings_find(&setup->postfix.main, name);
    if (found != NULL) {
        *origin_r = found->origin;
        return found->value;
    }
    found = realip_settings_find(&setup->postfix.running, name);
    if (found != NULL)
        return found->value;
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (strcmp(defaults[i][0], name) == 0)
            return defaults[i][1];
    }
    return "";
}

/* The closing brace or parenthesis of what opens at text[0]. */
static const char *closing(const char *text)
{
    char opens = text[0];
    char closes = opens == '(' ? ')' : '}';
    unsigned depth = 0;

    for (; *text != '\0'; text++) {
        if (*text == opens)
            depth++;
        else if (*text == closes && --depth == 0)
            return text;
    }
    return NULL;
}

static const char *expand(struct realip_setup *setup, const struct realip_service_entry *service, const char *text,
                          unsigned depth);

/* What stands between the braces: "name", "name?text", "name:text" (postconf(5)). Comparisons of levels are not worked
 * out. */
static const char *expand_one(struct realip_setup *setup, const struct realip_service_entry *service,
                              const char *inside, unsigned depth)
{
    struct realip_origin origin;
    size_t length = strcspn(inside, "?:");
    const char *name = realip_text_trim(&setup->arena, realip_text_copy(&setup->arena, inside, length));

    if (inside[0] == '{')
        return "";
    const char *value = raw_value(setup, service, name, &origin);
    if (inside[length] == '\0')
        return expand(setup, service, value, depth + 1);
    bool wanted = (inside[length] == '?') == (value[0] != '\0');
    return wanted ? expand(setup, service, realip_text_bare(&setup->arena, inside + length + 1), depth + 1) : "";
}

static const char *expand(struct realip_setup *setup, const struct realip_service_entry *service, const char *text,
                          unsigned depth)
{
    struct realip_arena *arena = &setup->arena;
    const char *result = "";

    while (depth < MAX_EXPANSION && strchr(text, '$') != NULL && setup->postfix.names_left > 0
           && strlen(result) < MAX_LENGTH) {
        size_t before = strcspn(text, "$");
        const char *at = text + before + 1;
        const char *end = at;
        const char *value = "$";

        setup->postfix.names_left--;
        if (*at == '$') {
            end = at + 1;
        } else if (*at == '{' || *at == '(') {
            const char *close = closing(at);

            if (close == NULL)
                break;
            value = expand_one(setup, service, realip_text_copy(arena, at + 1, (size_t)(close - at - 1)), depth);
            end = close + 1;
        } else {
            while (isalnum((unsigned char)*end) || *end == '_')
                end++;
            value = expand_one(setup, service, realip_text_copy(arena, at, (size_t)(end - at)), depth);
        }
        result = realip_text_format(arena, "%s%.*s%s", result, (int)before, text, value);
        text = end;
    }
    return realip_text_format(arena, "%s%s", result, text);
}

const char *realip_postfix_value(struct realip_setup *setup, const struct realip_service_entry *service,
                                 const char *name, struct realip_origin *origin_r)
{
    struct realip_origin origin;

    setup->postfix.names_left = MAX_NAMES;
    const char *value = expand(setup, service, raw_value(setup, service, name, &origin), 0);

    if (origin_r != NULL)
        *origin_r = origin;
    return realip_text_trim(&setup->arena, value);
}

struct realip_origin realip_postfix_override(const struct realip_service_entry *service, const char *name)
{
    const struct realip_setting *found = realip_settings_find(&service->options, name);

    return found == NULL ? (struct realip_origin){ NULL, 0 } : found->origin;
}

static bool is_loopback_text(const char *host)
{
    struct realip_address address;
    const char *reason;

    if (strcmp(host, "localhost") == 0 || strcmp(host, "loopback-only") == 0)
        return true;
    return realip_address_parse(host, strlen(host), &address, &reason) == 0 && realip_address_is_loopback(&address);
}

static bool is_local(struct realip_setup *setup, const struct realip_service_entry *front)
{
    struct realip_words words;

    if (front->host != NULL)
        return is_loopback_text(front->host);
    words = realip_text_words(&setup->arena, realip_postfix_value(setup, front, "inet_interfaces", NULL), " ,\t[]");
    for (size_t i = 0; i < words.count; i++) {
        if (!is_loopback_text(words.items[i]))
            return false;
    }
    return words.count > 0;
}

static const struct realip_service_entry *pass_service(struct realip_setup *setup,
                                                       const struct realip_service_entry *front)
{
    const char *name = realip_postfix_value(setup, front, "smtpd_service_name", NULL);

    for (size_t i = 0; i < setup->postfix.service_count; i++) {
        const struct realip_service_entry *entry = &setup->postfix.services[i];

        if (strcmp(entry->type, "pass") == 0 && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

/* A port that is known as such, or is told to expect a proxy: "-o content_filter=" there keeps the filter away. */
static bool is_for_clients(const struct realip_door *door, const char *parameter)
{
    static const unsigned ports[] = { 25, 465, 587 };
    const struct realip_setting *own = realip_settings_find(&door->front->options, parameter);
    bool found = door->is_postscreen || (own != NULL && own->value[0] != '\0');

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        found = found || door->front->port == ports[i];
    return found;
}

static struct realip_door door_of(struct realip_setup *setup, const struct realip_service_entry *front)
{
    struct realip_door door = { .front = front, .is_postscreen = strcmp(front->command, "postscreen") == 0 };
    const char *parameter = door.is_postscreen ? "postscreen_upstream_proxy_protocol" : "smtpd_upstream_proxy_protocol";
    const struct realip_setting *filter = realip_settings_find(&front->options, "content_filter");

    door.smtpd = door.is_postscreen ? pass_service(setup, front) : front;
    door.is_local = is_local(setup, front);
    door.is_return = filter != NULL && filter->value[0] == '\0' && !is_for_clients(&door, parameter);
    door.is_internal = door.is_local || door.is_return;
    door.takes_proxy = realip_postfix_value(setup, front, parameter, &door.proxy_origin)[0] != '\0';
    door.takes_xclient =
        door.smtpd != NULL
        && realip_postfix_value(setup, door.smtpd, "smtpd_authorized_xclient_hosts", &door.xclient_origin)[0] != '\0';
    if (door.smtpd != NULL) {
        door.policy = realip_postfix_policy(setup, door.smtpd);
        door.milter = realip_postfix_milter(setup, door.smtpd);
    }
    return door;
}

/* "inet", "NAME/inet", "!NAME/inet": the first that fits decides (postconf(5), master_service_disable). */
static bool is_disabled(struct realip_setup *setup, const struct realip_service_entry *entry)
{
    struct realip_words words = realip_text_words(
        &setup->arena, realip_postfix_value(setup, NULL, "master_service_disable", NULL), " ,\t\r\n");
    const char *whole = realip_text_format(&setup->arena, "%s/%s", entry->name, entry->type);

    for (size_t i = 0; i < words.count; i++) {
        const char *pattern = words.items[i] + strspn(words.items[i], "!");

        if (strcmp(pattern, entry->type) == 0 || strcmp(pattern, whole) == 0)
            return (pattern - words.items[i]) % 2 == 0;
    }
    return false;
}

static bool is_door(struct realip_setup *setup, const struct realip_service_entry *entry)
{
    return strcmp(entry->type, "inet") == 0
           && (strcmp(entry->command, "smtpd") == 0 || strcmp(entry->command, "postscreen") == 0)
           && !is_disabled(setup, entry);
}

struct realip_doors realip_postfix_doors(struct realip_setup *setup)
{
    struct realip_postfix *postfix = &setup->postfix;

    for (size_t i = 0; postfix->doors == NULL && i < postfix->service_count; i++) {
        if (is_door(setup, &postfix->services[i]))
            postfix->door_count++;
    }
    if (postfix->doors != NULL)
        return (struct realip_doors){ postfix->doors, postfix->door_count };
    postfix->doors = realip_text_alloc(&setup->arena, postfix->door_count, sizeof(*postfix->doors));
    for (size_t i = 0, at = 0; at < postfix->door_count; i++) {
        if (is_door(setup, &postfix->services[i]))
            postfix->doors[at++] = door_of(setup, &postfix->services[i]);
    }
    return (struct realip_doors){ postfix->doors, postfix->door_count };
}

const struct realip_listener *realip_postfix_listener(const struct realip_setup *setup, const struct realip_door *door,
                                                      const char *name)
{
    if (setup->rules.config == NULL)
        return NULL;
    const struct realip_rules *rules = &setup->rules.config->rules;

    for (size_t i = 0; name != NULL && i < rules->listener_count; i++) {
        if (realip_listener_has_name(&rules->listeners[i], name))
            return &rules->listeners[i];
    }
    for (size_t i = 0; door->front->port > 0 && i < rules->listener_count; i++) {
        if (realip_listener_has_port(&rules->listeners[i], (uint16_t)door->front->port))
            return &rules->listeners[i];
    }
    return &rules->fallback;
}
