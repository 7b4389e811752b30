/* history - what was counted in each minute of the last day, for a chart.
 *
 * Nothing is done for a request: once a minute the counters of the metrics are looked at, and what they grew by is kept, in
 * memory of a fixed size. What has been a day, or finds no more room, is forgotten, the oldest first. One thread alone uses
 * it; the counters may be written by any. Time is given by the caller, in seconds that never go back, so that a clock
 * that is set moves no count.
 */
#ifndef REALIP_HISTORY_H
#define REALIP_HISTORY_H

#include "metrics.h"

#define REALIP_HISTORY_MINUTES 1440

/* A count that is not 0 takes a place each minute: 17 of them in every minute of a day, 288 KiB. */
#define REALIP_HISTORY_PLACES (24 * 1024)

/* How many listeners are followed; those that come behind are not. */
#define REALIP_HISTORY_LISTENERS 1000

struct realip_history;

/* Begins at `now`; the counters of `metrics` (borrowed) are taken to be new. NULL when memory is short. */
struct realip_history *realip_history_new(struct realip_metrics *metrics, long long now);
void realip_history_free(struct realip_history **history);

/* Keeps the minutes that are over at `now`; to be called soon after each has ended, and before looking at it. */
void realip_history_advance(struct realip_history *history, long long now);

/* How often a listener came to this in one minute. */
struct realip_history_count {
    long long minute; /* `now` / 60 */
    size_t listener;  /* below realip_history_listener_count(); a number goes on meaning the same listener */
    enum realip_reason reason;
    enum realip_action action;
    unsigned long long count; /* at least 1 */
};

/* Visits all counts of `since` (a minute) and later, in the order of time; the last ones are of the minute that goes on, as far
 * as it has come at this call. */
void realip_history_visit(const struct realip_history *history, long long since,
                          void (*visit)(void *context, const struct realip_history_count *count), void *context);

/* The first minute of which nothing is forgotten. */
long long realip_history_first(const struct realip_history *history);

/* The listeners that were there at the last call of realip_history_advance(), with their counters; the metrics own them. */
size_t realip_history_listener_count(const struct realip_history *history);
const struct realip_metrics_listener *realip_history_listener(const struct realip_history *history, size_t index);

#endif
