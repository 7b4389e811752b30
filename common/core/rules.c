#include "rules.h"

#include <string.h>

void realip_listener_set_defaults(struct realip_listener *listener)
{
    *listener = (struct realip_listener){
        .proxy = REALIP_PROXY_OPTIONAL,
        .attest = REALIP_ATTEST_AVAILABLE,
        .mode = REALIP_MODE_MONITOR,
    };
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
        listener->actions[reason] = realip_reason_default_action((enum realip_reason)reason);
}

struct realip_origin realip_rules_origin(const struct realip_rules *rules, uint32_t label)
{
    struct realip_origin origin = { NULL, 0 };

    if (label >= rules->origin_count)
        return origin;
    if (rules->origins != NULL)
        return rules->origins[label];
    origin.line = rules->packed_origins[label].line;
    if (rules->packed_origins[label].file != 0 && rules->packed_origins[label].file < rules->text_size)
        origin.file = rules->texts + rules->packed_origins[label].file;
    return origin;
}

bool realip_listener_has_name(const struct realip_listener *listener, const char *name)
{
    if (strcmp(listener->title, name) == 0)
        return true;
    for (size_t i = 0; i < listener->name_count; i++) {
        if (strcmp(listener->names[i], name) == 0)
            return true;
    }
    return false;
}

bool realip_listener_has_port(const struct realip_listener *listener, uint16_t port)
{
    for (size_t i = 0; i < listener->port_count; i++) {
        if (listener->ports[i] == port)
            return true;
    }
    return false;
}

static const struct realip_listener *by_name(const struct realip_rules *rules, const char *name)
{
    if (name == NULL || name[0] == '\0')
        return NULL;
    for (size_t i = 0; i < rules->listener_count; i++) {
        if (realip_listener_has_name(&rules->listeners[i], name))
            return &rules->listeners[i];
    }
    return NULL;
}

static const struct realip_listener *by_port(const struct realip_rules *rules, uint16_t port)
{
    if (port == 0)
        return NULL;
    for (size_t i = 0; i < rules->listener_count; i++) {
        if (realip_listener_has_port(&rules->listeners[i], port))
            return &rules->listeners[i];
    }
    return NULL;
}

/* What the listener would do about a peer that is unknown; as hard as it gets. */
static enum realip_action hardness(const struct realip_listener *listener)
{
    return listener->attest == REALIP_ATTEST_OFF
        ? REALIP_ACTION_PASS
        : realip_mode_cap(listener->mode, listener->actions[REALIP_REASON_PEER_UNKNOWN]);
}

static const struct realip_listener *hardest(const struct realip_rules *rules)
{
    const struct realip_listener *listener = &rules->fallback;

    for (size_t i = 0; i < rules->listener_count; i++) {
        if (rules->listeners[i].port_count > 0 && hardness(&rules->listeners[i]) > hardness(listener))
            listener = &rules->listeners[i];
    }
    return listener;
}

const struct realip_listener *realip_rules_listener(const struct realip_rules *rules, const struct realip_facts *facts)
{
    const struct realip_listener *listener = by_name(rules, facts->listener_name);

    if (listener == NULL && facts->listener_unsure)
        return hardest(rules);
    if (listener == NULL)
        listener = by_port(rules, facts->listener_port);
    if (listener == NULL)
        listener = by_name(rules, facts->service);
    return listener != NULL ? listener : &rules->fallback;
}

const char *realip_set_token(enum realip_set set)
{
#define TOKEN(name, token) token,
    static const char *const tokens[] = { REALIP_SET_TABLE(TOKEN) "own", "infrastructure" };
#undef TOKEN

    return tokens[set < REALIP_SET_COUNT ? set : REALIP_SET_OWN];
}
