/* metrics - counters of verdicts, by source, listener, reason and action, in Prometheus' text form. */
#ifndef REALIP_METRICS_H
#define REALIP_METRICS_H

#include <stdatomic.h>
#include <stdio.h>

#include "core/facts.h"
#include "core/rules.h"
#include "histogram.h"
#include "shown_sources.h"

/* So many decisions are one of which the time is taken. */
#define REALIP_METRICS_DECISIONS 64

/* One listener's counters. Lives as long as the metrics: a listener that a reload takes away keeps its counts. */
struct realip_metrics_listener {
    struct realip_metrics_listener *next;
    char *title;
    atomic_ullong verdicts[REALIP_REASON_COUNT][REALIP_ACTION_COUNT];
    atomic_ullong held_back[REALIP_REASON_COUNT][REALIP_ACTION_COUNT]; /* by the action that was wanted */
    atomic_llong last_session;                                         /* a time(2); 0: none yet */
    /* Of the rules in force or of older ones; under the metrics' lock. A series begins with 0: what appears with its first count
     * looks like no rise to a monitoring system. */
    bool expected[REALIP_REASON_COUNT][REALIP_ACTION_COUNT];
    bool expected_held_back[REALIP_REASON_COUNT][REALIP_ACTION_COUNT];
    enum realip_mode mode; /* UNDECIDED: the rules in force have no such listener */
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

/* As which sessions are counted that match no listener; as in the log. */
#define REALIP_METRICS_FALLBACK "-"

/* Makes metrics for one program, whose verdicts carry `source`. NULL when memory is short. */
struct realip_metrics *realip_metrics_new(enum realip_source source);
void realip_metrics_free(struct realip_metrics **metrics);

/* The counters of the listener with this title (REALIP_METRICS_FALLBACK for sessions that match none), made when they are not there yet.
 * NULL when memory is short. Safe from any thread. */
struct realip_metrics_listener *realip_metrics_listener(struct realip_metrics *metrics, const char *title);

/* The listener whose counters were made behind those of `last`, of NULL the first; NULL: there is none yet. Any thread. */
const struct realip_metrics_listener *realip_metrics_next_listener(struct realip_metrics *metrics,
                                                                   const struct realip_metrics_listener *last);

/* Counts one verdict, and notes the time of the listener's last session: health probes are none, or they would hide that nobody else
 * comes. Any thread, no lock. */
void realip_metrics_count(struct realip_metrics_listener *listener, const struct realip_verdict *verdict);

/* From now on these rules decide: shows their listeners, in all reasons and actions that can come about, and the sizes of their sets. */
void realip_metrics_set_rules(struct realip_metrics *metrics, const struct realip_rules *rules);

/* True when the time of the next decision is to be taken; then realip_metrics_add_decision() tells it, in nanoseconds. Any thread. */
bool realip_metrics_times_decision(struct realip_metrics *metrics);
void realip_metrics_add_decision(struct realip_metrics *metrics, unsigned long long nanoseconds);

/* Counts `requests` that were answered in so many nanoseconds each; any thread. */
void realip_metrics_add_requests(struct realip_metrics *metrics, unsigned long long nanoseconds, unsigned long requests);

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
