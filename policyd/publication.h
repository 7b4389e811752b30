/* publication - the compiled rules of the configuration on the disk: written when rules change, and again when that failed or the file has gone.
 *
 * Dovecot's modules have nothing else: while the file is not that of the rules in force, a node that joins is a client to them. So a
 * failure is told (one line of the log, a gauge, the status page) and mended without anybody's hand: by every refresh, and by a thread
 * that looks every REALIP_PUBLICATION_REST seconds. It begins with the first configuration that has `compiled`.
 */
#ifndef REALIP_PUBLICATION_H
#define REALIP_PUBLICATION_H

#include <stdbool.h>
#include <stdio.h>

#include "runtime/snapshot.h"

/* Seconds between two looks at the file. */
#define REALIP_PUBLICATION_REST 10

/* Room for why it failed, and a NUL. */
#define REALIP_PUBLICATION_WHY_SIZE 512

struct realip_publication;

/* Publishes the newest rules of `snapshots`, which outlive it. NULL when memory is short. */
struct realip_publication *realip_publication_new(struct realip_snapshots *snapshots);

/* Waits for what is being written; the file stays. *publication may be NULL. */
void realip_publication_free(struct realip_publication **publication);

/* Writes the newest rules where their configuration wants it. Any thread; waits for the disk. */
void realip_publication_put(struct realip_publication *publication);

/* The same only where it is needed: the last attempt failed, or there is no such file any more. Somebody else's file is left alone: two
 * that publish at one place would replace each other's for ever. */
void realip_publication_mend(struct realip_publication *publication);

/* Did the last attempt fail? Then why_r has "FILE: what is wrong, what to do", else "". Any thread; waits for no disk. */
bool realip_publication_is_stale(struct realip_publication *publication, char why_r[static REALIP_PUBLICATION_WHY_SIZE]);

/* Any thread; waits for no disk. */
void realip_publication_write_metrics(struct realip_publication *publication, FILE *out);

#endif
