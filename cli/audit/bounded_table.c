#include "bounded_table.h"

#include <stdlib.h>
#include <string.h>

/* Half of the slots are free, so that no key is ever so far from its slot but by somebody's will. */
#define MOST_STEPS 256U

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    value ^= value >> 29;
    value *= 0x9fb21c651e98df25ULL;
    return value ^ value >> 32;
}

uint64_t realip_bounded_table_hash(const void *bytes, size_t length, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ length;
    uint64_t word;

    for (; length >= 8; length -= 8, at += 8) {
        memcpy(&word, at, 8);
        hash = mix(hash ^ word);
    }
    word = 0;
    if (length > 0) /* no bytes may have no place */
        memcpy(&word, at, length);
    return mix(hash ^ word);
}

int realip_bounded_table_init(struct realip_bounded_table *table, uint32_t capacity, size_t key_size, size_t entry_size, uint64_t seed)
{
    *table = (struct realip_bounded_table){ .key_size = key_size, .entry_size = entry_size, .capacity = capacity, .slot_count = 16, .seed = seed };
    while (table->slot_count < capacity * 2)
        table->slot_count *= 2;
    table->entries = calloc(capacity, entry_size);
    table->slots = calloc(table->slot_count, sizeof(*table->slots));
    return table->entries != NULL && table->slots != NULL ? 0 : -1;
}

void realip_bounded_table_clear(struct realip_bounded_table *table)
{
    free(table->entries);
    free(table->slots);
    *table = (struct realip_bounded_table){ 0 };
}

void *realip_bounded_table_entry(const struct realip_bounded_table *table, uint32_t index)
{
    return table->entries + index * table->entry_size;
}

void *realip_bounded_table_at(struct realip_bounded_table *table, const void *key)
{
    uint32_t slot = (uint32_t)realip_bounded_table_hash(key, table->key_size, table->seed);
    uint32_t steps = 0;

    for (;; slot++) {
        slot &= table->slot_count - 1;
        if (table->slots[slot] == 0)
            break;
        if (++steps > MOST_STEPS) {
            table->left_out++;
            return NULL;
        }
        void *entry = realip_bounded_table_entry(table, table->slots[slot] - 1);
        if (memcmp(entry, key, table->key_size) == 0)
            return entry;
    }
    if (table->count == table->capacity) {
        table->left_out++;
        return NULL;
    }
    void *entry = realip_bounded_table_entry(table, table->count);
    memcpy(entry, key, table->key_size);
    table->slots[slot] = ++table->count;
    return entry;
}
