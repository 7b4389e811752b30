/* status_summary - how things stand, in one sentence, and what to do: the top of the status page. */
#ifndef REALIP_STATUS_SUMMARY_H
#define REALIP_STATUS_SUMMARY_H

#include <jansson.h>

#include "core/verdict.h"

/* How many minutes the sentence is about. */
#define REALIP_STATUS_MINUTES 15

/* What became of a session, for people: many actions, three outcomes. X(NAME, token) */
#define REALIP_STATUS_OUTCOME_TABLE(X) \
    X(PASSED, "passed")                \
    X(FLAGGED, "flagged")              \
    X(REFUSED, "refused")

#define REALIP_STATUS_OUTCOME_ENUM(name, token) REALIP_STATUS_##name,
enum realip_status_outcome { REALIP_STATUS_OUTCOME_TABLE(REALIP_STATUS_OUTCOME_ENUM) REALIP_STATUS_OUTCOME_COUNT };
#undef REALIP_STATUS_OUTCOME_ENUM

/* Pass; flag and no-relay, with which own mail goes on arriving; all that is harder, and what is undecided. */
enum realip_status_outcome realip_status_outcome(enum realip_action action);
const char *realip_status_outcome_token(enum realip_status_outcome outcome);

struct realip_status_counts {
    unsigned long long of[REALIP_REASON_COUNT][REALIP_STATUS_OUTCOME_COUNT];
};

/* Is this what a problem looks like, undecided included? */
bool realip_status_is_problem(enum realip_reason reason);

/* What the sentence is made of; times are seconds of one clock. */
struct realip_status_situation {
    struct realip_status_counts counts; /* of the last minutes */
    long long watched;                  /* seconds since the start */
    long long quiet;                    /* seconds since the last session; negative: none has come */
};

/* {"level":"good"|"note"|"warn"|"bad", "sentence":"…", "advice":["…"]}; NULL when memory is short. "bad" where real clients are
 * lost, "warn" where strangers are the only ones to have been found out, "note" where nobody came. */
json_t *realip_status_summary(const struct realip_status_situation *situation);

/* A span of time in words: "4 minutes". Returns `text`. */
#define REALIP_STATUS_SPAN_SIZE 32
const char *realip_status_span(long long seconds, char text[REALIP_STATUS_SPAN_SIZE]);

#endif
