/* status_json - how a daemon stands, as one JSON object: what the status page shows. Its keys are told in docs/STATUS.md.
 *
 * No text in it comes from a client, but for what `add` brings; whoever shows it shows text as text.
 */
#ifndef REALIP_STATUS_JSON_H
#define REALIP_STATUS_JSON_H

#include <jansson.h>

#include "history.h"
#include "snapshot.h"

/* Bounds of one answer: it is made in the loop that answers the mail server. */
#define REALIP_STATUS_MOST_LISTENERS 100
#define REALIP_STATUS_MOST_SOURCES 100
#define REALIP_STATUS_MOST_COLUMNS 96

/* How many minutes a chart can reach back, and how many of them make one column. X(minutes, minutes of a column) */
#define REALIP_STATUS_RANGE_TABLE(X) \
    X(60, 1)                         \
    X(360, 5)                        \
    X(1440, 15)

struct realip_status_question {
    unsigned minutes;     /* one of the table; 0 is the first */
    const char *listener; /* the chart of this one alone ("-": sessions that match none), or NULL: of all */
};

struct realip_status_json {
    const char *program;
    struct realip_metrics *metrics;
    struct realip_snapshots *snapshots;
    struct realip_history *history;
    long long started;                       /* a time(2) */
    const char *failed;                      /* why the last reload failed, or NULL */
    long long failed_at;                     /* a time(2) */
    void (*add)(void *context, json_t *status); /* what the program knows besides; NULL: nothing */
    void *context;
};

/* Is a chart of so many minutes to be had? */
bool realip_status_json_has_range(unsigned long minutes);

/* Makes the object. `now` is a time(2), `history_now` the same moment as the history counts it. NULL when memory is short. */
json_t *realip_status_json(const struct realip_status_json *status, const struct realip_status_question *question, double now,
                           double history_now);

/* A text as JSON; one that holds bytes that are no UTF-8 (a file's name may) with these as \xHH. A time(2), 0 as null. NULL when memory is short. */
json_t *realip_status_json_text(const char *text);
json_t *realip_status_json_time(long long seconds);

/* Adds a notice to the object: something that is wrong, or that whoever looks must know; `level` as in status_summary.h. */
void realip_status_json_notice(json_t *status, const char *level, json_t *text);

#endif
