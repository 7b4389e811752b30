/* Proof by exhaustion: for every set of up to NETWORKS networks over OPEN_BITS open bits of an address, and every address,
 * a look-up finds what a scan finds: of the networks that hold the address the longest, of equal ones the first. The open bits
 * stand at each end of both families, across the middle of an IPv6 address, and across the end of a table's bits, whose width
 * is reduced (TABLE_BITS, PLAIN_RANGES and FIXED_RANGES are given to the compiler; so all three ways to search are walked).
 *
 * A model checker needs hours where counting to the end takes seconds: the space is finite and small. */
#include <stdio.h>
#include <stdlib.h>

#include "core/network_set.h"

#ifndef NETWORKS
#define NETWORKS 3
#endif
#ifndef OPEN_BITS
#define OPEN_BITS 4
#endif
#ifndef TABLE_BITS
#define TABLE_BITS 16
#endif
#define ADDRESSES (1U << OPEN_BITS)
#define ALL_NETWORKS (2 * ADDRESSES - 1) /* prefixes of 0 to OPEN_BITS open bits */

struct place {
    enum realip_family family;
    unsigned low;   /* how many bits stand behind the open ones */
    bool ones;      /* the closed bits before them are 1 in place of 0 */
};

static unsigned long long looked_up;
static unsigned long long built;

static unsigned bits_of(enum realip_family family)
{
    return family == REALIP_FAMILY_IPV4 ? 32 : 128;
}

static struct realip_address address_at(const struct place *place, unsigned open, bool last)
{
    struct realip_address address = { .family = place->family };
    unsigned bits = bits_of(place->family);

    for (unsigned bit = 0; bit < bits; bit++) { /* from the last one; slow and plain */
        bool one = bit < place->low ? last : bit < place->low + OPEN_BITS ? (open >> (bit - place->low) & 1) != 0 : place->ones;

        if (one && bit >= 64)
            address.hi |= (uint64_t)1 << (bit - 64);
        else if (one)
            address.lo |= (uint64_t)1 << bit;
    }
    return address;
}

/* Network number n: 0 is all addresses, 1 and 2 their halves, 3 to 6 their quarters, and so on. */
static unsigned length_of(unsigned n)
{
    unsigned length = 0;

    while (n + 1 >= 2U << length)
        length++;
    return length;
}

static bool holds(unsigned n, unsigned open)
{
    unsigned length = length_of(n);

    return open >> (OPEN_BITS - length) == n + 1 - (1U << length);
}

static struct realip_network network_at(const struct place *place, unsigned n)
{
    unsigned length = length_of(n);
    unsigned first = (n + 1 - (1U << length)) << (OPEN_BITS - length);

    return (struct realip_network){ address_at(place, first, false),
                                    bits_of(place->family) - place->low - OPEN_BITS + length };
}

static void fail(const struct place *place, const unsigned *numbers, size_t count, unsigned open, const char *what)
{
    printf("FAIL %s: IPv%d, %u bits behind, address %u, networks", what, (int)place->family, place->low, open);
    for (size_t i = 0; i < count; i++)
        printf(" %u", numbers[i]);
    printf("\n0 passed, 1 failed\n");
    exit(EXIT_FAILURE);
}

static void check_address(const struct place *place, const struct realip_network_set *set, const unsigned *numbers,
                          size_t count, unsigned open, bool last)
{
    struct realip_address address = address_at(place, open, last);
    const struct realip_network_entry *found = realip_network_set_find(set, &address);
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        if (holds(numbers[i], open) && (best == count || length_of(numbers[i]) > length_of(numbers[best])))
            best = i;
    }
    if ((found == NULL) != (best == count))
        fail(place, numbers, count, open, found == NULL ? "not found" : "found");
    if (found != NULL && found->label != best)
        fail(place, numbers, count, open, "found in another network");
    if (realip_network_set_contains(set, &address) != (found != NULL))
        fail(place, numbers, count, open, "contains() and find() differ");
    looked_up++;
}

static void check_set(const struct place *place, const unsigned *numbers, size_t count)
{
    struct realip_network_entry entries[NETWORKS];
    struct realip_network_set *set;
    const char *reason;

    for (size_t i = 0; i < count; i++)
        entries[i] = (struct realip_network_entry){ network_at(place, numbers[i]), (uint32_t)i };
    if (realip_network_set_build(entries, count, &set, &reason) < 0)
        fail(place, numbers, count, 0, reason);
    for (unsigned open = 0; open < ADDRESSES; open++) {
        check_address(place, set, numbers, count, open, false);
        if (place->low > 0)
            check_address(place, set, numbers, count, open, true);
    }
    realip_network_set_free(&set);
    built++;
}

/* Every sequence of up to NETWORKS networks: the order counts, as the first of equal ones does. */
static void check_all(const struct place *place, unsigned *numbers, size_t count)
{
    check_set(place, numbers, count);
    for (unsigned n = 0; count < NETWORKS && n < ALL_NETWORKS; n++) {
        numbers[count] = n;
        check_all(place, numbers, count + 1);
    }
}

int main(void)
{
    static const struct place places[] = {
        { REALIP_FAMILY_IPV4, 0, false },   { REALIP_FAMILY_IPV4, 0, true },  { REALIP_FAMILY_IPV4, 32 - OPEN_BITS, false },
        { REALIP_FAMILY_IPV4, 14, true },   { REALIP_FAMILY_IPV6, 0, false }, { REALIP_FAMILY_IPV6, 128 - OPEN_BITS, false },
        { REALIP_FAMILY_IPV6, 62, true },   { REALIP_FAMILY_IPV6, 64, true },
    };
    unsigned numbers[NETWORKS];

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        /* Behind the table's bits of an IPv4 address 16 are kept: all there are, with the table's real width. */
        if (places[i].family == REALIP_FAMILY_IPV6 || places[i].low + OPEN_BITS <= TABLE_BITS + 16)
            check_all(&places[i], numbers, 0);
    }
    printf("%llu sets of up to %d networks over %d bits, %llu look-ups\n", built, NETWORKS, OPEN_BITS, looked_up);
    return EXIT_SUCCESS;
}
