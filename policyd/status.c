#include "status.h"

#include <string.h>
#include <time.h>

#include "attest.h"
#include "explain_http.h"
#include "publication.h"
#include "runtime/status_json.h"
#include "runtime/status_summary.h"
#include "runtime/suspects.h"
#include "suspect_store.h"

#define MOST_ADDRESSES 3

/* ---- The last problems. */

struct frequent {
    struct realip_address address;
    size_t count;
};

/* Whom to look for: the one who told an address where that is the problem, else the address itself. */
static const struct realip_address *culprit(const struct realip_recent_verdict *verdict)
{
    bool is_stranger = verdict->reason == REALIP_REASON_PROXY_UNTRUSTED || verdict->reason == REALIP_REASON_INSIDE_ASSERTED;

    return is_stranger && verdict->peer.family != REALIP_FAMILY_NONE ? &verdict->peer : &verdict->client;
}

static size_t count_addresses(const struct realip_recent_verdict *found, size_t count, long long since, struct frequent frequent[])
{
    size_t distinct = 0;

    for (size_t i = 0; i < count; i++) {
        const struct realip_address *address = culprit(&found[i]);
        size_t k = 0;

        if (found[i].msecs < since || address->family == REALIP_FAMILY_NONE)
            continue;
        while (k < distinct && !realip_address_equal(&frequent[k].address, address))
            k++;
        if (k == distinct)
            frequent[distinct++] = (struct frequent){ *address, 0 };
        frequent[k].count++;
    }
    return distinct;
}

/* The most frequent first; of equal ones the last seen. */
static json_t *addresses_json(const struct realip_recent_verdict *found, size_t count, long long since)
{
    struct frequent frequent[REALIP_STATUS_MOST_PROBLEMS];
    size_t distinct = count_addresses(found, count, since, frequent);
    json_t *list = json_array();

    while (json_array_size(list) < MOST_ADDRESSES) {
        char text[REALIP_ADDRESS_TEXT_SIZE];
        size_t most = 0;

        for (size_t i = 1; i < distinct; i++)
            most = frequent[i].count > frequent[most].count ? i : most;
        if (distinct == 0 || frequent[most].count == 0)
            break;
        json_array_append_new(list, json_pack("{s:s, s:I}", "address", realip_address_format(&frequent[most].address, text), "count",
                                              (json_int_t)frequent[most].count));
        frequent[most].count = 0;
    }
    return list;
}

static void add_problems(const struct realip_recent *recent, json_t *status)
{
    static const struct realip_recent_query query = { .only_problems = true };
    struct realip_recent_verdict found[REALIP_STATUS_MOST_PROBLEMS];
    size_t count = realip_recent_find(recent, &query, found, REALIP_STATUS_MOST_PROBLEMS);
    long long since = ((long long)time(NULL) - REALIP_STATUS_MINUTES * 60) * 1000;
    long long forgotten = realip_recent_problems_since(recent);
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, realip_explain_http_verdict(&found[i]));
    json_object_set_new(status, "problems", list);
    json_object_set_new(status, "problems-since", forgotten == 0 ? json_null() : json_real((double)forgotten / 1000));
    json_object_set_new(json_object_get(status, "summary"), "addresses", addresses_json(found, count, since));
}

/* ---- Attestation. */

static json_t *causes_json(const struct realip_attest *attest)
{
    json_t *list = json_array();

    for (unsigned cause = 1; attest != NULL && cause < REALIP_CAUSE_COUNT; cause++) {
        unsigned long long count = realip_attest_count(attest, (enum realip_attest_cause)cause);

        if (count > 0)
            json_array_append_new(list, json_pack("{s:s, s:I}", "cause", realip_attest_cause_label((enum realip_attest_cause)cause), "count",
                                                  (json_int_t)count));
    }
    return list;
}

static json_t *failure_json(const struct realip_attest_health *health)
{
    if (health->failed_at == 0)
        return json_null();
    return json_pack("{s:s, s:I}", "cause", realip_attest_cause_label(health->last_failure), "at", (json_int_t)health->failed_at);
}

static void add_attestation(const struct realip_policyd_status *self, json_t *status)
{
    struct realip_attest_health health = { .works = false };
    const char *state = "off";
    const char *why = NULL;

    if (self->attest != NULL)
        realip_attest_get_health(self->attest, &health);
    if (self->attest_trouble[0] != '\0' || (self->attest != NULL && !health.works)) {
        state = "failed";
        why = self->attest_trouble[0] != '\0' ? self->attest_trouble : "the helper does not answer: restart realip-policyd if this stays";
        realip_status_json_notice(status, "bad", json_sprintf("TCP peers can't be attested: whoever reaches a PROXY port chooses his address. See Health below."));
    } else if (self->attest != NULL) {
        state = "works";
    }
    json_object_set_new(status, "attestation",
                        json_pack("{s:s, s:o, s:o, s:o, s:I, s:o}", "state", state, "since", realip_status_json_time(health.since), "why",
                                  why == NULL ? json_null() : json_string(why), "last-failure", failure_json(&health), "helpers",
                                  (json_int_t)health.helpers, "counts", causes_json(self->attest)));
}

/* ---- The store. */

static json_t *error_json(const struct realip_store_report *health)
{
    if (health->failed_at == 0)
        return json_null();
    return json_pack("{s:s, s:I}", "text", health->error, "at", (json_int_t)health->failed_at);
}

static void add_store(const struct realip_policyd_status *self, json_t *status)
{
    struct realip_suspect_store_report report;

    if (self->store == NULL)
        return;
    realip_suspect_store_get(self->store, &report);
    const struct realip_store_report *health = &report.health;
    json_object_set_new(status, "store",
                        json_pack("{s:o, s:s, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "place", realip_status_json_text(report.place), "state",
                                  realip_store_state_token(health->state), "since", (json_int_t)health->since, "last-error", error_json(health),
                                  "errors", (json_int_t)health->errors, "outages", (json_int_t)health->outages, "sent", (json_int_t)report.sent,
                                  "dropped", (json_int_t)report.dropped, "lost", (json_int_t)report.lost, "told", (json_int_t)report.told, "waiting", (json_int_t)report.waiting,
                                  "room", (json_int_t)report.room));
    if (health->state == REALIP_STORE_DOWN || health->state == REALIP_STORE_WRONG)
        realip_status_json_notice(status, "warn",
                                  json_sprintf("The shared store %s: suspects are told by this program's own counts. See Health below.",
                                               health->state == REALIP_STORE_DOWN ? "is not reached" : "gives no right answers"));
}

/* ---- The compiled rules. */

static void add_publication(const struct realip_policyd_status *self, json_t *status)
{
    char why[REALIP_PUBLICATION_WHY_SIZE];
    char text[REALIP_PUBLICATION_WHY_SIZE + 128];

    if (!realip_publication_is_stale(self->publication, why))
        return;
    snprintf(text, sizeof(text), "The compiled rules are not those in force: Dovecot's modules go on with what they have. %s", why);
    realip_status_json_notice(status, "bad", realip_status_json_text(text));
}

/* ---- Suspects. */

static json_t *find_suspects(struct realip_suspects *suspects)
{
    struct realip_suspects_entry found[REALIP_STATUS_MOST_SUSPECTS];
    size_t total = realip_suspects_list(suspects, found, REALIP_STATUS_MOST_SUSPECTS);
    json_t *list = json_array();

    for (size_t i = 0; i < total && i < REALIP_STATUS_MOST_SUSPECTS; i++) {
        char network[REALIP_NETWORK_TEXT_SIZE];

        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:b}", "network", realip_network_format(&found[i].network, network), "clients",
                                              (json_int_t)found[i].clients, "seconds-ago", (json_int_t)found[i].seconds_ago, "told-by-others",
                                              found[i].is_told));
    }
    return json_pack("{s:o, s:I}", "suspects", list, "suspects-total", (json_int_t)total);
}

static void add_suspects(struct realip_policyd_status *self, json_t *status)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(self->snapshots);
    bool configured = realip_snapshot_config(snapshot)->suspicion.configured;
    struct timespec now;

    realip_snapshot_release(&snapshot);
    if (!configured)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (self->suspects == NULL || now.tv_sec >= self->suspects_at + REALIP_STATUS_SUSPECTS_REST) {
        json_decref(self->suspects);
        self->suspects = find_suspects(realip_snapshots_suspects(self->snapshots));
        self->suspects_at = now.tv_sec;
    }
    if (self->suspects != NULL)
        json_object_update(status, self->suspects);
}

void realip_policyd_status_add(void *context, json_t *status)
{
    struct realip_policyd_status *self = context;

    add_problems(self->recent, status);
    add_attestation(self, status);
    add_store(self, status);
    add_publication(self, status);
    add_suspects(self, status);
}
