#include "network_set.h"

#include <stdlib.h>
#include <string.h>

#include "network_set_layout.h"

/* Up to here a plain binary search touches no more cache lines than the table would. */
#ifndef PLAIN_RANGES
#define PLAIN_RANGES 64
#endif

/* While ranges are made, of both families. A range runs from its start to the start of the next one; `value` is the number
 * of its entry + 1, or NO_ENTRY. */
struct range {
    uint64_t hi;
    uint64_t lo;
    uint32_t value;
};

/* Without a branch: in a search each of its outcomes is as likely as the other. */
static inline bool before(uint64_t a_hi, uint64_t a_lo, uint64_t b_hi, uint64_t b_lo)
{
    return (a_hi < b_hi) | ((a_hi == b_hi) & (a_lo < b_lo));
}

static bool address_before(const struct realip_address *a, const struct realip_address *b)
{
    return before(a->hi, a->lo, b->hi, b->lo);
}

/* IPv4 first; then by first address, the wider network first: a network stands behind all that contain it. */
static int compare_entries(const void *a_void, const void *b_void)
{
    const struct realip_network *a = &((const struct realip_network_entry *)a_void)->network;
    const struct realip_network *b = &((const struct realip_network_entry *)b_void)->network;

    if (a->address.family != b->address.family)
        return a->address.family == REALIP_FAMILY_IPV4 ? -1 : 1;
    if (address_before(&a->address, &b->address))
        return -1;
    if (address_before(&b->address, &a->address))
        return 1;
    return a->prefix < b->prefix ? -1 : a->prefix > b->prefix;
}

/* qsort() is not stable: the position breaks ties, so that the first of equal networks is kept. */
struct sortable {
    struct realip_network_entry entry;
    size_t position;
};

static int compare_sortable(const void *a_void, const void *b_void)
{
    const struct sortable *a = a_void;
    const struct sortable *b = b_void;
    int order = compare_entries(&a->entry, &b->entry);

    return order != 0 ? order : a->position < b->position ? -1 : a->position > b->position;
}

static int copy_sorted(struct realip_network_set *set, const struct realip_network_entry *entries, size_t count)
{
    struct sortable *work = calloc(count, sizeof(*work));

    set->entries = calloc(count, sizeof(*set->entries));
    if (work == NULL || set->entries == NULL) {
        free(work);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        work[i] = (struct sortable){ entries[i], i };
    qsort(work, count, sizeof(*work), compare_sortable);
    for (size_t i = 0; i < count; i++) {
        struct realip_network_entry *last = set->entry_count == 0 ? NULL : &set->entries[set->entry_count - 1];

        if (last != NULL && realip_network_equal(&last->network, &work[i].entry.network))
            continue;
        set->entries[set->entry_count++] = work[i].entry;
        if (work[i].entry.network.address.family == REALIP_FAMILY_IPV4)
            set->ipv4_count++;
    }
    free(work);
    return 0;
}

/* One family's ranges while they are made: 128-bit starts for both families, each range's start after the last one's.
 * `open` holds the networks that contain the place reached: CIDR networks nest or are disjoint, never overlap in part. */
struct sweep {
    struct range *ranges;
    uint32_t count;
    uint32_t open[129];
    unsigned depth;
};

static void put_range(struct sweep *sweep, uint64_t hi, uint64_t lo, uint32_t value)
{
    struct range *last = &sweep->ranges[sweep->count - 1];

    if (last->hi == hi && last->lo == lo)
        last->value = value; /* a network that starts where an outer one starts, or where the last one ended */
    else if (last->value != value)
        sweep->ranges[sweep->count++] = (struct range){ hi, lo, value };
    if (sweep->count >= 2 && sweep->ranges[sweep->count - 2].value == sweep->ranges[sweep->count - 1].value)
        sweep->count--;
}

/* Ends the innermost open network: behind its last address the one around it goes on. */
static void close_innermost(struct sweep *sweep, const struct realip_network_entry *entries, uint64_t key_end_hi,
                            uint64_t key_end_lo)
{
    struct realip_address last = realip_network_last(&entries[sweep->open[--sweep->depth]].network);
    uint32_t outer = sweep->depth == 0 ? NO_ENTRY : sweep->open[sweep->depth - 1] + 1;

    if (last.hi == key_end_hi && last.lo == key_end_lo)
        return; /* it reaches the end of all addresses: nothing goes on behind it */
    put_range(sweep, last.hi + (last.lo == UINT64_MAX), last.lo + 1, outer);
}

/* Makes the ranges of entries[from..to), which are of one family. `ranges` has room for twice as many and one. */
static uint32_t make_ranges(const struct realip_network_entry *entries, uint32_t from, uint32_t to, struct range *ranges)
{
    bool ipv4 = from < to && entries[from].network.address.family == REALIP_FAMILY_IPV4;
    uint64_t end_hi = ipv4 ? 0 : UINT64_MAX;
    uint64_t end_lo = ipv4 ? UINT32_MAX : UINT64_MAX;
    struct sweep sweep = { .ranges = ranges, .count = 1 };

    ranges[0] = (struct range){ 0, 0, NO_ENTRY };
    for (uint32_t i = from; i < to; i++) {
        const struct realip_network *network = &entries[i].network;

        while (sweep.depth > 0
               && !realip_network_contains(&entries[sweep.open[sweep.depth - 1]].network, &network->address))
            close_innermost(&sweep, entries, end_hi, end_lo);
        sweep.open[sweep.depth++] = i;
        put_range(&sweep, network->address.hi, network->address.lo, i + 1);
    }
    while (sweep.depth > 0)
        close_innermost(&sweep, entries, end_hi, end_lo);
    return sweep.count;
}

/* How many low bits differ between the two keys. */
static unsigned differing_bits(const struct realip_address *a, const struct realip_address *b)
{
    uint64_t hi = a->hi ^ b->hi;
    uint64_t lo = a->lo ^ b->lo;
    unsigned bits = hi != 0 ? 64 : 0;

    for (uint64_t rest = hi != 0 ? hi : lo; rest != 0; rest >>= 1)
        bits++;
    return bits;
}

/* The first key of a slot: the bits that all networks share, then the slot's number, then zeros. */
static struct range slot_start(const struct realip_address *first, unsigned bits, unsigned shift, uint32_t slot)
{
    struct range start = { first->hi, first->lo, NO_ENTRY };

    if (bits >= 64) {
        start.lo = 0;
        start.hi = bits == 128 ? 0 : start.hi >> (bits - 64) << (bits - 64);
    } else {
        start.lo = start.lo >> bits << bits;
    }
    if (shift >= 64) {
        start.hi |= (uint64_t)slot << (shift - 64);
    } else {
        start.lo |= (uint64_t)slot << shift;
        if (shift > 64 - TABLE_BITS)
            start.hi |= (uint64_t)slot >> (64 - shift);
    }
    return start;
}

/* The last key of the table. */
static struct range table_end(const struct realip_address *first, unsigned bits)
{
    struct range end = { first->hi, first->lo, NO_ENTRY };

    if (bits < 64) {
        end.lo |= ((uint64_t)1 << bits) - 1;
    } else {
        end.lo = UINT64_MAX;
        end.hi |= bits == 128 ? UINT64_MAX : ((uint64_t)1 << (bits - 64)) - 1;
    }
    return end;
}

/* Slot s gets the last range that starts before its first key; range 0 starts at or before every key. */
static int make_table(const struct range *ranges, uint32_t count, const struct realip_address *first,
                      const struct realip_address *last, struct realip_network_table *table)
{
    unsigned bits = differing_bits(first, last);
    uint32_t range = 0;

    if (count <= PLAIN_RANGES || bits <= TABLE_BITS)
        return 0;
    table->shift = bits - TABLE_BITS;
    table->slots = malloc((TABLE_SIZE + 1) * sizeof(*table->slots));
    if (table->slots == NULL)
        return -1;
    for (uint32_t slot = 0; slot < TABLE_SIZE; slot++) {
        struct range start = slot_start(first, bits, table->shift, slot);

        while (range + 1 < count && before(ranges[range + 1].hi, ranges[range + 1].lo, start.hi, start.lo))
            range++;
        table->slots[slot] = range;
    }
    struct range end = table_end(first, bits);
    while (range + 1 < count && !before(end.hi, end.lo, ranges[range + 1].hi, ranges[range + 1].lo))
        range++;
    table->slots[TABLE_SIZE] = range; /* a range behind the table has no key in it */
    return 0;
}

/* The last address that a network of entries[from..to) holds: the widest network may end behind the last one's. */
static struct realip_address last_address(const struct realip_network_entry *entries, size_t from, size_t to)
{
    struct realip_address last = realip_network_last(&entries[from].network);

    for (size_t i = from + 1; i < to; i++) {
        struct realip_address end = realip_network_last(&entries[i].network);

        if (address_before(&last, &end))
            last = end;
    }
    return last;
}

/* Splits what stands behind the starts from them. 0; or -1 when memory is short. */
static int keep_values(const struct range *ranges, uint32_t count, uint32_t **values_r, uint64_t **listed_r)
{
    uint32_t *values = malloc(count * sizeof(*values));
    uint64_t *listed = calloc(realip_network_set_listed_words(count), sizeof(*listed));

    *values_r = values;
    *listed_r = listed;
    if (values == NULL || listed == NULL)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = ranges[i].value;
        listed[i / 64] |= (uint64_t)(values[i] != NO_ENTRY) << (i % 64);
    }
    return 0;
}

static uint16_t key_of(uint32_t address, unsigned shift)
{
    return (uint16_t)(address & ((1U << shift) - 1)); /* a table is made of more than 16 differing bits: shift is 1 to 16 */
}

static int keep_starts4(struct realip_network_set *set, const struct range *ranges)
{
    uint32_t count = set->range4_count;

    if (set->table4.slots == NULL)
        set->start4 = malloc(count * sizeof(*set->start4));
    else
        set->key4 = calloc(count + KEYS_AT_ONCE, sizeof(*set->key4));
    if (set->start4 == NULL && set->key4 == NULL)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        if (set->start4 != NULL)
            set->start4[i] = (uint32_t)ranges[i].lo;
        else
            set->key4[i] = key_of((uint32_t)ranges[i].lo, set->table4.shift);
    }
    return 0;
}

static int build_ipv4(struct realip_network_set *set, struct range *work)
{
    if (set->ipv4_count == 0)
        return 0;
    struct realip_address first = set->entries[0].network.address;
    struct realip_address last = last_address(set->entries, 0, set->ipv4_count);

    set->range4_count = make_ranges(set->entries, 0, (uint32_t)set->ipv4_count, work);
    set->first4 = (uint32_t)first.lo;
    set->last4 = (uint32_t)last.lo;
    if (make_table(work, set->range4_count, &first, &last, &set->table4) < 0 || keep_starts4(set, work) < 0)
        return -1;
    return keep_values(work, set->range4_count, &set->value4, &set->listed4);
}

bool realip_network_set_is_only_hi6(const struct realip_network_set *set)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < set->range6_count; i++)
        any |= set->lo6[i];
    return any == 0;
}

unsigned realip_network_set_count_steps(const struct realip_network_table *table)
{
    uint32_t most = 0;
    unsigned steps = 0;

    for (uint32_t slot = 0; table->slots != NULL && slot < TABLE_SIZE; slot++) {
        uint32_t count = table->slots[slot + 1] - table->slots[slot];

        most = count > most ? count : most;
    }
    while (most < FIXED_RANGES && (1U << steps) <= most)
        steps++;
    return steps;
}

static int build_ipv6(struct realip_network_set *set, struct range *work)
{
    if (set->ipv4_count == set->entry_count)
        return 0;
    set->first6 = set->entries[set->ipv4_count].network.address;
    set->last6 = last_address(set->entries, set->ipv4_count, set->entry_count);
    set->range6_count = make_ranges(set->entries, (uint32_t)set->ipv4_count, (uint32_t)set->entry_count, work);
    set->hi6 = calloc(set->range6_count + FIXED_RANGES, sizeof(*set->hi6));
    set->lo6 = calloc(set->range6_count + FIXED_RANGES, sizeof(*set->lo6));
    if (set->hi6 == NULL || set->lo6 == NULL || make_table(work, set->range6_count, &set->first6, &set->last6, &set->table6) < 0)
        return -1;
    for (uint32_t i = 0; i < set->range6_count + FIXED_RANGES; i++) {
        set->hi6[i] = i < set->range6_count ? work[i].hi : UINT64_MAX;
        set->lo6[i] = i < set->range6_count ? work[i].lo : UINT64_MAX;
    }
    set->only_hi6 = realip_network_set_is_only_hi6(set);
    set->steps6 = realip_network_set_count_steps(&set->table6);
    return keep_values(work, set->range6_count, &set->value6, &set->listed6);
}

static int build(struct realip_network_set *set, const struct realip_network_entry *entries, size_t count)
{
    if (copy_sorted(set, entries, count) < 0)
        return -1;
    struct range *work = malloc((2 * count + 1) * sizeof(*work));
    if (work == NULL)
        return -1;
    int result = build_ipv4(set, work);
    if (result == 0)
        result = build_ipv6(set, work);
    free(work);
    return result;
}

int realip_network_set_build(const struct realip_network_entry *entries, size_t count, struct realip_network_set **set_r,
                             const char **reason_r)
{
    *set_r = NULL;
    if (count > 1U << 30) {
        *reason_r = "too many networks";
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i].network.address.family == REALIP_FAMILY_NONE) {
            *reason_r = "a network without an address";
            return -1;
        }
    }
    struct realip_network_set *set = calloc(1, sizeof(*set));
    if (set == NULL || (count > 0 && build(set, entries, count) < 0)) {
        realip_network_set_free(&set);
        *reason_r = "out of memory";
        return -1;
    }
    *set_r = set;
    return 0;
}

void realip_network_set_free(struct realip_network_set **set)
{
    if (*set == NULL)
        return;
    if (!(*set)->attached) {
        free((*set)->entries);
        free((*set)->start4);
        free((*set)->key4);
        free((*set)->value4);
        free((*set)->listed4);
        free((*set)->table4.slots);
        free((*set)->hi6);
        free((*set)->lo6);
        free((*set)->value6);
        free((*set)->listed6);
        free((*set)->table6.slots);
    }
    free(*set);
    *set = NULL;
}

/* How many of keys[0..count) are at most `key`; they ascend, count is at most KEYS_AT_ONCE. Compared all at once: a loop
 * would end here or there, and a processor that guessed wrong waits longer than the whole look-up takes. */
static uint32_t count_up_to(const uint16_t *keys, uint16_t key, uint16_t count)
{
    typedef uint16_t lanes __attribute__((vector_size(KEYS_AT_ONCE * sizeof(uint16_t))));
    static const lanes number = { 0, 1, 2, 3, 4, 5, 6, 7 };
    static const lanes ones = { 1, 1, 1, 1, 1, 1, 1, 1 };
    lanes all_keys = { key, key, key, key, key, key, key, key };
    lanes all_counts = { count, count, count, count, count, count, count, count };
    lanes some;
    uint64_t halves[2];

    memcpy(&some, keys, sizeof(some));
    some = (lanes)(some <= all_keys) & (lanes)(number < all_counts) & ones;
    memcpy(halves, &some, sizeof(halves));
    return (uint32_t)((halves[0] + halves[1]) * 0x0001000100010001U >> 48); /* the sum of four lanes, in the uppermost */
}

/* The range of a key behind a table: one of those that start in its slot, or the last one before. */
static uint32_t range4_of_slot(const struct realip_network_set *set, uint32_t address)
{
    const uint32_t *slot = &set->table4.slots[address >> set->table4.shift & (TABLE_SIZE - 1)];
    const uint16_t *keys = &set->key4[slot[0] + 1];
    uint32_t count = slot[1] - slot[0];
    uint32_t done = 0;
    uint16_t key = key_of(address, set->table4.shift);

    while (count - done > KEYS_AT_ONCE && keys[done + KEYS_AT_ONCE - 1] <= key)
        done += KEYS_AT_ONCE;
    uint32_t rest = count - done < KEYS_AT_ONCE ? count - done : KEYS_AT_ONCE;
    return slot[0] + done + count_up_to(keys + done, key, (uint16_t)rest);
}

static uint32_t range4_of(const struct realip_network_set *set, uint32_t address)
{
    uint32_t at = 0;

    if (set->table4.slots != NULL)
        return range4_of_slot(set, address);
    for (uint32_t count = set->range4_count, half; count > 1; count -= half) {
        half = count / 2; /* the answer is one of the `count` ranges from `at`; no branch to guess */
        at += set->start4[at + half] <= address ? half : 0;
    }
    return at;
}

static uint32_t slot_of(uint64_t hi, uint64_t lo, unsigned shift)
{
    uint64_t bits = shift >= 64 ? hi >> (shift - 64) : shift == 0 ? lo : hi << (64 - shift) | lo >> shift;

    return (uint32_t)bits & (TABLE_SIZE - 1);
}

static bool starts_up_to(const struct realip_network_set *set, uint32_t range, const struct realip_address *key)
{
    return !before(key->hi, key->lo, set->hi6[range], set->lo6[range]);
}

/* The last of the ranges from `at` that starts at or before the key, which is among the first 2^steps6. Ranges of later slots
 * start behind the key, and so do those that fill the room behind the last one, but for the very last keys there are. */
static uint32_t range6_by_steps(const struct realip_network_set *set, uint32_t at, const struct realip_address *key)
{
    if (set->only_hi6) {
        for (unsigned step = set->steps6; step-- > 0;)
            at = set->hi6[at + (1U << step)] <= key->hi ? at + (1U << step) : at;
    } else {
        for (unsigned step = set->steps6; step-- > 0;)
            at = starts_up_to(set, at + (1U << step), key) ? at + (1U << step) : at;
    }
    return at < set->range6_count ? at : set->range6_count - 1;
}

static uint32_t range6_of(const struct realip_network_set *set, const struct realip_address *key)
{
    uint32_t at = 0;
    uint32_t count = set->range6_count;

    if (set->table6.slots != NULL) {
        const uint32_t *slot = &set->table6.slots[slot_of(key->hi, key->lo, set->table6.shift)];

        at = slot[0];
        count = slot[1] - slot[0] + 1;
        if (set->steps6 != 0)
            return range6_by_steps(set, at, key);
    }
    for (uint32_t half; count > 1; count -= half) {
        half = count / 2;
        at += starts_up_to(set, at + half, key) ? half : 0;
    }
    return at;
}

static bool is_outside6(const struct realip_network_set *set, const struct realip_address *key)
{
    return set->range6_count == 0 || address_before(key, &set->first6) || address_before(&set->last6, key);
}

static bool is_outside4(const struct realip_network_set *set, uint32_t address)
{
    return set->range4_count == 0 || address < set->first4 || address > set->last4;
}

static bool is_listed(const uint64_t *listed, uint32_t range)
{
    return (listed[range / 64] >> (range % 64) & 1) != 0;
}

/* The entry that an address lies in: its number + 1, or NO_ENTRY. */
static uint32_t value_of(const struct realip_network_set *set, const struct realip_address *address)
{
    uint32_t range;

    if (address->family == REALIP_FAMILY_IPV4 && !is_outside4(set, (uint32_t)address->lo)) {
        range = range4_of(set, (uint32_t)address->lo);
        return is_listed(set->listed4, range) ? set->value4[range] : NO_ENTRY;
    }
    if (address->family == REALIP_FAMILY_IPV6 && !is_outside6(set, address)) {
        range = range6_of(set, address);
        return is_listed(set->listed6, range) ? set->value6[range] : NO_ENTRY;
    }
    return NO_ENTRY;
}

const struct realip_network_entry *realip_network_set_find(const struct realip_network_set *set,
                                                           const struct realip_address *address)
{
    uint32_t value = set == NULL ? NO_ENTRY : value_of(set, address);

    return value == NO_ENTRY ? NULL : &set->entries[value - 1];
}

const struct realip_network_entry *realip_network_set_find_exact(const struct realip_network_set *set,
                                                                 const struct realip_network *network)
{
    struct realip_network_entry key = { *network, 0 };

    if (set == NULL || set->entry_count == 0)
        return NULL;
    return bsearch(&key, set->entries, set->entry_count, sizeof(key), compare_entries);
}

bool realip_network_set_contains(const struct realip_network_set *set, const struct realip_address *address)
{
    if (set == NULL)
        return false;
    if (address->family == REALIP_FAMILY_IPV4)
        return !is_outside4(set, (uint32_t)address->lo) && is_listed(set->listed4, range4_of(set, (uint32_t)address->lo));
    return address->family == REALIP_FAMILY_IPV6 && !is_outside6(set, address)
        && is_listed(set->listed6, range6_of(set, address));
}

size_t realip_network_set_count(const struct realip_network_set *set)
{
    return set == NULL ? 0 : set->entry_count;
}

const struct realip_network_entry *realip_network_set_entry(const struct realip_network_set *set, size_t index)
{
    return index < realip_network_set_count(set) ? &set->entries[index] : NULL;
}
