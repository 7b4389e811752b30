#include "policy_adapter.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/name_pattern.h"

/* Greeting is no wish to send; anything else, and any state that a later Postfix may invent, is. */
static enum realip_stage stage_of(const char *protocol_state)
{
    static const char *const greeting[] = { "CONNECT", "HELO", "EHLO" };

    for (size_t i = 0; protocol_state != NULL && i < sizeof(greeting) / sizeof(greeting[0]); i++) {
        if (strcmp(protocol_state, greeting[i]) == 0)
            return REALIP_STAGE_CONNECT;
    }
    return REALIP_STAGE_MAIL;
}

static void add_ports(struct realip_policy_ports *ports, const struct realip_listener *listener)
{
    for (size_t i = 0; i < listener->port_count && ports->count < REALIP_RULES_MAX_PORTS; i++)
        ports->ports[ports->count++] = listener->ports[i];
}

bool realip_policy_wants_peer(const struct realip_snapshot *snapshot, const struct realip_policy_request *request,
                              struct realip_policy_ports *ports_r)
{
    const struct realip_rules *rules = &realip_snapshot_config(snapshot)->rules;
    const struct realip_facts name = { .listener_name = request->policy_context };
    const struct realip_listener *listener = realip_rules_listener(rules, &name);
    bool wanted = listener->attest != REALIP_ATTEST_OFF;

    ports_r->count = 0;
    if (listener != &rules->fallback) {
        add_ports(ports_r, listener);
        ports_r->own_listening = ports_r->count == 0;
        return wanted;
    }
    ports_r->own_listening = true;
    for (size_t i = 0; i < rules->listener_count; i++) {
        add_ports(ports_r, &rules->listeners[i]);
        wanted = wanted || rules->listeners[i].attest != REALIP_ATTEST_OFF;
    }
    return wanted;
}

void realip_policy_facts(const struct realip_snapshot *snapshot, const struct realip_policy_request *request,
                         const struct realip_policy_peer *peer, struct realip_facts *facts_r)
{
    const char *reason;

    *facts_r = (struct realip_facts){
        .source = REALIP_SOURCE_POLICYD,
        .stage = stage_of(request->protocol_state),
        .peer_state = peer->state,
        .peer = peer->address,
        .listener_name = request->policy_context,
        .listener_port = peer->listener_port,
        .service = "smtpd",
        .name_told = request->helo_name,
        .password_login = realip_facts_is_login(request->sasl_method, request->sasl_username),
        .client_name_rule
        = realip_name_pattern_match(realip_snapshot_config(snapshot)->client_names, request->client_name),
        .session = request->instance,
        .user = request->sasl_username,
    };
    /* A vanished client must not escape a listener that only its port would have told. */
    facts_r->listener_unsure = peer->state == REALIP_PEER_GONE && peer->listener_port == 0;
    /* What is no address ("unknown") leaves the client absent: address-missing. */
    if (request->client_address != NULL)
        (void)realip_address_parse(request->client_address, strlen(request->client_address), &facts_r->client, &reason);
}

size_t realip_policy_answer(const struct realip_snapshot *snapshot, const struct realip_policy_request *request,
                            const struct realip_policy_peer *peer, struct realip_recent *recent,
                            char reply[REALIP_POLICY_REPLY_SIZE])
{
    struct realip_facts facts;
    struct realip_verdict verdict;

    realip_policy_facts(snapshot, request, peer, &facts);
    realip_snapshot_judge(snapshot, &facts, &verdict);
    if (recent != NULL)
        realip_recent_add(recent, &facts, &verdict, request->helo_name);
    return realip_policy_reply_format(&verdict, reply);
}
