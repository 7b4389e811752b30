/* suspect_store - the count of clients that several policyds share, in a Redis or Valkey server.
 *
 * Keys, W the window in seconds and Q the number of its quarter since 1970:
 *   mail-realip:clients:W:Q:ADDRESS   a HyperLogLog of the server's (PFADD, PFCOUNT): hashes of the clients that came in that quarter, whenever
 *                                     they were sent
 *   mail-realip:suspects:W:Q          a sorted set: addresses that were suspects in it, by how many clients
 * All expire by themselves. Names are hashed before they leave the process, by a function that all policyds have in common: its key comes from the
 * password, where there is one.
 *
 * A thread of its own does all that: the thread that judges puts a client into a queue of fixed size and goes on; where that is full the client is
 * dropped for the others and counted, as is one that has waited there until its quarter is out of the window. What was sent stays in it until it is
 * answered: where the connection ends before, it is sent again, which changes no count, and what the server refuses is counted as lost. While the
 * server is down, slow or talks nonsense, each policyd goes on with its own counts.
 * A list of the server's counts as a whole or not at all, and of what is said of an address in a quarter, the most.
 */
#ifndef REALIP_SUSPECT_STORE_H
#define REALIP_SUSPECT_STORE_H

#include <stdio.h>

#include "runtime/problems.h"
#include "runtime/suspects.h"
#include "store_health.h"

struct realip_suspect_store;

/* Reads the password. `place` and `suspects` are borrowed until it is freed. 0 and *store_r; or -1 and one problem added. */
int realip_suspect_store_new(const struct realip_store_place *place, struct realip_suspects *suspects, struct realip_suspect_store **store_r,
                             struct realip_problems *problems);

/* Begins: to be called once, by the thread that judges, after the process has become who it stays. 0, or -1. */
int realip_suspect_store_start(struct realip_suspect_store *store);

/* Ends the thread and frees; *store may be NULL. */
void realip_suspect_store_free(struct realip_suspect_store **store);

struct realip_suspect_store_report {
    struct realip_store_report health;
    const char *place; /* as the configuration spells it; the store's */
    unsigned waiting;  /* clients that are not sent yet */
    unsigned room;     /* for so many */
    unsigned long long sent, dropped, lost, told;
};

/* From any thread. */
void realip_suspect_store_get(const struct realip_suspect_store *store, struct realip_suspect_store_report *report_r);

/* In Prometheus' text form. */
void realip_suspect_store_write_metrics(const struct realip_suspect_store *store, FILE *out);

#endif
