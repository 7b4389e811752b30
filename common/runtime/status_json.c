#include "status_json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "realip-config.h"
#include "status_summary.h"

struct listener_tally {
    struct realip_status_counts counts; /* in the range of the chart */
    unsigned long long problems[REALIP_STATUS_MOST_COLUMNS];
};

/* What one walk through the history finds. */
struct tally {
    long long first; /* minute, of the first column */
    unsigned step;   /* minutes of a column */
    size_t columns;
    long long recent; /* the first minute that the summary is about */
    long long listener; /* number of the one that the chart is of; -1: of all */
    struct realip_status_counts recent_counts;
    unsigned long long series[REALIP_REASON_COUNT][REALIP_STATUS_OUTCOME_COUNT][REALIP_STATUS_MOST_COLUMNS];
    size_t listener_count;
    struct listener_tally listeners[];
};

static const struct {
    unsigned minutes;
    unsigned step;
} ranges[] = {
#define RANGE(minutes, step) { minutes, step },
    REALIP_STATUS_RANGE_TABLE(RANGE)
#undef RANGE
};

static size_t range_of(unsigned long minutes)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (ranges[i].minutes == minutes)
            return i;
    }
    return 0;
}

bool realip_status_json_has_range(unsigned long minutes)
{
    return ranges[range_of(minutes)].minutes == minutes;
}

/* ---- Counting. */

static void count_listener(struct tally *tally, const struct realip_history_count *count, size_t column)
{
    struct listener_tally *listener = &tally->listeners[count->listener];

    listener->counts.of[count->reason][realip_status_outcome(count->action)] += count->count;
    if (realip_status_is_problem(count->reason))
        listener->problems[column] += count->count;
}

static void take(void *context, const struct realip_history_count *count)
{
    struct tally *tally = context;
    enum realip_status_outcome outcome = realip_status_outcome(count->action);

    if (count->listener >= tally->listener_count)
        return;
    /* Who only checks that the port is open is no session. */
    if (count->minute >= tally->recent && count->reason != REALIP_REASON_PROBE)
        tally->recent_counts.of[count->reason][outcome] += count->count;
    size_t column = (size_t)(count->minute - tally->first) / tally->step;
    if (column >= tally->columns)
        return;
    count_listener(tally, count, column);
    if (tally->listener < 0 || (long long)count->listener == tally->listener)
        tally->series[count->reason][outcome][column] += count->count;
}

static long long number_of(const struct realip_history *history, const char *title)
{
    for (size_t i = 0; title != NULL && i < realip_history_listener_count(history); i++) {
        if (strcmp(realip_history_listener(history, i)->title, title) == 0)
            return (long long)i;
    }
    return title == NULL ? -1 : (long long)REALIP_HISTORY_LISTENERS; /* of which there is none */
}

static struct tally *make_tally(struct realip_history *history, const struct realip_status_question *question, long long now)
{
    realip_history_advance(history, now);
    size_t listeners = realip_history_listener_count(history);
    size_t range = range_of(question->minutes);
    struct tally *tally = calloc(1, sizeof(*tally) + listeners * sizeof(tally->listeners[0]));

    if (tally == NULL)
        return NULL;
    tally->step = ranges[range].step;
    tally->columns = ranges[range].minutes / tally->step;
    tally->first = (now / 60 / tally->step - (long long)tally->columns + 1) * tally->step;
    tally->recent = now / 60 - REALIP_STATUS_MINUTES + 1;
    tally->listener = number_of(history, question->listener);
    tally->listener_count = listeners;
    realip_history_visit(history, tally->first, take, tally); /* each range is longer than what is recent */
    return tally;
}

/* ---- Texts. */

static const char *proxy_token(enum realip_proxy_need proxy)
{
    switch (proxy) {
    case REALIP_PROXY_OPTIONAL:
        return "optional";
    case REALIP_PROXY_REQUIRED:
        return "required";
    case REALIP_PROXY_FORBIDDEN:
        return "forbidden";
    case REALIP_PROXY_UNDECIDED:
        break;
    }
    return "undecided";
}

static const char *attest_token(enum realip_attest_need attest)
{
    switch (attest) {
    case REALIP_ATTEST_OFF:
        return "off";
    case REALIP_ATTEST_AVAILABLE:
        return "available";
    case REALIP_ATTEST_REQUIRED:
        return "required";
    case REALIP_ATTEST_UNDECIDED:
        break;
    }
    return "undecided";
}

json_t *realip_status_json_text(const char *text)
{
    char escaped[1024];
    json_t *plain = json_string(text);

    if (plain != NULL)
        return plain;
    (void)realip_log_escape(text, escaped, sizeof(escaped));
    return json_string(escaped);
}

json_t *realip_status_json_time(long long seconds)
{
    return seconds <= 0 ? json_null() : json_integer(seconds);
}

static json_t *numbers_json(const unsigned long long *numbers, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer((json_int_t)numbers[i]));
    return list;
}

void realip_status_json_notice(json_t *status, const char *level, json_t *text)
{
    json_t *notices = json_object_get(status, "notices");

    if (notices == NULL) {
        notices = json_array();
        json_object_set_new(status, "notices", notices);
    }
    json_array_append_new(notices, json_pack("{s:s, s:o}", "level", level, "text", text));
}

/* ---- The chart. */

static bool is_empty(const unsigned long long *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] > 0)
            return false;
    }
    return true;
}

static json_t *series_json(const struct tally *tally)
{
    json_t *list = json_array();

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        for (unsigned outcome = 0; outcome < REALIP_STATUS_OUTCOME_COUNT; outcome++) {
            const unsigned long long *numbers = tally->series[reason][outcome];

            if (is_empty(numbers, tally->columns))
                continue;
            json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:o}", "reason", realip_reason_token((enum realip_reason)reason), "problem",
                                                  realip_status_is_problem((enum realip_reason)reason), "outcome",
                                                  realip_status_outcome_token((enum realip_status_outcome)outcome), "counts",
                                                  numbers_json(numbers, tally->columns)));
        }
    }
    return list;
}

/* `shift` makes a time(2) of the history's seconds. */
static json_t *history_json(const struct realip_status_json *status, const struct realip_status_question *question, const struct tally *tally,
                            long long shift)
{
    long long counted = realip_history_first(status->history) * 60 + shift;

    return json_pack("{s:i, s:i, s:I, s:I, s:o, s:o}", "minutes", (int)(tally->columns * tally->step), "step", (int)tally->step * 60, "begins",
                     (json_int_t)(tally->first * 60 + shift), "counted-since", (json_int_t)(counted > status->started ? counted : status->started),
                     "listener", question->listener == NULL ? json_null() : realip_status_json_text(question->listener), "series", series_json(tally));
}

/* ---- Listeners. */

/* A time(2); 0: none. */
static long long last_of(const struct realip_history *history, size_t number)
{
    return atomic_load_explicit(&realip_history_listener(history, number)->last_session, memory_order_relaxed);
}

static json_t *counts_json(const struct realip_status_counts *counts)
{
    json_t *list = json_array();

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        for (unsigned outcome = 0; outcome < REALIP_STATUS_OUTCOME_COUNT; outcome++) {
            if (counts->of[reason][outcome] > 0)
                json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:I}", "reason", realip_reason_token((enum realip_reason)reason), "problem",
                                                      realip_status_is_problem((enum realip_reason)reason), "outcome",
                                                      realip_status_outcome_token((enum realip_status_outcome)outcome), "count",
                                                      (json_int_t)counts->of[reason][outcome]));
        }
    }
    return list;
}

static json_t *places_json(const struct realip_listener *listener)
{
    json_t *list = json_array();

    for (size_t i = 0; i < listener->name_count; i++)
        json_array_append_new(list, realip_status_json_text(listener->names[i]));
    for (size_t i = 0; i < listener->port_count; i++)
        json_array_append_new(list, json_sprintf("%u", listener->ports[i]));
    return list;
}

/* `number` is the history's, which may not know the listener yet. */
static json_t *listener_json(const struct realip_status_json *status, const char *title, const struct realip_listener *listener,
                             const struct tally *all, size_t number)
{
    static const struct listener_tally none;
    const struct listener_tally *tally = number < all->listener_count ? &all->listeners[number] : &none;
    long long last = number < all->listener_count ? last_of(status->history, number) : 0;
    json_t *json = json_pack("{s:o, s:b, s:o, s:o, s:o}", "listener", realip_status_json_text(title), "in-force", listener != NULL, "last", realip_status_json_time(last), "counts",
                             counts_json(&tally->counts), "problems",
                             numbers_json(tally->problems, is_empty(tally->problems, all->columns) ? 0 : all->columns));

    if (json != NULL && listener != NULL)
        json_object_update_new(json, json_pack("{s:s, s:s, s:s, s:b, s:o}", "mode", realip_mode_token(listener->mode), "proxy",
                                               proxy_token(listener->proxy), "attest", attest_token(listener->attest), "allow-internal",
                                               listener->allow_internal, "at", places_json(listener)));
    return json;
}

/* Those of the rules first, as they stand in the file, then those that a reload took away. */
static json_t *listeners_json(const struct realip_status_json *status, const struct realip_rules *rules, const struct tally *tally,
                              size_t *left_out_r)
{
    size_t known = tally->listener_count;
    json_t *list = json_array();

    *left_out_r = 0;
    for (size_t i = 0; i <= rules->listener_count; i++) {
        const struct realip_listener *listener = i < rules->listener_count ? &rules->listeners[i] : &rules->fallback;
        const char *title = i < rules->listener_count ? listener->title : REALIP_METRICS_FALLBACK;

        if (json_array_size(list) < REALIP_STATUS_MOST_LISTENERS)
            json_array_append_new(list, listener_json(status, title, listener, tally, (size_t)number_of(status->history, title)));
        else
            ++*left_out_r;
    }
    for (size_t i = 0; i < known; i++) {
        const char *title = realip_history_listener(status->history, i)->title;
        bool in_force = strcmp(title, REALIP_METRICS_FALLBACK) == 0;

        for (size_t k = 0; k < rules->listener_count && !in_force; k++)
            in_force = strcmp(rules->listeners[k].title, title) == 0;
        if (!in_force && json_array_size(list) < REALIP_STATUS_MOST_LISTENERS)
            json_array_append_new(list, listener_json(status, title, NULL, tally, i));
        else
            *left_out_r += in_force ? 0 : 1;
    }
    return list;
}

/* ---- Sets and sources. */

static json_t *sets_json(const struct realip_rules *rules)
{
    json_t *list = json_array();

    for (unsigned set = 0; set <= REALIP_SET_OWN; set++)
        json_array_append_new(list, json_pack("{s:s, s:I}", "set", realip_set_token((enum realip_set)set), "networks",
                                              (json_int_t)(rules->sets[set] == NULL ? 0 : realip_network_set_count(rules->sets[set]))));
    return list;
}

struct listing {
    json_t *status;
    json_t *sources;
    size_t left_out;
    size_t stale;
    bool of_stale;
};

static void list_source(void *context, const struct realip_metrics_source *source)
{
    struct listing *listing = context;

    if ((source->stale != NULL) != listing->of_stale)
        return;
    listing->stale += listing->of_stale ? 1 : 0;
    if (json_array_size(listing->sources) >= REALIP_STATUS_MOST_SOURCES) {
        listing->left_out++;
        return;
    }
    json_array_append_new(listing->sources, json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "set", source->set, "source", source->text, "networks",
                                                      (json_int_t)source->networks, "written", realip_status_json_time(source->modified),
                                                      "last-read", realip_status_json_time(source->last_read), "stale",
                                                      source->stale == NULL ? json_null() : realip_status_json_text(source->stale)));
}

/* Stale ones first. */
static void add_sources(json_t *status, struct realip_metrics *metrics)
{
    struct listing listing = { .status = status, .sources = json_array(), .of_stale = true };

    realip_metrics_visit_sources(metrics, list_source, &listing);
    listing.of_stale = false;
    realip_metrics_visit_sources(metrics, list_source, &listing);
    if (listing.stale > 0)
        realip_status_json_notice(status, "warn",
                                  json_sprintf("%zu source%s of networks %s stale: the last good content decides. See Networks below.", listing.stale,
                                               listing.stale == 1 ? "" : "s", listing.stale == 1 ? "is" : "are"));
    json_object_set_new(status, "sources", listing.sources);
    json_object_set_new(status, "sources-left-out", json_integer((json_int_t)listing.left_out));
}

/* ---- The rest. */

static void add_rules(json_t *json, const struct realip_status_json *status, const struct realip_config *config)
{
    struct realip_metrics_counters counters;
    bool stale = realip_metrics_is_stale(status->metrics);

    realip_metrics_get_counters(status->metrics, &counters);
    json_object_set_new(json, "rules",
                        json_pack("{s:o, s:s, s:I, s:b, s:I, s:I, s:o, s:o}", "file", realip_status_json_text(config->path), "mode",
                                  realip_mode_token(config->rules.fallback.mode), "loaded", (json_int_t)counters.loaded, "stale", stale,
                                  "reloads-succeeded", (json_int_t)counters.reloads_succeeded, "reloads-failed", (json_int_t)counters.reloads_failed,
                                  "failed-at", realip_status_json_time(stale ? status->failed_at : 0), "failed",
                                  !stale || status->failed == NULL ? json_null() : realip_status_json_text(status->failed)));
    json_object_set_new(json, "connections", json_integer(counters.connections));
    json_object_set_new(json, "malformed", json_integer((json_int_t)counters.malformed));
    json_object_set_new(json, "log-lines-lost", json_integer((json_int_t)realip_log_lines_lost()));
    if (stale)
        realip_status_json_notice(json, "bad", json_string("The last reload failed: older rules decide. `realipctl check` tells what is wrong."));
    if (realip_log_lines_lost() > 0)
        realip_status_json_notice(json, "warn", json_sprintf("%llu lines could not be written to the log.", realip_log_lines_lost()));
}

static json_t *program_json(const struct realip_status_json *status, double now)
{
    char host[256] = "";
    time_t seconds = (time_t)now;
    struct tm local;

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    localtime_r(&seconds, &local);
    return json_pack("{s:s, s:s, s:o, s:f, s:I, s:I}", "program", status->program, "version", PACKAGE_VERSION, "host", realip_status_json_text(host), "now", now,
                     "started", (json_int_t)status->started, "utc-offset", (json_int_t)local.tm_gmtoff);
}

static json_t *summary_json(const struct realip_status_json *status, const struct tally *tally, long long now, long long shift)
{
    struct realip_status_situation situation = { .counts = tally->recent_counts, .watched = now + shift - status->started, .quiet = -1 };
    long long last = 0;

    for (size_t i = 0; i < tally->listener_count; i++)
        last = last_of(status->history, i) > last ? last_of(status->history, i) : last;
    if (last > 0)
        situation.quiet = now + shift - last;
    return realip_status_summary(&situation);
}

static void fill(json_t *json, const struct realip_status_json *status, const struct realip_status_question *question, const struct tally *tally,
                 const struct realip_config *config, long long now, long long shift)
{
    size_t left_out;

    json_object_set_new(json, "summary", summary_json(status, tally, now, shift));
    json_object_set_new(json, "notices", json_array());
    add_rules(json, status, config);
    json_object_set_new(json, "history", history_json(status, question, tally, shift));
    json_object_set_new(json, "listeners", listeners_json(status, &config->rules, tally, &left_out));
    json_object_set_new(json, "listeners-left-out", json_integer((json_int_t)left_out));
    json_object_set_new(json, "sets", sets_json(&config->rules));
    add_sources(json, status->metrics);
    if (status->add != NULL)
        status->add(status->context, json);
}

json_t *realip_status_json(const struct realip_status_json *status, const struct realip_status_question *question, double now,
                           double history_now)
{
    struct tally *tally = make_tally(status->history, question, (long long)history_now);
    json_t *json = tally == NULL ? NULL : program_json(status, now);

    if (json != NULL) {
        struct realip_snapshot *snapshot = realip_snapshots_acquire(status->snapshots);

        fill(json, status, question, tally, realip_snapshot_config(snapshot), (long long)history_now,
             (long long)(now - history_now + (now < history_now ? -0.5 : 0.5)));
        realip_snapshot_release(&snapshot);
    }
    free(tally);
    return json;
}
