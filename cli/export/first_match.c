#include "first_match.h"

#include <stdlib.h>

int realip_first_match_add(struct realip_first_match *list, const struct realip_network *network, unsigned kind)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : 2 * list->room;
        struct realip_first_match_entry *entries = realloc(list->entries, room * sizeof(entries[0]));

        if (entries == NULL)
            return -1;
        list->entries = entries;
        list->room = room;
    }
    list->entries[list->count] = (struct realip_first_match_entry){ *network, kind, list->count };
    list->count++;
    return 0;
}

/* A network comes before those in it; of the same network the first entry comes first. */
static int compare_entries(const void *a, const void *b)
{
    const struct realip_first_match_entry *one = a;
    const struct realip_first_match_entry *other = b;
    int order = realip_address_compare(&one->network.address, &other->network.address);

    if (order != 0)
        return order;
    if (one->network.prefix != other->network.prefix)
        return one->network.prefix < other->network.prefix ? -1 : 1;
    return one->order < other->order ? -1 : one->order > other->order;
}

/* Networks either hold each other or have nothing in common. So a walk through the sorted entries keeps a stack of those that hold
 * the address at hand, each with who decides there, and what is told between two of their ends is one range. */
struct walk {
    const struct realip_network *networks[130]; /* 129 prefixes; a network that stands there again is not put on it again */
    const struct realip_first_match_entry *deciders[130];
    size_t depth;
    struct realip_address at; /* up to here, without this, all has been told */
    bool ended;               /* up to the last of all addresses, behind which there is none */
    unsigned kind;
    struct realip_ranges *ranges;
};

/* Tells who decides from walk->at to `last`. */
static int tell(struct walk *walk, const struct realip_address *last)
{
    if (walk->deciders[walk->depth - 1]->kind != walk->kind || realip_ranges_add_span(walk->ranges, &walk->at, last) == 0)
        return 0;
    return -1;
}

/* Leaves the innermost network. */
static int leave(struct walk *walk)
{
    struct realip_address last = realip_network_last(walk->networks[walk->depth - 1]);
    int result = walk->ended || realip_address_compare(&walk->at, &last) > 0 ? 0 : tell(walk, &last);

    walk->depth--;
    walk->ended = last.family == REALIP_FAMILY_IPV6 && last.hi == UINT64_MAX && last.lo == UINT64_MAX;
    walk->at = last;
    if (++walk->at.lo == 0 && last.family == REALIP_FAMILY_IPV6)
        walk->at.hi++;
    return result;
}

static int enter(struct walk *walk, const struct realip_first_match_entry *entry)
{
    const struct realip_address *first = &entry->network.address;
    const struct realip_first_match_entry *around = walk->depth > 0 ? walk->deciders[walk->depth - 1] : NULL;
    int result = 0;

    if (around != NULL && realip_address_compare(first, &walk->at) > 0) {
        struct realip_address last = *first;

        if (last.lo-- == 0)
            last.hi--;
        result = tell(walk, &last);
    }
    walk->at = *first;
    walk->networks[walk->depth] = &entry->network;
    walk->deciders[walk->depth++] = around != NULL && around->order < entry->order ? around : entry;
    return result;
}

int realip_first_match_ranges(struct realip_first_match *list, unsigned kind, struct realip_ranges *ranges_r)
{
    struct walk walk = { .kind = kind, .ranges = ranges_r };
    int result = 0;

    *ranges_r = (struct realip_ranges){ 0 };
    if (list->count > 1)
        qsort(list->entries, list->count, sizeof(list->entries[0]), compare_entries);
    for (size_t i = 0; i < list->count && result == 0; i++) {
        const struct realip_network *network = &list->entries[i].network;

        while (walk.depth > 0 && !realip_network_contains(walk.networks[walk.depth - 1], &network->address) && result == 0)
            result = leave(&walk);
        if (walk.depth == 0 || !realip_network_equal(walk.networks[walk.depth - 1], network))
            result = result == 0 ? enter(&walk, &list->entries[i]) : result;
    }
    while (walk.depth > 0 && result == 0)
        result = leave(&walk);
    if (result < 0)
        realip_ranges_clear(ranges_r);
    realip_ranges_merge(ranges_r);
    return result;
}

void realip_first_match_clear(struct realip_first_match *list)
{
    free(list->entries);
    *list = (struct realip_first_match){ 0 };
}
