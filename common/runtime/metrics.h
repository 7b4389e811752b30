/* metrics - counters of verdicts, by source, listener, reason and action, in Prometheus' text form. */
#ifndef REALIP_METRICS_H
#define REALIP_METRICS_H

#include <stdatomic.h>
#include <stdio.h>

#include "core/facts.h"
#include "sources.h"

/* One listener's counters. Lives as long as the metrics: a listener that a reload takes away keeps its counts. */
struct realip_metrics_listener {
    struct realip_metrics_listener *next;
    char *title;
    atomic_ullong verdicts[REALIP_REASON_COUNT][REALIP_ACTION_COUNT];
};

/* One of what a configuration reads networks from, as it was last read. */
struct realip_metrics_source {
    const char *set;
    char *text; /* escaped as in the log */
    size_t networks;
    long long last_read; /* a time(2): when all of it was good */
    char *stale;         /* NULL: it is good; else why it is not, in one line */
};

/* What a program counted besides verdicts. */
struct realip_metrics_counters {
    unsigned long long reloads_failed;
    unsigned long long reloads_succeeded;
    unsigned long long malformed;
    long long loaded; /* a time(2): when the rules in force were loaded */
    long connections;
};

struct realip_metrics;

/* Makes metrics for one program, whose verdicts carry `source`. NULL when memory is short. */
struct realip_metrics *realip_metrics_new(enum realip_source source);
void realip_metrics_free(struct realip_metrics **metrics);

/* The counters of the listener with this title ("-" for sessions that match none, as in the log), made when they are not there yet.
 * NULL when memory is short. Safe from any thread. */
struct realip_metrics_listener *realip_metrics_listener(struct realip_metrics *metrics, const char *title);

/* The listener whose counters were made behind those of `last`, of NULL the first; NULL: there is none yet. Any thread. */
const struct realip_metrics_listener *realip_metrics_next_listener(struct realip_metrics *metrics,
                                                                   const struct realip_metrics_listener *last);

/* Counts one verdict; any thread, no lock. */
void realip_metrics_count(struct realip_metrics_listener *listener, const struct realip_verdict *verdict);

/* Programs set these as they go; any thread. `now` is a time(2). The first load counts as no reload. */
void realip_metrics_set_loaded(struct realip_metrics *metrics, long long now);
void realip_metrics_set_reload(struct realip_metrics *metrics, bool succeeded, long long now);
/* True while the last reload failed and older rules decide. */
bool realip_metrics_is_stale(const struct realip_metrics *metrics);

/* Shows the sources as they are now; copied. 0; or -1 when memory is short, and the ones before go on being shown. */
int realip_metrics_set_sources(struct realip_metrics *metrics, const struct realip_sources *sources);
/* How many of them are stale: their last good content decides. */
size_t realip_metrics_stale_sources(struct realip_metrics *metrics);

/* Visits each source while none can change; `visit` must not come back here. */
void realip_metrics_visit_sources(struct realip_metrics *metrics,
                                  void (*visit)(void *context, const struct realip_metrics_source *source), void *context);

void realip_metrics_get_counters(const struct realip_metrics *metrics, struct realip_metrics_counters *counters_r);

void realip_metrics_add_malformed(struct realip_metrics *metrics);
void realip_metrics_set_connections(struct realip_metrics *metrics, long connections);

/* Has `write` called with `context` for what a program counts itself; one, set before others use the metrics. */
void realip_metrics_set_writer(struct realip_metrics *metrics, void (*write)(void *context, FILE *out), void *context);

/* Writes everything (Prometheus text format 0.0.4). */
void realip_metrics_write(struct realip_metrics *metrics, FILE *out);

#endif
