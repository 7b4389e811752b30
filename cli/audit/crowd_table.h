/* crowd_table - addresses behind which there are many: counts the distinct users and HELO names of each within a window of time.
 *
 * Counting is linear (Whang, Vander-Zanden and Taylor 1990): each name sets one of 256 bits, the number of bits still zero tells how many
 * names there were, within a few of a hundred up to several hundred names. Holds a bounded number of addresses: who has few names makes
 * room for others.
 */
#ifndef REALIP_CROWD_TABLE_H
#define REALIP_CROWD_TABLE_H

#include "core/address.h"
#include "log_line.h"

#define REALIP_CROWD_WORDS 4 /* of 64 bits */

enum realip_crowd_sort { REALIP_CROWD_USERS = 0, REALIP_CROWD_HELOS, REALIP_CROWD_SORT_COUNT };

struct realip_crowd {
    struct realip_address address; /* absent: this place is free */
    int64_t window;                /* its number */
    int64_t first;
    int64_t last;
    uint64_t events;
    unsigned most[REALIP_CROWD_SORT_COUNT]; /* distinct names in the fullest window that is over */
    uint64_t bits[REALIP_CROWD_SORT_COUNT][REALIP_CROWD_WORDS];
};

struct realip_crowd_table {
    struct realip_crowd *places;
    uint64_t seed;
    unsigned window;    /* seconds */
    uint64_t forgotten; /* addresses that made room for others though they had several names in the present window */
};

/* 0; or -1 when memory is short. `window` is not 0. */
int realip_crowd_table_init(struct realip_crowd_table *table, unsigned window, uint64_t seed);
void realip_crowd_table_clear(struct realip_crowd_table *table);

/* Somebody behind the address used this name at `when`. */
void realip_crowd_table_add(struct realip_crowd_table *table, const struct realip_address *address, enum realip_crowd_sort sort,
                            struct realip_log_text name, int64_t when);

/* The most distinct names of the address in one window, the present one included. */
unsigned realip_crowd_most(const struct realip_crowd *crowd, enum realip_crowd_sort sort);

/* All places, in no order; free ones have no address. */
size_t realip_crowd_table_size(void);

#endif
