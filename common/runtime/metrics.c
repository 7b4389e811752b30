#include "metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define MOST_SOURCES 1000 /* that are shown: a monitoring system has to keep each of them */

struct shown_sources {
    size_t count;
    struct realip_metrics_source sources[];
};

struct realip_metrics {
    enum realip_source source;
    pthread_mutex_t lock; /* of the two lists, not of the counters */
    struct realip_metrics_listener *listeners;
    struct shown_sources *sources; /* NULL: none */
    atomic_ullong reloads[2]; /* failed, succeeded */
    atomic_llong last_reload;
    atomic_int rules_stale;
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

static void free_sources(struct shown_sources *sources)
{
    if (sources == NULL)
        return;
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->sources[i].text);
        free(sources->sources[i].stale);
    }
    free(sources);
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
    free_sources((*metrics)->sources);
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

/* As in the log: a path may hold bytes that are no text. NULL when memory is short. */
static char *escape(const char *text)
{
    size_t size = strlen(text) * 4 + 6;
    char *escaped = malloc(size);

    if (escaped != NULL)
        realip_log_escape(text, escaped, size);
    return escaped;
}

static struct shown_sources *copy_sources(const struct realip_sources *sources)
{
    size_t count = realip_sources_count(sources);

    if (count > MOST_SOURCES)
        count = MOST_SOURCES;
    struct shown_sources *copy = calloc(1, sizeof(*copy) + count * sizeof(copy->sources[0]));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        struct realip_sources_state state = realip_sources_at(sources, i);

        copy->sources[i] = (struct realip_metrics_source){ realip_set_token(state.set), escape(state.text), state.networks,
                                                           state.last_read, state.stale == NULL ? NULL : strdup(state.stale) };
        copy->count++;
        if (copy->sources[i].text == NULL || (state.stale != NULL && copy->sources[i].stale == NULL)) {
            free_sources(copy);
            return NULL;
        }
    }
    return copy;
}

int realip_metrics_set_sources(struct realip_metrics *metrics, const struct realip_sources *sources)
{
    struct shown_sources *fresh = copy_sources(sources);

    if (fresh == NULL)
        return -1;
    pthread_mutex_lock(&metrics->lock);
    struct shown_sources *old = metrics->sources;
    metrics->sources = fresh;
    pthread_mutex_unlock(&metrics->lock);
    free_sources(old);
    return 0;
}

size_t realip_metrics_stale_sources(struct realip_metrics *metrics)
{
    size_t stale = 0;

    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; metrics->sources != NULL && i < metrics->sources->count; i++)
        stale += metrics->sources->sources[i].stale != NULL ? 1 : 0;
    pthread_mutex_unlock(&metrics->lock);
    return stale;
}

void realip_metrics_visit_sources(struct realip_metrics *metrics,
                                  void (*visit)(void *context, const struct realip_metrics_source *source), void *context)
{
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; metrics->sources != NULL && i < metrics->sources->count; i++)
        visit(context, &metrics->sources->sources[i]);
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

/* Label values may hold anything: backslash, quote and line feed are escaped (Prometheus text format). */
static void write_label(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else {
            if (*text == '\\' || *text == '"')
                fputc('\\', out);
            fputc(*text, out);
        }
    }
}

static void write_verdicts(const struct realip_metrics *metrics, struct realip_metrics_listener *listener, FILE *out)
{
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        for (unsigned action = 0; action < REALIP_ACTION_COUNT; action++) {
            unsigned long long count = atomic_load_explicit(&listener->verdicts[reason][action], memory_order_relaxed);

            if (count == 0)
                continue;
            fprintf(out, "realip_verdicts_total{source=\"%s\",listener=\"", realip_source_token(metrics->source));
            write_label(listener->title, out);
            fprintf(out, "\",reason=\"%s\",action=\"%s\"} %llu\n", realip_reason_token((enum realip_reason)reason),
                    realip_action_token((enum realip_action)action), count);
        }
    }
}

static void write_head(const char *name, const char *type, const char *help, FILE *out)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static long long networks_of(const struct realip_metrics_source *source)
{
    return (long long)source->networks;
}

static long long last_read_of(const struct realip_metrics_source *source)
{
    return source->last_read;
}

static long long is_stale(const struct realip_metrics_source *source)
{
    return source->stale != NULL ? 1 : 0;
}

static void write_sources(const struct shown_sources *sources, FILE *out)
{
    static const struct {
        const char *name;
        const char *help;
        long long (*value)(const struct realip_metrics_source *source);
    } gauges[] = {
        { "realip_source_networks", "Networks in force from a file, a pattern of files or a list of nodes.", networks_of },
        { "realip_source_last_read_timestamp_seconds", "When all of the source was last good.", last_read_of },
        { "realip_source_stale", "1 while the source is gone, empty or broken, and its last good content decides.", is_stale },
    };

    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        write_head(gauges[i].name, "gauge", gauges[i].help, out);
        for (size_t k = 0; sources != NULL && k < sources->count; k++) {
            fprintf(out, "%s{set=\"%s\",source=\"", gauges[i].name, sources->sources[k].set);
            write_label(sources->sources[k].text, out);
            fprintf(out, "\"} %lld\n", gauges[i].value(&sources->sources[k]));
        }
    }
}

void realip_metrics_write(struct realip_metrics *metrics, FILE *out)
{
    write_head("realip_verdicts_total", "counter", "Verdicts by source, listener, reason and action done.", out);
    pthread_mutex_lock(&metrics->lock);
    for (struct realip_metrics_listener *listener = metrics->listeners; listener != NULL; listener = listener->next)
        write_verdicts(metrics, listener, out);
    pthread_mutex_unlock(&metrics->lock);
    write_head("realip_requests_malformed_total", "counter", "Requests that could not be understood.", out);
    fprintf(out, "realip_requests_malformed_total %llu\n", atomic_load(&metrics->malformed));
    write_head("realip_connections", "gauge", "Connections open now.", out);
    fprintf(out, "realip_connections %ld\n", atomic_load(&metrics->connections));
    write_head("realip_reloads_total", "counter", "Reloads of the configuration by result.", out);
    fprintf(out, "realip_reloads_total{result=\"failed\"} %llu\n", atomic_load(&metrics->reloads[0]));
    fprintf(out, "realip_reloads_total{result=\"succeeded\"} %llu\n", atomic_load(&metrics->reloads[1]));
    write_head("realip_rules_stale", "gauge", "1 while the last reload failed and older rules decide.", out);
    fprintf(out, "realip_rules_stale %d\n", atomic_load(&metrics->rules_stale));
    write_head("realip_rules_loaded_timestamp_seconds", "gauge", "When the rules in force were loaded.", out);
    fprintf(out, "realip_rules_loaded_timestamp_seconds %lld\n", atomic_load(&metrics->last_reload));
    pthread_mutex_lock(&metrics->lock);
    write_sources(metrics->sources, out);
    pthread_mutex_unlock(&metrics->lock);
    write_head("realip_log_lines_lost_total", "counter", "Lines that could not be written to the log.", out);
    fprintf(out, "realip_log_lines_lost_total %llu\n", realip_log_lines_lost());
    if (metrics->write != NULL)
        metrics->write(metrics->write_context, out);
}
