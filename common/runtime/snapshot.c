#include "snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/decide.h"
#include "log.h"

struct realip_snapshot {
    atomic_uint references;
    struct realip_config *config;
    struct realip_metrics_listener **counters; /* one for each listener, then the fallback's; NULL: count nothing */
};

struct realip_snapshots {
    pthread_mutex_t lock; /* held for the length of one pointer's copy and one count */
    struct realip_snapshot *current;
    struct realip_metrics *metrics;
    char *path;
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

    if (metrics == NULL)
        return 0;
    snapshot->counters = calloc(rules->listener_count + 1, sizeof(struct realip_metrics_listener *));
    if (snapshot->counters == NULL)
        return -1;
    for (size_t i = 0; i <= rules->listener_count; i++) {
        const char *title = i < rules->listener_count ? rules->listeners[i].title : "-";

        snapshot->counters[i] = realip_metrics_listener(metrics, title);
        if (snapshot->counters[i] == NULL)
            return -1;
    }
    return 0;
}

static struct realip_snapshot *load(const struct realip_snapshots *snapshots, struct realip_problems *problems)
{
    struct realip_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    if (snapshot == NULL) {
        realip_problems_add(problems, (struct realip_origin){ snapshots->path, 0 }, "out of memory");
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    if (realip_config_load(snapshots->path, &snapshot->config, problems) == 0
        && (snapshots->check == NULL || snapshots->check(snapshots->check_context, snapshot->config, problems) == 0)) {
        if (find_counters(snapshot, snapshots->metrics) == 0)
            return snapshot;
        realip_problems_add(problems, (struct realip_origin){ snapshots->path, 0 }, "out of memory");
    }
    free_snapshot(snapshot);
    return NULL;
}

int realip_snapshots_open(const char *path, struct realip_metrics *metrics, struct realip_snapshots **snapshots_r,
                          struct realip_problems *problems)
{
    struct realip_snapshots *snapshots = calloc(1, sizeof(*snapshots));

    *snapshots_r = NULL;
    if (snapshots != NULL)
        snapshots->path = strdup(path);
    if (snapshots == NULL || snapshots->path == NULL) {
        free(snapshots);
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
        return -1;
    }
    snapshots->metrics = metrics;
    pthread_mutex_init(&snapshots->lock, NULL);
    snapshots->current = load(snapshots, problems);
    if (snapshots->current == NULL) {
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
    free((*snapshots)->path);
    free(*snapshots);
    *snapshots = NULL;
}

int realip_snapshots_reload(struct realip_snapshots *snapshots, struct realip_problems *problems)
{
    struct realip_snapshot *fresh = load(snapshots, problems);

    if (fresh == NULL)
        return -1;
    pthread_mutex_lock(&snapshots->lock);
    struct realip_snapshot *old = snapshots->current;
    snapshots->current = fresh;
    pthread_mutex_unlock(&snapshots->lock);
    realip_snapshot_release(&old);
    return 0;
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

void realip_snapshot_judge(const struct realip_snapshot *snapshot, const struct realip_facts *facts,
                           struct realip_verdict *verdict_r)
{
    realip_decide(&snapshot->config->rules, facts, verdict_r);
    count(snapshot, verdict_r);
    if (snapshot->config->log_passes || realip_reason_is_problem(verdict_r->reason)
        || verdict_r->reason == REALIP_REASON_UNDECIDED)
        realip_log_verdict(facts, verdict_r);
}
