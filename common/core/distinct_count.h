/* distinct_count - how many different things came within a sliding window: HyperLogLog in fixed memory.
 *
 * Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007), with 4,096 registers and the estimate of Ertl, "New cardinality
 * estimation algorithms for HyperLogLog sketches" (2017), which is right from none to many without a correction table. The
 * standard error is 1.6 %. The window is cut into periods, each with registers of its own; what is counted is their union.
 */
#ifndef REALIP_DISTINCT_COUNT_H
#define REALIP_DISTINCT_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/* A window is four periods. The one that has just begun counts besides, so that never less than the window is seen. */
#define REALIP_DISTINCT_PERIODS   5
#define REALIP_DISTINCT_REGISTERS 4096

/* The bits of a hash that are used: which register, and how rare the rest is. */
#define REALIP_DISTINCT_HASH_BITS 28

struct realip_distinct_count {
    uint32_t period;  /* the one that was last counted in */
    uint32_t estimate;
    uint16_t histogram[16]; /* how many registers of `all` have each value */
    unsigned char all[REALIP_DISTINCT_REGISTERS / 2]; /* the union of the periods; two registers a byte */
    unsigned char of_period[REALIP_DISTINCT_PERIODS][REALIP_DISTINCT_REGISTERS / 2];
};

/* Empties it; `period` is the one that it is now. */
void realip_distinct_count_clear(struct realip_distinct_count *count, uint32_t period);

/* Goes on to a later period and forgets what is older than the window. An earlier or the same period changes nothing. */
void realip_distinct_count_advance(struct realip_distinct_count *count, uint32_t period);

/* Counts a thing, by REALIP_DISTINCT_HASH_BITS good bits of its hash, in a period of the window that ends with
 * count->period. True when something changed: it was certainly not counted in that period before. */
bool realip_distinct_count_add(struct realip_distinct_count *count, uint32_t hash, uint32_t period);

#endif
