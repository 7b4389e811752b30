#include "shared_address.h"

#include <stdlib.h>
#include <string.h>

#include "distinct_count.h"

#define SETS 4096U
#define WAYS 16U
#define ENTRIES (SETS * WAYS)
#define NEIGHBOURS (WAYS / 4) /* of one neighbourhood in one set */
#define NAMES ((uint32_t)REALIP_SHARED_ADDRESS_EXACT)
#define COUNTERS 1024U
#define COUNTERS_OF_NEIGHBOURS (COUNTERS / 4)
#define PERIODS REALIP_DISTINCT_PERIODS
#define NAME_BITS REALIP_DISTINCT_HASH_BITS
#define NONE UINT32_MAX

/* An address. While its clients are few they are listed: each is NAME_BITS of its hash, and above them the last bits of the period in
 * which it came last. Two lines of the cache. */
struct entry {
    uint64_t hi;
    uint64_t lo;
    uint32_t period;   /* up to which the window has moved */
    uint32_t estimate; /* of the clients within it */
    uint32_t told;     /* by others */
    uint32_t used;     /* the table's number of observations, to find who came least lately */
    uint16_t counter;  /* the number of its large counter, from 1; 0: none */
    uint8_t told_period; /* the last bits of two periods: of what others told, and in which somebody came last */
    uint8_t seen_period;
    uint8_t count; /* of names */
    uint8_t family;
    uint8_t full_period; /* the last bits of the period in which there was no large counter for it; nobody looks again before it ends */
    bool is_full : 1;
    bool is_listed : 1;
    bool is_suspect : 1; /* when it was last looked at */
    uint32_t names[NAMES];
};

struct realip_shared_address_table {
    struct realip_siphash_key key;
    struct realip_shared_address_counts counts;
    uint32_t sequence;
    uint32_t counters_used;  /* those from here on were never taken */
    size_t listed_count;
    uint32_t tags[ENTRIES]; /* of the entries, set after set; 0: free */
    uint32_t owners[COUNTERS]; /* entry of each large counter; NONE: nobody's, while below counters_used */
    uint32_t listed[ENTRIES];  /* entries that were suspects when they were last looked at */
    struct entry entries[ENTRIES];
    struct realip_distinct_count counters[COUNTERS];
};

_Static_assert(sizeof(struct entry) == 128, "an entry takes two lines of the cache");
_Static_assert(sizeof(struct realip_shared_address_table) < 24U << 20, "what the header promises");

struct realip_shared_address_table *realip_shared_address_new(const struct realip_siphash_key *key)
{
    struct realip_shared_address_table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->key = *key;
    table->counts.address_room = ENTRIES;
    table->counts.large_counter_room = COUNTERS;
    return table;
}

void realip_shared_address_free(struct realip_shared_address_table **table)
{
    free(*table);
    *table = NULL;
}

struct realip_address realip_shared_address_of(const struct realip_address *address)
{
    struct realip_address of = *address;

    if (of.family == REALIP_FAMILY_IPV6 && !realip_address_is_private(&of))
        of.lo = 0;
    return of;
}

/* ---- Where an address is. */

/* A set, and a tag that is not 0. */
static uint32_t *place_of(struct realip_shared_address_table *table, const struct realip_address *address, uint32_t *tag_r)
{
    const uint64_t words[2] = { address->hi ^ (address->family == REALIP_FAMILY_IPV4 ? UINT64_MAX : 0), address->lo };
    uint64_t hash = realip_siphash(&table->key, words, sizeof(words), false);

    *tag_r = (uint32_t)(hash >> 32) | 1;
    return &table->tags[hash % SETS * WAYS];
}

static struct entry *entry_at(struct realip_shared_address_table *table, const uint32_t *tag)
{
    return &table->entries[tag - table->tags];
}

static struct entry *find(struct realip_shared_address_table *table, uint32_t *set, uint32_t tag, const struct realip_address *address)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct entry *entry = entry_at(table, &set[way]);

        if (set[way] == tag && entry->lo == address->lo && entry->hi == address->hi && entry->family == (uint8_t)address->family)
            return entry;
    }
    return NULL;
}

/* Who has one of these can easily have all of it. */
static uint64_t neighbourhood(const struct entry *entry)
{
    return entry->family == REALIP_FAMILY_IPV6 ? entry->hi >> 40 : entry->lo >> 16 | (uint64_t)1 << 63;
}

/* ---- How many are behind it. */

static bool is_over(const struct entry *entry, uint32_t period)
{
    return period > entry->period && period - entry->period >= PERIODS;
}

static uint32_t told(const struct entry *entry, uint32_t period)
{
    return (uint8_t)((uint8_t)period - entry->told_period) <= 1 ? entry->told : 0;
}

static uint32_t clients(const struct entry *entry, uint32_t period)
{
    uint32_t by_others = told(entry, period);

    return entry->estimate > by_others ? entry->estimate : by_others;
}

/* With half of the threshold it stays: else it would be found too late, or be forgotten again. */
static bool is_protected(const struct entry *entry, const struct realip_shared_address_limits *limits)
{
    uint64_t behind = is_over(entry, limits->period) ? 0 : clients(entry, limits->period);

    return behind >= 2 && behind * 2 >= limits->threshold;
}

static uint32_t name_of(uint64_t client)
{
    return (uint32_t)client & ((1U << NAME_BITS) - 1);
}

static uint32_t in_period(uint32_t name, uint32_t period)
{
    return name | period << NAME_BITS;
}

/* How many periods before `period`; only for names of the window. */
static uint32_t age_of(uint32_t name, uint32_t period)
{
    return (period - (name >> NAME_BITS)) & ((1U << (32 - NAME_BITS)) - 1);
}

static void drop_counter(struct realip_shared_address_table *table, struct entry *entry)
{
    if (entry->counter == 0)
        return;
    table->owners[entry->counter - 1] = NONE;
    table->counts.large_counters--;
    entry->counter = 0;
}

static void forget_old_names(struct entry *entry, uint32_t period)
{
    uint32_t passed = period - entry->period;
    unsigned kept = 0;

    for (unsigned i = 0; i < entry->count; i++) {
        if (age_of(entry->names[i], entry->period) + passed < PERIODS)
            entry->names[kept++] = entry->names[i];
    }
    entry->count = (uint8_t)kept;
    entry->estimate = kept;
}

/* Brings an entry to the period that it is now. */
static void advance(struct realip_shared_address_table *table, struct entry *entry, uint32_t period)
{
    if (entry->period >= period)
        return;
    if (told(entry, period) == 0)
        entry->told = 0; /* before the period's last bits come again */
    if (is_over(entry, period)) {
        drop_counter(table, entry);
        entry->count = 0;
        entry->estimate = 0;
        entry->told = 0;
    } else if (entry->counter != 0) {
        struct realip_distinct_count *count = &table->counters[entry->counter - 1];

        realip_distinct_count_advance(count, period);
        entry->estimate = count->estimate;
    } else {
        forget_old_names(entry, period);
    }
    entry->period = period;
}

/* ---- Large counters. */

static struct entry *owner(struct realip_shared_address_table *table, uint32_t counter)
{
    return table->owners[counter] == NONE ? NULL : &table->entries[table->owners[counter]];
}

/* The counter that can best be spared: nobody's, one whose owner nobody comes from any more, one that was never taken, or the smallest that is
 * not protected; where the newcomer's neighbours have their share, one of theirs. NONE: there is none. Takes some microseconds. */
static uint32_t spare_counter(struct realip_shared_address_table *table, const struct entry *newcomer,
                              const struct realip_shared_address_limits *limits)
{
    uint32_t neighbours = 0;
    uint32_t unused = NONE;
    uint32_t best = NONE;
    uint32_t best_neighbour = NONE;
    uint64_t home = neighbourhood(newcomer);

    for (uint32_t i = 0; i < table->counters_used; i++) {
        const struct entry *entry = owner(table, i);
        bool is_free = entry == NULL || is_over(entry, limits->period);
        bool is_neighbour = !is_free && neighbourhood(entry) == home;

        unused = is_free ? i : unused;
        neighbours += is_neighbour;
        if (is_free || is_protected(entry, limits))
            continue;
        if (best == NONE || entry->estimate < owner(table, best)->estimate)
            best = i;
        if (is_neighbour && (best_neighbour == NONE || entry->estimate < owner(table, best_neighbour)->estimate))
            best_neighbour = i;
    }
    if (neighbours >= COUNTERS_OF_NEIGHBOURS)
        return best_neighbour;
    if (unused == NONE && table->counters_used < COUNTERS) {
        unused = table->counters_used++;
        table->owners[unused] = NONE;
    }
    return unused != NONE ? unused : best;
}

static uint32_t take_counter(struct realip_shared_address_table *table, struct entry *entry,
                             const struct realip_shared_address_limits *limits)
{
    if (entry->is_full && entry->full_period == (uint8_t)limits->period)
        return NONE;
    uint32_t number = spare_counter(table, entry, limits);

    entry->is_full = number == NONE;
    entry->full_period = (uint8_t)limits->period;
    return number;
}

/* The few names that were listed go on into a large counter. */
static bool enlarge(struct realip_shared_address_table *table, struct entry *entry, const struct realip_shared_address_limits *limits)
{
    uint32_t number = take_counter(table, entry, limits);

    if (number == NONE)
        return false;
    struct entry *before = owner(table, number);
    if (before != NULL) {
        drop_counter(table, before);
        before->count = 0;
        before->estimate = 0;
    }
    struct realip_distinct_count *count = &table->counters[number];
    realip_distinct_count_clear(count, limits->period);
    for (unsigned i = 0; i < entry->count; i++)
        realip_distinct_count_add(count, entry->names[i], limits->period - age_of(entry->names[i], limits->period));
    table->owners[number] = (uint32_t)(entry - table->entries);
    table->counts.large_counters++;
    entry->counter = (uint16_t)(number + 1);
    return true;
}

/* True when the name is new in this period. */
static bool add_name(struct realip_shared_address_table *table, struct entry *entry, uint32_t name,
                     const struct realip_shared_address_limits *limits)
{
    uint32_t now = in_period(name, limits->period);

    for (unsigned i = 0; i < entry->count; i++) {
        if ((entry->names[i] ^ now) << (32 - NAME_BITS) != 0)
            continue;
        bool is_fresh = entry->names[i] != now;

        entry->names[i] = now;
        return is_fresh;
    }
    if (entry->count < NAMES) {
        entry->names[entry->count++] = now;
        entry->estimate = entry->count;
    } else if (enlarge(table, entry, limits)) {
        realip_distinct_count_add(&table->counters[entry->counter - 1], name, limits->period);
        entry->estimate = table->counters[entry->counter - 1].estimate;
    } else {
        table->counts.saturations++;
    }
    return true;
}

static bool add(struct realip_shared_address_table *table, struct entry *entry, uint64_t client,
                const struct realip_shared_address_limits *limits)
{
    if (entry->counter == 0)
        return add_name(table, entry, name_of(client), limits);
    struct realip_distinct_count *count = &table->counters[entry->counter - 1];
    bool is_fresh = realip_distinct_count_add(count, name_of(client), limits->period);

    entry->estimate = count->estimate;
    return is_fresh;
}

/* ---- Room for another. */

/* Is `a` more easily spared than `b`? */
static bool is_worth_less(const struct realip_shared_address_table *table, const struct entry *a, const struct entry *b, uint32_t period)
{
    bool a_over = is_over(a, period);
    bool b_over = is_over(b, period);

    if (a_over != b_over)
        return a_over;
    if (!a_over && clients(a, period) != clients(b, period))
        return clients(a, period) < clients(b, period);
    return table->sequence - a->used > table->sequence - b->used;
}

/* Where the newcomer goes: a free place, else the least worth; of its neighbours', where they have their share. NULL: there is no room. */
static struct entry *find_room(struct realip_shared_address_table *table, const uint32_t *set, const struct entry *newcomer,
                               const struct realip_shared_address_limits *limits)
{
    struct entry *free = NULL;
    struct entry *best = NULL;
    struct entry *best_neighbour = NULL;
    unsigned neighbours = 0;
    uint64_t home = neighbourhood(newcomer);

    for (unsigned way = 0; way < WAYS; way++) {
        struct entry *entry = entry_at(table, &set[way]);

        if (set[way] == 0) {
            free = entry;
            continue;
        }
        bool is_neighbour = neighbourhood(entry) == home && !is_over(entry, limits->period);
        neighbours += is_neighbour;
        if (is_protected(entry, limits))
            continue;
        if (best == NULL || is_worth_less(table, entry, best, limits->period))
            best = entry;
        if (is_neighbour && (best_neighbour == NULL || is_worth_less(table, entry, best_neighbour, limits->period)))
            best_neighbour = entry;
    }
    if (neighbours >= NEIGHBOURS)
        return best_neighbour;
    return free != NULL ? free : best;
}

static void unlist(struct realip_shared_address_table *table, struct entry *entry)
{
    uint32_t number = (uint32_t)(entry - table->entries);

    for (size_t i = 0; entry->is_listed && i < table->listed_count; i++) {
        if (table->listed[i] == number) {
            table->listed[i] = table->listed[--table->listed_count];
            entry->is_listed = false;
        }
    }
}

static struct entry *insert(struct realip_shared_address_table *table, uint32_t *set, uint32_t tag, const struct realip_address *address,
                            const struct realip_shared_address_limits *limits)
{
    const struct entry fresh = { .hi = address->hi, .lo = address->lo, .family = (uint8_t)address->family, .period = limits->period };
    struct entry *entry = find_room(table, set, &fresh, limits);

    if (entry == NULL) {
        table->counts.refusals++;
        return NULL;
    }
    if (entry->family == REALIP_FAMILY_NONE)
        table->counts.addresses++;
    else if (!is_over(entry, limits->period))
        table->counts.evictions++;
    unlist(table, entry);
    drop_counter(table, entry);
    *entry = fresh;
    set[entry - entry_at(table, set)] = tag;
    return entry;
}

/* ---- What is told of it. */

static void look(struct realip_shared_address_table *table, struct entry *entry, const struct realip_shared_address_limits *limits,
                 struct realip_shared_address_state *state)
{
    bool was_suspect = entry->is_suspect;

    state->clients = clients(entry, limits->period);
    state->is_suspect = state->clients >= limits->threshold;
    state->has_become = state->is_suspect && !was_suspect;
    entry->is_suspect = state->is_suspect;
    if (!state->is_suspect || entry->is_listed)
        return;
    table->listed[table->listed_count++] = (uint32_t)(entry - table->entries);
    entry->is_listed = true;
}

void realip_shared_address_observe(struct realip_shared_address_table *table, const struct realip_address *address, uint64_t client,
                                   const struct realip_shared_address_limits *limits, struct realip_shared_address_state *state_r)
{
    struct realip_address of = realip_shared_address_of(address);
    uint32_t tag;

    memset(state_r, 0, sizeof(*state_r));
    if (of.family == REALIP_FAMILY_NONE)
        return;
    uint32_t *set = place_of(table, &of, &tag);
    struct entry *entry = find(table, set, tag, &of);
    table->counts.observations++;
    table->sequence++;
    if (entry == NULL)
        entry = insert(table, set, tag, &of, limits);
    if (entry == NULL)
        return;
    advance(table, entry, limits->period);
    entry->used = table->sequence;
    entry->seen_period = (uint8_t)limits->period;
    state_r->is_fresh = add(table, entry, client, limits);
    look(table, entry, limits, state_r);
}

static struct entry *find_again(struct realip_shared_address_table *table, const struct realip_address *address,
                                const struct realip_shared_address_limits *limits)
{
    struct realip_address of = realip_shared_address_of(address);
    uint32_t tag;

    if (of.family == REALIP_FAMILY_NONE)
        return NULL;
    uint32_t *set = place_of(table, &of, &tag);
    struct entry *entry = find(table, set, tag, &of);
    if (entry != NULL)
        advance(table, entry, limits->period);
    return entry;
}

void realip_shared_address_find(struct realip_shared_address_table *table, const struct realip_address *address,
                                const struct realip_shared_address_limits *limits, struct realip_shared_address_state *state_r)
{
    struct entry *entry = find_again(table, address, limits);

    memset(state_r, 0, sizeof(*state_r));
    if (entry != NULL)
        look(table, entry, limits, state_r);
}

void realip_shared_address_tell(struct realip_shared_address_table *table, const struct realip_address *address, uint32_t clients_told,
                                const struct realip_shared_address_limits *limits, struct realip_shared_address_state *state_r)
{
    struct entry *entry = find_again(table, address, limits);

    memset(state_r, 0, sizeof(*state_r));
    if (entry == NULL)
        return;
    entry->told = clients_told;
    entry->told_period = (uint8_t)limits->period;
    look(table, entry, limits, state_r);
}

static struct realip_shared_address_suspect suspect_of(const struct entry *entry, const struct realip_shared_address_limits *limits)
{
    struct realip_shared_address_suspect suspect = {
        .address = { entry->hi, entry->lo, (enum realip_family)entry->family },
        .prefix = entry->family == REALIP_FAMILY_IPV4 ? 32 : 128,
        .clients = clients(entry, limits->period),
        .periods_ago = (uint8_t)((uint8_t)limits->period - entry->seen_period),
        .is_told = entry->estimate < limits->threshold,
    };

    if (entry->family == REALIP_FAMILY_IPV6 && !realip_address_is_private(&suspect.address))
        suspect.prefix = 64;
    return suspect;
}

size_t realip_shared_address_suspects(struct realip_shared_address_table *table, const struct realip_shared_address_limits *limits,
                                      struct realip_shared_address_suspect *found, size_t room)
{
    size_t count = 0;

    while (count < table->listed_count) {
        struct entry *entry = &table->entries[table->listed[count]];

        advance(table, entry, limits->period);
        if (clients(entry, limits->period) < limits->threshold) {
            entry->is_suspect = false;
            entry->is_listed = false;
            table->listed[count] = table->listed[--table->listed_count];
            continue;
        }
        if (count < room)
            found[count] = suspect_of(entry, limits);
        count++;
    }
    return count;
}

void realip_shared_address_count(const struct realip_shared_address_table *table, struct realip_shared_address_counts *counts_r)
{
    *counts_r = table->counts;
}
