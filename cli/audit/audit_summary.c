#include "audit_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool realip_audit_refuses(enum realip_action action)
{
    return action == REALIP_ACTION_QUARANTINE || action == REALIP_ACTION_DEFER || action == REALIP_ACTION_REJECT;
}

const char *realip_audit_day_text(int64_t day, char text[REALIP_AUDIT_TIME_SIZE])
{
    unsigned year;
    unsigned month;
    unsigned of_month;

    if (day == 0)
        return strcpy(text, "no time stamp");
    realip_log_clock_date(day, &year, &month, &of_month);
    snprintf(text, REALIP_AUDIT_TIME_SIZE, "%04u-%02u-%02u", year, month, of_month);
    return text;
}

const char *realip_audit_time_text(int64_t when, char text[REALIP_AUDIT_TIME_SIZE])
{
    int64_t day = realip_log_clock_day(when);
    unsigned of_day = (unsigned)(when - day * 86400);
    size_t length;

    if (when == 0)
        return strcpy(text, "-");
    length = strlen(realip_audit_day_text(day, text));
    snprintf(text + length, REALIP_AUDIT_TIME_SIZE - length, " %02u:%02u", of_day / 3600, of_day / 60 % 60);
    return text;
}

const char *realip_audit_deed_token(enum realip_audit_deed deed)
{
    static const char *const tokens[REALIP_AUDIT_DEED_COUNT] = { "connections", "mails", "logins", "rejected", "failed-logins" };

    return tokens[deed];
}

/* The letters and logins of a row of counters. */
static uint64_t taken(const uint64_t *deeds)
{
    return deeds[REALIP_AUDIT_MAILS] + deeds[REALIP_AUDIT_LOGINS];
}

static uint64_t all_deeds(const uint64_t *deeds)
{
    uint64_t sum = 0;

    for (unsigned deed = 0; deed < REALIP_AUDIT_DEED_COUNT; deed++)
        sum += deeds[deed];
    return sum;
}

/* Sums over all days, and a row for each problem. */
static void add_row(struct realip_audit_summary *summary, const struct realip_audit_service *service, enum realip_reason reason)
{
    const uint64_t *deeds = service->deeds[reason];
    enum realip_action wanted = service->wanted[reason];

    for (unsigned deed = 0; deed < REALIP_AUDIT_DEED_COUNT; deed++) {
        summary->by_reason[reason][deed] += deeds[deed];
        summary->deeds[deed] += deeds[deed];
    }
    if (realip_audit_refuses(wanted)) {
        summary->refused[reason] += taken(deeds);
        summary->refused_mails += deeds[REALIP_AUDIT_MAILS];
        summary->refused_logins += deeds[REALIP_AUDIT_LOGINS];
    } else if (wanted == REALIP_ACTION_NO_RELAY) {
        summary->not_relayed += deeds[REALIP_AUDIT_MAILS];
    } else if (wanted == REALIP_ACTION_FLAG) {
        summary->flagged += taken(deeds);
    }
    if (realip_reason_is_problem(reason) && all_deeds(deeds) > 0) {
        struct realip_audit_row *row = &summary->rows[summary->row_count++];

        *row = (struct realip_audit_row){ .service = service, .reason = reason, .wanted = wanted };
        memcpy(row->deeds, deeds, sizeof(row->deeds));
    }
}

static void add_cell(struct realip_audit_summary *summary, struct realip_audit_day_row *day, unsigned service, const struct realip_audit_cell *cell)
{
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        enum realip_action wanted = summary->tally->services[service].wanted[reason];
        uint64_t both = taken(cell->deeds[reason]);

        day->all += both;
        if (realip_reason_is_problem((enum realip_reason)reason))
            day->problems += both;
        if (realip_audit_refuses(wanted))
            day->refused[reason] += both;
    }
}

static void add_day(struct realip_audit_summary *summary, const struct realip_audit_day *day)
{
    struct realip_audit_day_row *row = day->day == 0 ? &summary->undated : &summary->days[summary->day_count++];

    row->day = day;
    for (unsigned service = 0; service < REALIP_AUDIT_SERVICES; service++) {
        if (day->cells[service] != 0)
            add_cell(summary, row, service, &summary->tally->cells[day->cells[service] - 1]);
    }
    for (unsigned kind = 0; kind < REALIP_PROXY_FAILURE_COUNT; kind++) {
        row->failures += day->failures[kind];
    }
}

static void add_services(struct realip_audit_summary *summary)
{
    for (unsigned i = 0; i < summary->tally->service_count; i++) {
        const struct realip_audit_service *service = &summary->tally->services[i];

        for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
            add_row(summary, service, (enum realip_reason)reason);
        for (unsigned kind = 0; kind < REALIP_PROXY_FAILURE_COUNT; kind++) {
            summary->failures[kind] += service->failures[kind];
            summary->failure_count += service->failures[kind];
        }
    }
}

static int by_day(const void *one, const void *other)
{
    const struct realip_audit_day_row *a = one;
    const struct realip_audit_day_row *b = other;

    return (a->day->day > b->day->day) - (a->day->day < b->day->day);
}

static int downwards(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static int by_deeds(const uint64_t *a, const uint64_t *b)
{
    int order = downwards(taken(a), taken(b));

    return order != 0 ? order : downwards(all_deeds(a), all_deeds(b));
}

static int by_row(const void *one, const void *other)
{
    const struct realip_audit_row *a = one;
    const struct realip_audit_row *b = other;

    return by_deeds(a->deeds, b->deeds);
}

static int by_client(const void *one, const void *other)
{
    return by_deeds((*(const struct realip_audit_client *const *)one)->deeds, (*(const struct realip_audit_client *const *)other)->deeds);
}

static int by_relay(const void *one, const void *other)
{
    const struct realip_audit_relay *a = *(const struct realip_audit_relay *const *)one;
    const struct realip_audit_relay *b = *(const struct realip_audit_relay *const *)other;
    int order = downwards(a->count, b->count);

    return order != 0 ? order : downwards(a->with_login, b->with_login);
}

static int by_ban(const void *one, const void *other)
{
    return downwards((*(const struct realip_audit_ban *const *)one)->count, (*(const struct realip_audit_ban *const *)other)->count);
}

static int by_verdict(const void *one, const void *other)
{
    return downwards((*(const struct realip_audit_verdict *const *)one)->count, (*(const struct realip_audit_verdict *const *)other)->count);
}

static int by_peer(const void *one, const void *other)
{
    return downwards((*(const struct realip_audit_peer *const *)one)->count, (*(const struct realip_audit_peer *const *)other)->count);
}

static int by_suspect(const void *one, const void *other)
{
    const struct realip_audit_suspect *a = one;
    const struct realip_audit_suspect *b = other;
    int order = downwards(a->users, b->users);

    order = order != 0 ? order : downwards(a->helos, b->helos);
    order = order != 0 ? order : downwards(a->crowd->events, b->crowd->events);
    order = order != 0 ? order : downwards(b->crowd->address.hi, a->crowd->address.hi);
    return order != 0 ? order : downwards(b->crowd->address.lo, a->crowd->address.lo);
}

/* A table's entries as sorted pointers. NULL when memory is short. */
static void *sorted(const struct realip_bounded_table *table, int (*order)(const void *, const void *), size_t *count_r)
{
    const void **list = malloc((table->count + 1) * sizeof(*list));

    *count_r = 0;
    if (list == NULL)
        return NULL;
    for (uint32_t i = 0; i < table->count; i++)
        list[i] = realip_bounded_table_entry(table, i);
    *count_r = table->count;
    qsort(list, *count_r, sizeof(*list), order);
    return list;
}

static int find_suspects(struct realip_audit_summary *summary)
{
    const struct realip_crowd *places = summary->tally->crowds.places;
    size_t room = 0;

    for (size_t i = 0; i < realip_crowd_table_size(); i++) {
        struct realip_audit_suspect suspect = { &places[i], places[i].most[REALIP_CROWD_USERS], places[i].most[REALIP_CROWD_HELOS] };

        if (places[i].address.family == REALIP_FAMILY_NONE || (suspect.users < summary->threshold && suspect.helos < summary->threshold))
            continue;
        if (summary->suspect_count == room) {
            room = room == 0 ? 64 : room * 2;
            struct realip_audit_suspect *more = realloc(summary->suspects, room * sizeof(*more));

            if (more == NULL)
                return -1;
            summary->suspects = more;
        }
        summary->suspects[summary->suspect_count++] = suspect;
    }
    if (summary->suspect_count > 0)
        qsort(summary->suspects, summary->suspect_count, sizeof(*summary->suspects), by_suspect);
    return 0;
}

/* Those of our own daemons' verdicts that are problems. */
static void choose_verdicts(struct realip_audit_summary *summary)
{
    size_t kept = 0;

    for (size_t i = 0; i < summary->verdict_count; i++) {
        if (realip_reason_is_problem((enum realip_reason)summary->verdicts[i]->reason))
            summary->verdicts[kept++] = summary->verdicts[i];
    }
    summary->verdict_count = kept;
}

static void look_at_files(struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;

    for (size_t i = 0; i < summary->input->file_count; i++)
        summary->is_unreadable = summary->is_unreadable || summary->input->files[i].problem != NULL;
    summary->is_no_mail_log = totals->lines > 0 && totals->families[REALIP_LOG_FAMILY_POSTFIX] + totals->families[REALIP_LOG_FAMILY_DOVECOT]
            + totals->families[REALIP_LOG_FAMILY_FAIL2BAN] + totals->families[REALIP_LOG_FAMILY_OURS] == 0;
}

static void count_left_out(struct realip_audit_summary *summary)
{
    const struct realip_audit_tally *tally = summary->tally;
    const struct realip_bounded_table *tables[] = { &tally->clients, &tally->insiders, &tally->relays, &tally->bans, &tally->verdicts, &tally->peers };

    summary->left_out = tally->totals.days_left_out + tally->totals.letters_forgotten + tally->crowds.forgotten;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        summary->left_out += tables[i]->left_out;
}

int realip_audit_summary_make(struct realip_audit_summary *summary, const struct realip_audit_tally *tally, const struct realip_log_input *input,
                              bool was_interrupted)
{
    *summary = (struct realip_audit_summary){ .tally = tally, .input = input, .was_interrupted = was_interrupted };
    summary->threshold = realip_audit_threshold(tally->rules);
    summary->rows = calloc((size_t)REALIP_AUDIT_SERVICES * REALIP_REASON_COUNT, sizeof(*summary->rows));
    summary->days = calloc((size_t)tally->days.count + 1, sizeof(*summary->days));
    if (summary->rows == NULL || summary->days == NULL)
        return -1;
    for (uint32_t i = 0; i < tally->days.count; i++)
        add_day(summary, realip_bounded_table_entry(&tally->days, i));
    add_services(summary);
    qsort(summary->days, summary->day_count, sizeof(*summary->days), by_day);
    qsort(summary->rows, summary->row_count, sizeof(*summary->rows), by_row);
    summary->clients = sorted(&tally->clients, by_client, &summary->client_count);
    summary->insiders = sorted(&tally->insiders, by_client, &summary->insider_count);
    summary->relays = sorted(&tally->relays, by_relay, &summary->relay_count);
    summary->bans = sorted(&tally->bans, by_ban, &summary->ban_count);
    summary->verdicts = sorted(&tally->verdicts, by_verdict, &summary->verdict_count);
    summary->peers = sorted(&tally->peers, by_peer, &summary->peer_count);
    if (summary->clients == NULL || summary->insiders == NULL || summary->relays == NULL || summary->bans == NULL || summary->verdicts == NULL
        || summary->peers == NULL || find_suspects(summary) < 0)
        return -1;
    choose_verdicts(summary);
    look_at_files(summary);
    count_left_out(summary);
    return 0;
}

void realip_audit_summary_clear(struct realip_audit_summary *summary)
{
    free(summary->rows);
    free(summary->days);
    free(summary->clients);
    free(summary->insiders);
    free(summary->relays);
    free(summary->bans);
    free(summary->verdicts);
    free(summary->peers);
    free(summary->suspects);
    *summary = (struct realip_audit_summary){ 0 };
}

bool realip_audit_crowd_has_more(const struct realip_crowd *crowd)
{
    return crowd->is_more[REALIP_CROWD_USERS] || crowd->is_more[REALIP_CROWD_HELOS];
}

bool realip_audit_summary_has_findings(const struct realip_audit_summary *summary)
{
    return summary->refused_mails + summary->refused_logins + summary->not_relayed > 0 || summary->tally->totals.relayed + summary->tally->totals.relayed_unknown > 0
        || summary->failure_count > 0 || summary->suspect_count > 0 || summary->ban_count > 0 || summary->verdict_count > 0;
}

bool realip_audit_summary_lacks_queue(const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;

    return totals->letters_begun > 0 && totals->events[REALIP_LOG_EVENT_SENDER] + totals->events[REALIP_LOG_EVENT_DELIVERY] == 0;
}
