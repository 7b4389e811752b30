#include "ranges.h"

#include <stdlib.h>

/* An address as one number. */
typedef unsigned __int128 number;

static number number_of(const struct realip_address *address)
{
    return (number)address->hi << 64 | address->lo;
}

static struct realip_address address_of(number value, enum realip_family family)
{
    return (struct realip_address){ .hi = (uint64_t)(value >> 64), .lo = (uint64_t)value, .family = family };
}

int realip_ranges_add_span(struct realip_ranges *ranges, const struct realip_address *first, const struct realip_address *last)
{
    if (first->family != last->family || number_of(last) < number_of(first))
        return -1;
    if (ranges->count == ranges->room) {
        size_t room = ranges->room == 0 ? 64 : 2 * ranges->room;
        struct realip_range *rows = realloc(ranges->rows, room * sizeof(rows[0]));

        if (rows == NULL)
            return -1;
        ranges->rows = rows;
        ranges->room = room;
    }
    ranges->rows[ranges->count++] = (struct realip_range){ *first, *last };
    return 0;
}

int realip_ranges_add(struct realip_ranges *ranges, const struct realip_network *network)
{
    struct realip_address last = realip_network_last(network);

    return realip_ranges_add_span(ranges, &network->address, &last);
}

int realip_ranges_add_all(struct realip_ranges *ranges, const struct realip_ranges *more)
{
    for (size_t i = 0; i < more->count; i++) {
        if (realip_ranges_add_span(ranges, &more->rows[i].first, &more->rows[i].last) < 0)
            return -1;
    }
    return 0;
}

int realip_ranges_add_everything(struct realip_ranges *ranges)
{
    const struct realip_network ipv4 = { .address = { .family = REALIP_FAMILY_IPV4 } };
    const struct realip_network ipv6 = { .address = { .family = REALIP_FAMILY_IPV6 } };

    return realip_ranges_add(ranges, &ipv4) < 0 || realip_ranges_add(ranges, &ipv6) < 0 ? -1 : 0;
}

static int compare_rows(const void *a, const void *b)
{
    const struct realip_range *one = a;
    const struct realip_range *other = b;

    if (one->first.family != other->first.family)
        return one->first.family < other->first.family ? -1 : 1;
    if (number_of(&one->first) != number_of(&other->first))
        return number_of(&one->first) < number_of(&other->first) ? -1 : 1;
    return 0;
}

/* Does the next row overlap the one before, or begin right behind it? */
static bool touches(const struct realip_range *before, const struct realip_range *next)
{
    if (before->first.family != next->first.family)
        return false;
    return number_of(&next->first) <= number_of(&before->last) || number_of(&next->first) - number_of(&before->last) == 1;
}

void realip_ranges_merge(struct realip_ranges *ranges)
{
    size_t kept = 0;

    if (ranges->count > 1)
        qsort(ranges->rows, ranges->count, sizeof(ranges->rows[0]), compare_rows);
    for (size_t i = 0; i < ranges->count; i++) {
        struct realip_range *before = kept > 0 ? &ranges->rows[kept - 1] : NULL;

        if (before == NULL || !touches(before, &ranges->rows[i]))
            ranges->rows[kept++] = ranges->rows[i];
        else if (number_of(&ranges->rows[i].last) > number_of(&before->last))
            before->last = ranges->rows[i].last;
    }
    ranges->count = kept;
}

/* Is all of `one` before all of `other`? */
static bool is_before(const struct realip_range *one, const struct realip_range *other)
{
    if (one->first.family != other->first.family)
        return one->first.family < other->first.family;
    return number_of(&one->last) < number_of(&other->first);
}

/* What is left of `row` when `count` rows of `taken`, which all overlap it, are taken out. */
static int subtract_row(const struct realip_range *row, const struct realip_range *taken, size_t count, struct realip_ranges *ranges_r)
{
    number at = number_of(&row->first);
    number last = number_of(&row->last);

    for (size_t i = 0; i < count; i++) {
        number from = number_of(&taken[i].first);
        number to = number_of(&taken[i].last);

        if (from > at) {
            struct realip_address first = address_of(at, row->first.family);
            struct realip_address end = address_of(from - 1, row->first.family);

            if (realip_ranges_add_span(ranges_r, &first, &end) < 0)
                return -1;
        }
        if (to >= last)
            return 0;
        at = to + 1;
    }
    struct realip_address first = address_of(at, row->first.family);
    return realip_ranges_add_span(ranges_r, &first, &row->last);
}

int realip_ranges_subtract(const struct realip_ranges *from, const struct realip_ranges *taken, struct realip_ranges *ranges_r)
{
    size_t next = 0;

    *ranges_r = (struct realip_ranges){ 0 };
    for (size_t i = 0; i < from->count; i++) {
        const struct realip_range *row = &from->rows[i];
        size_t end;

        while (next < taken->count && is_before(&taken->rows[next], row))
            next++;
        for (end = next; end < taken->count && !is_before(row, &taken->rows[end]); end++)
            continue;
        if (subtract_row(row, taken->rows == NULL ? NULL : taken->rows + next, end - next, ranges_r) < 0) {
            realip_ranges_clear(ranges_r);
            return -1;
        }
    }
    return 0;
}

int realip_ranges_intersect(const struct realip_ranges *one, const struct realip_ranges *other, struct realip_ranges *ranges_r)
{
    struct realip_ranges rest;

    *ranges_r = (struct realip_ranges){ 0 };
    if (realip_ranges_subtract(one, other, &rest) < 0)
        return -1;
    int result = realip_ranges_subtract(one, &rest, ranges_r);
    realip_ranges_clear(&rest);
    return result;
}

void realip_ranges_clear(struct realip_ranges *ranges)
{
    free(ranges->rows);
    *ranges = (struct realip_ranges){ 0 };
}

bool realip_ranges_next(const struct realip_ranges *ranges, struct realip_ranges_cursor *cursor, struct realip_network *network_r)
{
    if (cursor->row >= ranges->count)
        return false;
    const struct realip_range *row = &ranges->rows[cursor->row];
    enum realip_family family = row->first.family;
    unsigned bits = family == REALIP_FAMILY_IPV4 ? 32 : 128;
    number at = number_of(cursor->started ? &cursor->at : &row->first);
    number left = number_of(&row->last) - at; /* how many addresses follow `at` */
    unsigned host = 0;

    /* The widest network that begins here and ends in the row. */
    while (host < bits && (at & (number)1 << host) == 0 && left >> host > 0
           && left >= (((number)1 << host << 1) - 1))
        host++;
    *network_r = (struct realip_network){ address_of(at, family), bits - host };
    number size_less_one = host == 128 ? ~(number)0 : ((number)1 << host) - 1;
    cursor->started = size_less_one < left;
    if (cursor->started)
        cursor->at = address_of(at + size_less_one + 1, family);
    else
        cursor->row++;
    return true;
}
