#include "snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/decide.h"
#include "log.h"
#include "sources.h"
#include "suspects.h"

struct realip_snapshot {
    atomic_uint references;
    struct realip_config *config;
    struct realip_metrics *metrics;            /* or NULL: count nothing */
    struct realip_suspects *suspects; /* of all snapshots */
    struct realip_metrics_listener **counters; /* one for each listener, then the fallback's; NULL: count nothing */
};

struct realip_snapshots {
    pthread_mutex_t lock; /* held for the length of one pointer's copy and one count */
    struct realip_snapshot *current;
    struct realip_metrics *metrics;
    struct realip_suspects *suspects;
    char *path;
    /* Of the thread that loads. */
    struct realip_sources *sources; /* what the rules in force were made of */
    struct realip_sources *refused; /* those of the last attempt, where it failed */
    char *problems;                 /* why it failed; NULL where it did not, or memory was short */
    bool failed;
    struct timespec begun;
    int (*check)(void *context, const struct realip_config *fresh, struct realip_problems *problems);
    void *check_context;
};

static void free_snapshot(struct realip_snapshot *snapshot)
{
    realip_config_free(&snapshot->config);
    free(snapshot->counters);
    free(snapshot);
}

static int find_counters(struct realip_snapshot *snapshot, struct realip_metrics *metrics)
{
    const struct realip_rules *rules = &snapshot->config->rules;

    snapshot->metrics = metrics;
    if (metrics == NULL)
        return 0;
    snapshot->counters = calloc(rules->listener_count + 1, sizeof(struct realip_metrics_listener *));
    if (snapshot->counters == NULL)
        return -1;
    for (size_t i = 0; i <= rules->listener_count; i++) {
        const char *title = i < rules->listener_count ? rules->listeners[i].title : REALIP_METRICS_FALLBACK;

        snapshot->counters[i] = realip_metrics_listener(metrics, title);
        if (snapshot->counters[i] == NULL)
            return -1;
    }
    return 0;
}

static void add_out_of_memory(const struct realip_snapshots *snapshots, struct realip_problems *problems)
{
    realip_problems_add(problems, (struct realip_origin){ snapshots->path, 0 }, "out of memory");
}

/* *sources_r has what was read also where NULL is returned, for want of a good configuration. */
static struct realip_snapshot *load(struct realip_snapshots *snapshots, struct realip_sources **sources_r,
                                    struct realip_problems *problems)
{
    struct realip_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    clock_gettime(CLOCK_REALTIME, &snapshots->begun);
    *sources_r = realip_sources_new(snapshots->sources, (long long)snapshots->begun.tv_sec);
    if (snapshot == NULL || *sources_r == NULL) {
        free(snapshot);
        add_out_of_memory(snapshots, problems);
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->suspects = snapshots->suspects;
    if (realip_config_load_sources(snapshots->path, *sources_r, &snapshot->config, problems) == 0)
        return snapshot;
    free_snapshot(snapshot);
    return NULL;
}

/* Is it fit to be put in force? */
static int make_ready(const struct realip_snapshots *snapshots, struct realip_snapshot *snapshot,
                      struct realip_problems *problems)
{
    if (snapshots->check != NULL && snapshots->check(snapshots->check_context, snapshot->config, problems) < 0)
        return -1;
    if (find_counters(snapshot, snapshots->metrics) == 0)
        return 0;
    add_out_of_memory(snapshots, problems);
    return -1;
}

/* Takes the sources over; what became of them is told. 0; or -1 and one problem added, and the old ones stay. */
static int adopt_sources(struct realip_snapshots *snapshots, struct realip_sources **fresh, struct realip_problems *problems)
{
    if (snapshots->metrics != NULL && realip_metrics_set_sources(snapshots->metrics, *fresh) < 0) {
        add_out_of_memory(snapshots, problems);
        return -1;
    }
    realip_sources_tell(*fresh, snapshots->sources);
    realip_sources_free(&snapshots->sources);
    snapshots->sources = *fresh;
    *fresh = NULL;
    return 0;
}

static void swap(struct realip_snapshots *snapshots, struct realip_snapshot *fresh)
{
    if (snapshots->metrics != NULL)
        realip_metrics_set_rules(snapshots->metrics, &fresh->config->rules);
    realip_suspects_configure(snapshots->suspects, &fresh->config->suspicion);
    pthread_mutex_lock(&snapshots->lock);
    struct realip_snapshot *old = snapshots->current;
    snapshots->current = fresh;
    pthread_mutex_unlock(&snapshots->lock);
    realip_snapshot_release(&old);
}

static void note_success(struct realip_snapshots *snapshots)
{
    snapshots->failed = false;
    realip_sources_free(&snapshots->refused);
    free(snapshots->problems);
    snapshots->problems = NULL;
}

/* Takes `refused` over. True when the attempt before failed for the same reasons. */
static bool note_failure(struct realip_snapshots *snapshots, struct realip_sources **refused, const char *problems)
{
    bool is_same = snapshots->failed && problems != NULL && snapshots->problems != NULL
        && strcmp(problems, snapshots->problems) == 0;

    note_success(snapshots);
    snapshots->failed = true;
    snapshots->refused = *refused;
    snapshots->problems = problems == NULL ? NULL : strdup(problems);
    *refused = NULL;
    return is_same;
}

static bool is_in_force(const struct realip_snapshots *snapshots, const struct realip_snapshot *fresh)
{
    return snapshots->current != NULL && snapshots->current->config->stamp == fresh->config->stamp;
}

/* 1 is returned only where a load that changes nothing is left out. */
static int load_and_swap(struct realip_snapshots *snapshots, bool leave_out, struct realip_problems *problems)
{
    struct realip_sources *sources;
    struct realip_snapshot *fresh = load(snapshots, &sources, problems);
    bool is_same = leave_out && fresh != NULL && !snapshots->failed && is_in_force(snapshots, fresh);
    int result = fresh == NULL || (!is_same && make_ready(snapshots, fresh, problems) < 0)
            || adopt_sources(snapshots, &sources, problems) < 0
        ? -1
        : 0;

    if (result < 0) {
        if (note_failure(snapshots, &sources, problems->text) && leave_out) {
            realip_problems_clear(problems);
            result = 1;
        }
    } else {
        note_success(snapshots);
        if (is_same)
            result = 1;
        else
            swap(snapshots, fresh);
    }
    if (result != 0 && fresh != NULL)
        free_snapshot(fresh);
    return result;
}

int realip_snapshots_open(const char *path, struct realip_metrics *metrics, struct realip_snapshots **snapshots_r,
                          struct realip_problems *problems)
{
    struct realip_snapshots *snapshots = calloc(1, sizeof(*snapshots));

    *snapshots_r = NULL;
    if (snapshots != NULL) {
        snapshots->path = strdup(path);
        snapshots->suspects = realip_suspects_new();
    }
    if (snapshots == NULL || snapshots->path == NULL || snapshots->suspects == NULL) {
        if (snapshots != NULL) {
            realip_suspects_free(&snapshots->suspects);
            free(snapshots->path);
        }
        free(snapshots);
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
        return -1;
    }
    snapshots->metrics = metrics;
    pthread_mutex_init(&snapshots->lock, NULL);
    if (load_and_swap(snapshots, false, problems) < 0) {
        realip_snapshots_free(&snapshots);
        return -1;
    }
    *snapshots_r = snapshots;
    return 0;
}

void realip_snapshots_set_check(struct realip_snapshots *snapshots,
                                int (*check)(void *context, const struct realip_config *fresh,
                                             struct realip_problems *problems),
                                void *context)
{
    snapshots->check = check;
    snapshots->check_context = context;
}

void realip_snapshots_free(struct realip_snapshots **snapshots)
{
    if (*snapshots == NULL)
        return;
    realip_snapshot_release(&(*snapshots)->current);
    pthread_mutex_destroy(&(*snapshots)->lock);
    note_success(*snapshots);
    realip_sources_free(&(*snapshots)->sources);
    realip_suspects_free(&(*snapshots)->suspects);
    free((*snapshots)->path);
    free(*snapshots);
    *snapshots = NULL;
}

int realip_snapshots_reload(struct realip_snapshots *snapshots, struct realip_problems *problems)
{
    return load_and_swap(snapshots, false, problems);
}

int realip_snapshots_refresh(struct realip_snapshots *snapshots, struct realip_problems *problems)
{
    return load_and_swap(snapshots, true, problems);
}

static void watch_sources(const struct realip_sources *sources, struct realip_watch *watch)
{
    for (size_t i = 0; i < realip_sources_count(sources); i++) {
        struct realip_sources_state source = realip_sources_at(sources, i);

        realip_watch_add(watch, source.text, source.is_pattern);
    }
}

int realip_snapshots_watch(const struct realip_snapshots *snapshots, struct realip_watch *watch,
                           struct realip_problems *problems)
{
    realip_watch_begin(watch);
    realip_watch_add(watch, snapshots->path, false);
    watch_sources(snapshots->sources, watch);
    watch_sources(snapshots->refused, watch);
    return realip_watch_end(watch, &snapshots->begun, problems);
}

struct realip_snapshot *realip_snapshots_acquire(struct realip_snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    struct realip_snapshot *snapshot = snapshots->current;
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&snapshots->lock);
    return snapshot;
}

void realip_snapshot_release(struct realip_snapshot **snapshot)
{
    if (*snapshot != NULL && atomic_fetch_sub_explicit(&(*snapshot)->references, 1, memory_order_acq_rel) == 1)
        free_snapshot(*snapshot);
    *snapshot = NULL;
}

const struct realip_config *realip_snapshot_config(const struct realip_snapshot *snapshot)
{
    return snapshot->config;
}

static void count(const struct realip_snapshot *snapshot, const struct realip_verdict *verdict)
{
    const struct realip_rules *rules = &snapshot->config->rules;
    size_t index = rules->listener_count;

    if (snapshot->counters == NULL)
        return;
    if (verdict->listener != &rules->fallback)
        index = (size_t)(verdict->listener - rules->listeners);
    realip_metrics_count(snapshot->counters[index], verdict);
}

static void decide(const struct realip_snapshot *snapshot, const struct realip_facts *facts, struct realip_verdict *verdict_r)
{
    bool is_timed = snapshot->metrics != NULL && realip_metrics_times_decision(snapshot->metrics);
    unsigned long long begun = is_timed ? realip_histogram_now() : 0;

    realip_decide(&snapshot->config->rules, facts, verdict_r);
    if (is_timed)
        realip_metrics_add_decision(snapshot->metrics, realip_histogram_now() - begun);
}

struct realip_suspects *realip_snapshots_suspects(struct realip_snapshots *snapshots)
{
    return snapshots->suspects;
}

/* Only clients that count as real are counted: a listed NAT, a webmail or a proxy has many users, and everybody knows. What a relay told is no
 * word of its client's. */
static void judge_suspect(const struct realip_snapshot *snapshot, const struct realip_facts *facts, struct realip_verdict *verdict_r)
{
    struct realip_facts suspected = *facts;

    if (verdict_r->reason != REALIP_REASON_REAL || facts->relay.family != REALIP_FAMILY_NONE)
        return;
    suspected.clients = realip_suspects_judge(snapshot->suspects, facts);
    suspected.suspected = suspected.clients > 0;
    if (suspected.suspected)
        realip_decide(&snapshot->config->rules, &suspected, verdict_r);
}

void realip_snapshot_judge(const struct realip_snapshot *snapshot, const struct realip_facts *facts,
                           struct realip_verdict *verdict_r)
{
    decide(snapshot, facts, verdict_r);
    if (snapshot->config->suspicion.configured)
        judge_suspect(snapshot, facts, verdict_r);
    count(snapshot, verdict_r);
    if (snapshot->config->log_passes || realip_reason_is_problem(verdict_r->reason)
        || verdict_r->reason == REALIP_REASON_UNDECIDED)
        realip_log_verdict(facts, verdict_r);
}
