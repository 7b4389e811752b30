#include "received_walk.h"

bool realip_received_is_relay(const struct realip_rules *rules, const struct realip_address *address)
{
    const struct realip_network_entry *relay = realip_network_set_find(rules->sets[REALIP_SET_RELAYS], address);
    const struct realip_network_entry *nat;

    if (relay == NULL)
        return false;
    nat = realip_network_set_find(rules->sets[REALIP_SET_INFRASTRUCTURE], address);
    return nat == NULL || nat->network.prefix < relay->network.prefix;
}

static void break_off(struct realip_received_walk *walk, const char *reason)
{
    walk->end = REALIP_RECEIVED_END_BROKEN;
    walk->client = (struct realip_address){ .family = REALIP_FAMILY_NONE };
    walk->reason = reason;
}

static void end_at(struct realip_received_walk *walk, enum realip_received_end end, const struct realip_address *client)
{
    walk->end = end;
    walk->client = *client;
}

void realip_received_walk_start(struct realip_received_walk *walk, const struct realip_rules *rules,
                                const struct realip_address *connected)
{
    *walk = (struct realip_received_walk){ .rules = rules };
    if (realip_received_is_relay(rules, connected))
        walk->relay = *connected;
    else
        end_at(walk, REALIP_RECEIVED_END_SESSION, connected);
}

static void step(struct realip_received_walk *walk, const struct realip_received *received)
{
    switch (received->kind) {
    case REALIP_RECEIVED_CLIENT:
        if (realip_received_is_relay(walk->rules, &received->client))
            walk->relay = received->client;
        else
            end_at(walk, REALIP_RECEIVED_END_CLIENT, &received->client);
        return;
    case REALIP_RECEIVED_BEGAN:
        end_at(walk, REALIP_RECEIVED_END_RELAY, &walk->relay);
        return;
    case REALIP_RECEIVED_CONTINUED:
        return;
    case REALIP_RECEIVED_UNDECIDED:
        break;
    }
    break_off(walk, "a Received header that tells nothing");
}

void realip_received_walk_next(struct realip_received_walk *walk, const char *value, size_t length)
{
    struct realip_received received;
    const char *reason = "";

    if (walk->end != REALIP_RECEIVED_END_UNDECIDED)
        return;
    if (++walk->headers > REALIP_RECEIVED_MAX_HOPS)
        break_off(walk, "too many Received headers");
    else if (realip_received_parse(value, length, &received, &reason) < 0)
        break_off(walk, reason);
    else
        step(walk, &received);
}

void realip_received_walk_finish(struct realip_received_walk *walk)
{
    if (walk->end == REALIP_RECEIVED_END_UNDECIDED)
        break_off(walk, "no Received header of the relay");
}

void realip_received_walk_apply(const struct realip_received_walk *walk, struct realip_facts *facts)
{
    switch (walk->end) {
    case REALIP_RECEIVED_END_SESSION:
        return;
    case REALIP_RECEIVED_END_RELAY:
        /* As if that relay had connected here itself. */
        facts->client = walk->client;
        break;
    case REALIP_RECEIVED_END_CLIENT:
    case REALIP_RECEIVED_END_BROKEN:
    case REALIP_RECEIVED_END_UNDECIDED:
        facts->client = walk->client;
        facts->relay = walk->relay;
        break;
    }
    facts->client_name_rule = NULL;
}
