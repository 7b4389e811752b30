#include "metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct realip_metrics {
    enum realip_source source;
    pthread_mutex_t lock; /* of the list, not of the counters */
    struct realip_metrics_listener *listeners;
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
    write_head("realip_log_lines_lost_total", "counter", "Lines that could not be written to the log.", out);
    fprintf(out, "realip_log_lines_lost_total %llu\n", realip_log_lines_lost());
    if (metrics->write != NULL)
        metrics->write(metrics->write_context, out);
}
