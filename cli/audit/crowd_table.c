#include "crowd_table.h"

#include <stdlib.h>
#include <string.h>

#include "bounded_table.h"

/* 2^13 buckets of eight: 65,536 addresses, about 9 MB. */
#define BUCKETS (1U << 13)
#define WAYS    8U
#define FIRST_ROOM 2U             /* most addresses have one name or two */
#define MOST_BYTES (24U << 20)    /* of names, all together */
#define WORTH_TELLING 4U          /* distinct names; who has fewer is missed by nobody */

int realip_crowd_table_init(struct realip_crowd_table *table, unsigned window, unsigned exact, uint64_t seed)
{
    *table = (struct realip_crowd_table){ .window = window, .exact = exact, .seed = seed };
    if (exact < REALIP_CROWD_LEAST_EXACT)
        table->exact = REALIP_CROWD_LEAST_EXACT;
    if (exact > REALIP_CROWD_MOST_EXACT)
        table->exact = REALIP_CROWD_MOST_EXACT;
    table->places = calloc((size_t)BUCKETS * WAYS, sizeof(*table->places));
    table->tags = calloc((size_t)BUCKETS * WAYS, 1);
    return table->places != NULL && table->tags != NULL ? 0 : -1;
}

size_t realip_crowd_table_size(void)
{
    return (size_t)BUCKETS * WAYS;
}

/* The place is free then, and keeps room for few names. */
static void forget(struct realip_crowd_table *table, struct realip_crowd *crowd)
{
    struct realip_crowd empty = { 0 };

    for (unsigned sort = 0; sort < REALIP_CROWD_SORT_COUNT; sort++) {
        struct realip_crowd_names *names = &crowd->names[sort];

        if (names->room <= FIRST_ROOM) {
            empty.names[sort] = (struct realip_crowd_names){ names->list, 0, names->room };
            continue;
        }
        table->bytes -= names->room * sizeof(*names->list);
        free(names->list);
    }
    *crowd = empty;
}

void realip_crowd_table_clear(struct realip_crowd_table *table)
{
    for (size_t i = 0; table->places != NULL && i < realip_crowd_table_size(); i++) {
        for (unsigned sort = 0; sort < REALIP_CROWD_SORT_COUNT; sort++)
            free(table->places[i].names[sort].list);
    }
    free(table->places);
    free(table->tags);
    table->places = NULL;
    table->tags = NULL;
}

/* How much would be lost with it: the most names in any window. */
static unsigned worth(const struct realip_crowd *crowd)
{
    return crowd->most[REALIP_CROWD_USERS] > crowd->most[REALIP_CROWD_HELOS] ? crowd->most[REALIP_CROWD_USERS] : crowd->most[REALIP_CROWD_HELOS];
}

/* The address's place, a free one, or that of the least interesting address of the bucket. */
static struct realip_crowd *place_of(struct realip_crowd_table *table, const struct realip_address *address, int64_t when)
{
    uint64_t key[2] = { address->hi, address->lo };
    uint64_t hash = realip_bounded_table_hash(key, sizeof(key), table->seed);
    size_t first = (size_t)(hash % BUCKETS) * WAYS;
    struct realip_crowd *bucket = &table->places[first];
    struct realip_crowd *least = NULL;
    unsigned char tag = (unsigned char)(hash >> 56 | 1);

    for (unsigned i = 0; i < WAYS; i++) {
        if (table->tags[first + i] == tag && realip_address_equal(&bucket[i].address, address))
            return &bucket[i];
    }
    for (unsigned i = 0; i < WAYS; i++) {
        if (table->tags[first + i] == 0) {
            table->tags[first + i] = tag;
            return &bucket[i];
        }
        if (least == NULL || worth(&bucket[i]) < worth(least) || (worth(&bucket[i]) == worth(least) && bucket[i].last < least->last))
            least = &bucket[i];
    }
    if (worth(least) >= WORTH_TELLING && when - least->last < (int64_t)table->window)
        table->forgotten++;
    forget(table, least);
    table->tags[least - table->places] = tag;
    return least;
}

/* Leaves the names that are in the window which ends at `now`. */
static void prune(struct realip_crowd_names *names, int64_t now, unsigned window)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < names->count; i++) {
        if (names->list[i].last > now - (int64_t)window)
            names->list[kept++] = names->list[i];
    }
    names->count = kept;
}

/* Makes room for one name more. False: there is none. */
static bool grow(struct realip_crowd_table *table, struct realip_crowd_names *names)
{
    uint32_t room = names->room == 0 ? FIRST_ROOM : names->room * 2;

    if (names->count < names->room)
        return true;
    if (room > table->exact)
        room = table->exact;
    size_t more = (room - names->room) * sizeof(*names->list);
    if (more == 0 || table->bytes + more > MOST_BYTES)
        return false;
    struct realip_crowd_name *list = realloc(names->list, room * sizeof(*list));
    if (list == NULL)
        return false;
    names->list = list;
    names->room = room;
    table->bytes += more;
    return true;
}

static struct realip_crowd_name *oldest_of(const struct realip_crowd_names *names)
{
    struct realip_crowd_name *oldest = names->list;

    for (uint32_t i = 1; i < names->count; i++) {
        if (names->list[i].last < oldest->last)
            oldest = &names->list[i];
    }
    return oldest;
}

/* A name that is in no window yet can make the number larger; one that is in this window can't. */
static void note(struct realip_crowd_table *table, struct realip_crowd *crowd, enum realip_crowd_sort sort, uint64_t hash, int64_t when)
{
    struct realip_crowd_names *names = &crowd->names[sort];
    struct realip_crowd_name *name = NULL;

    for (uint32_t i = 0; name == NULL && i < names->count; i++) {
        if (names->list[i].hash == hash)
            name = &names->list[i];
    }
    if (name != NULL && name->last > crowd->now - (int64_t)table->window) {
        name->last = when > name->last ? when : name->last;
        return;
    }
    prune(names, crowd->now, table->window);
    if (grow(table, names)) {
        name = &names->list[names->count++];
    } else {
        crowd->is_more[sort] = true;
        if (names->count == 0)
            return;
        name = oldest_of(names);
    }
    *name = (struct realip_crowd_name){ hash, when };
    if (names->count > crowd->most[sort])
        crowd->most[sort] = names->count;
}

void realip_crowd_table_add(struct realip_crowd_table *table, const struct realip_address *address, enum realip_crowd_sort sort,
                            struct realip_log_text name, int64_t when)
{
    struct realip_crowd *crowd = place_of(table, address, when);

    if (crowd->address.family == REALIP_FAMILY_NONE) {
        crowd->address = *address;
        crowd->first = crowd->last = crowd->now = when;
    }
    if (when <= crowd->now - (int64_t)table->window) { /* another log */
        for (unsigned i = 0; i < REALIP_CROWD_SORT_COUNT; i++)
            crowd->names[i].count = 0;
        crowd->now = when;
    }
    crowd->now = when > crowd->now ? when : crowd->now;
    crowd->first = when < crowd->first ? when : crowd->first;
    crowd->last = when > crowd->last ? when : crowd->last;
    crowd->events++;
    note(table, crowd, sort, realip_bounded_table_hash(name.start, name.length, table->seed), when);
}
