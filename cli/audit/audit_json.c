/* The report as JSON. Its keys are described in docs/AUDIT.md, and may be added to, never changed. */
#include <jansson.h>
#include <string.h>

#include "audit_summary.h"

static json_t *count_of(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Bytes of a log need not be UTF-8: what is none becomes Latin-1, so that nothing is lost and JSON stays JSON. */
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    char wide[REALIP_AUDIT_TEXT_SIZE * 2 + 1];
    size_t used = 0;

    if (value != NULL)
        return value;
    for (; *text != '\0' && used + 2 < sizeof(wide); text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 128) {
            wide[used++] = *text;
        } else {
            wide[used++] = (char)(0xc0 | c >> 6);
            wide[used++] = (char)(0x80 | (c & 0x3f));
        }
    }
    wide[used] = '\0';
    return json_string(wide);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : text_of(text);
}

static json_t *time_of(int64_t when)
{
    char text[REALIP_AUDIT_TIME_SIZE];

    return when == 0 ? json_null() : json_string(realip_audit_time_text(when, text));
}

static json_t *address_of(const struct realip_audit_address *packed)
{
    struct realip_address address = realip_audit_address_of(packed);
    char text[REALIP_ADDRESS_TEXT_SIZE];

    return address.family == REALIP_FAMILY_NONE ? json_null() : json_string(realip_address_format(&address, text));
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void set_deeds(json_t *object, const uint64_t *deeds)
{
    for (unsigned deed = 0; deed < REALIP_AUDIT_DEED_COUNT; deed++)
        set(object, realip_audit_deed_token((enum realip_audit_deed)deed), count_of(deeds[deed]));
}

/* Which network of which set makes an address ours, and where it was listed. */
static void set_network(const struct realip_audit_summary *summary, json_t *object, const struct realip_audit_address *packed)
{
    const struct realip_rules *rules = &summary->tally->rules->rules;
    struct realip_address address = realip_audit_address_of(packed);
    enum realip_set which;
    const struct realip_network_entry *entry = realip_audit_is_ours(rules, &address, &which);
    char text[REALIP_NETWORK_TEXT_SIZE];
    char place[512];

    set(object, "set", entry == NULL ? json_null() : json_string(realip_set_token(which)));
    set(object, "network", entry == NULL ? json_null() : json_string(realip_network_format(&entry->network, text)));
    if (entry == NULL) {
        set(object, "rule", json_null());
        return;
    }
    struct realip_origin origin = realip_rules_origin(rules, entry->label);
    if (origin.file != NULL && origin.line > 0)
        snprintf(place, sizeof(place), "%s:%u", origin.file, origin.line);
    else
        snprintf(place, sizeof(place), "%s", origin.file != NULL ? origin.file : "");
    set(object, "rule", text_or_null(place));
}

static json_t *input_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    json_t *object = json_object();
    json_t *files = json_array();

    for (size_t i = 0; i < summary->input->file_count; i++) {
        json_t *file = json_object();

        set(file, "path", text_of(summary->input->files[i].path));
        set(file, "problem", text_or_null(summary->input->files[i].problem));
        json_array_append_new(files, file);
    }
    set(object, "files", files);
    set(object, "lines", count_of(totals->lines));
    set(object, "no-log-lines", count_of(totals->no_log));
    set(object, "cut-lines", count_of(summary->input->cut_lines));
    set(object, "long-entries", count_of(summary->input->long_entries));
    set(object, "first", time_of(totals->first));
    set(object, "last", time_of(totals->last));
    set(object, "interrupted", json_boolean(summary->was_interrupted));
    return object;
}

static json_t *rules_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_rules *rules = summary->tally->rules;
    json_t *object = json_object();

    set(object, "configuration", text_or_null(rules->config != NULL ? rules->config->path : NULL));
    for (unsigned i = 0; i < REALIP_SET_CONFIGURED_COUNT; i++)
        set(object, realip_set_token((enum realip_set)i), count_of(realip_network_set_count(rules->rules.sets[i])));
    return object;
}

static json_t *totals_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    json_t *object = json_object();

    set_deeds(object, summary->deeds);
    set(object, "letters-begun", count_of(totals->letters_begun));
    set(object, "letters-refused", count_of(totals->letters_refused));
    set(object, "letters-returned", count_of(totals->letters_returned));
    set(object, "deliveries", count_of(totals->events[REALIP_LOG_EVENT_DELIVERY]));
    set(object, "sent", count_of(totals->sent));
    set(object, "deferred", count_of(totals->deferred));
    set(object, "bounced", count_of(totals->bounced));
    set(object, "proxy-failures", count_of(totals->events[REALIP_LOG_EVENT_PROXY_FAILURE]));
    set(object, "bans", count_of(totals->events[REALIP_LOG_EVENT_BAN]));
    set(object, "verdicts", count_of(totals->events[REALIP_LOG_EVENT_VERDICT]));
    return object;
}

static json_t *reasons_of(const struct realip_audit_summary *summary)
{
    json_t *list = json_array();

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        json_t *object = json_object();

        set(object, "reason", json_string(realip_reason_token((enum realip_reason)reason)));
        set(object, "refused", count_of(summary->refused[reason]));
        set_deeds(object, summary->by_reason[reason]);
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

        set(object, "service", text_of(row->service->name));
        set(object, "listener", text_or_null(row->service->listener));
        set(object, "reason", json_string(realip_reason_token(row->reason)));
        set(object, "action", json_string(realip_action_token(row->wanted)));
        set_deeds(object, row->deeds);
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
        set(object, "day", json_string(realip_audit_day_text(day->day, text)));
        set(object, "service", text_of(service->name));
        set(object, "reason", json_string(realip_reason_token(reason)));
        set(object, "action", json_string(realip_action_token(service->wanted[reason])));
        set_deeds(object, tally->cells[at - 1].deeds[reason]);
        json_array_append_new(list, object);
    }
}

static json_t *refused_of(const struct realip_audit_summary *summary)
{
    json_t *object = json_object();
    json_t *days = json_array();

    for (size_t i = 0; i < summary->day_count; i++)
        add_cells(summary, summary->days[i].day, days);
    set(object, "mails", count_of(summary->refused_mails));
    set(object, "logins", count_of(summary->refused_logins));
    set(object, "not-relayed", count_of(summary->not_relayed));
    set(object, "flagged", count_of(summary->flagged));
    set(object, "by-reason", reasons_of(summary));
    set(object, "by-listener", listeners_of(summary));
    set(object, "by-day", days);
    return object;
}

static json_t *clients_of(const struct realip_audit_summary *summary, const struct realip_audit_client **clients, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();

        set(object, "client", address_of(&clients[i]->address));
        set(object, "service", text_of(summary->tally->services[clients[i]->service].name));
        set(object, "reason", json_string(realip_reason_token((enum realip_reason)clients[i]->reason)));
        set_network(summary, object, &clients[i]->address);
        set_deeds(object, clients[i]->deeds);
        set(object, "first", time_of(clients[i]->first));
        set(object, "last", time_of(clients[i]->last));
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

        set(row, "client", address_of(&relay->address));
        set(row, "domain", text_of(relay->domain));
        set(row, "deliveries", count_of(relay->count));
        set(row, "deliveries-with-login", count_of(relay->with_login));
        set(row, "deliveries-login-unknown", count_of(relay->unknown));
        set(row, "first", time_of(relay->first));
        set(row, "last", time_of(relay->last));
        set(row, "sender", text_of(relay->sender));
        set(row, "recipient", text_of(relay->recipient));
        json_array_append_new(list, row);
    }
    set(object, "letters", count_of(totals->relayed_letters[REALIP_LETTER_LOGIN_NONE]));
    set(object, "letters-with-login", count_of(totals->relayed_letters[REALIP_LETTER_LOGIN_DONE]));
    set(object, "letters-login-unknown", count_of(totals->relayed_letters[REALIP_LETTER_LOGIN_UNKNOWN]));
    set(object, "deliveries", count_of(totals->relayed));
    set(object, "deliveries-with-login", count_of(totals->relayed_with_login));
    set(object, "deliveries-login-unknown", count_of(totals->relayed_unknown));
    set(object, "to", list);
    return object;
}

static json_t *failure_services(const struct realip_audit_summary *summary, unsigned kind)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < summary->tally->service_count; i++) {
        json_t *name = text_of(summary->tally->services[i].name);

        if (summary->tally->services[i].failures[kind] > 0)
            set(object, json_string_value(name), count_of(summary->tally->services[i].failures[kind]));
        json_decref(name);
    }
    return object;
}

static json_t *failure_days(const struct realip_audit_summary *summary, unsigned kind)
{
    json_t *object = json_object();
    char text[REALIP_AUDIT_TIME_SIZE];

    for (size_t i = 0; i < summary->day_count; i++) {
        const struct realip_audit_day *day = summary->days[i].day;

        if (day->failures[kind] > 0)
            set(object, realip_audit_day_text(day->day, text), count_of(day->failures[kind]));
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
        set(object, "peer", address_of(&summary->peers[i]->address));
        set(object, "count", count_of(summary->peers[i]->count));
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
        set(object, "kind", json_string(realip_proxy_failure_token((enum realip_proxy_failure)kind)));
        set(object, "meaning", json_string(realip_proxy_failure_sentence((enum realip_proxy_failure)kind)));
        set(object, "count", count_of(summary->failures[kind]));
        set(object, "services", failure_services(summary, kind));
        set(object, "days", failure_days(summary, kind));
        set(object, "peers", failure_peers(summary, kind));
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

        set(object, "client", json_string(realip_address_format(&suspect->crowd->address, text)));
        set(object, "users", count_of(suspect->users));
        set(object, "helo-names", count_of(suspect->helos));
        set(object, "at-least", json_boolean(suspect->crowd->is_more[REALIP_CROWD_USERS] || suspect->crowd->is_more[REALIP_CROWD_HELOS]));
        set(object, "events", count_of(suspect->crowd->events));
        set(object, "window", count_of(summary->tally->crowds.window));
        set(object, "first", time_of(suspect->crowd->first));
        set(object, "last", time_of(suspect->crowd->last));
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

        set(object, "client", address_of(&ban->address));
        set_network(summary, object, &ban->address);
        set(object, "jail", text_of(ban->jail));
        set(object, "count", count_of(ban->count));
        set(object, "first", time_of(ban->first));
        set(object, "last", time_of(ban->last));
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

        set(object, "source", text_of(verdict->source));
        set(object, "listener", text_of(verdict->listener));
        set(object, "reason", json_string(realip_reason_token((enum realip_reason)verdict->reason)));
        set(object, "wanted", json_string(realip_action_token((enum realip_action)verdict->wanted)));
        set(object, "action", json_string(realip_action_token((enum realip_action)verdict->action)));
        set(object, "count", count_of(verdict->count));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *left_out_of(const struct realip_audit_summary *summary)
{
    const struct realip_audit_tally *tally = summary->tally;
    json_t *object = json_object();

    set(object, "clients", count_of(tally->clients.left_out));
    set(object, "private-clients", count_of(tally->insiders.left_out));
    set(object, "relayed", count_of(tally->relays.left_out));
    set(object, "bans", count_of(tally->bans.left_out));
    set(object, "verdicts", count_of(tally->verdicts.left_out));
    set(object, "peers", count_of(tally->peers.left_out));
    set(object, "days", count_of(tally->totals.days_left_out));
    set(object, "letters", count_of(tally->totals.letters_forgotten));
    set(object, "addresses", count_of(tally->crowds.forgotten));
    return object;
}

int realip_audit_json(const struct realip_audit_summary *summary)
{
    json_t *object = json_object();
    int result;

    set(object, "version", json_integer(1));
    set(object, "found", json_boolean(realip_audit_summary_has_findings(summary)));
    set(object, "input", input_of(summary));
    set(object, "rules", rules_of(summary));
    set(object, "totals", totals_of(summary));
    set(object, "refused", refused_of(summary));
    set(object, "clients", clients_of(summary, summary->clients, summary->client_count));
    set(object, "relayed", relayed_of(summary));
    set(object, "proxy-failures", failures_of(summary));
    set(object, "bans", bans_of(summary));
    set(object, "suspects", suspects_of(summary));
    set(object, "private-clients", clients_of(summary, summary->insiders, summary->insider_count));
    set(object, "verdicts", verdicts_of(summary));
    set(object, "left-out", left_out_of(summary));
    result = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(object);
    return result < 0 || putchar('\n') == EOF ? -1 : 0;
}
