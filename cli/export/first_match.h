/* first_match - lists in which the first network that holds an address decides: which addresses each kind of entry gets. */
#ifndef REALIP_CLI_FIRST_MATCH_H
#define REALIP_CLI_FIRST_MATCH_H

#include "ranges.h"

struct realip_first_match_entry {
    struct realip_network network;
    unsigned kind;
    size_t order; /* kept by realip_first_match_add() */
};

/* Zeroed is an empty list. */
struct realip_first_match {
    struct realip_first_match_entry *entries;
    size_t count;
    size_t room;
};

/* Adds an entry behind the others. 0; or -1 when memory is short. */
int realip_first_match_add(struct realip_first_match *list, const struct realip_network *network, unsigned kind);

/* The addresses that an entry of `kind` decides, merged; to be cleared. Sorts the list's entries; their order is kept in them.
 * 0; or -1 when memory is short. */
int realip_first_match_ranges(struct realip_first_match *list, unsigned kind, struct realip_ranges *ranges_r);

void realip_first_match_clear(struct realip_first_match *list);

#endif
