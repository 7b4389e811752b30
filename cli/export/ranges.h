/* ranges - sets of addresses as sorted disjoint ranges: what lists mean, however they are ordered, merged or split. */
#ifndef REALIP_CLI_RANGES_H
#define REALIP_CLI_RANGES_H

#include "core/network.h"

/* From `first` to `last`, both counted; of one family. */
struct realip_range {
    struct realip_address first;
    struct realip_address last;
};

/* Zeroed is an empty set. Between realip_ranges_add*() and realip_ranges_merge() the rows are in any order. */
struct realip_ranges {
    struct realip_range *rows;
    size_t count;
    size_t room;
};

/* Adds a network, or all from one address to another of the same family. 0; or -1: memory is short, or `last` is before `first`. */
int realip_ranges_add(struct realip_ranges *ranges, const struct realip_network *network);
int realip_ranges_add_span(struct realip_ranges *ranges, const struct realip_address *first, const struct realip_address *last);

/* Adds all rows of another set. 0; or -1 when memory is short. */
int realip_ranges_add_all(struct realip_ranges *ranges, const struct realip_ranges *more);

/* Adds every address of both families. 0; or -1 when memory is short. */
int realip_ranges_add_everything(struct realip_ranges *ranges);

/* Sorts the rows, IPv4 first, and makes one of those that touch or overlap. */
void realip_ranges_merge(struct realip_ranges *ranges);

/* What is in `from` and not in `taken`, or in both; all three merged, *ranges_r (to be cleared) too. 0; or -1 when memory is short. */
int realip_ranges_subtract(const struct realip_ranges *from, const struct realip_ranges *taken, struct realip_ranges *ranges_r);
int realip_ranges_intersect(const struct realip_ranges *one, const struct realip_ranges *other, struct realip_ranges *ranges_r);

void realip_ranges_clear(struct realip_ranges *ranges);

/* Walks through merged ranges as the fewest networks that make them up, in order. A zeroed cursor is at the start. */
struct realip_ranges_cursor {
    size_t row;
    bool started;
    struct realip_address at; /* of the row, where `started` */
};
bool realip_ranges_next(const struct realip_ranges *ranges, struct realip_ranges_cursor *cursor, struct realip_network *network_r);

#endif
