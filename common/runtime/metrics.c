#include "metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/decide.h"
#include "log.h"
#include "metrics_text.h"
#include "process_metrics.h"
#include "realip-config.h"
#include "shown_sources.h"

struct realip_metrics {
    enum realip_source source;
    pthread_mutex_t lock; /* of the two lists and what the rules in force are like, not of the counters */
    struct realip_metrics_listener *listeners;
    struct realip_shown_sources *sources; /* NULL: none */
    atomic_ullong reloads[2]; /* failed, succeeded */
    atomic_llong last_reload;
    atomic_int rules_stale;
    size_t networks[REALIP_SET_CONFIGURED_COUNT];
    atomic_uint decisions; /* about: only to choose those of which the time is taken */
    struct realip_histogram decision_times;
    struct realip_histogram request_times;
    atomic_ullong malformed;
    atomic_long connections;
    void (*write)(void *context, FILE *out);
    void *write_context;
};

struct realip_metrics *realip_metrics_new(enum realip_source source)
{
    struct realip_metrics *metrics = calloc(1, sizeof(*metrics));

    if (metrics == NULL)
        return NULL;
    metrics->source = source;
    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void realip_metrics_free(struct realip_metrics **metrics)
{
    if (*metrics == NULL)
        return;
    while ((*metrics)->listeners != NULL) {
        struct realip_metrics_listener *listener = (*metrics)->listeners;

        (*metrics)->listeners = listener->next;
        free(listener->title);
        free(listener);
    }
    realip_shown_sources_free(&(*metrics)->sources);
    pthread_mutex_destroy(&(*metrics)->lock);
    free(*metrics);
    *metrics = NULL;
}

static struct realip_metrics_listener *new_listener(const char *title)
{
    struct realip_metrics_listener *listener = calloc(1, sizeof(*listener));

    if (listener == NULL)
        return NULL;
    listener->title = strdup(title);
    if (listener->title == NULL) {
        free(listener);
        return NULL;
    }
    return listener;
}

struct realip_metrics_listener *realip_metrics_listener(struct realip_metrics *metrics, const char *title)
{
    struct realip_metrics_listener **at;

    pthread_mutex_lock(&metrics->lock);
    for (at = &metrics->listeners; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->title, title) == 0)
            break;
    }
    if (*at == NULL)
        *at = new_listener(title);
    struct realip_metrics_listener *listener = *at;
    pthread_mutex_unlock(&metrics->lock);
    return listener;
}

const struct realip_metrics_listener *realip_metrics_next_listener(struct realip_metrics *metrics,
                                                                   const struct realip_metrics_listener *last)
{
    pthread_mutex_lock(&metrics->lock);
    const struct realip_metrics_listener *next = last == NULL ? metrics->listeners : last->next;
    pthread_mutex_unlock(&metrics->lock);
    return next;
}

void realip_metrics_count(struct realip_metrics_listener *listener, const struct realip_verdict *verdict)
{
    atomic_fetch_add_explicit(&listener->verdicts[verdict->reason][verdict->action], 1, memory_order_relaxed);
    if (realip_mode_cap(verdict->mode, verdict->wanted) != verdict->wanted)
        atomic_fetch_add_explicit(&listener->held_back[verdict->reason][verdict->wanted], 1, memory_order_relaxed);
    if (verdict->reason != REALIP_REASON_PROBE)
        atomic_store_explicit(&listener->last_session, (long long)time(NULL), memory_order_relaxed);
}

/* What can come about at a listener. */
static void expect(struct realip_metrics_listener *counters, const struct realip_listener *listener, enum realip_source source)
{
    for (unsigned i = REALIP_REASON_UNDECIDED + 1; i < REALIP_REASON_COUNT; i++) {
        enum realip_reason reason = (enum realip_reason)i;
        enum realip_action wanted = listener->actions[reason];

        counters->expected[reason][realip_decide_action(listener, reason, source, false)] = true;
        if (realip_mode_cap(listener->mode, wanted) != wanted)
            counters->expected_held_back[reason][wanted] = true;
    }
    counters->mode = listener->mode;
}

static struct realip_metrics_listener *find_listener(const struct realip_metrics *metrics, const char *title)
{
    struct realip_metrics_listener *listener = metrics->listeners;

    while (listener != NULL && strcmp(listener->title, title) != 0)
        listener = listener->next;
    return listener;
}

void realip_metrics_set_rules(struct realip_metrics *metrics, const struct realip_rules *rules)
{
    pthread_mutex_lock(&metrics->lock);
    for (struct realip_metrics_listener *listener = metrics->listeners; listener != NULL; listener = listener->next)
        listener->mode = REALIP_MODE_UNDECIDED;
    for (size_t i = 0; i <= rules->listener_count; i++) {
        const struct realip_listener *listener = i < rules->listener_count ? &rules->listeners[i] : &rules->fallback;
        struct realip_metrics_listener *counters
            = find_listener(metrics, listener == &rules->fallback ? REALIP_METRICS_FALLBACK : listener->title);

        if (counters != NULL)
            expect(counters, listener, metrics->source);
    }
    for (unsigned set = 0; set < REALIP_SET_CONFIGURED_COUNT; set++)
        metrics->networks[set] = realip_network_set_count(rules->sets[set]);
    pthread_mutex_unlock(&metrics->lock);
}

bool realip_metrics_times_decision(struct realip_metrics *metrics)
{
    /* Not one step: a count that is lost costs nothing here, a locked one would. */
    unsigned decisions = atomic_load_explicit(&metrics->decisions, memory_order_relaxed);

    atomic_store_explicit(&metrics->decisions, decisions + 1, memory_order_relaxed);
    return decisions % REALIP_METRICS_DECISIONS == 0;
}

void realip_metrics_add_decision(struct realip_metrics *metrics, unsigned long long nanoseconds)
{
    realip_histogram_add(&metrics->decision_times, &realip_histogram_computations, nanoseconds, 1);
}

void realip_metrics_add_requests(struct realip_metrics *metrics, unsigned long long nanoseconds, unsigned long requests)
{
    realip_histogram_add(&metrics->request_times, &realip_histogram_waits, nanoseconds, requests);
}

void realip_metrics_set_loaded(struct realip_metrics *metrics, long long now)
{
    atomic_store(&metrics->last_reload, now);
}

void realip_metrics_set_reload(struct realip_metrics *metrics, bool succeeded, long long now)
{
    atomic_fetch_add(&metrics->reloads[succeeded ? 1 : 0], 1);
    atomic_store(&metrics->rules_stale, succeeded ? 0 : 1);
    if (succeeded)
        realip_metrics_set_loaded(metrics, now);
}

bool realip_metrics_is_stale(const struct realip_metrics *metrics)
{
    return atomic_load(&metrics->rules_stale) != 0;
}

int realip_metrics_set_sources(struct realip_metrics *metrics, const struct realip_sources *sources)
{
    struct realip_shown_sources *fresh = realip_shown_sources_copy(sources);

    if (fresh == NULL)
        return -1;
    pthread_mutex_lock(&metrics->lock);
    struct realip_shown_sources *old = metrics->sources;
    metrics->sources = fresh;
    pthread_mutex_unlock(&metrics->lock);
    realip_shown_sources_free(&old);
    return 0;
}

size_t realip_metrics_stale_sources(struct realip_metrics *metrics)
{
    pthread_mutex_lock(&metrics->lock);
    size_t stale = realip_shown_sources_stale(metrics->sources);
    pthread_mutex_unlock(&metrics->lock);
    return stale;
}

void realip_metrics_visit_sources(struct realip_metrics *metrics,
                                  void (*visit)(void *context, const struct realip_metrics_source *source), void *context)
{
    pthread_mutex_lock(&metrics->lock);
    realip_shown_sources_visit(metrics->sources, visit, context);
    pthread_mutex_unlock(&metrics->lock);
}

void realip_metrics_get_counters(const struct realip_metrics *metrics, struct realip_metrics_counters *counters_r)
{
    *counters_r = (struct realip_metrics_counters){ .reloads_failed = atomic_load(&metrics->reloads[0]),
                                                    .reloads_succeeded = atomic_load(&metrics->reloads[1]),
                                                    .malformed = atomic_load(&metrics->malformed),
                                                    .loaded = atomic_load(&metrics->last_reload),
                                                    .connections = atomic_load(&metrics->connections) };
}

void realip_metrics_add_malformed(struct realip_metrics *metrics)
{
    atomic_fetch_add_explicit(&metrics->malformed, 1, memory_order_relaxed);
}

void realip_metrics_set_connections(struct realip_metrics *metrics, long connections)
{
    atomic_store_explicit(&metrics->connections, connections, memory_order_relaxed);
}

void realip_metrics_set_writer(struct realip_metrics *metrics, void (*write)(void *context, FILE *out), void *context)
{
    metrics->write = write;
    metrics->write_context = context;
}

/* A series that was never counted is written where the rules let it come about. */
static void write_counts(const struct realip_metrics *metrics, const struct realip_metrics_listener *listener, const char *name,
                         const char *label, const atomic_ullong counts[][REALIP_ACTION_COUNT],
                         const bool expected[][REALIP_ACTION_COUNT], FILE *out)
{
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        for (unsigned action = 0; action < REALIP_ACTION_COUNT; action++) {
            unsigned long long count = atomic_load_explicit(&counts[reason][action], memory_order_relaxed);

            if (count == 0 && !expected[reason][action])
                continue;
            fprintf(out, "%s{source=\"%s\",listener=\"", name, realip_source_token(metrics->source));
            realip_metrics_text_label(listener->title, out);
            fprintf(out, "\",reason=\"%s\",%s=\"%s\"} %llu\n", realip_reason_token((enum realip_reason)reason), label,
                    realip_action_token((enum realip_action)action), count);
        }
    }
}

static void write_listener_label(const struct realip_metrics *metrics, const struct realip_metrics_listener *listener,
                                 const char *name, FILE *out)
{
    fprintf(out, "%s{source=\"%s\",listener=\"", name, realip_source_token(metrics->source));
    realip_metrics_text_label(listener->title, out);
    fputc('"', out);
}

static void write_listeners(const struct realip_metrics *metrics, FILE *out)
{
    const struct realip_metrics_listener *listener;

    realip_metrics_text_head("realip_verdicts_total", "counter", "Verdicts by source, listener, reason and action done.", out);
    for (listener = metrics->listeners; listener != NULL; listener = listener->next)
        write_counts(metrics, listener, "realip_verdicts_total", "action", listener->verdicts, listener->expected, out);
    realip_metrics_text_head("realip_verdicts_held_back_total", "counter",
                             "Verdicts of which the listener's mode did less than the rules want, by what they want.", out);
    for (listener = metrics->listeners; listener != NULL; listener = listener->next)
        write_counts(metrics, listener, "realip_verdicts_held_back_total", "wanted", listener->held_back,
                     listener->expected_held_back, out);
    realip_metrics_text_head("realip_last_session_timestamp_seconds", "gauge",
                             "When the listener's last session was judged that is no health probe; 0: none since the start.", out);
    for (listener = metrics->listeners; listener != NULL; listener = listener->next) {
        long long last = atomic_load_explicit(&listener->last_session, memory_order_relaxed);

        if (last == 0 && listener->mode == REALIP_MODE_UNDECIDED)
            continue;
        write_listener_label(metrics, listener, "realip_last_session_timestamp_seconds", out);
        fprintf(out, "} %lld\n", last);
    }
    realip_metrics_text_head("realip_listener_mode", "gauge", "1 for the mode in which a listener is.", out);
    for (listener = metrics->listeners; listener != NULL; listener = listener->next) {
        if (listener->mode == REALIP_MODE_UNDECIDED)
            continue;
        write_listener_label(metrics, listener, "realip_listener_mode", out);
        fprintf(out, ",mode=\"%s\"} 1\n", realip_mode_token(listener->mode));
    }
}

static void write_times(const struct realip_metrics *metrics, FILE *out)
{
    char labels[64];

    snprintf(labels, sizeof(labels), "source=\"%s\"", realip_source_token(metrics->source));
    realip_metrics_text_head("realip_request_duration_seconds", "histogram",
                             "From a request that could be read to its reply; under load a sample.", out);
    realip_histogram_write(&metrics->request_times, &realip_histogram_waits, "realip_request_duration_seconds", labels, out);
    realip_metrics_text_head("realip_decision_duration_seconds", "histogram",
                             "Time of a decision, all look-ups of addresses included; of 64 decisions one is measured.", out);
    _Static_assert(REALIP_METRICS_DECISIONS == 64, "the text above says so");
    realip_histogram_write(&metrics->decision_times, &realip_histogram_computations, "realip_decision_duration_seconds", labels,
                           out);
}

static void write_networks(const struct realip_metrics *metrics, FILE *out)
{
    realip_metrics_text_head("realip_networks", "gauge", "Networks in force in a set, from all that it names.", out);
    for (unsigned set = 0; set < REALIP_SET_CONFIGURED_COUNT; set++)
        fprintf(out, "realip_networks{set=\"%s\"} %zu\n", realip_set_token((enum realip_set)set), metrics->networks[set]);
}

static void write_reloads(const struct realip_metrics *metrics, FILE *out)
{
    realip_metrics_text_head("realip_reloads_total", "counter", "Reloads of the configuration by result.", out);
    fprintf(out, "realip_reloads_total{result=\"failed\"} %llu\n", atomic_load(&metrics->reloads[0]));
    fprintf(out, "realip_reloads_total{result=\"succeeded\"} %llu\n", atomic_load(&metrics->reloads[1]));
    realip_metrics_text_gauge("realip_rules_stale", "1 while the last reload failed and older rules decide.",
                              atomic_load(&metrics->rules_stale), out);
    realip_metrics_text_gauge("realip_rules_loaded_timestamp_seconds", "When the rules in force were loaded.",
                              atomic_load(&metrics->last_reload), out);
}

void realip_metrics_write(struct realip_metrics *metrics, FILE *out)
{
    realip_metrics_text_head("realip_build_info", "gauge", "1; the program and its version.", out);
    fprintf(out, "realip_build_info{source=\"%s\",version=\"%s\"} 1\n", realip_source_token(metrics->source), PACKAGE_VERSION);
    pthread_mutex_lock(&metrics->lock);
    write_listeners(metrics, out);
    write_networks(metrics, out);
    realip_shown_sources_write(metrics->sources, out);
    pthread_mutex_unlock(&metrics->lock);
    write_times(metrics, out);
    write_reloads(metrics, out);
    realip_metrics_text_counter("realip_requests_malformed_total", "Requests that could not be understood.",
                                atomic_load(&metrics->malformed), out);
    realip_metrics_text_gauge("realip_connections", "Connections open now.", atomic_load(&metrics->connections), out);
    realip_metrics_text_counter("realip_log_lines_lost_total", "Lines that could not be written to the log.",
                                realip_log_lines_lost(), out);
    if (metrics->write != NULL)
        metrics->write(metrics->write_context, out);
    realip_process_metrics_write(out);
}
