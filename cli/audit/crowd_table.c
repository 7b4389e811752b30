#include "crowd_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bounded_table.h"

/* 2^13 buckets of eight: 65,536 addresses, about 9 MB. */
#define BUCKETS (1U << 13)
#define WAYS    8U
#define WORTH_TELLING 4U /* distinct names; who has fewer is missed by nobody */
#define BITS    (REALIP_CROWD_WORDS * 64U)

int realip_crowd_table_init(struct realip_crowd_table *table, unsigned window, uint64_t seed)
{
    *table = (struct realip_crowd_table){ .window = window, .seed = seed };
    table->places = calloc((size_t)BUCKETS * WAYS, sizeof(*table->places));
    return table->places != NULL ? 0 : -1;
}

void realip_crowd_table_clear(struct realip_crowd_table *table)
{
    free(table->places);
    table->places = NULL;
}

size_t realip_crowd_table_size(void)
{
    return (size_t)BUCKETS * WAYS;
}

static unsigned set_bits(const uint64_t *bits)
{
    unsigned set = 0;

    for (unsigned i = 0; i < REALIP_CROWD_WORDS; i++) {
        for (uint64_t word = bits[i]; word != 0; word &= word - 1) /* mostly there are one or two */
            set++;
    }
    return set;
}

static unsigned estimate(const uint64_t *bits)
{
    unsigned set = set_bits(bits);

    if (set == BITS)
        set = BITS - 1; /* full: more than can be told */
    return (unsigned)lround(-(double)BITS * log(1.0 - (double)set / BITS));
}

unsigned realip_crowd_most(const struct realip_crowd *crowd, enum realip_crowd_sort sort)
{
    unsigned now = estimate(crowd->bits[sort]);

    return now > crowd->most[sort] ? now : crowd->most[sort];
}

/* How much would be lost with it: the most names in any window. The set bits are compared, so that no logarithm is needed. */
static unsigned worth(const struct realip_crowd *crowd)
{
    unsigned most = 0;

    for (unsigned sort = 0; sort < REALIP_CROWD_SORT_COUNT; sort++) {
        unsigned now = set_bits(crowd->bits[sort]);

        now = now > crowd->most[sort] ? now : crowd->most[sort];
        most = now > most ? now : most;
    }
    return most;
}

/* The address's place, a free one, or that of the least interesting address of the bucket. */
static struct realip_crowd *place_of(struct realip_crowd_table *table, const struct realip_address *address, int64_t window)
{
    uint64_t key[2] = { address->hi, address->lo };
    uint64_t hash = realip_bounded_table_hash(key, sizeof(key), table->seed);
    struct realip_crowd *bucket = &table->places[(size_t)(hash % BUCKETS) * WAYS];
    struct realip_crowd *least = NULL;
    unsigned least_names = 0;

    for (unsigned i = 0; i < WAYS; i++) {
        if (realip_address_equal(&bucket[i].address, address))
            return &bucket[i];
    }
    for (unsigned i = 0; i < WAYS; i++) {
        if (bucket[i].address.family == REALIP_FAMILY_NONE)
            return &bucket[i];
        unsigned names = worth(&bucket[i]);
        if (least == NULL || names < least_names || (names == least_names && bucket[i].last < least->last)) {
            least = &bucket[i];
            least_names = names;
        }
    }
    if (least->window == window && least_names >= WORTH_TELLING)
        table->forgotten++;
    memset(least, 0, sizeof(*least));
    return least;
}

static void begin_window(struct realip_crowd *crowd, int64_t window)
{
    for (unsigned i = 0; i < REALIP_CROWD_SORT_COUNT; i++)
        crowd->most[i] = realip_crowd_most(crowd, (enum realip_crowd_sort)i);
    memset(crowd->bits, 0, sizeof(crowd->bits));
    crowd->window = window;
}

void realip_crowd_table_add(struct realip_crowd_table *table, const struct realip_address *address, enum realip_crowd_sort sort,
                            struct realip_log_text name, int64_t when)
{
    struct realip_crowd *crowd = place_of(table, address, when / table->window);
    int64_t window = when / table->window;
    uint64_t hash = realip_bounded_table_hash(name.start, name.length, table->seed);

    if (crowd->address.family == REALIP_FAMILY_NONE) {
        crowd->address = *address;
        crowd->first = when;
        crowd->window = window;
    }
    if (crowd->window != window)
        begin_window(crowd, window);
    crowd->last = when;
    crowd->events++;
    crowd->bits[sort][hash % REALIP_CROWD_WORDS] |= 1ULL << (hash >> 58);
}
