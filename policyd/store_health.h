/* store_health - what is thought of the shared store: is it connected, are its answers right, since when, what was wrong last; and the log's lines about it.
 *
 * The thread of the store tells it, any thread may ask. Questions go out in rounds, and a round is judged when all of its answers are there: counts and the
 * list of suspects apart, as a server may be able to do one and not the other. What ends the connection fails what was asked meanwhile. A kind that failed
 * is good again after a round of it without a fault, or when REALIP_STORE_HEALTH_PATIENCE seconds have passed in which it was not asked.
 */
#ifndef REALIP_STORE_HEALTH_H
#define REALIP_STORE_HEALTH_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

struct realip_store_health;

enum realip_store_state {
    REALIP_STORE_STARTING, /* nobody knows yet */
    REALIP_STORE_WORKS,
    REALIP_STORE_DOWN,  /* not connected */
    REALIP_STORE_WRONG, /* connected, and its last answers were errors, or none */
};

/* Kinds of questions. */
enum realip_store_kind { REALIP_STORE_COUNTS, REALIP_STORE_LIST };

#define REALIP_STORE_KINDS           2
#define REALIP_STORE_HEALTH_PATIENCE 120

struct realip_store_report {
    enum realip_store_state state;
    time_t since;
    time_t failed_at; /* 0: nothing ever failed */
    char error[512];  /* what failed then: visible ASCII and spaces, all else as \xHH */
    unsigned long long errors;
    unsigned long long outages; /* times that it went away */
    bool is_connected;
};

/* `place` names the store in the log and is borrowed. NULL when memory is short. */
struct realip_store_health *realip_store_health_new(const char *place);
void realip_store_health_free(struct realip_store_health **health);

/* It is connected and answers; the connection ended, or could not be had, because of `why` (any text). */
void realip_store_health_ready(struct realip_store_health *health);
void realip_store_health_down(struct realip_store_health *health, const char *why);

/* Something of that kind is asked; an answer to it is wrong, because of `why` (any text); all answers are there (also to be called while nothing is asked:
 * time passes). */
void realip_store_health_asked(struct realip_store_health *health, enum realip_store_kind kind);
void realip_store_health_fault(struct realip_store_health *health, enum realip_store_kind kind, const char *why);
void realip_store_health_answered(struct realip_store_health *health);

void realip_store_health_get(const struct realip_store_health *health, struct realip_store_report *report_r);

/* Constant: "starting", "works", "down", "wrong". */
const char *realip_store_state_token(enum realip_store_state state);

#endif
