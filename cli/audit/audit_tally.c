#include "audit_tally.h"

#include <stdlib.h>
#include <string.h>

#define MOST_DAYS     2000U
#define MOST_CELLS    20000U /* 480 bytes each */
#define MOST_CLIENTS  20000U
#define MOST_INSIDERS 4096U
#define MOST_RELAYS   8192U
#define MOST_BANS     4096U
#define MOST_VERDICTS 2048U
#define MOST_PEERS    4096U
#define OTHERS        (REALIP_AUDIT_SERVICES - 1)
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
    tally->cells = calloc(MOST_CELLS, sizeof(*tally->cells));
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

static struct realip_audit_address key_of(const struct realip_address *address)
{
    return (struct realip_audit_address){ address->hi, address->lo, (uint32_t)address->family, 0 };
}

struct realip_address realip_audit_address_of(const struct realip_audit_address *address)
{
    return (struct realip_address){ address->hi, address->lo, (enum realip_family)address->family };
}

/* Cut to fit, filled up with zeros by the caller's zeroed key. */
static void put_text(char *out, size_t size, struct realip_log_text text)
{
    if (text.length > 0)
        memcpy(out, text.start, text.length < size - 1 ? text.length : size - 1);
}

static void note_time(int64_t when, int64_t *first, int64_t *last)
{
    if (*first == 0 || when < *first)
        *first = when;
    if (when > *last)
        *last = when;
}

static unsigned service_index(struct realip_audit_tally *tally, struct realip_log_text name)
{
    size_t length = name.length < REALIP_AUDIT_NAME_SIZE - 1 ? name.length : REALIP_AUDIT_NAME_SIZE - 1;

    for (unsigned i = 0; i < tally->service_count; i++) {
        if (memcmp(tally->services[i].name, name.start, length) == 0 && tally->services[i].name[length] == '\0')
            return i;
    }
    if (tally->service_count >= OTHERS) {
        tally->service_count = REALIP_AUDIT_SERVICES;
        memcpy(tally->services[OTHERS].name, "(others)", sizeof("(others)"));
        return OTHERS;
    }
    put_text(tally->services[tally->service_count].name, REALIP_AUDIT_NAME_SIZE, name);
    return tally->service_count++;
}

static struct realip_audit_day *day_of(struct realip_audit_tally *tally, int64_t when)
{
    int64_t day = when / 86400;

    if (tally->today == NULL || tally->today->day != day)
        tally->today = realip_bounded_table_at(&tally->days, &day);
    if (tally->today == NULL)
        tally->totals.days_left_out++;
    return tally->today;
}

static struct realip_audit_cell *cell_of(struct realip_audit_tally *tally, int64_t when, unsigned service)
{
    struct realip_audit_day *day = day_of(tally, when);

    if (day == NULL)
        return NULL;
    if (day->cells[service] == 0) {
        if (tally->cell_count == MOST_CELLS) {
            tally->totals.days_left_out++;
            return NULL;
        }
        day->cells[service] = ++tally->cell_count;
    }
    return &tally->cells[day->cells[service] - 1];
}

static bool is_deed(enum realip_log_event_kind kind, enum realip_audit_deed *deed_r)
{
    static const enum realip_audit_deed deeds[REALIP_LOG_EVENT_COUNT] = {
        [REALIP_LOG_EVENT_CONNECT] = REALIP_AUDIT_CONNECTIONS,   [REALIP_LOG_EVENT_LOGIN_NONE] = REALIP_AUDIT_CONNECTIONS,
        [REALIP_LOG_EVENT_MAIL] = REALIP_AUDIT_MAILS,            [REALIP_LOG_EVENT_LOGIN] = REALIP_AUDIT_LOGINS,
        [REALIP_LOG_EVENT_REJECT] = REALIP_AUDIT_REJECTED,       [REALIP_LOG_EVENT_LOGIN_FAILED] = REALIP_AUDIT_FAILED_LOGINS,
    };

    *deed_r = deeds[kind];
    return *deed_r != REALIP_AUDIT_CONNECTIONS || kind == REALIP_LOG_EVENT_CONNECT || kind == REALIP_LOG_EVENT_LOGIN_NONE;
}

static void add_client(struct realip_bounded_table *table, const struct realip_audit_finding *finding, unsigned service, enum realip_audit_deed deed,
                       int64_t when)
{
    struct realip_audit_client key = { .address = key_of(&finding->event.client), .service = (uint16_t)service, .reason = (uint16_t)finding->reason };
    struct realip_audit_client *client = realip_bounded_table_at(table, &key);

    if (client == NULL)
        return;
    client->deeds[deed]++;
    note_time(when, &client->first, &client->last);
}

/* RFC 1918, RFC 6598, RFC 4193, RFC 3927, RFC 4291 section 2.5.6 */
static bool is_private(const struct realip_address *address)
{
    if (address->family == REALIP_FAMILY_IPV4)
        return address->lo >> 24 == 10 || address->lo >> 20 == 0xac1 || address->lo >> 16 == 0xc0a8 || address->lo >> 22 == 0x191
            || address->lo >> 16 == 0xa9fe;
    return address->family == REALIP_FAMILY_IPV6 && (address->hi >> 57 == 0x7e || address->hi >> 54 == 0x3fa);
}

static void add_crowd(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    if (event->kind == REALIP_LOG_EVENT_REJECT && event->helo.length > 0)
        realip_crowd_table_add(&tally->crowds, &event->client, REALIP_CROWD_HELOS, event->helo, when);
    if ((event->kind == REALIP_LOG_EVENT_MAIL || event->kind == REALIP_LOG_EVENT_LOGIN) && event->user.length > 0)
        realip_crowd_table_add(&tally->crowds, &event->client, REALIP_CROWD_USERS, event->user, when);
}

static bool has_login(const struct realip_log_event *event)
{
    /* XCLIENT's LOGIN shows as a method, and is whatever the one who may say it claims. */
    return event->user.length > 0 && !realip_log_text_is(event->method, "XCLIENT") && !realip_log_text_is(event->method, "ANONYMOUS");
}

static void remove_letter(struct realip_audit_tally *tally, const struct realip_log_event *event)
{
    struct realip_queued_letter *letter = realip_queue_table_find(&tally->queue, event->host, event->queue_id);

    if (letter != NULL)
        realip_queue_table_remove(&tally->queue, letter);
}

static void remember_letter(struct realip_audit_tally *tally, const struct realip_log_event *event)
{
    if (event->queue_id.length == 0 || realip_log_text_is(event->queue_id, "NOQUEUE"))
        return;
    struct realip_queued_letter *letter = realip_queue_table_add(&tally->queue, event->host, event->queue_id);
    letter->client = event->client;
    letter->has_login = has_login(event);
}

static void add_session(struct realip_audit_tally *tally, const struct realip_audit_finding *finding, int64_t when)
{
    const struct realip_log_event *event = &finding->event;
    unsigned service = service_index(tally, event->service);
    struct realip_audit_cell *cell = cell_of(tally, when, service);
    enum realip_audit_deed deed;

    if (!is_deed(event->kind, &deed))
        return;
    if (cell != NULL)
        cell->deeds[finding->reason][deed]++;
    tally->services[service].deeds[finding->reason][deed]++;
    tally->services[service].listener = finding->listener;
    tally->services[service].wanted[finding->reason] = finding->wanted;
    if (realip_reason_is_problem(finding->reason)) {
        add_client(&tally->clients, finding, service, deed, when);
        if (event->kind == REALIP_LOG_EVENT_MAIL)
            remember_letter(tally, event);
        return;
    }
    if (event->kind == REALIP_LOG_EVENT_MAIL)
        remove_letter(tally, event); /* an old one with the same id, whose end was not logged */
    if (finding->reason == REALIP_REASON_REAL) {
        add_crowd(tally, event, when);
        if (is_private(&event->client))
            add_client(&tally->insiders, finding, service, deed, when);
    }
}

static struct realip_log_text domain_of(struct realip_log_text recipient)
{
    const char *at = recipient.length > 0 ? memrchr(recipient.start, '@', recipient.length) : NULL;

    if (at == NULL)
        return (struct realip_log_text){ "-", 1 };
    return (struct realip_log_text){ at + 1, (size_t)(recipient.start + recipient.length - at) - 1 };
}

static void add_relay(struct realip_audit_tally *tally, const struct realip_queued_letter *letter, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_relay key = { .address = key_of(&letter->client) };
    struct realip_audit_relay *relay;

    put_text(key.domain, sizeof(key.domain), domain_of(event->recipient));
    for (char *at = key.domain; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 32);
    }
    relay = realip_bounded_table_at(&tally->relays, &key);
    if (relay == NULL)
        return;
    if (relay->count == 0 && !letter->has_login) {
        memcpy(relay->sender, letter->sender, sizeof(relay->sender));
        put_text(relay->recipient, sizeof(relay->recipient), event->recipient);
    }
    *(letter->has_login ? &relay->with_login : &relay->count) += 1;
    note_time(when, &relay->first, &relay->last);
}

static void add_delivery(struct realip_audit_tally *tally, const struct realip_audit_finding *finding, int64_t when)
{
    const struct realip_log_event *event = &finding->event;
    bool is_sent = realip_log_text_is(event->status, "sent");

    tally->totals.sent += is_sent;
    tally->totals.deferred += realip_log_text_is(event->status, "deferred");
    tally->totals.bounced += realip_log_text_is(event->status, "bounced");
    if (!is_sent || !event->is_smtp || finding->is_inside)
        return;
    const struct realip_queued_letter *letter = realip_queue_table_find(&tally->queue, event->host, event->queue_id);
    if (letter == NULL)
        return;
    add_relay(tally, letter, event, when);
    if (letter->has_login) {
        tally->totals.relayed_with_login++;
        return;
    }
    tally->totals.relayed++;
    struct realip_audit_day *day = day_of(tally, when);
    if (day != NULL)
        day->relayed++;
}

static void add_sender(struct realip_audit_tally *tally, const struct realip_log_event *event)
{
    struct realip_queued_letter *letter = realip_queue_table_find(&tally->queue, event->host, event->queue_id);

    if (letter != NULL && letter->sender[0] == '\0')
        put_text(letter->sender, sizeof(letter->sender), event->sender);
}

static void add_failure(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_day *day = day_of(tally, when);

    tally->services[service_index(tally, event->service)].failures[event->failure]++;
    if (day != NULL)
        day->failures[event->failure]++;
    if (event->client.family == REALIP_FAMILY_NONE)
        return;
    struct realip_audit_peer key = { .address = key_of(&event->client), .failure = (uint32_t)event->failure };
    struct realip_audit_peer *peer = realip_bounded_table_at(&tally->peers, &key);
    if (peer != NULL)
        peer->count++;
}

static void add_ban(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_ban key = { .address = key_of(&event->client) };
    struct realip_audit_ban *ban;
    enum realip_set set;

    if (realip_audit_is_ours(&tally->rules->rules, &event->client, &set) == NULL)
        return;
    tally->totals.bans_of_ours++;
    put_text(key.jail, sizeof(key.jail), event->name);
    ban = realip_bounded_table_at(&tally->bans, &key);
    if (ban == NULL)
        return;
    ban->count++;
    note_time(when, &ban->first, &ban->last);
}

static void add_verdict(struct realip_audit_tally *tally, const struct realip_log_event *event)
{
    struct realip_audit_verdict key = { .reason = event->reason, .wanted = event->wanted, .action = event->action };
    struct realip_audit_verdict *verdict;

    put_text(key.source, sizeof(key.source), event->source);
    put_text(key.listener, sizeof(key.listener), event->name);
    verdict = realip_bounded_table_at(&tally->verdicts, &key);
    if (verdict != NULL)
        verdict->count++;
}

void realip_audit_tally_add(struct realip_audit_tally *tally, const struct realip_audit_finding *finding)
{
    const struct realip_log_event *event = &finding->event;
    int64_t when = realip_log_clock_read(&tally->clock, &event->stamp);

    if (when != 0)
        note_time(when, &tally->totals.first, &tally->totals.last);
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
    case REALIP_LOG_EVENT_SENDER:
        add_sender(tally, event);
        break;
    case REALIP_LOG_EVENT_DELIVERY:
        add_delivery(tally, finding, when);
        break;
    case REALIP_LOG_EVENT_REMOVED:
        remove_letter(tally, event);
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
