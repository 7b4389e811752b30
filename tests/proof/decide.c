/* Proof: for all facts, all listeners and whatever the sets hold, realip_decide() equals the plain statement below of the
 * order in which reasons are found; and what it does about a problem is what the rules say.
 *
 * Membership is left open: what the sets say of the client and of the peer is any value, the same at each question. */
#include "core/decide.h"
#include "core/rules.h"
#include "proof.h"

/* What the sets say. */
static bool client_in[REALIP_SET_COUNT];
static bool peer_in[REALIP_SET_COUNT];
static struct realip_facts facts;
static char places[REALIP_SET_COUNT];
static struct realip_network_entry entries[REALIP_SET_COUNT];

static struct realip_network_set *place_of(unsigned set)
{
    return (struct realip_network_set *)(void *)&places[set];
}

const struct realip_network_entry *realip_network_set_find(const struct realip_network_set *set,
                                                           const struct realip_address *address)
{
    size_t number = (size_t)((const char *)(const void *)set - places);

    PROVE(number < REALIP_SET_COUNT, "a set that the rules have is asked");
    PROVE(address == &facts.client || address == &facts.peer, "the client or the peer is asked for");
    if (address->family == REALIP_FAMILY_NONE)
        return NULL;
    return (address == &facts.client ? client_in : peer_in)[number] ? &entries[number] : NULL;
}

bool realip_network_set_contains(const struct realip_network_set *set, const struct realip_address *address)
{
    return realip_network_set_find(set, address) != NULL;
}

static struct realip_address any_address(void)
{
    struct realip_address address = { 0 };
    unsigned family = nondet_unsigned() % 3;

    if (family == 1)
        address = (struct realip_address){ 0, nondet_u64() & UINT32_MAX, REALIP_FAMILY_IPV4 };
    if (family == 2)
        address = (struct realip_address){ nondet_u64(), nondet_u64(), REALIP_FAMILY_IPV6 };
    return address;
}

/* ---- The plain statement. */

static bool same(const struct realip_address *a, const struct realip_address *b)
{
    return a->family == b->family && a->hi == b->hi && a->lo == b->lo;
}

static bool loopback(const struct realip_address *address)
{
    return address->family == REALIP_FAMILY_IPV4 ? address->lo >> 24 == 127
                                                 : address->family == REALIP_FAMILY_IPV6 && address->hi == 0 && address->lo == 1;
}

/* 0.0.0.0/8, 224.0.0.0/4, 255.255.255.255; ::, ff00::/8 */
static bool unusable(const struct realip_address *address)
{
    if (address->family == REALIP_FAMILY_IPV4)
        return address->lo >> 24 == 0 || address->lo >> 28 == 14 || address->lo == UINT32_MAX;
    return address->family == REALIP_FAMILY_IPV6
        && ((address->hi == 0 && address->lo == 0) || address->hi >> 56 == 0xff);
}

static enum realip_reason expected_reason(const struct realip_listener *listener)
{
    bool known = facts.peer_state == REALIP_PEER_KNOWN;
    bool supplied = known && !same(&facts.client, &facts.peer);
    bool told = supplied || facts.relay.family != REALIP_FAMILY_NONE;
    bool infrastructure = client_in[REALIP_SET_INFRASTRUCTURE];
    bool local = loopback(&facts.client) || client_in[REALIP_SET_OWN];
    bool named = facts.client_name_rule != NULL;

    if (facts.client.family == REALIP_FAMILY_NONE)
        return REALIP_REASON_ADDRESS_MISSING;
    if (facts.peer_state == REALIP_PEER_GONE && listener->attest != REALIP_ATTEST_OFF)
        return REALIP_REASON_PEER_UNKNOWN;
    if (facts.peer_state == REALIP_PEER_UNATTESTED && listener->attest == REALIP_ATTEST_REQUIRED)
        return REALIP_REASON_PEER_UNKNOWN;
    if (supplied && (listener->proxy == REALIP_PROXY_FORBIDDEN || !peer_in[REALIP_SET_PROXIES]))
        return REALIP_REASON_PROXY_UNTRUSTED;
    if (unusable(&facts.client))
        return REALIP_REASON_INSIDE_ASSERTED;
    if (told && (infrastructure || local || named || (client_in[REALIP_SET_INTERNAL] && !listener->allow_internal)))
        return REALIP_REASON_INSIDE_ASSERTED;
    if (local && !client_in[REALIP_SET_LISTED_INFRASTRUCTURE]
        && (known || facts.peer_state == REALIP_PEER_LEFT || listener->proxy == REALIP_PROXY_FORBIDDEN))
        return REALIP_REASON_INTERNAL;
    if (client_in[REALIP_SET_INTERNAL] && listener->allow_internal)
        return REALIP_REASON_INTERNAL;
    if (client_in[REALIP_SET_PROBERS] && facts.stage == REALIP_STAGE_CONNECT)
        return REALIP_REASON_PROBE;
    if (client_in[REALIP_SET_PROXIES])
        return REALIP_REASON_PROXY_SHOWN;
    if (infrastructure || client_in[REALIP_SET_INTERNAL] || named || local)
        return REALIP_REASON_INFRASTRUCTURE;
    if (known && !supplied && listener->proxy == REALIP_PROXY_REQUIRED)
        return REALIP_REASON_PROXY_MISSING;
    if (facts.suspected)
        return REALIP_REASON_SHARED_SUSPECT;
    return REALIP_REASON_REAL;
}

static bool complete(const struct realip_listener *listener)
{
    return facts.source != 0 && facts.stage != 0 && facts.peer_state != 0 && listener->mode != 0 && listener->proxy != 0
        && listener->attest != 0 && (facts.peer_state != REALIP_PEER_KNOWN || facts.peer.family != REALIP_FAMILY_NONE);
}

static void check_action(const struct realip_listener *listener, const struct realip_verdict *verdict)
{
    enum realip_action wanted = listener->actions[verdict->reason];

    PROVE(verdict->wanted == wanted, "wanted is what the listener says of the reason");
    if (realip_reason_is_problem(verdict->reason) && listener->mode == REALIP_MODE_ENFORCE && wanted > REALIP_ACTION_PASS)
        PROVE(verdict->action > REALIP_ACTION_PASS, "in enforce no problem passes unless the rules say so");
    if (listener->mode == REALIP_MODE_ENFORCE && wanted >= REALIP_ACTION_QUARANTINE)
        PROVE(verdict->action >= REALIP_ACTION_QUARANTINE, "in enforce a refusal refuses");
    if (wanted >= REALIP_ACTION_PASS)
        PROVE(verdict->action != REALIP_ACTION_UNDECIDED, "a decided action is done");
    PROVE(verdict->action <= REALIP_ACTION_REJECT, "no action beyond the vocabulary");
    if (listener->mode == REALIP_MODE_MONITOR)
        PROVE(verdict->action <= REALIP_ACTION_PASS, "monitor stops nothing");
    if (facts.source != REALIP_SOURCE_MILTER)
        PROVE(verdict->action != REALIP_ACTION_QUARANTINE, "the milter alone holds a message");
    if (facts.source != REALIP_SOURCE_POLICYD || facts.password_login)
        PROVE(verdict->action != REALIP_ACTION_NO_RELAY, "no-relay is policyd's, and spares who logged in");
}

int main(void)
{
    static struct realip_rules rules; /* no listener: the fallback judges, and it may be any */
    struct realip_origin name_rule = { "a", 1 };
    struct realip_verdict verdict;

    for (unsigned set = 0; set < REALIP_SET_COUNT; set++) {
        rules.sets[set] = place_of(set);
        client_in[set] = nondet_bool();
        peer_in[set] = nondet_bool();
        entries[set].label = nondet_unsigned();
    }
    facts.source = (enum realip_source)(nondet_unsigned() % REALIP_SOURCE_COUNT);
    facts.stage = (enum realip_stage)(nondet_unsigned() % (REALIP_STAGE_AUTH + 1));
    facts.peer_state = (enum realip_peer_state)(nondet_unsigned() % (REALIP_PEER_LEFT + 1));
    facts.client = any_address();
    facts.peer = any_address();
    facts.relay = any_address();
    facts.listener_port = nondet_u16();
    facts.listener_unsure = nondet_bool();
    facts.password_login = nondet_bool();
    facts.suspected = nondet_bool();
    facts.client_name_rule = nondet_bool() ? &name_rule : NULL;
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        ASSUME(!same(&facts.client, &facts.peer) || client_in[set] == peer_in[set]); /* one address is in or out, not both */
    ASSUME(!client_in[REALIP_SET_LISTED_INFRASTRUCTURE] || client_in[REALIP_SET_INFRASTRUCTURE]); /* rules.h: a part of it */
    rules.fallback.proxy = (enum realip_proxy_need)(nondet_unsigned() % (REALIP_PROXY_FORBIDDEN + 1));
    rules.fallback.attest = (enum realip_attest_need)(nondet_unsigned() % (REALIP_ATTEST_REQUIRED + 1));
    rules.fallback.mode = (enum realip_mode)(nondet_unsigned() % REALIP_MODE_COUNT);
    rules.fallback.allow_internal = nondet_bool();
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
        rules.fallback.actions[reason] = (enum realip_action)(nondet_unsigned() % REALIP_ACTION_COUNT);

    realip_decide(&rules, &facts, &verdict);

    PROVE(verdict.listener == &rules.fallback, "the one listener judges");
    if (!complete(&rules.fallback)) {
        PROVE(verdict.reason == REALIP_REASON_UNDECIDED && verdict.action == REALIP_ACTION_UNDECIDED,
              "half-known facts are undecided, and undecided never passes");
        return 0;
    }
    PROVE(verdict.reason == expected_reason(&rules.fallback), "the reason is that of the plain statement");
    check_action(&rules.fallback, &verdict);
    return 0;
}
