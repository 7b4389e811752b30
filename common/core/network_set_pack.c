#include <stdlib.h>
#include <string.h>

#include "network_set_layout.h"

/* The head of a packed set; its arrays follow in the order of `array_sizes`, each from a multiple of 8 bytes. */
struct packed {
    uint64_t entry_count;
    uint64_t ipv4_count;
    uint32_t range4_count;
    uint32_t range6_count;
    uint32_t shift4; /* NO_TABLE: there is none */
    uint32_t shift6;
    uint32_t first4;
    uint32_t last4;
    struct realip_address first6;
    struct realip_address last6;
    uint32_t only_hi6;
    uint32_t steps6;
};

#define NO_TABLE UINT32_MAX
#define ARRAY_COUNT 11

static size_t rounded(size_t size)
{
    return (size + 7) / 8 * 8;
}

static void array_sizes(const struct packed *head, size_t sizes[ARRAY_COUNT])
{
    bool plain4 = head->shift4 == NO_TABLE;
    size_t room6 = head->range6_count == 0 ? 0 : (size_t)head->range6_count + FIXED_RANGES;

    sizes[0] = head->entry_count * sizeof(struct realip_network_entry);
    sizes[1] = room6 * sizeof(uint64_t);
    sizes[2] = room6 * sizeof(uint64_t);
    sizes[3] = head->range6_count * sizeof(uint32_t);
    sizes[4] = realip_network_set_listed_words(head->range6_count) * sizeof(uint64_t);
    sizes[5] = plain4 ? head->range4_count * sizeof(uint32_t) : 0;
    sizes[6] = plain4 ? 0 : ((size_t)head->range4_count + KEYS_AT_ONCE) * sizeof(uint16_t);
    sizes[7] = head->range4_count * sizeof(uint32_t);
    sizes[8] = realip_network_set_listed_words(head->range4_count) * sizeof(uint64_t);
    sizes[9] = plain4 ? 0 : (TABLE_SIZE + 1) * sizeof(uint32_t);
    sizes[10] = head->shift6 == NO_TABLE ? 0 : (TABLE_SIZE + 1) * sizeof(uint32_t);
}

/* Member by member: what a compiler leaves between members must not come into a file. */
static void pack_address(const struct realip_address *from, struct realip_address *to)
{
    to->hi = from->hi;
    to->lo = from->lo;
    to->family = from->family;
}

static void pack_entries(const struct realip_network_set *set, void *zeroed)
{
    struct realip_network_entry *to = zeroed;

    for (size_t i = 0; i < set->entry_count; i++) {
        pack_address(&set->entries[i].network.address, &to[i].network.address);
        to[i].network.prefix = set->entries[i].network.prefix;
        to[i].label = set->entries[i].label;
    }
}

static void pack_head(const struct realip_network_set *set, struct packed *head)
{
    memset(head, 0, sizeof(*head));
    head->entry_count = set->entry_count;
    head->ipv4_count = set->ipv4_count;
    head->range4_count = set->range4_count;
    head->range6_count = set->range6_count;
    head->shift4 = set->table4.slots == NULL ? NO_TABLE : set->table4.shift;
    head->shift6 = set->table6.slots == NULL ? NO_TABLE : set->table6.shift;
    head->first4 = set->first4;
    head->last4 = set->last4;
    pack_address(&set->first6, &head->first6);
    pack_address(&set->last6, &head->last6);
    head->only_hi6 = set->only_hi6;
    head->steps6 = set->steps6;
}

size_t realip_network_set_pack(const struct realip_network_set *set, void *block)
{
    struct packed head;
    size_t sizes[ARRAY_COUNT];
    char *places[ARRAY_COUNT];
    size_t used = rounded(sizeof(head));

    pack_head(set, &head);
    array_sizes(&head, sizes);
    for (size_t i = 0; i < ARRAY_COUNT; i++) {
        places[i] = block == NULL ? NULL : (char *)block + used;
        used += rounded(sizes[i]);
    }
    if (block == NULL)
        return used;
    memset(block, 0, used);
    memcpy(block, &head, sizeof(head));
    pack_entries(set, places[0]);
    const void *const arrays[ARRAY_COUNT]
        = { NULL,        set->hi6,    set->lo6,     set->value6,       set->listed6,     set->start4,
            set->key4,   set->value4, set->listed4, set->table4.slots, set->table6.slots };
    for (size_t i = 1; i < ARRAY_COUNT; i++) {
        if (sizes[i] > 0)
            memcpy(places[i], arrays[i], sizes[i]);
    }
    return used;
}

static bool is_sound_table(const struct realip_network_table *table, uint32_t range_count, unsigned bits)
{
    if (table->slots == NULL)
        return true;
    if (table->shift + TABLE_BITS > bits)
        return false;
    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        if (table->slots[i] > table->slots[i + 1])
            return false;
    }
    return table->slots[TABLE_SIZE] < range_count;
}

static bool are_sound_values(const uint32_t *values, const uint64_t *listed, uint32_t count, size_t entry_count)
{
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < count; i++)
        wrong |= (uint64_t)(values[i] > entry_count) | ((listed[i / 64] >> (i % 64) & 1) ^ (values[i] != NO_ENTRY));
    return wrong == 0;
}

/* Every index that a look-up follows stays inside. (Wrong answers inside are the checksum's matter, not ours.) */
static bool is_sound(const struct realip_network_set *set)
{
    return set->ipv4_count <= set->entry_count && (!set->only_hi6 || realip_network_set_is_only_hi6(set))
        && set->steps6 == realip_network_set_count_steps(&set->table6)
        && are_sound_values(set->value4, set->listed4, set->range4_count, set->entry_count)
        && are_sound_values(set->value6, set->listed6, set->range6_count, set->entry_count)
        && is_sound_table(&set->table4, set->range4_count, 32) && is_sound_table(&set->table6, set->range6_count, 128);
}

/* The arrays of a block, whose head promised no more than `size` bytes hold. False when it did. */
static bool attach_arrays(struct realip_network_set *set, const struct packed *head, const char *block, size_t size)
{
    void *arrays[ARRAY_COUNT];
    size_t sizes[ARRAY_COUNT];
    size_t used = rounded(sizeof(*head));

    if (head->entry_count > 1U << 30)
        return false;
    array_sizes(head, sizes);
    for (size_t i = 0; i < ARRAY_COUNT; i++) {
        if (sizes[i] > size - used || rounded(sizes[i]) > size - used)
            return false;
        arrays[i] = sizes[i] == 0 ? NULL : (void *)(uintptr_t)(block + used); /* never written to: `attached` */
        used += rounded(sizes[i]);
    }
    set->entries = arrays[0];
    set->hi6 = arrays[1];
    set->lo6 = arrays[2];
    set->value6 = arrays[3];
    set->listed6 = arrays[4];
    set->start4 = arrays[5];
    set->key4 = arrays[6];
    set->value4 = arrays[7];
    set->listed4 = arrays[8];
    set->table4 = (struct realip_network_table){ arrays[9], head->shift4 };
    set->table6 = (struct realip_network_table){ arrays[10], head->shift6 };
    return true;
}

int realip_network_set_attach(const void *block, size_t size, bool is_unchanged, struct realip_network_set **set_r,
                              const char **reason_r)
{
    struct realip_network_set *set = calloc(1, sizeof(*set));
    struct packed head;

    *set_r = NULL;
    if (set == NULL) {
        *reason_r = "out of memory";
        return -1;
    }
    set->attached = true;
    if (size >= rounded(sizeof(head))) {
        memcpy(&head, block, sizeof(head));
        set->entry_count = head.entry_count;
        set->ipv4_count = head.ipv4_count;
        set->range4_count = head.range4_count;
        set->range6_count = head.range6_count;
        set->first4 = head.first4;
        set->last4 = head.last4;
        set->first6 = head.first6;
        set->last6 = head.last6;
        set->only_hi6 = head.only_hi6 != 0;
        set->steps6 = head.steps6;
        if (attach_arrays(set, &head, block, size) && (is_unchanged || is_sound(set))) {
            *set_r = set;
            return 0;
        }
    }
    free(set);
    *reason_r = "a damaged set of networks";
    return -1;
}
