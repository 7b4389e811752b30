/* How the tally counts. */
#include "audit_count.h"

#include <string.h>

#define OTHERS (REALIP_AUDIT_SERVICES - 1)

struct realip_audit_address realip_audit_key_of(const struct realip_address *address)
{
    return (struct realip_audit_address){ address->hi, address->lo, (uint32_t)address->family, 0 };
}

void realip_audit_put_text(char *out, size_t size, struct realip_log_text text)
{
    if (text.length > 0)
        memcpy(out, text.start, text.length < size - 1 ? text.length : size - 1);
}

void realip_audit_note_time(int64_t when, int64_t *first, int64_t *last)
{
    if (*first == 0 || when < *first)
        *first = when;
    if (when > *last)
        *last = when;
}

unsigned realip_audit_service_of(struct realip_audit_tally *tally, struct realip_log_text name)
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
    realip_audit_put_text(tally->services[tally->service_count].name, REALIP_AUDIT_NAME_SIZE, name);
    return tally->service_count++;
}

struct realip_audit_day *realip_audit_day_of(struct realip_audit_tally *tally, int64_t when)
{
    int64_t day = realip_log_clock_day(when);

    if (tally->today == NULL || tally->today->day != day)
        tally->today = realip_bounded_table_at(&tally->days, &day);
    if (tally->today == NULL)
        tally->totals.days_left_out++;
    return tally->today;
}

static struct realip_audit_cell *cell_of(struct realip_audit_tally *tally, int64_t when, unsigned service)
{
    struct realip_audit_day *day = realip_audit_day_of(tally, when);

    if (day == NULL)
        return NULL;
    if (day->cells[service] == 0) {
        if (tally->cell_count == REALIP_AUDIT_MOST_CELLS) {
            tally->totals.days_left_out++;
            return NULL;
        }
        day->cells[service] = ++tally->cell_count;
    }
    return &tally->cells[day->cells[service] - 1];
}

static void count_client(struct realip_bounded_table *table, const struct realip_audit_doer *doer, enum realip_audit_deed deed, int64_t when, int amount)
{
    struct realip_audit_client key = { .address = realip_audit_key_of(&doer->client), .service = (uint16_t)doer->service, .reason = (uint16_t)doer->reason };
    struct realip_audit_client *client = realip_bounded_table_at(table, &key);

    if (client == NULL)
        return;
    client->deeds[deed] += (uint64_t)amount;
    realip_audit_note_time(when, &client->first, &client->last);
}

void realip_audit_count_deed(struct realip_audit_tally *tally, const struct realip_audit_doer *doer, enum realip_audit_deed deed, int64_t when, int amount)
{
    struct realip_audit_cell *cell = cell_of(tally, when, doer->service);

    if (cell != NULL)
        cell->deeds[doer->reason][deed] += (uint64_t)amount;
    tally->services[doer->service].deeds[doer->reason][deed] += (uint64_t)amount;
    if (realip_reason_is_problem(doer->reason))
        count_client(&tally->clients, doer, deed, when, amount);
    else if (doer->reason == REALIP_REASON_REAL && realip_address_is_private(&doer->client))
        count_client(&tally->insiders, doer, deed, when, amount);
}
