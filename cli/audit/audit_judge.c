/* The part of audit_tally.h that is pure: what the rules say of an event. */
#include "audit_tally.h"

const struct realip_network_entry *realip_audit_is_ours(const struct realip_rules *rules, const struct realip_address *address,
                                                        enum realip_set *set_r)
{
    static const enum realip_set sets[] = { REALIP_SET_INFRASTRUCTURE, REALIP_SET_PROXIES, REALIP_SET_PROBERS, REALIP_SET_INTERNAL, REALIP_SET_OWN };

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        const struct realip_network_entry *entry = realip_network_set_find(rules->sets[sets[i]], address);

        *set_r = sets[i];
        if (entry != NULL)
            return entry;
    }
    return NULL;
}

/* A filter or a store within: no relaying. */
static bool is_inside(const struct realip_rules *rules, const struct realip_address *address)
{
    enum realip_set set;

    return realip_address_is_loopback(address) || realip_audit_is_ours(rules, address, &set) != NULL;
}

static void judge_session(const struct realip_audit_rules *rules, struct realip_audit_finding *finding)
{
    struct realip_verdict verdict;

    realip_audit_rules_judge(rules, &finding->event, &verdict);
    finding->reason = verdict.reason;
    finding->wanted = verdict.wanted;
    finding->listener = verdict.listener->title;
}

void realip_audit_judge(const struct realip_audit_rules *rules, struct realip_audit_finding *finding)
{
    finding->reason = REALIP_REASON_UNDECIDED;
    finding->wanted = REALIP_ACTION_UNDECIDED;
    finding->listener = NULL;
    finding->is_inside = false;
    switch (finding->event.kind) {
    case REALIP_LOG_EVENT_CONNECT:
    case REALIP_LOG_EVENT_MAIL:
    case REALIP_LOG_EVENT_REJECT:
    case REALIP_LOG_EVENT_LOGIN:
    case REALIP_LOG_EVENT_LOGIN_FAILED:
    case REALIP_LOG_EVENT_LOGIN_NONE:
        judge_session(rules, finding);
        break;
    case REALIP_LOG_EVENT_DELIVERY:
        finding->is_inside = is_inside(&rules->rules, &finding->event.relay_address);
        break;
    case REALIP_LOG_EVENT_NONE:
    case REALIP_LOG_EVENT_KEPT:
    case REALIP_LOG_EVENT_REFUSED:
    case REALIP_LOG_EVENT_CANCELED:
    case REALIP_LOG_EVENT_PASSED:
    case REALIP_LOG_EVENT_SENDER:
    case REALIP_LOG_EVENT_REMOVED:
    case REALIP_LOG_EVENT_PROXY_FAILURE:
    case REALIP_LOG_EVENT_BAN:
    case REALIP_LOG_EVENT_VERDICT:
    case REALIP_LOG_EVENT_COUNT:
        break;
    }
}
