/* The report as JSON. Its keys are described in docs/AUDIT.md, and may be added to, never changed. */
#include "audit_json_value.h"

static json_t *input_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    json_t *object = json_object();
    json_t *files = json_array();

    for (size_t i = 0; i < summary->input->file_count; i++) {
        json_t *file = json_object();

        realip_audit_json_set(file, "path", realip_audit_json_text(summary->input->files[i].path));
        realip_audit_json_set(file, "problem", realip_audit_json_text_or_null(summary->input->files[i].problem));
        json_array_append_new(files, file);
    }
    realip_audit_json_set(object, "files", files);
    realip_audit_json_set(object, "lines", realip_audit_json_count(totals->lines));
    realip_audit_json_set(object, "no-log-lines", realip_audit_json_count(totals->no_log));
    realip_audit_json_set(object, "cut-lines", realip_audit_json_count(summary->input->cut_lines));
    realip_audit_json_set(object, "long-entries", realip_audit_json_count(summary->input->long_entries));
    realip_audit_json_set(object, "first", realip_audit_json_time(totals->first));
    realip_audit_json_set(object, "last", realip_audit_json_time(totals->last));
    realip_audit_json_set(object, "interrupted", json_boolean(summary->was_interrupted));
    return object;
}

static json_t *rules_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_rules *rules = summary->tally->rules;
    json_t *object = json_object();

    realip_audit_json_set(object, "configuration", realip_audit_json_text_or_null(rules->config != NULL ? rules->config->path : NULL));
    for (unsigned i = 0; i < REALIP_SET_CONFIGURED_COUNT; i++)
        realip_audit_json_set(object, realip_set_token((enum realip_set)i), realip_audit_json_count(realip_network_set_count(rules->rules.sets[i])));
    return object;
}

static json_t *totals_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    json_t *object = json_object();

    realip_audit_json_set_deeds(object, summary->deeds);
    realip_audit_json_set(object, "letters-begun", realip_audit_json_count(totals->letters_begun));
    realip_audit_json_set(object, "letters-refused", realip_audit_json_count(totals->letters_refused));
    realip_audit_json_set(object, "letters-returned", realip_audit_json_count(totals->letters_returned));
    realip_audit_json_set(object, "deliveries", realip_audit_json_count(totals->events[REALIP_LOG_EVENT_DELIVERY]));
    realip_audit_json_set(object, "sent", realip_audit_json_count(totals->sent));
    realip_audit_json_set(object, "deferred", realip_audit_json_count(totals->deferred));
    realip_audit_json_set(object, "bounced", realip_audit_json_count(totals->bounced));
    realip_audit_json_set(object, "proxy-failures", realip_audit_json_count(totals->events[REALIP_LOG_EVENT_PROXY_FAILURE]));
    realip_audit_json_set(object, "bans", realip_audit_json_count(totals->events[REALIP_LOG_EVENT_BAN]));
    realip_audit_json_set(object, "verdicts", realip_audit_json_count(totals->events[REALIP_LOG_EVENT_VERDICT]));
    return object;
}

static json_t *reasons_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        json_t *object = json_object();

        realip_audit_json_set(object, "reason", json_string(realip_reason_token((enum realip_reason)reason)));
        realip_audit_json_set(object, "refused", realip_audit_json_count(summary->refused[reason]));
        realip_audit_json_set_deeds(object, summary->by_reason[reason]);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *listeners_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->row_count; i++) {
        const struct realip_audit_row *row = &summary->rows[i];
        json_t *object = json_object();

        realip_audit_json_set(object, "service", realip_audit_json_text(row->service->name));
        realip_audit_json_set(object, "listener", realip_audit_json_text_or_null(row->service->listener));
        realip_audit_json_set(object, "reason", json_string(realip_reason_token(row->reason)));
        realip_audit_json_set(object, "action", json_string(realip_action_token(row->wanted)));
        realip_audit_json_set_deeds(object, row->deeds);
        json_array_append_new(list, object);
    }
    return list;
}

/* One object for each day, service and reason with a problem. */
static void add_cells(const struct realip_audit_summary *summary, const struct realip_audit_day *day, json_t *list)
{
    const struct realip_audit_tally *tally = summary->tally;
    char text[REALIP_AUDIT_TIME_SIZE];

    for (unsigned cell = 0; cell < REALIP_AUDIT_SERVICES * REALIP_REASON_COUNT; cell++) {
        const struct realip_audit_service *service = &tally->services[cell / REALIP_REASON_COUNT];
        enum realip_reason reason = (enum realip_reason)(cell % REALIP_REASON_COUNT);
        uint32_t at = day->cells[cell / REALIP_REASON_COUNT];
        uint64_t sum = 0;

        for (unsigned deed = 0; at != 0 && deed < REALIP_AUDIT_DEED_COUNT; deed++)
            sum += tally->cells[at - 1].deeds[reason][deed];
        if (sum == 0 || !realip_reason_is_problem(reason))
            continue;
        json_t *object = json_object();
        realip_audit_json_set(object, "day", day->day == 0 ? json_null() : json_string(realip_audit_day_text(day->day, text)));
        realip_audit_json_set(object, "service", realip_audit_json_text(service->name));
        realip_audit_json_set(object, "reason", json_string(realip_reason_token(reason)));
        realip_audit_json_set(object, "action", json_string(realip_action_token(service->wanted[reason])));
        realip_audit_json_set_deeds(object, tally->cells[at - 1].deeds[reason]);
        json_array_append_new(list, object);
    }
}

static json_t *refused_of(const struct realip_audit_summary *summary)
{
    json_t *object = json_object();
    json_t *days = json_array();

    for (size_t i = 0; i < summary->day_count; i++)
        add_cells(summary, summary->days[i].day, days);
    if (summary->undated.day != NULL)
        add_cells(summary, summary->undated.day, days);
    realip_audit_json_set(object, "mails", realip_audit_json_count(summary->refused_mails));
    realip_audit_json_set(object, "logins", realip_audit_json_count(summary->refused_logins));
    realip_audit_json_set(object, "not-relayed", realip_audit_json_count(summary->not_relayed));
    realip_audit_json_set(object, "flagged", realip_audit_json_count(summary->flagged));
    realip_audit_json_set(object, "by-reason", reasons_of(summary));
    realip_audit_json_set(object, "by-listener", listeners_of(summary));
    realip_audit_json_set(object, "by-day", days);
    return object;
}

static json_t *clients_of(const struct realip_audit_summary *summary, const struct realip_audit_client **clients, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();

        realip_audit_json_set(object, "client", realip_audit_json_address(&clients[i]->address));
        realip_audit_json_set(object, "service", realip_audit_json_text(summary->tally->services[clients[i]->service].name));
        realip_audit_json_set(object, "reason", json_string(realip_reason_token((enum realip_reason)clients[i]->reason)));
        realip_audit_json_set_network(summary, object, &clients[i]->address);
        realip_audit_json_set_deeds(object, clients[i]->deeds);
        realip_audit_json_set(object, "first", realip_audit_json_time(clients[i]->first));
        realip_audit_json_set(object, "last", realip_audit_json_time(clients[i]->last));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *relayed_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    json_t *object = json_object();
    json_t *list = json_array();

    for (size_t i = 0; i < summary->relay_count; i++) {
        const struct realip_audit_relay *relay = summary->relays[i];
        json_t *row = json_object();

        realip_audit_json_set(row, "client", realip_audit_json_address(&relay->address));
        realip_audit_json_set(row, "domain", realip_audit_json_text(relay->domain));
        realip_audit_json_set(row, "deliveries", realip_audit_json_count(relay->count));
        realip_audit_json_set(row, "deliveries-with-login", realip_audit_json_count(relay->with_login));
        realip_audit_json_set(row, "deliveries-login-unknown", realip_audit_json_count(relay->unknown));
        realip_audit_json_set(row, "first", realip_audit_json_time(relay->first));
        realip_audit_json_set(row, "last", realip_audit_json_time(relay->last));
        realip_audit_json_set(row, "sender", realip_audit_json_text(relay->sender));
        realip_audit_json_set(row, "recipient", realip_audit_json_text(relay->recipient));
        json_array_append_new(list, row);
    }
    realip_audit_json_set(object, "letters", realip_audit_json_count(totals->relayed_letters[REALIP_LETTER_LOGIN_NONE]));
    realip_audit_json_set(object, "letters-with-login", realip_audit_json_count(totals->relayed_letters[REALIP_LETTER_LOGIN_DONE]));
    realip_audit_json_set(object, "letters-login-unknown", realip_audit_json_count(totals->relayed_letters[REALIP_LETTER_LOGIN_UNKNOWN]));
    realip_audit_json_set(object, "deliveries", realip_audit_json_count(totals->relayed));
    realip_audit_json_set(object, "deliveries-with-login", realip_audit_json_count(totals->relayed_with_login));
    realip_audit_json_set(object, "deliveries-login-unknown", realip_audit_json_count(totals->relayed_unknown));
    realip_audit_json_set(object, "to", list);
    return object;
}

static json_t *failure_services(const struct realip_audit_summary *summary, unsigned kind)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < summary->tally->service_count; i++) {
        json_t *name = realip_audit_json_text(summary->tally->services[i].name);

        if (summary->tally->services[i].failures[kind] > 0)
            realip_audit_json_set(object, json_string_value(name), realip_audit_json_count(summary->tally->services[i].failures[kind]));
        json_decref(name);
    }
    return object;
}

static json_t *failure_days(const struct realip_audit_summary *summary, unsigned kind)
{
    json_t *object = json_object();
    char text[REALIP_AUDIT_TIME_SIZE];

    for (size_t i = 0; i <= summary->day_count; i++) {
        const struct realip_audit_day *day = i < summary->day_count ? summary->days[i].day : summary->undated.day;

        if (day != NULL && day->failures[kind] > 0)
            realip_audit_json_set(object, realip_audit_day_text(day->day, text), realip_audit_json_count(day->failures[kind]));
    }
    return object;
}

static json_t *failure_peers(const struct realip_audit_summary *summary, unsigned kind)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->peer_count; i++) {
        json_t *object;

        if (summary->peers[i]->failure != kind)
            continue;
        object = json_object();
        realip_audit_json_set(object, "peer", realip_audit_json_address(&summary->peers[i]->address));
        realip_audit_json_set(object, "count", realip_audit_json_count(summary->peers[i]->count));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *failures_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (unsigned kind = 0; kind < REALIP_PROXY_FAILURE_COUNT; kind++) {
        json_t *object;

        if (summary->failures[kind] == 0)
            continue;
        object = json_object();
        realip_audit_json_set(object, "kind", json_string(realip_proxy_failure_token((enum realip_proxy_failure)kind)));
        realip_audit_json_set(object, "meaning", json_string(realip_proxy_failure_sentence((enum realip_proxy_failure)kind)));
        realip_audit_json_set(object, "count", realip_audit_json_count(summary->failures[kind]));
        realip_audit_json_set(object, "services", failure_services(summary, kind));
        realip_audit_json_set(object, "days", failure_days(summary, kind));
        realip_audit_json_set(object, "peers", failure_peers(summary, kind));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *suspects_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->suspect_count; i++) {
        const struct realip_audit_suspect *suspect = &summary->suspects[i];
        char text[REALIP_ADDRESS_TEXT_SIZE];
        json_t *object = json_object();

        realip_audit_json_set(object, "client", json_string(realip_address_format(&suspect->crowd->address, text)));
        realip_audit_json_set(object, "users", realip_audit_json_count(suspect->users));
        realip_audit_json_set(object, "helo-names", realip_audit_json_count(suspect->helos));
        realip_audit_json_set(object, "at-least", json_boolean(realip_audit_crowd_has_more(suspect->crowd)));
        realip_audit_json_set(object, "events", realip_audit_json_count(suspect->crowd->events));
        realip_audit_json_set(object, "window", realip_audit_json_count(summary->tally->crowds.window));
        realip_audit_json_set(object, "first", realip_audit_json_time(suspect->crowd->first));
        realip_audit_json_set(object, "last", realip_audit_json_time(suspect->crowd->last));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *bans_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->ban_count; i++) {
        const struct realip_audit_ban *ban = summary->bans[i];
        json_t *object = json_object();

        realip_audit_json_set(object, "client", realip_audit_json_address(&ban->address));
        realip_audit_json_set_network(summary, object, &ban->address);
        realip_audit_json_set(object, "jail", realip_audit_json_text(ban->jail));
        realip_audit_json_set(object, "count", realip_audit_json_count(ban->count));
        realip_audit_json_set(object, "first", realip_audit_json_time(ban->first));
        realip_audit_json_set(object, "last", realip_audit_json_time(ban->last));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *verdicts_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (size_t i = 0; i < summary->verdict_count; i++) {
        const struct realip_audit_verdict *verdict = summary->verdicts[i];
        json_t *object = json_object();

        realip_audit_json_set(object, "source", realip_audit_json_text(verdict->source));
        realip_audit_json_set(object, "listener", realip_audit_json_text(verdict->listener));
        realip_audit_json_set(object, "reason", json_string(realip_reason_token((enum realip_reason)verdict->reason)));
        realip_audit_json_set(object, "wanted", json_string(realip_action_token((enum realip_action)verdict->wanted)));
        realip_audit_json_set(object, "action", json_string(realip_action_token((enum realip_action)verdict->action)));
        realip_audit_json_set(object, "count", realip_audit_json_count(verdict->count));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *left_out_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_tally *tally = summary->tally;
    json_t *object = json_object();

    realip_audit_json_set(object, "clients", realip_audit_json_count(tally->clients.left_out));
    realip_audit_json_set(object, "private-clients", realip_audit_json_count(tally->insiders.left_out));
    realip_audit_json_set(object, "relayed", realip_audit_json_count(tally->relays.left_out));
    realip_audit_json_set(object, "bans", realip_audit_json_count(tally->bans.left_out));
    realip_audit_json_set(object, "verdicts", realip_audit_json_count(tally->verdicts.left_out));
    realip_audit_json_set(object, "peers", realip_audit_json_count(tally->peers.left_out));
    realip_audit_json_set(object, "days", realip_audit_json_count(tally->totals.days_left_out));
    realip_audit_json_set(object, "letters", realip_audit_json_count(tally->totals.letters_forgotten));
    realip_audit_json_set(object, "addresses", realip_audit_json_count(tally->crowds.forgotten));
    return object;
}

int realip_audit_json(const struct realip_audit_summary *summary)
{
    json_t *object = json_object();
    int result;

    realip_audit_json_set(object, "version", json_integer(1));
    realip_audit_json_set(object, "found", json_boolean(realip_audit_summary_has_findings(summary)));
    realip_audit_json_set(object, "input", input_of(summary));
    realip_audit_json_set(object, "rules", rules_of(summary));
    realip_audit_json_set(object, "totals", totals_of(summary));
    realip_audit_json_set(object, "refused", refused_of(summary));
    realip_audit_json_set(object, "clients", clients_of(summary, summary->clients, summary->client_count));
    realip_audit_json_set(object, "relayed", relayed_of(summary));
    realip_audit_json_set(object, "proxy-failures", failures_of(summary));
    realip_audit_json_set(object, "bans", bans_of(summary));
    realip_audit_json_set(object, "suspects", suspects_of(summary));
    realip_audit_json_set(object, "private-clients", clients_of(summary, summary->insiders, summary->insider_count));
    realip_audit_json_set(object, "verdicts", verdicts_of(summary));
    realip_audit_json_set(object, "left-out", left_out_of(summary));
    result = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(object);
    return result < 0 || putchar('\n') == EOF ? -1 : 0;
}
