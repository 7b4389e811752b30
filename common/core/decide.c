#include "decide.h"

#include <string.h>

/* One decision while it is made. Each step below returns true when it has decided. */
struct step {
    const struct realip_rules *rules;
    const struct realip_facts *facts;
    const struct realip_listener *listener;
    struct realip_verdict *verdict;
    bool asserted; /* somebody supplied an address other than his own */
};

static const struct realip_network_entry *find(const struct step *step, enum realip_set set)
{
    return realip_network_set_find(step->rules->sets[set], &step->facts->client);
}

static bool is_reason(const struct step *step, enum realip_reason reason)
{
    step->verdict->reason = reason;
    return true;
}

static bool is_reason_by_rule(const struct step *step, enum realip_reason reason, struct realip_origin rule)
{
    step->verdict->rule = rule;
    return is_reason(step, reason);
}

static bool is_reason_by_network(const struct step *step, enum realip_reason reason,
                                 const struct realip_network_entry *entry)
{
    step->verdict->network = entry->network;
    return is_reason_by_rule(step, reason, realip_rules_origin(step->rules, entry->label));
}

static bool is_known_peer(const struct step *step)
{
    return step->facts->peer_state == REALIP_PEER_KNOWN;
}

static bool is_local(const struct step *step)
{
    return realip_address_is_loopback(&step->facts->client) || find(step, REALIP_SET_OWN) != NULL;
}

static bool decide_address_missing(const struct step *step)
{
    return step->facts->client.family == REALIP_FAMILY_NONE && is_reason(step, REALIP_REASON_ADDRESS_MISSING);
}

static bool decide_peer_unknown(const struct step *step)
{
    enum realip_peer_state state = step->facts->peer_state;
    bool unknown = state == REALIP_PEER_UNATTESTED || state == REALIP_PEER_GONE;

    if (step->listener->attest == REALIP_ATTEST_OFF || !unknown)
        return false;
    if (step->listener->attest == REALIP_ATTEST_AVAILABLE && state == REALIP_PEER_UNATTESTED)
        return false;
    return is_reason_by_rule(step, REALIP_REASON_PEER_UNKNOWN, step->listener->attest_origin);
}

static bool decide_proxy_untrusted(const struct step *step)
{
    if (!step->asserted)
        return false;
    if (step->listener->proxy == REALIP_PROXY_FORBIDDEN)
        return is_reason_by_rule(step, REALIP_REASON_PROXY_UNTRUSTED, step->listener->proxy_origin);
    return !realip_network_set_contains(step->rules->sets[REALIP_SET_PROXIES], &step->facts->peer)
        && is_reason(step, REALIP_REASON_PROXY_UNTRUSTED);
}

/* The address was supplied by a trusted proxy or told by a listed relay, or is one that nobody can have without somebody's
 * having supplied it. */
static bool decide_inside_asserted(const struct step *step)
{
    const struct realip_network_entry *entry;

    if (realip_address_is_unusable(&step->facts->client))
        return is_reason(step, REALIP_REASON_INSIDE_ASSERTED);
    if (!step->asserted && step->facts->relay.family == REALIP_FAMILY_NONE)
        return false;
    if ((entry = find(step, REALIP_SET_INFRASTRUCTURE)) != NULL)
        return is_reason_by_network(step, REALIP_REASON_INSIDE_ASSERTED, entry);
    if ((entry = find(step, REALIP_SET_OWN)) != NULL)
        return is_reason_by_network(step, REALIP_REASON_INSIDE_ASSERTED, entry);
    if (realip_address_is_loopback(&step->facts->client))
        return is_reason(step, REALIP_REASON_INSIDE_ASSERTED);
    if (step->facts->client_name_rule != NULL)
        return is_reason_by_rule(step, REALIP_REASON_INSIDE_ASSERTED, *step->facts->client_name_rule);
    if (!step->listener->allow_internal && (entry = find(step, REALIP_SET_INTERNAL)) != NULL)
        return is_reason_by_network(step, REALIP_REASON_INSIDE_ASSERTED, entry);
    return false;
}

/* A client on this very host, as far as it can be told: attested, or where nobody may supply an address, or where the
 * question of the peer is left to another adapter. */
static bool decide_local(const struct step *step)
{
    bool believed = is_known_peer(step) || step->facts->peer_state == REALIP_PEER_LEFT
        || step->listener->proxy == REALIP_PROXY_FORBIDDEN;

    return believed && is_local(step) && find(step, REALIP_SET_LISTED_INFRASTRUCTURE) == NULL
        && is_reason(step, REALIP_REASON_INTERNAL);
}

static bool decide_exempt(const struct step *step)
{
    const struct realip_network_entry *entry;

    if (decide_local(step))
        return true;
    if (step->listener->allow_internal && (entry = find(step, REALIP_SET_INTERNAL)) != NULL)
        return is_reason_by_network(step, REALIP_REASON_INTERNAL, entry);
    return step->facts->stage == REALIP_STAGE_CONNECT && (entry = find(step, REALIP_SET_PROBERS)) != NULL
        && is_reason_by_network(step, REALIP_REASON_PROBE, entry);
}

static bool decide_proxy_shown(const struct step *step)
{
    const struct realip_network_entry *entry = find(step, REALIP_SET_PROXIES);

    return entry != NULL && is_reason_by_network(step, REALIP_REASON_PROXY_SHOWN, entry);
}

static bool decide_infrastructure(const struct step *step)
{
    const struct realip_network_entry *entry = find(step, REALIP_SET_INFRASTRUCTURE);

    if (entry == NULL)
        entry = find(step, REALIP_SET_INTERNAL); /* allowed ones were exempt: this listener does not want them */
    if (entry != NULL)
        return is_reason_by_network(step, REALIP_REASON_INFRASTRUCTURE, entry);
    if (step->facts->client_name_rule != NULL)
        return is_reason_by_rule(step, REALIP_REASON_INFRASTRUCTURE, *step->facts->client_name_rule);
    /* A local address that nobody vouches for: a rootless container's gateway shows so, and a forged header. */
    if ((entry = find(step, REALIP_SET_OWN)) != NULL)
        return is_reason_by_network(step, REALIP_REASON_INFRASTRUCTURE, entry);
    return realip_address_is_loopback(&step->facts->client) && is_reason(step, REALIP_REASON_INFRASTRUCTURE);
}

static bool decide_proxy_missing(const struct step *step)
{
    return step->listener->proxy == REALIP_PROXY_REQUIRED && is_known_peer(step) && !step->asserted
        && is_reason_by_rule(step, REALIP_REASON_PROXY_MISSING, step->listener->proxy_origin);
}

static bool decide_suspect(const struct step *step)
{
    if (step->facts->suspected)
        step->verdict->clients = step->facts->clients;
    return step->facts->suspected
        && is_reason_by_rule(step, REALIP_REASON_SHARED_SUSPECT, step->rules->suspicion_origin);
}

/* Names the proxy that vouched for the address, where one did. */
static bool decide_real(const struct step *step)
{
    const struct realip_network_entry *entry = NULL;

    if (step->asserted)
        entry = realip_network_set_find(step->rules->sets[REALIP_SET_PROXIES], &step->facts->peer);
    return entry != NULL ? is_reason_by_network(step, REALIP_REASON_REAL, entry) : is_reason(step, REALIP_REASON_REAL);
}

/* What the source can't do becomes what it can: no-relay is Postfix's alone and spares who logged in with a password,
 * only a milter can hold a message. */
static enum realip_action fit_to_source(enum realip_action action, enum realip_source source, bool password_login)
{
    if (action == REALIP_ACTION_NO_RELAY && (source != REALIP_SOURCE_POLICYD || password_login))
        return REALIP_ACTION_FLAG;
    if (action == REALIP_ACTION_QUARANTINE && source != REALIP_SOURCE_MILTER)
        return REALIP_ACTION_DEFER;
    return action;
}

enum realip_action realip_decide_action(const struct realip_listener *listener, enum realip_reason reason, enum realip_source source,
                                        bool password_login)
{
    return fit_to_source(realip_mode_cap(listener->mode, listener->actions[reason]), source, password_login);
}

static bool is_complete(const struct step *step)
{
    return step->facts->source != REALIP_SOURCE_UNDECIDED && step->facts->stage != REALIP_STAGE_UNDECIDED
        && step->facts->peer_state != REALIP_PEER_UNDECIDED && step->listener->mode != REALIP_MODE_UNDECIDED
        && step->listener->proxy != REALIP_PROXY_UNDECIDED && step->listener->attest != REALIP_ATTEST_UNDECIDED
        && (!is_known_peer(step) || step->facts->peer.family != REALIP_FAMILY_NONE);
}

static void find_reason(const struct step *step)
{
    static bool (*const order[])(const struct step *) = {
        decide_address_missing, decide_peer_unknown,   decide_proxy_untrusted, decide_inside_asserted,
        decide_exempt,          decide_proxy_shown,    decide_infrastructure,  decide_proxy_missing,
        decide_suspect,         decide_real,
    };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i](step))
            return;
    }
}

void realip_decide(const struct realip_rules *rules, const struct realip_facts *facts, struct realip_verdict *verdict_r)
{
    struct step step = {
        .rules = rules,
        .facts = facts,
        .listener = realip_rules_listener(rules, facts),
        .verdict = verdict_r,
        .asserted = facts->peer_state == REALIP_PEER_KNOWN && !realip_address_equal(&facts->client, &facts->peer),
    };

    memset(verdict_r, 0, sizeof(*verdict_r));
    verdict_r->listener = step.listener;
    verdict_r->mode = step.listener->mode;
    if (!is_complete(&step))
        return;
    find_reason(&step);
    verdict_r->wanted = step.listener->actions[verdict_r->reason];
    verdict_r->action = realip_decide_action(step.listener, verdict_r->reason, facts->source, facts->password_login);
}
