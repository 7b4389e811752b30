/* crowd_table - addresses behind which there are many: the most distinct users and HELO names of each within a sliding window of time.
 *
 * Of each name the last time is kept, so that the number is exact, however the window lies, up to a given number of names; whoever has more
 * is told as "at least so many". Bounded in addresses and in names: who has few makes room for others. The same log gives the same
 * answer, and nothing of it depends on chance.
 */
#ifndef REALIP_CROWD_TABLE_H
#define REALIP_CROWD_TABLE_H

#include "core/address.h"
#include "log_line.h"

#define REALIP_CROWD_LEAST_EXACT 512U  /* names of one sort are counted one by one up to this number at least */
#define REALIP_CROWD_MOST_EXACT  4096U /* and never above this one */

enum realip_crowd_sort { REALIP_CROWD_USERS = 0, REALIP_CROWD_HELOS, REALIP_CROWD_SORT_COUNT };

struct realip_crowd_name {
    uint64_t hash;
    int64_t last;
};

/* The names of one sort that were seen within the window before the last one. */
struct realip_crowd_names {
    struct realip_crowd_name *list;
    uint32_t count; /* those that fell out of the window since then included */
    uint32_t room;
};

struct realip_crowd {
    struct realip_address address; /* absent: this place is free */
    int64_t first;
    int64_t last;
    int64_t now; /* where the window ends */
    uint64_t events;
    unsigned most[REALIP_CROWD_SORT_COUNT];   /* distinct names within one window */
    bool is_more[REALIP_CROWD_SORT_COUNT];    /* there may have been more: they found no room */
    struct realip_crowd_names names[REALIP_CROWD_SORT_COUNT];
};

struct realip_crowd_table {
    struct realip_crowd *places;
    unsigned char *tags; /* a byte of each address's hash, so that most of those not here are told without touching the places; 0: free */
    uint64_t seed;
    size_t bytes;       /* of all lists of names */
    unsigned exact;     /* names of one sort that an address can have here */
    unsigned window;    /* seconds */
    uint64_t forgotten; /* addresses that made room for others though they had several names in the present window */
};

/* 0; or -1 when memory is short. `window` is not 0; `exact` is the number of names up to which all have to be told apart (within the limits
 * above). */
int realip_crowd_table_init(struct realip_crowd_table *table, unsigned window, unsigned exact, uint64_t seed);
void realip_crowd_table_clear(struct realip_crowd_table *table);

/* Somebody behind the address used this name at `when`. Times may go back a little (several hosts in one log); where they go back by more than
 * a window, another log begins. */
void realip_crowd_table_add(struct realip_crowd_table *table, const struct realip_address *address, enum realip_crowd_sort sort,
                            struct realip_log_text name, int64_t when);

/* All places, in no order; free ones have no address. */
size_t realip_crowd_table_size(void);

#endif
