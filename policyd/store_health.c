#include "store_health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "runtime/log.h"

#define QUIET_SECONDS 60 /* between two complaints */

struct kind {
    bool is_asked;  /* in this round */
    bool has_fault; /* in this round */
    bool failed;    /* when it was last asked */
};

struct realip_store_health {
    const char *place;

    /* Of the thread that tells. */
    struct kind kinds[REALIP_STORE_KINDS];
    bool is_troubled; /* and the log says so */
    struct timespec failed; /* monotonic */
    time_t complained;

    pthread_mutex_t *lock; /* apart, so that who only asks can take it */
    struct realip_store_report report;
};

struct realip_store_health *realip_store_health_new(const char *place)
{
    struct realip_store_health *health = calloc(1, sizeof(*health));

    if (health == NULL)
        return NULL;
    health->lock = malloc(sizeof(*health->lock));
    if (health->lock == NULL || pthread_mutex_init(health->lock, NULL) != 0) {
        free(health->lock);
        free(health);
        return NULL;
    }
    health->place = place;
    health->report.since = time(NULL);
    return health;
}

void realip_store_health_free(struct realip_store_health **health)
{
    if (*health == NULL)
        return;
    pthread_mutex_destroy((*health)->lock);
    free((*health)->lock);
    free(*health);
    *health = NULL;
}

/* ---- The state, with the lock held. */

static enum realip_store_state judge(const struct realip_store_health *health)
{
    if (!health->report.is_connected)
        return health->report.failed_at == 0 ? REALIP_STORE_STARTING : REALIP_STORE_DOWN;
    for (size_t i = 0; i < REALIP_STORE_KINDS; i++) {
        if (health->kinds[i].failed || health->kinds[i].has_fault)
            return REALIP_STORE_WRONG;
    }
    return REALIP_STORE_WORKS;
}

static void set_state(struct realip_store_health *health)
{
    enum realip_store_state state = judge(health);

    if (state != health->report.state)
        health->report.since = time(NULL);
    health->report.state = state;
}

/* A server may say anything; spaces are left as they are. */
static void set_error(struct realip_store_health *health, const char *why)
{
    char *text = health->report.error;

    (void)realip_log_escape(why, text, sizeof(health->report.error));
    for (char *space = text; (space = strstr(space, "\\x20")) != NULL;) {
        *space = ' ';
        memmove(space + 1, space + 4, strlen(space + 4) + 1);
    }
    health->report.failed_at = time(NULL);
    health->report.errors++;
    clock_gettime(CLOCK_MONOTONIC, &health->failed);
}

/* ---- The log, without the lock: it may wait for a disk. */

static void complain(struct realip_store_health *health)
{
    time_t now = time(NULL);

    if (health->is_troubled || now - health->complained < QUIET_SECONDS)
        return;
    health->is_troubled = true;
    health->complained = now;
    /* Only this thread writes the text. */
    realip_log(LOG_WARNING, "store = %s: %s; suspects are told by this program's own counts until it is well again", health->place, health->report.error);
}

static void rejoice(struct realip_store_health *health)
{
    if (!health->is_troubled || health->report.state != REALIP_STORE_WORKS)
        return;
    health->is_troubled = false;
    realip_log(LOG_NOTICE, "store = %s: it is well again", health->place);
}

/* ---- What is told. */

void realip_store_health_ready(struct realip_store_health *health)
{
    pthread_mutex_lock(health->lock);
    health->report.is_connected = true;
    set_state(health);
    pthread_mutex_unlock(health->lock);
    rejoice(health);
}

void realip_store_health_down(struct realip_store_health *health, const char *why)
{
    pthread_mutex_lock(health->lock);
    if (health->report.is_connected)
        health->report.outages++;
    health->report.is_connected = false;
    for (size_t i = 0; i < REALIP_STORE_KINDS; i++) {
        struct kind *kind = &health->kinds[i];

        *kind = (struct kind){ .failed = kind->failed || kind->is_asked };
    }
    set_error(health, why);
    set_state(health);
    pthread_mutex_unlock(health->lock);
    complain(health);
}

void realip_store_health_asked(struct realip_store_health *health, enum realip_store_kind kind)
{
    health->kinds[kind].is_asked = true;
}

void realip_store_health_fault(struct realip_store_health *health, enum realip_store_kind kind, const char *why)
{
    pthread_mutex_lock(health->lock);
    health->kinds[kind].has_fault = true;
    set_error(health, why);
    set_state(health);
    pthread_mutex_unlock(health->lock);
    complain(health);
}

static bool is_long_ago(const struct timespec *failed)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - failed->tv_sec >= REALIP_STORE_HEALTH_PATIENCE;
}

void realip_store_health_answered(struct realip_store_health *health)
{
    pthread_mutex_lock(health->lock);
    for (size_t i = 0; i < REALIP_STORE_KINDS; i++) {
        struct kind *kind = &health->kinds[i];

        if (kind->is_asked || kind->has_fault)
            *kind = (struct kind){ .failed = kind->has_fault };
        else if (kind->failed && is_long_ago(&health->failed))
            kind->failed = false;
    }
    set_state(health);
    pthread_mutex_unlock(health->lock);
    rejoice(health);
}

/* ---- What is asked. */

void realip_store_health_get(const struct realip_store_health *health, struct realip_store_report *report_r)
{
    pthread_mutex_lock(health->lock);
    *report_r = health->report;
    pthread_mutex_unlock(health->lock);
}

const char *realip_store_state_token(enum realip_store_state state)
{
    switch (state) {
    case REALIP_STORE_STARTING:
        return "starting";
    case REALIP_STORE_WORKS:
        return "works";
    case REALIP_STORE_DOWN:
        return "down";
    case REALIP_STORE_WRONG:
        return "wrong";
    }
    return "starting";
}
