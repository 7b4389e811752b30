#include <stdlib.h>
#include <string.h>

#include "core/network_set.h"
#include "suites.h"

/* The plain statement of what a look-up is: of all networks that hold the address the longest, of equal ones the first. */
static const struct realip_network_entry *scan(const struct realip_network_entry *entries, size_t count,
                                               const struct realip_address *address)
{
    const struct realip_network_entry *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (realip_network_contains(&entries[i].network, address)
            && (best == NULL || entries[i].network.prefix > best->network.prefix))
            best = &entries[i];
    }
    return best;
}

static uint64_t random64(void)
{
    return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

static void check_address(const struct realip_network_set *set, const struct realip_network_entry *entries, size_t count,
                          struct realip_address address)
{
    const struct realip_network_entry *expected = scan(entries, count, &address);
    const struct realip_network_entry *found = realip_network_set_find(set, &address);
    char text[REALIP_ADDRESS_TEXT_SIZE];

    ck_assert_msg((expected == NULL) == (found == NULL), "%s: %s", realip_address_format(&address, text),
                  found == NULL ? "not found" : "found");
    ck_assert_msg(realip_network_set_contains(set, &address) == (found != NULL), "%s: contains() and find() differ", text);
    if (expected != NULL)
        ck_assert_msg(expected->label == found->label, "%s: label %u, not %u", text, found->label, expected->label);
}

/* The addresses at both sides of each network's ends are where a look-up goes wrong first. */
static void check_edges(const struct realip_network_set *set, const struct realip_network_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct realip_address first = entries[i].network.address;
        struct realip_address last = realip_network_last(&entries[i].network);
        bool ipv4 = first.family == REALIP_FAMILY_IPV4;
        struct realip_address before = first;
        struct realip_address behind = last;

        before.lo--;
        before.hi -= first.lo == 0 ? 1 : 0;
        behind.lo++;
        behind.hi += last.lo == UINT64_MAX ? 1 : 0;
        check_address(set, entries, count, first);
        check_address(set, entries, count, last);
        if (!ipv4 || first.lo > 0)
            check_address(set, entries, count, before);
        if (!ipv4 || last.lo < UINT32_MAX)
            check_address(set, entries, count, behind);
    }
}

/* Networks whose bits lie in a window, so that sets of all shapes come about: far apart, all in one /32, nested. */
static struct realip_network random_network(bool ipv4, unsigned fixed_bits, uint64_t hi, uint64_t lo)
{
    unsigned bits = ipv4 ? 32 : 128;
    unsigned prefix = fixed_bits + (unsigned)random() % (bits - fixed_bits + 1);
    struct realip_network network = { { hi, lo, ipv4 ? REALIP_FAMILY_IPV4 : REALIP_FAMILY_IPV6 }, prefix };
    uint64_t random_hi = ipv4 ? 0 : random64();
    uint64_t random_lo = ipv4 ? random64() & UINT32_MAX : random64();

    for (unsigned bit = 0; bit < bits; bit++) { /* bit by bit: slow and plain */
        unsigned place = bits - 1 - bit;
        uint64_t mask = UINT64_C(1) << place % 64;
        uint64_t *half = place >= 64 ? &network.address.hi : &network.address.lo;
        uint64_t source = place >= 64 ? random_hi : random_lo;

        if (bit >= prefix)
            *half &= ~mask;
        else if (bit >= fixed_bits)
            *half = (*half & ~mask) | (source & mask);
    }
    return network;
}

START_TEST(finds_what_a_scan_finds)
{
    static const unsigned sizes[] = { 1, 2, 5, 30, 200, 700 };
    const char *reason;

    srandom((unsigned)_i + 1);
    for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
        size_t count = sizes[size];
        unsigned fixed4 = (unsigned)random() % 25;
        unsigned fixed6 = (unsigned)random() % 120;
        uint64_t hi = random64();
        uint64_t lo = random64();
        struct realip_network_entry *entries = calloc(count, sizeof(*entries));
        struct realip_network_set *set;

        for (size_t i = 0; i < count; i++) {
            bool ipv4 = random() % 2 == 0;

            entries[i].network = random_network(ipv4, ipv4 ? fixed4 : fixed6, ipv4 ? 0 : hi, ipv4 ? lo & UINT32_MAX : lo);
            entries[i].label = (uint32_t)i;
        }
        ck_assert_int_eq(realip_network_set_build(entries, count, &set, &reason), 0);
        check_edges(set, entries, count);
        for (int i = 0; i < 300; i++) {
            struct realip_address ipv4 = { 0, (lo & UINT32_MAX) ^ (random64() & UINT32_MAX) >> random() % 32,
                                           REALIP_FAMILY_IPV4 };
            struct realip_address ipv6 = { hi ^ random64() >> random() % 64, lo ^ random64(), REALIP_FAMILY_IPV6 };

            check_address(set, entries, count, ipv4);
            check_address(set, entries, count, ipv6);
        }
        realip_network_set_free(&set);
        ck_assert_ptr_null(set);
        free(entries);
    }
}
END_TEST

static struct realip_network_entry entry_of(const char *text, uint32_t label)
{
    struct realip_network_entry entry = { .label = label };
    const char *reason;

    ck_assert_int_eq(realip_network_parse(text, strlen(text), &entry.network, &reason), 0);
    return entry;
}

static uint32_t label_of(const struct realip_network_set *set, const char *text)
{
    struct realip_address address;
    const char *reason;

    ck_assert_int_eq(realip_address_parse(text, strlen(text), &address, &reason), 0);
    const struct realip_network_entry *entry = realip_network_set_find(set, &address);
    return entry == NULL ? 0 : entry->label;
}

START_TEST(the_longest_prefix_answers)
{
    struct realip_network_entry entries[] = {
        entry_of("10.0.0.0/8", 1),      entry_of("10.0.20.0/24", 2), entry_of("10.0.20.13/32", 3), entry_of("0.0.0.0/0", 4),
        entry_of("255.255.255.255", 5), entry_of("::/0", 6),         entry_of("fd00::/8", 7),
        entry_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8),      entry_of("10.0.20.0/24", 9),
    };
    struct realip_network_set *set;
    const char *reason;

    ck_assert_int_eq(realip_network_set_build(entries, sizeof(entries) / sizeof(entries[0]), &set, &reason), 0);
    ck_assert_uint_eq(realip_network_set_count(set), 8);
    ck_assert_uint_eq(label_of(set, "10.1.1.1"), 1);
    ck_assert_uint_eq(label_of(set, "10.0.20.12"), 2); /* the first of two equal ones */
    ck_assert_uint_eq(label_of(set, "10.0.20.13"), 3);
    ck_assert_uint_eq(label_of(set, "10.0.20.14"), 2);
    ck_assert_uint_eq(label_of(set, "10.0.21.0"), 1);
    ck_assert_uint_eq(label_of(set, "11.0.0.0"), 4);
    ck_assert_uint_eq(label_of(set, "255.255.255.255"), 5);
    ck_assert_uint_eq(label_of(set, "255.255.255.254"), 4);
    ck_assert_uint_eq(label_of(set, "2001:db8::"), 6);
    ck_assert_uint_eq(label_of(set, "fd12::"), 7);
    ck_assert_uint_eq(label_of(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 8);
    realip_network_set_free(&set);
}
END_TEST

/* Tables at their edges: over all bits of the family, over 17 bits, and equal networks in a set that has a table. */
START_TEST(tables_reach_to_the_edges)
{
    static const struct {
        const char *first;
        const char *last;
        unsigned step; /* networks of one host each, this far apart, behind `first` */
    } rows[] = { { "0.0.0.0", "255.255.255.255", 3 },
                 { "10.0.0.0", "10.1.255.255", 5 },
                 { "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 7 },
                 { "2001:db8::", "2001:db8::1:ffff", 9 },
                 { "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 11 },
                 { "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff", 11 } };
    const char *reason;

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct realip_network_entry entries[202];
        struct realip_network_set *set;

        entries[0] = entry_of(rows[row].first, 1);
        entries[1] = entry_of(rows[row].last, 2);
        for (unsigned i = 2; i < 200; i++) {
            entries[i] = entries[0];
            entries[i].network.address.lo += (uint64_t)i * rows[row].step;
            entries[i].label = i + 1;
        }
        entries[200] = entries[77];
        entries[200].label = 999; /* the same network again: the first counts */
        entries[201] = entries[1];
        entries[201].label = 998;
        ck_assert_int_eq(realip_network_set_build(entries, 202, &set, &reason), 0);
        ck_assert_uint_eq(realip_network_set_count(set), 200);
        check_edges(set, entries, 202);
        realip_network_set_free(&set);
    }
}
END_TEST

START_TEST(an_exact_network_is_told_from_its_neighbours)
{
    struct realip_network_entry entries[] = { entry_of("10.0.0.0/8", 1), entry_of("10.0.0.0/9", 2) };
    struct realip_network_entry other = entry_of("10.0.0.0/10", 0);
    struct realip_network_set *set;
    const char *reason;

    ck_assert_int_eq(realip_network_set_build(entries, 2, &set, &reason), 0);
    ck_assert_uint_eq(realip_network_set_find_exact(set, &entries[0].network)->label, 1);
    ck_assert_uint_eq(realip_network_set_find_exact(set, &entries[1].network)->label, 2);
    ck_assert_ptr_null(realip_network_set_find_exact(set, &other.network));
    ck_assert_ptr_null(realip_network_set_find_exact(NULL, &other.network));
    realip_network_set_free(&set);
}
END_TEST

START_TEST(an_empty_set_holds_nothing)
{
    struct realip_network_set *set;
    const char *reason;

    ck_assert_int_eq(realip_network_set_build(NULL, 0, &set, &reason), 0);
    ck_assert_uint_eq(label_of(set, "10.0.0.1"), 0);
    ck_assert_uint_eq(label_of(set, "::1"), 0);
    ck_assert_uint_eq(label_of(NULL, "::1"), 0);
    ck_assert_uint_eq(realip_network_set_count(NULL), 0);
    ck_assert_ptr_null(realip_network_set_entry(set, 0));
    realip_network_set_free(&set);
    realip_network_set_free(&set); /* NULL by now */
}
END_TEST

START_TEST(an_entry_without_an_address_is_refused)
{
    struct realip_network_entry entry = { .label = 1 };
    struct realip_network_set *set;
    const char *reason = "none";

    ck_assert_int_eq(realip_network_set_build(&entry, 1, &set, &reason), -1);
    ck_assert_ptr_null(set);
    ck_assert_str_eq(reason, "a network without an address");
}
END_TEST

/* ---- packed sets ------------------------------------------------------------------------------------------------ */

struct packed {
    void *block;
    size_t size;
};

static struct packed pack(const struct realip_network_entry *entries, size_t count)
{
    struct realip_network_set *set;
    struct packed packed;
    const char *reason;

    ck_assert_int_eq(realip_network_set_build(entries, count, &set, &reason), 0);
    packed.size = realip_network_set_pack(set, NULL);
    packed.block = malloc(packed.size);
    ck_assert_ptr_nonnull(packed.block);
    ck_assert_uint_eq(realip_network_set_pack(set, packed.block), packed.size);
    realip_network_set_free(&set);
    return packed;
}

/* Hosts, or /64 networks of IPv6, so far apart that a set of many has tables. */
static struct realip_network_entry *spread(size_t count, bool ipv4, bool ipv6, unsigned prefix6)
{
    struct realip_network_entry *entries = calloc(count, sizeof(*entries));

    for (size_t i = 0; i < count; i++) {
        struct realip_address address = { 0, 0x0a000000U + (uint32_t)i * 512, REALIP_FAMILY_IPV4 };
        bool is_ipv6 = ipv6 && (!ipv4 || i % 2 == 0);

        if (is_ipv6)
            address = (struct realip_address){ 0x20010db800000000U + i * 2, prefix6 == 64 ? 0 : i + 1, REALIP_FAMILY_IPV6 };
        entries[i] = (struct realip_network_entry){ { address, is_ipv6 ? prefix6 : 32 }, (uint32_t)i };
    }
    return entries;
}

static const struct {
    size_t count;
    bool ipv4;
    bool ipv6;
    unsigned prefix6;
} shapes[] = { { 0, false, false, 0 }, { 3, true, false, 0 }, { 3, false, true, 64 }, { 900, true, false, 0 },
               { 900, false, true, 64 }, { 900, false, true, 128 }, { 900, true, true, 64 }, { 7, true, true, 128 } };

START_TEST(a_packed_set_answers_as_it_did)
{
    size_t count = shapes[_i].count;
    struct realip_network_entry *entries = spread(count, shapes[_i].ipv4, shapes[_i].ipv6, shapes[_i].prefix6);
    struct packed packed = pack(entries, count);

    for (int is_unchanged = 0; is_unchanged < 2; is_unchanged++) {
        struct realip_network_set *set;
        const char *reason;

        ck_assert_int_eq(realip_network_set_attach(packed.block, packed.size, is_unchanged != 0, &set, &reason), 0);
        ck_assert_uint_eq(realip_network_set_count(set), count);
        check_edges(set, entries, count);
        realip_network_set_free(&set);
        ck_assert_ptr_null(set);
    }
    free(packed.block);
    free(entries);
}
END_TEST

/* Cut off anywhere, also within the head, it is refused: in steps, as each is read whole. */
START_TEST(a_packed_set_that_was_cut_off_is_refused)
{
    size_t count = shapes[_i].count;
    struct realip_network_entry *entries = spread(count, shapes[_i].ipv4, shapes[_i].ipv6, shapes[_i].prefix6);
    struct packed packed = pack(entries, count);

    for (size_t size = 0; size < packed.size; size += size < 400 ? 1 : 997) {
        struct realip_network_set *set;
        const char *reason = "none";

        ck_assert_int_eq(realip_network_set_attach(packed.block, size, true, &set, &reason), -1);
        ck_assert_ptr_null(set);
        ck_assert_str_eq(reason, "a damaged set of networks");
    }
    free(packed.block);
    free(entries);
}
END_TEST

/* One number of its head or its arrays is another: either it is refused, or no look-up leaves the block. A sanitizer or valgrind sees
 * one that does. */
START_TEST(a_packed_set_that_was_changed_leads_nowhere)
{
    static const unsigned char values[] = { 0, 1, 0xff };
    size_t count = shapes[_i].count;
    struct realip_network_entry *entries = spread(count, shapes[_i].ipv4, shapes[_i].ipv6, shapes[_i].prefix6);
    struct packed packed = pack(entries, count);
    unsigned refused = 0;

    for (size_t at = 0; at < packed.size; at += at < 200 ? 2 : packed.size / 60 + 1) {
        unsigned char *byte = (unsigned char *)packed.block + at;
        unsigned char kept = *byte;

        for (size_t value = 0; value < sizeof(values); value++) {
            struct realip_network_set *set;
            const char *reason;

            *byte = values[value];
            if (realip_network_set_attach(packed.block, packed.size, false, &set, &reason) == 0) {
                for (size_t i = 0; i < count; i += 5)
                    (void)realip_network_set_find(set, &entries[i].network.address);
                realip_network_set_free(&set);
            } else {
                refused++;
            }
        }
        *byte = kept;
    }
    ck_assert_msg(refused > 20, "%u", refused);
    free(packed.block);
    free(entries);
}
END_TEST

START_TEST(a_set_of_far_too_many_is_refused)
{
    struct realip_network_set *set;
    const char *reason = "none";

    ck_assert_int_eq(realip_network_set_build(NULL, ((size_t)1 << 30) + 1, &set, &reason), -1); /* told before one is looked at */
    ck_assert_ptr_null(set);
    ck_assert_str_eq(reason, "too many networks");
}
END_TEST

START_TEST(no_set_and_no_address_hold_nothing)
{
    struct realip_network_entry entry = entry_of("::/0", 1);
    struct realip_address none = { 0 };
    struct realip_network_set *set;
    const char *reason;

    ck_assert(!realip_network_set_contains(NULL, &entry.network.address));
    ck_assert_int_eq(realip_network_set_build(&entry, 1, &set, &reason), 0);
    ck_assert(!realip_network_set_contains(set, &none));
    ck_assert_ptr_null(realip_network_set_find(set, &none));
    ck_assert_ptr_eq(realip_network_set_entry(set, 0), realip_network_set_find_exact(set, &entry.network));
    realip_network_set_free(&set);
    ck_assert_int_eq(realip_network_set_build(NULL, 0, &set, &reason), 0);
    ck_assert_ptr_null(realip_network_set_find_exact(set, &entry.network));
    realip_network_set_free(&set);
}
END_TEST

Suite *realip_network_set_suite(void)
{
    Suite *suite = suite_create("network_set");
    TCase *tests = tcase_create("network_set");

    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, finds_what_a_scan_finds, 0, 12);
    tcase_add_test(tests, the_longest_prefix_answers);
    tcase_add_test(tests, tables_reach_to_the_edges);
    tcase_add_test(tests, an_exact_network_is_told_from_its_neighbours);
    tcase_add_test(tests, an_empty_set_holds_nothing);
    tcase_add_test(tests, an_entry_without_an_address_is_refused);
    tcase_add_loop_test(tests, a_packed_set_answers_as_it_did, 0, sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_loop_test(tests, a_packed_set_that_was_cut_off_is_refused, 0, sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_loop_test(tests, a_packed_set_that_was_changed_leads_nowhere, 0, sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_test(tests, a_set_of_far_too_many_is_refused);
    tcase_add_test(tests, no_set_and_no_address_hold_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
