/* network_set_layout - how a network_set lies in memory, for the two files that know: network_set.c builds and searches it,
 * network_set_pack.c writes it into a block and takes it from there. Nobody else includes this.
 */
#ifndef REALIP_NETWORK_SET_LAYOUT_H
#define REALIP_NETWORK_SET_LAYOUT_H

#include "network_set.h"

#ifndef TABLE_BITS /* a proof of all sets up to a size needs it smaller, and the next one */
#define TABLE_BITS 16
#endif
#define TABLE_SIZE (1U << TABLE_BITS)
#define NO_ENTRY 0U
/* So many keys are compared at once, and may be read behind the last one. */
#define KEYS_AT_ONCE 8
/* A slot with fewer ranges than this is searched with a fixed number of steps, which may read behind the last range. */
#ifndef FIXED_RANGES
#define FIXED_RANGES 32
#endif

/* Keys are looked up in the table by the TABLE_BITS bits above `shift`; all networks of the family lie between `first`
 * and `last`, which agree in every bit above those. The ranges that start in slot s are slots[s] + 1 to slots[s + 1]. */
struct realip_network_table {
    uint32_t *slots; /* TABLE_SIZE + 1 places: the last range that starts before the slot does; NULL for a small set */
    unsigned shift;
};

/* What a look-up needs lies close together: of a hundred thousand IPv4 networks the table and the keys stay in a processor's
 * second cache, and whether a range is listed at all in its first. Hardly any client is, and only then its value is read. */
struct realip_network_set {
    bool attached; /* the arrays are somebody else's */
    struct realip_network_entry *entries;
    size_t entry_count;
    size_t ipv4_count; /* how many of the entries, the first ones, are IPv4 */
    uint32_t *start4;  /* of each range; in a small set only */
    uint16_t *key4;    /* or, behind a table: the bits of the start that the slot leaves open */
    uint32_t *value4;
    uint64_t *listed4; /* a bit for each range: its value is not NO_ENTRY */
    uint32_t range4_count;
    struct realip_network_table table4;
    uint32_t first4;
    uint32_t last4;
    /* The starts of IPv6 as two arrays: a search goes through one, as hardly a list has prefixes longer than 64. */
    uint64_t *hi6;
    uint64_t *lo6;
    uint32_t *value6;
    uint64_t *listed6;
    uint32_t range6_count;
    unsigned steps6; /* of the search in a slot; 0: as many as its ranges need */
    bool only_hi6;   /* each lo6 is 0 */
    struct realip_network_table table6;
    struct realip_address first6;
    struct realip_address last6;
};

/* How many words of 64 bits hold a bit for each range. */
static inline size_t realip_network_set_listed_words(uint32_t range_count)
{
    return ((size_t)range_count + 63) / 64;
}

/* What `only_hi6` must be: each lo6 is 0. */
bool realip_network_set_is_only_hi6(const struct realip_network_set *set);

/* What `steps6` must be: how many steps find one of the ranges of the table's fullest slot and the one before; 0 when that is
 * no small number, or there is no table. */
unsigned realip_network_set_count_steps(const struct realip_network_table *table);

#endif
