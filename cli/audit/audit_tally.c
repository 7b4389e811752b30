#include "audit_letters.h"

#include <stdlib.h>
#include <string.h>

#define MOST_DAYS     2000U
#define MOST_CLIENTS  20000U
#define MOST_INSIDERS 4096U
#define MOST_RELAYS   8192U
#define MOST_BANS     4096U
#define MOST_VERDICTS 2048U
#define MOST_PEERS    4096U
#define DEFAULT_WINDOW 3600U
#define DEFAULT_THRESHOLD 20U

/* The same log has to give the same report, so nothing is drawn by lot. Who writes a log could aim at one place of the tables then; it
 * gets him little: a place is searched a bounded number of steps (bounded_table.c), a bucket of the others has eight ways, and what
 * finds no room is told. */
#define SEED 0x9e3779b97f4a7c15ULL

static const struct realip_suspicion *suspicion_of(const struct realip_audit_rules *rules)
{
    return rules->config != NULL && rules->config->suspicion.configured ? &rules->config->suspicion : NULL;
}

unsigned realip_audit_threshold(const struct realip_audit_rules *rules)
{
    unsigned wanted = suspicion_of(rules) != NULL ? suspicion_of(rules)->distinct_clients : DEFAULT_THRESHOLD;

    return wanted < REALIP_CROWD_MOST_EXACT ? wanted : REALIP_CROWD_MOST_EXACT;
}

int realip_audit_tally_init(struct realip_audit_tally *tally, const struct realip_audit_rules *rules)
{
    const struct realip_suspicion *suspicion = suspicion_of(rules);
    int result = 0;

    memset(tally, 0, sizeof(*tally));
    tally->rules = rules;
    tally->cells = calloc(REALIP_AUDIT_MOST_CELLS, sizeof(*tally->cells));
    result |= realip_bounded_table_init(&tally->days, MOST_DAYS, sizeof(int64_t), sizeof(struct realip_audit_day), SEED);
    result |= realip_bounded_table_init(&tally->clients, MOST_CLIENTS, offsetof(struct realip_audit_client, deeds), sizeof(struct realip_audit_client), SEED);
    result |= realip_bounded_table_init(&tally->insiders, MOST_INSIDERS, offsetof(struct realip_audit_client, deeds), sizeof(struct realip_audit_client), SEED);
    result |= realip_bounded_table_init(&tally->relays, MOST_RELAYS, offsetof(struct realip_audit_relay, count), sizeof(struct realip_audit_relay), SEED);
    result |= realip_bounded_table_init(&tally->bans, MOST_BANS, offsetof(struct realip_audit_ban, count), sizeof(struct realip_audit_ban), SEED);
    result |= realip_bounded_table_init(&tally->verdicts, MOST_VERDICTS, offsetof(struct realip_audit_verdict, count), sizeof(struct realip_audit_verdict), SEED);
    result |= realip_bounded_table_init(&tally->peers, MOST_PEERS, offsetof(struct realip_audit_peer, count), sizeof(struct realip_audit_peer), SEED);
    result |= realip_queue_table_init(&tally->queue, SEED);
    result |= realip_crowd_table_init(&tally->crowds, suspicion != NULL && suspicion->window > 0 ? suspicion->window : DEFAULT_WINDOW, realip_audit_threshold(rules), SEED);
    return tally->cells != NULL && result == 0 ? 0 : -1;
}

void realip_audit_tally_clear(struct realip_audit_tally *tally)
{
    free(tally->cells);
    tally->cells = NULL;
    realip_bounded_table_clear(&tally->days);
    realip_bounded_table_clear(&tally->clients);
    realip_bounded_table_clear(&tally->insiders);
    realip_bounded_table_clear(&tally->relays);
    realip_bounded_table_clear(&tally->bans);
    realip_bounded_table_clear(&tally->verdicts);
    realip_bounded_table_clear(&tally->peers);
    realip_queue_table_clear(&tally->queue);
    realip_crowd_table_clear(&tally->crowds);
}

struct realip_address realip_audit_address_of(const struct realip_audit_address *address)
{
    return (struct realip_address){ address->hi, address->lo, (enum realip_family)address->family };
}

static bool is_deed(enum realip_log_event_kind kind, enum realip_audit_deed *deed_r)
{
    static const enum realip_audit_deed deeds[REALIP_LOG_EVENT_COUNT] = {
        [REALIP_LOG_EVENT_CONNECT] = REALIP_AUDIT_CONNECTIONS,   [REALIP_LOG_EVENT_LOGIN_NONE] = REALIP_AUDIT_CONNECTIONS,
        [REALIP_LOG_EVENT_LOGIN] = REALIP_AUDIT_LOGINS,          [REALIP_LOG_EVENT_REJECT] = REALIP_AUDIT_REJECTED,
        [REALIP_LOG_EVENT_LOGIN_FAILED] = REALIP_AUDIT_FAILED_LOGINS,
    };

    *deed_r = deeds[kind];
    return *deed_r != REALIP_AUDIT_CONNECTIONS || kind == REALIP_LOG_EVENT_CONNECT || kind == REALIP_LOG_EVENT_LOGIN_NONE;
}

static void add_crowd(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    if (event->kind == REALIP_LOG_EVENT_REJECT && event->helo.length > 0)
        realip_crowd_table_add(&tally->crowds, &event->client, REALIP_CROWD_HELOS, event->helo, when);
    if ((event->kind == REALIP_LOG_EVENT_MAIL || event->kind == REALIP_LOG_EVENT_LOGIN) && event->user.length > 0)
        realip_crowd_table_add(&tally->crowds, &event->client, REALIP_CROWD_USERS, event->user, when);
}

/* A letter is counted when it is in the queue; its session counts for who is behind an address. */
static void add_session(struct realip_audit_tally *tally, const struct realip_audit_finding *finding, int64_t when)
{
    const struct realip_log_event *event = &finding->event;
    struct realip_audit_doer doer = { event->client, realip_audit_service_of(tally, event->service), finding->reason };
    enum realip_audit_deed deed;

    tally->services[doer.service].listener = finding->listener;
    tally->services[doer.service].wanted[finding->reason] = finding->wanted;
    if (finding->reason == REALIP_REASON_REAL)
        add_crowd(tally, event, when);
    if (event->kind == REALIP_LOG_EVENT_MAIL)
        realip_audit_letters_begin(tally, event, &doer, when);
    else if (is_deed(event->kind, &deed))
        realip_audit_count_deed(tally, &doer, deed, when, 1);
}

static void add_failure(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_day *day = realip_audit_day_of(tally, when);

    tally->services[realip_audit_service_of(tally, event->service)].failures[event->failure]++;
    if (day != NULL)
        day->failures[event->failure]++;
    if (event->client.family == REALIP_FAMILY_NONE)
        return;
    struct realip_audit_peer key = { .address = realip_audit_key_of(&event->client), .failure = (uint32_t)event->failure };
    struct realip_audit_peer *peer = realip_bounded_table_at(&tally->peers, &key);
    if (peer != NULL)
        peer->count++;
}

static void add_ban(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_ban key = { .address = realip_audit_key_of(&event->client) };
    struct realip_audit_ban *ban;
    enum realip_set set;

    if (realip_audit_is_ours(&tally->rules->rules, &event->client, &set) == NULL)
        return;
    tally->totals.bans_of_ours++;
    realip_audit_put_text(key.jail, sizeof(key.jail), event->name);
    ban = realip_bounded_table_at(&tally->bans, &key);
    if (ban == NULL)
        return;
    ban->count++;
    realip_audit_note_time(when, &ban->first, &ban->last);
}

static void add_verdict(struct realip_audit_tally *tally, const struct realip_log_event *event)
{
    struct realip_audit_verdict key = { .reason = event->reason, .wanted = event->wanted, .action = event->action };
    struct realip_audit_verdict *verdict;

    realip_audit_put_text(key.source, sizeof(key.source), event->source);
    realip_audit_put_text(key.listener, sizeof(key.listener), event->name);
    verdict = realip_bounded_table_at(&tally->verdicts, &key);
    if (verdict != NULL)
        verdict->count++;
}

void realip_audit_tally_add(struct realip_audit_tally *tally, const struct realip_audit_finding *finding)
{
    const struct realip_log_event *event = &finding->event;
    int64_t when = realip_log_clock_read(&tally->clock, &event->stamp);

    if (when != 0)
        realip_audit_note_time(when, &tally->totals.first, &tally->totals.last);
    tally->totals.events[event->kind]++;
    switch (event->kind) {
    case REALIP_LOG_EVENT_NONE:
    case REALIP_LOG_EVENT_COUNT:
        break;
    case REALIP_LOG_EVENT_CONNECT:
    case REALIP_LOG_EVENT_MAIL:
    case REALIP_LOG_EVENT_REJECT:
    case REALIP_LOG_EVENT_LOGIN:
    case REALIP_LOG_EVENT_LOGIN_FAILED:
    case REALIP_LOG_EVENT_LOGIN_NONE:
        add_session(tally, finding, when);
        break;
    case REALIP_LOG_EVENT_KEPT:
    case REALIP_LOG_EVENT_REFUSED:
    case REALIP_LOG_EVENT_CANCELED:
    case REALIP_LOG_EVENT_PASSED:
    case REALIP_LOG_EVENT_SENDER:
    case REALIP_LOG_EVENT_DELIVERY:
    case REALIP_LOG_EVENT_REMOVED:
        realip_audit_letters_note(tally, finding, when);
        break;
    case REALIP_LOG_EVENT_PROXY_FAILURE:
        add_failure(tally, event, when);
        break;
    case REALIP_LOG_EVENT_BAN:
        add_ban(tally, event, when);
        break;
    case REALIP_LOG_EVENT_VERDICT:
        add_verdict(tally, event);
        break;
    }
}

void realip_audit_tally_finish(struct realip_audit_tally *tally)
{
    realip_audit_letters_finish(tally);
}
