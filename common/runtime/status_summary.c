#include "status_summary.h"

#include <stdio.h>

enum level { LEVEL_UNDECIDED = 0, LEVEL_STRANGERS, LEVEL_LOST };

/* Advice is for whoever looks at three in the morning: what it most often is, and what to type. */
struct meaning {
    enum level level;
    const char *clause; /* behind "3 of 40 checks in the last 15 minutes" */
    const char *advice;
};

enum realip_status_outcome realip_status_outcome(enum realip_action action)
{
    switch (action) {
    case REALIP_ACTION_PASS:
        return REALIP_STATUS_PASSED;
    case REALIP_ACTION_FLAG:
    case REALIP_ACTION_NO_RELAY:
        return REALIP_STATUS_FLAGGED;
    case REALIP_ACTION_UNDECIDED:
    case REALIP_ACTION_QUARANTINE:
    case REALIP_ACTION_DEFER:
    case REALIP_ACTION_REJECT:
    case REALIP_ACTION_COUNT:
        break;
    }
    return REALIP_STATUS_REFUSED;
}

const char *realip_status_outcome_token(enum realip_status_outcome outcome)
{
#define TOKEN(name, token) token,
    static const char *const tokens[] = { REALIP_STATUS_OUTCOME_TABLE(TOKEN) };
#undef TOKEN

    return tokens[outcome];
}

bool realip_status_is_problem(enum realip_reason reason)
{
    return reason == REALIP_REASON_UNDECIDED || realip_reason_is_problem(reason);
}

static struct meaning meaning_of(enum realip_reason reason)
{
    switch (reason) {
    case REALIP_REASON_INFRASTRUCTURE:
        return (struct meaning){ LEVEL_LOST, "showed an address of this site's own network: the real client is lost",
                                 "Something on the way puts its own address in place of the client's: a Kubernetes Service with externalTrafficPolicy: Cluster, "
                                 "Docker's proxy, a load balancer that sends no PROXY header. `realipctl doctor` names what it can see; the addresses "
                                 "below say where to look." };
    case REALIP_REASON_PROXY_SHOWN:
        return (struct meaning){ LEVEL_LOST, "showed the proxy in place of its client",
                                 "The proxy sends no header to this port, or LOCAL. Have it send PROXY v2 (HAProxy: send-proxy-v2) and the listener take it; hosts that "
                                 "only check the port's health belong into networks probers." };
    case REALIP_REASON_INSIDE_ASSERTED:
        return (struct meaning){ LEVEL_LOST, "had an address from inside, told by a proxy",
                                 "The proxy itself does not see the client: it stands behind a Service or a NAT that masquerades. Mend the way to the proxy." };
    case REALIP_REASON_PEER_UNKNOWN:
        return (struct meaning){ LEVEL_LOST, "came from a host that could not be seen",
                                 "Clients that are gone before they are judged look so: a few are normal. Many: see Health below, and `journalctl -u realip-policyd`." };
    case REALIP_REASON_ADDRESS_MISSING:
        return (struct meaning){ LEVEL_LOST, "had no client address", "Look for the sessions below in the mail log: what handed them to the server without an address?" };
    case REALIP_REASON_PROXY_MISSING:
        return (struct meaning){ LEVEL_STRANGERS, "came without the proxy to a port that is for the proxy alone",
                                 "Somebody reaches the port past the proxy. `realipctl export nftables` makes a table that lets the proxies in and nobody else." };
    case REALIP_REASON_PROXY_UNTRUSTED:
        return (struct meaning){ LEVEL_STRANGERS, "had their address told by a host that is no listed proxy",
                                 "Is the peer below a proxy of yours with a new address? Then add it to networks proxies. Else it is a stranger: `realipctl export nftables` makes "
                                 "a table that keeps strangers from these ports." };
    case REALIP_REASON_SHARED_SUSPECT:
        return (struct meaning){ LEVEL_STRANGERS, "came from an address that many clients use",
                                 "If it is a NAT of yours, the real clients are lost behind it: list it in networks infrastructure and mend the way." };
    case REALIP_REASON_UNDECIDED:
        return (struct meaning){ LEVEL_LOST, "could not be decided about", "The log says what was missing." };
    case REALIP_REASON_REAL:
    case REALIP_REASON_INTERNAL:
    case REALIP_REASON_PROBE:
    case REALIP_REASON_COUNT:
        break;
    }
    return (struct meaning){ LEVEL_UNDECIDED, "", "" };
}

const char *realip_status_span(long long seconds, char text[REALIP_STATUS_SPAN_SIZE])
{
    static const struct {
        long long size;
        const char *name;
    } units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } };
    size_t unit = 0;

    if (seconds < 60) {
        snprintf(text, REALIP_STATUS_SPAN_SIZE, "less than a minute");
        return text;
    }
    /* "90 minutes" says more than "1 hour" */
    while (unit < 2 && seconds < 2 * units[unit].size)
        unit++;
    long long count = seconds / units[unit].size;
    snprintf(text, REALIP_STATUS_SPAN_SIZE, "%lld %s%s", count, units[unit].name, count == 1 ? "" : "s");
    return text;
}

static unsigned long long sum_of(const struct realip_status_counts *counts, unsigned reason)
{
    unsigned long long sum = 0;

    for (unsigned outcome = 0; outcome < REALIP_STATUS_OUTCOME_COUNT; outcome++)
        sum += counts->of[reason][outcome];
    return sum;
}

/* Lost clients before strangers, and of these the most frequent. UNDECIDED with a count of 0 where there is no problem. */
static enum realip_reason worst_of(const struct realip_status_counts *counts)
{
    enum realip_reason worst = REALIP_REASON_UNDECIDED;
    enum level level = LEVEL_UNDECIDED;

    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++) {
        enum realip_reason reason = (enum realip_reason)i;
        unsigned long long sum = sum_of(counts, i);

        if (sum == 0 || !realip_status_is_problem(reason) || meaning_of(reason).level < level)
            continue;
        if (meaning_of(reason).level == level && sum <= sum_of(counts, worst))
            continue;
        worst = reason;
        level = meaning_of(reason).level;
    }
    return worst;
}

/* "in the last 15 minutes", or what there is of them. */
static void write_span(const struct realip_status_situation *situation, char text[64])
{
    char span[REALIP_STATUS_SPAN_SIZE];

    if (situation->watched >= REALIP_STATUS_MINUTES * 60LL)
        snprintf(text, 64, "in the last %d minutes", REALIP_STATUS_MINUTES);
    else
        snprintf(text, 64, "since the start %s ago", realip_status_span(situation->watched, span));
}

static json_t *quiet_summary(const struct realip_status_situation *situation, const char *span)
{
    char quiet[REALIP_STATUS_SPAN_SIZE];
    char last[64] = "";

    if (situation->quiet >= 0)
        snprintf(last, sizeof(last), " The last one came %s ago.", realip_status_span(situation->quiet, quiet));
    return json_pack("{s:s, s:o, s:[s]}", "level", "note", "sentence", json_sprintf("No session has come %s.%s", span, last), "advice",
                     "If there should be some: does the way to this server still lead here, and does the mail server ask? `realipctl doctor` looks at both.");
}

static json_t *problem_sentence(const struct realip_status_counts *counts, enum realip_reason worst, const char *span)
{
    unsigned long long all = 0;
    unsigned long long problems = 0;
    unsigned long long refused = 0;
    unsigned long long count = sum_of(counts, worst);
    char others[64] = "";
    char did[64];

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        all += sum_of(counts, reason);
        if (realip_status_is_problem((enum realip_reason)reason)) {
            problems += sum_of(counts, reason);
            refused += counts->of[reason][REALIP_STATUS_REFUSED];
        }
    }
    if (problems > count)
        snprintf(others, sizeof(others), " %llu more had other problems.", problems - count);
    if (refused > 0 && refused < problems)
        snprintf(did, sizeof(did), "%llu were", refused);
    else
        snprintf(did, sizeof(did), refused == 0 ? "None was" : problems == 1 ? "It was" : "All were");
    return json_sprintf("%llu of %llu checks %s %s.%s %s refused.", count, all, span, meaning_of(worst).clause, others, did);
}

json_t *realip_status_summary(const struct realip_status_situation *situation)
{
    const struct realip_status_counts *counts = &situation->counts;
    enum realip_reason worst = worst_of(counts);
    unsigned long long all = 0;
    char span[64];

    write_span(situation, span);
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
        all += sum_of(counts, reason);
    if (all == 0)
        return quiet_summary(situation, span);
    if (sum_of(counts, worst) == 0)
        return json_pack("{s:s, s:o, s:[]}", "level", "good", "sentence", json_sprintf("Every session %s showed its real client.", span), "advice");
    return json_pack("{s:s, s:o, s:[s]}", "level", meaning_of(worst).level == LEVEL_LOST ? "bad" : "warn", "sentence",
                     problem_sentence(counts, worst, span), "advice", meaning_of(worst).advice);
}
