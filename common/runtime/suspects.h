/* suspects - which addresses behave as a NAT that nobody listed: the table of shared_address with a lock, a clock and a random key.
 *
 * Of one process; counts what it judges itself, and what others tell it. Names are hashed at once and stored nowhere.
 */
#ifndef REALIP_SUSPECTS_H
#define REALIP_SUSPECTS_H

#include <stdio.h>

#include "config.h"
#include "core/shared_address.h"

struct realip_suspects;

/* NULL when memory is short. Takes no memory for a table before the first session that counts. */
struct realip_suspects *realip_suspects_new(void);
void realip_suspects_free(struct realip_suspects **suspects);

/* Counts by these rules from now on. Another window or scope, or none configured, forgets everything. Any thread. */
void realip_suspects_configure(struct realip_suspects *suspects, const struct realip_suspicion *suspicion);

/* A session that is real as far as the rules know. Counts it where its client tells a name (facts->name_told); returns about how many
 * clients use the address where it is a suspect, else 0. Logs the address when it becomes one. Any thread. */
uint32_t realip_suspects_judge(struct realip_suspects *suspects, const struct realip_facts *facts);

/* A client that was seen, for whoever counts together with others. */
struct realip_suspects_sighting {
    struct realip_address address; /* as it is counted: realip_shared_address_of() */
    const char *name;
    size_t length;
    bool is_user;     /* else a HELO name */
    bool is_fresh;    /* as far as is known, not seen in this quarter of a window before */
    bool is_few;      /* and this is known for certain */
    uint64_t hash;    /* of the name, with a key of this process */
    uint64_t seconds; /* when it came: CLOCK_MONOTONIC_COARSE */
    unsigned window;  /* seconds */
    unsigned threshold;
};

/* Has `saw` called with each client that is counted, in the thread that judges: it must not wait. Set before others judge; NULL: nobody. */
void realip_suspects_set_watcher(struct realip_suspects *suspects, void (*saw)(void *context, const struct realip_suspects_sighting *sighting),
                                 void *context);

/* Others say that so many clients are behind the address; believed for as long as it is in the scope and used here. Any thread. */
void realip_suspects_tell(struct realip_suspects *suspects, const struct realip_address *address, uint32_t clients);

/* One suspect, for people. */
struct realip_suspects_entry {
    struct realip_network network;
    uint32_t clients;
    unsigned seconds_ago; /* when somebody came from it last, at the most: told in quarters of the window */
    bool is_told;         /* fewer came to us: others say so */
};

/* Fills up to `room` suspects, those with most clients first; returns how many there are in all. Any thread. */
size_t realip_suspects_list(struct realip_suspects *suspects, struct realip_suspects_entry *found, size_t room);

/* In Prometheus' text form. */
void realip_suspects_write_metrics(struct realip_suspects *suspects, FILE *out);

#endif
