/* bounded_table - counters by key, never more than a given number of keys: a log may hold anything. */
#ifndef REALIP_BOUNDED_TABLE_H
#define REALIP_BOUNDED_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* An entry begins with its key, whose bytes are compared: it has no padding, and texts in it are filled up with zeros. */
struct realip_bounded_table {
    unsigned char *entries;
    uint32_t *slots; /* an entry's index and one; 0: free */
    size_t key_size;
    size_t entry_size;
    uint32_t capacity;
    uint32_t slot_count; /* a power of two */
    uint32_t count;
    uint64_t left_out; /* how often a key found no room */
    uint64_t seed;
};

/* 0; or -1 when memory is short. */
int realip_bounded_table_init(struct realip_bounded_table *table, uint32_t capacity, size_t key_size, size_t entry_size, uint64_t seed);
void realip_bounded_table_clear(struct realip_bounded_table *table);

/* The key's entry; a new one is zero but for its key. NULL: there is no room for another key, or none near its place. */
void *realip_bounded_table_at(struct realip_bounded_table *table, const void *key);

/* The entries from 0 to count - 1, in the order in which their keys came. */
void *realip_bounded_table_entry(const struct realip_bounded_table *table, uint32_t index);

/* Spreads keys over a table. Whoever knows the seed can aim at one place: what that may cost is the table's matter. */
uint64_t realip_bounded_table_hash(const void *bytes, size_t length, uint64_t seed);

#endif
