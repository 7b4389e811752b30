/* shared_address - how many distinct clients stand behind each address of late, in a table of fixed memory.
 *
 * A client is told apart by what it says: its HELO name, or the user who logs in. An address of which many came within the window behaves as a
 * NAT. How often they come does not count.
 *
 * The window slides by periods of a quarter; the caller numbers them, from 1, with a clock that never goes back. An address is seen for as long
 * as somebody came within the last window, at the most a quarter longer.
 *
 * Strangers choose what stands in the table, so it defends itself: its places are chosen by a keyed hash; an address with few clients makes
 * room for another, one with half of the threshold or more never does while it is in use; and one neighbourhood (an IPv6 /24, an
 * IPv4 /16) gets at most a quarter of the ways to a place, so that who owns a /32 takes room from himself.
 * About 21 MB when all of it is used, less while it is not (memory that was never written to costs nothing). Not for two threads at once.
 */
#ifndef REALIP_SHARED_ADDRESS_H
#define REALIP_SHARED_ADDRESS_H

#include "address.h"
#include "siphash.h"

struct realip_shared_address_table;

/* Up to so many clients the count is exact; beyond, 1.6 % of standard error. */
#define REALIP_SHARED_ADDRESS_EXACT 22

/* What is judged by; may change between two calls. */
struct realip_shared_address_limits {
    uint32_t threshold; /* so many clients make a suspect; at least 2 */
    uint32_t period;    /* the quarter of a window that it is now */
};

/* What is known of one address. */
struct realip_shared_address_state {
    uint32_t clients; /* about how many; the larger of what came here and what realip_shared_address_tell() said */
    bool is_suspect;  /* clients >= threshold */
    bool is_fresh;    /* this client was not seen before in this period, as far as can be told */
    bool has_become;  /* a suspect, by this very call */
};

/* Counters since the start, and the fill now. */
struct realip_shared_address_counts {
    unsigned long long observations;
    unsigned long long evictions;  /* addresses still in use that made room for others */
    unsigned long long refusals;   /* addresses for which there was no room: everything there was protected */
    unsigned long long saturations; /* observations of an address that could not be counted beyond EXACT: no large counter was free */
    size_t addresses;     /* places taken; some may be out of use */
    size_t address_room;
    size_t large_counters; /* taken */
    size_t large_counter_room;
};

/* NULL when memory is short. The key must be random and secret. */
struct realip_shared_address_table *realip_shared_address_new(const struct realip_siphash_key *key);
/* Frees it and sets the caller's pointer to NULL; *table may be NULL. */
void realip_shared_address_free(struct realip_shared_address_table **table);

/* What is counted as one address: itself; of a public IPv6 one its /64, in which a client moves as it likes. In private ranges a /64 is a
 * whole network of clients, and nobody from outside is there to choose among its addresses. */
struct realip_address realip_shared_address_of(const struct realip_address *address);

/* Somebody came from the address. `client` is a hash of what it is told apart by, made with a key that strangers don't know.
 * Takes some tens of nanoseconds and allocates nothing. An absent address is ignored. */
void realip_shared_address_observe(struct realip_shared_address_table *table, const struct realip_address *address, uint64_t client,
                                   const struct realip_shared_address_limits *limits, struct realip_shared_address_state *state_r);

/* What is known, without observing anything; all zero for an address that is not there. */
void realip_shared_address_find(struct realip_shared_address_table *table, const struct realip_address *address,
                                const struct realip_shared_address_limits *limits, struct realip_shared_address_state *state_r);

/* Others, who count together with us, say that so many are behind the address. Holds for this period and the next; where nobody has come to us from
 * the address it is forgotten at once (state all zero). */
void realip_shared_address_tell(struct realip_shared_address_table *table, const struct realip_address *address, uint32_t clients,
                                const struct realip_shared_address_limits *limits, struct realip_shared_address_state *state_r);

/* One suspect. */
struct realip_shared_address_suspect {
    struct realip_address address;
    unsigned prefix; /* 32, 64 or 128 */
    uint32_t clients;
    unsigned periods_ago; /* when somebody came from it last; 0: in this period */
    bool is_told;    /* by others: fewer clients came to us */
};

/* Writes up to `room` suspects into `found` (NULL when room is 0), in no order; returns how many there are in all. */
size_t realip_shared_address_suspects(struct realip_shared_address_table *table, const struct realip_shared_address_limits *limits,
                                      struct realip_shared_address_suspect *found, size_t room);

void realip_shared_address_count(const struct realip_shared_address_table *table, struct realip_shared_address_counts *counts_r);

#endif
