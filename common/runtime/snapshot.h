/* snapshot - the rules in force, shared by reference; a reload swaps them whole.
 *
 * A reader holds a reference for as long as it uses what the snapshot gave it. The configuration is read and checked
 * outside any lock; the swap is one pointer. When a reload fails the old snapshot stays; when only a source of networks is
 * broken, that source's last good content stays (sources.h), and what became of it is logged.
 */
#ifndef REALIP_SNAPSHOT_H
#define REALIP_SNAPSHOT_H

#include "config.h"
#include "metrics.h"
#include "watch.h"

struct realip_snapshot;
struct realip_suspects; /* see suspects.h */

/* The one place that holds the newest snapshot of a program. */
struct realip_snapshots;

/* Loads the configuration for the first time. 0 and *snapshots_r; or -1 and the problems added. `metrics` (borrowed,
 * may be NULL) gets the counters of every listener. */
int realip_snapshots_open(const char *path, struct realip_metrics *metrics, struct realip_snapshots **snapshots_r,
                          struct realip_problems *problems);
/* Has every later load that changes something looked at before it is swapped in: `check` returns 0, or -1 with a problem added, and then the
 * old rules stay. It runs in the reloading thread. */
void realip_snapshots_set_check(struct realip_snapshots *snapshots,
                                int (*check)(void *context, const struct realip_config *fresh,
                                             struct realip_problems *problems),
                                void *context);
void realip_snapshots_free(struct realip_snapshots **snapshots);

/* Loads the configuration again and swaps it in. 0; or -1, the problems added, and the old rules in force. One thread at
 * a time. */
int realip_snapshots_reload(struct realip_snapshots *snapshots, struct realip_problems *problems);

/* The same after something may have changed, for who watches the files: 1 when nothing has, and there is nothing to tell: the
 * rules would be those in force, or are refused for the reasons that were told at the last attempt. `problems` is empty. */
int realip_snapshots_refresh(struct realip_snapshots *snapshots, struct realip_problems *problems);

/* Has `watch` watch the configuration and all files that it names, also where the last attempt to load it failed: whoever
 * mends it is seen. Call after each load, while no other is under way. As realip_watch_end(). */
int realip_snapshots_watch(const struct realip_snapshots *snapshots, struct realip_watch *watch,
                           struct realip_problems *problems);

/* The newest snapshot, with a reference of the caller's. Any thread; never NULL. */
struct realip_snapshot *realip_snapshots_acquire(struct realip_snapshots *snapshots);

/* Gives the reference back and sets the caller's pointer to NULL; *snapshot may be NULL. The last one frees. */
void realip_snapshot_release(struct realip_snapshot **snapshot);

/* Who counts the clients of each address; of all snapshots, and lives as long as `snapshots`. Follows `suspicion` of the rules in force. */
struct realip_suspects *realip_snapshots_suspects(struct realip_snapshots *snapshots);

const struct realip_config *realip_snapshot_config(const struct realip_snapshot *snapshot);

/* Decides (where `suspicion` is configured, also by what else came from the address of late), counts and logs (problems always, passes when the configuration says so): what every adapter does with its
 * facts. Fills *verdict_r; a verdict whose action is UNDECIDED must be answered with a temporary refusal. */
void realip_snapshot_judge(const struct realip_snapshot *snapshot, const struct realip_facts *facts,
                           struct realip_verdict *verdict_r);

#endif
