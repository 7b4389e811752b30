#include "publication.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "runtime/compiled.h"
#include "runtime/log.h"
#include "runtime/metrics_text.h"

struct realip_publication {
    struct realip_snapshots *snapshots;
    pthread_mutex_t writing; /* held while the disk is waited for: who asks for the state must not wait with it */
    pthread_t looker;
    bool looks; /* there is such a thread; under `writing` */
    pthread_mutex_t lock;
    pthread_cond_t end;
    /* Under `lock`. */
    bool ending;
    char why[REALIP_PUBLICATION_WHY_SIZE]; /* "": the last attempt succeeded, or nothing is to be published */
};

static void set_why(struct realip_publication *publication, const char *why)
{
    pthread_mutex_lock(&publication->lock);
    snprintf(publication->why, sizeof(publication->why), "%s", why);
    pthread_mutex_unlock(&publication->lock);
}

bool realip_publication_is_stale(struct realip_publication *publication, char why_r[static REALIP_PUBLICATION_WHY_SIZE])
{
    pthread_mutex_lock(&publication->lock);
    memcpy(why_r, publication->why, REALIP_PUBLICATION_WHY_SIZE);
    pthread_mutex_unlock(&publication->lock);
    return why_r[0] != '\0';
}

/* A file that was cut to nothing is as good as gone. */
static bool is_there(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

/* What is wrong, without the end of its line. */
static void describe(const struct realip_problems *problems, const char *path, char why_r[static REALIP_PUBLICATION_WHY_SIZE])
{
    if (problems->text == NULL)
        snprintf(why_r, REALIP_PUBLICATION_WHY_SIZE, "%s: out of memory", path);
    else
        snprintf(why_r, REALIP_PUBLICATION_WHY_SIZE, "%.*s", (int)strcspn(problems->text, "\n"), problems->text);
}

/* Tells once that it fails, and once that it is well again. `was_gone`: nobody had told that something was wrong. */
static void write_rules(struct realip_publication *publication, const struct realip_config *config, bool was_stale, bool was_gone)
{
    struct realip_problems problems = { 0 };
    char why[REALIP_PUBLICATION_WHY_SIZE] = "";

    if (realip_compiled_publish(config, config->compiled, &problems) < 0)
        describe(&problems, config->compiled, why);
    realip_problems_clear(&problems);
    if (why[0] != '\0' && !was_stale)
        realip_log(LOG_ERR, "%s; Dovecot's modules go on with what they have, and this is tried again every %d seconds", why, REALIP_PUBLICATION_REST);
    else if (why[0] == '\0' && (was_stale || was_gone))
        realip_log(LOG_NOTICE, "%s: %sthe rules are published again", config->compiled, was_gone && !was_stale ? "was gone: " : "");
    set_why(publication, why);
}

/* The newest rules are asked for while nobody else writes: older ones must not be written over them. */
static void renew(struct realip_publication *publication, bool always)
{
    char why[REALIP_PUBLICATION_WHY_SIZE];

    pthread_mutex_lock(&publication->writing);
    struct realip_snapshot *snapshot = realip_snapshots_acquire(publication->snapshots);
    const struct realip_config *config = realip_snapshot_config(snapshot);
    bool was_stale = realip_publication_is_stale(publication, why);

    if (config->compiled == NULL)
        set_why(publication, "");
    else if (always || was_stale || !is_there(config->compiled))
        write_rules(publication, config, was_stale, !always);
    realip_snapshot_release(&snapshot);
    pthread_mutex_unlock(&publication->writing);
}

void realip_publication_mend(struct realip_publication *publication)
{
    renew(publication, false);
}

/* Is it time for a look? False: it is the end. */
static bool wait_for_look(struct realip_publication *publication)
{
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REALIP_PUBLICATION_REST;
    pthread_mutex_lock(&publication->lock);
    while (!publication->ending && result == 0)
        result = pthread_cond_timedwait(&publication->end, &publication->lock, &until);
    bool ending = publication->ending;
    pthread_mutex_unlock(&publication->lock);
    return !ending;
}

static void *look(void *context)
{
    while (wait_for_look(context))
        realip_publication_mend(context);
    return NULL;
}

static void start_looking(struct realip_publication *publication)
{
    pthread_mutex_lock(&publication->writing);
    struct realip_snapshot *snapshot = realip_snapshots_acquire(publication->snapshots);

    if (!publication->looks && realip_snapshot_config(snapshot)->compiled != NULL) {
        int error = pthread_create(&publication->looker, NULL, look, publication);

        publication->looks = error == 0;
        if (error != 0)
            realip_log(LOG_ERR, "the compiled rules are not looked after: %s; send SIGHUP when their file is gone", strerror(error));
    }
    realip_snapshot_release(&snapshot);
    pthread_mutex_unlock(&publication->writing);
}

void realip_publication_put(struct realip_publication *publication)
{
    renew(publication, true);
    start_looking(publication);
}

struct realip_publication *realip_publication_new(struct realip_snapshots *snapshots)
{
    struct realip_publication *publication = calloc(1, sizeof(*publication));
    pthread_condattr_t attributes;

    if (publication == NULL)
        return NULL;
    publication->snapshots = snapshots;
    pthread_mutex_init(&publication->writing, NULL);
    pthread_mutex_init(&publication->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&publication->end, &attributes);
    pthread_condattr_destroy(&attributes);
    return publication;
}

void realip_publication_free(struct realip_publication **publication)
{
    if (*publication == NULL)
        return;
    pthread_mutex_lock(&(*publication)->lock);
    (*publication)->ending = true;
    pthread_cond_signal(&(*publication)->end);
    pthread_mutex_unlock(&(*publication)->lock);
    if ((*publication)->looks)
        pthread_join((*publication)->looker, NULL);
    pthread_cond_destroy(&(*publication)->end);
    pthread_mutex_destroy(&(*publication)->lock);
    pthread_mutex_destroy(&(*publication)->writing);
    free(*publication);
    *publication = NULL;
}

void realip_publication_write_metrics(struct realip_publication *publication, FILE *out)
{
    char why[REALIP_PUBLICATION_WHY_SIZE];

    realip_metrics_text_head("realip_compiled_stale", "gauge", "1 while the rules in force could not be written to the compiled file.", out);
    fprintf(out, "realip_compiled_stale %d\n", realip_publication_is_stale(publication, why) ? 1 : 0);
}
