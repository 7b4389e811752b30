/* How many are behind an address: the hash, the count, the table. */
#include <stdlib.h>
#include <string.h>

#include "core/distinct_count.h"
#include "core/shared_address.h"
#include "random_number.h"
#include "suites.h"

static const struct realip_siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static uint64_t client(uint64_t number)
{
    return realip_siphash(&key, &number, sizeof(number), false);
}

/* ---- The hash. */

/* Appendix A of the paper, and the reference vectors that come with it: the message is 0, 1, 2, …. */
static const struct {
    size_t length;
    uint64_t hash;
} vectors[] = {
    { 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 },
};

START_TEST(the_hash_is_siphash)
{
    unsigned char message[64];

    for (unsigned i = 0; i < sizeof(message); i++)
        message[i] = (unsigned char)i;
    ck_assert_uint_eq(realip_siphash(&key, message, vectors[_i].length, false), vectors[_i].hash);
}
END_TEST

START_TEST(letters_alone_are_folded)
{
    for (unsigned c = 0; c < 256; c++) {
        for (size_t length = 1; length <= 17; length += 8) {
            unsigned char a[17];
            unsigned char b[17];
            bool is_upper = c >= 'A' && c <= 'Z';

            memset(a, (int)c, sizeof(a));
            memset(b, (int)(is_upper ? c - 'A' + 'a' : c), sizeof(b));
            ck_assert_uint_eq(realip_siphash(&key, a, length, true), realip_siphash(&key, b, length, false));
            ck_assert(is_upper == (realip_siphash(&key, a, length, true) != realip_siphash(&key, a, length, false)));
        }
    }
}
END_TEST

/* ---- The count. */

static const struct {
    unsigned count;
    double most; /* error of any of the trials */
} sizes[] = { { 30, 0.10 }, { 100, 0.05 }, { 1000, 0.05 }, { 10000, 0.06 }, { 200000, 0.08 } };

START_TEST(the_estimate_is_near)
{
    struct realip_distinct_count *count = malloc(sizeof(*count));
    unsigned trials = sizes[_i].count > 10000 ? 10 : 100;
    double worst = 0;
    double sum = 0;

    for (unsigned trial = 0; trial < trials; trial++) {
        realip_distinct_count_clear(count, 1);
        for (unsigned i = 0; i < sizes[_i].count; i++)
            realip_distinct_count_add(count, (uint32_t)(client((uint64_t)trial << 32 | i) & 0xfffffff), 1 + i % 4);
        double error = (double)count->estimate / sizes[_i].count - 1;
        sum += error;
        worst = error > worst ? error : -error > worst ? -error : worst;
    }
    ck_assert_msg(worst <= sizes[_i].most, "%u: %f", sizes[_i].count, worst);
    ck_assert_msg(sum / trials < 0.01 && sum / trials > -0.01, "%u: on the average %f", sizes[_i].count, sum / trials);
    free(count);
}
END_TEST

START_TEST(repetition_counts_nothing)
{
    struct realip_distinct_count *count = malloc(sizeof(*count));

    realip_distinct_count_clear(count, 7);
    ck_assert_uint_eq(count->estimate, 0);
    ck_assert(realip_distinct_count_add(count, 12345, 7));
    ck_assert_uint_eq(count->estimate, 1);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(!realip_distinct_count_add(count, 12345, 7));
    ck_assert_uint_eq(count->estimate, 1);
    free(count);
}
END_TEST

/* A thousand in each of eight periods: the union of the last five. */
START_TEST(old_periods_are_forgotten)
{
    struct realip_distinct_count *count = malloc(sizeof(*count));

    realip_distinct_count_clear(count, 10);
    for (unsigned i = 0; i < 8000; i++) {
        realip_distinct_count_advance(count, 10 + i / 1000);
        realip_distinct_count_add(count, (uint32_t)(client(i) & 0xfffffff), 10 + i / 1000);
    }
    ck_assert_msg(count->estimate > 4700 && count->estimate < 5300, "%u", count->estimate);
    realip_distinct_count_advance(count, 21);
    ck_assert_msg(count->estimate > 930 && count->estimate < 1070, "%u", count->estimate);
    realip_distinct_count_advance(count, 22);
    ck_assert_uint_eq(count->estimate, 0);
    realip_distinct_count_add(count, 1, 22);
    realip_distinct_count_advance(count, 1000);
    ck_assert_uint_eq(count->estimate, 0);
    free(count);
}
END_TEST

/* ---- The table. */

static struct realip_shared_address_table *table;
static struct realip_shared_address_limits limits;
static struct realip_shared_address_state state;

static void set_up(void)
{
    table = realip_shared_address_new(&key);
    limits = (struct realip_shared_address_limits){ .threshold = 20, .period = 1 };
    ck_assert_ptr_nonnull(table);
}

static void tear_down(void)
{
    realip_shared_address_free(&table);
    ck_assert_ptr_null(table);
}

static struct realip_address address_of(const char *text)
{
    struct realip_address address;
    const char *reason = "";

    ck_assert_msg(realip_address_parse(text, strlen(text), &address, &reason) == 0, "%s: %s", text, reason);
    return address;
}

static const char *const addresses[] = { "10.0.0.9", "192.0.2.9", "fd00:20::9", "2001:db8::9", "fe80::9", "100.64.0.1" };

START_TEST(the_twentieth_client_makes_a_suspect)
{
    struct realip_address address = address_of(addresses[_i]);

    for (unsigned i = 1; i <= 5000; i++) {
        for (unsigned again = 0; again < 3; again++) {
            realip_shared_address_observe(table, &address, client(i), &limits, &state);
            ck_assert(i > 22 || state.clients == i);
            ck_assert(state.is_suspect == (i >= 20));
            ck_assert(state.has_become == (i == 20 && again == 0));
            ck_assert(again == 0 ? i > 22 || state.is_fresh : !state.is_fresh);
        }
        if (i == 1000)
            ck_assert_msg(state.clients >= 950 && state.clients <= 1050, "%u", state.clients);
    }
    realip_shared_address_find(table, &address, &limits, &state);
    ck_assert(state.is_suspect && !state.has_become && state.clients > 4600 && state.clients < 5400);
}
END_TEST

START_TEST(volume_makes_no_suspect)
{
    struct realip_address address = address_of(addresses[_i]);

    for (unsigned i = 0; i < 1000000; i++)
        realip_shared_address_observe(table, &address, client(1), &limits, &state);
    ck_assert(!state.is_suspect && state.clients == 1);
}
END_TEST

START_TEST(it_clears_by_itself)
{
    struct realip_address address = address_of(addresses[_i]);
    unsigned count = _i % 2 == 0 ? 22 : 300; /* listed, and in a large counter */
    struct realip_shared_address_counts counts;

    limits.period = 1000003;
    for (unsigned i = 0; i < count; i++) {
        limits.period = 1000003 + i * 4 / count;
        realip_shared_address_observe(table, &address, client(i), &limits, &state);
    }
    ck_assert(state.is_suspect);
    ck_assert_uint_eq(realip_shared_address_suspects(table, &limits, NULL, 0), 1);
    /* One client alone stays: it is no suspect once the others are a window away. */
    for (unsigned passed = 0; passed < 6; passed++) {
        limits.period = 1000006 + passed;
        realip_shared_address_observe(table, &address, client(count - 1), &limits, &state);
        ck_assert(passed != 0 || state.is_suspect);
    }
    ck_assert(!state.is_suspect && state.clients == 1);
    ck_assert_uint_eq(realip_shared_address_suspects(table, &limits, NULL, 0), 0);
    limits.period += 300; /* so that the last bits of some periods are the same again */
    realip_shared_address_find(table, &address, &limits, &state);
    ck_assert(!state.is_suspect && state.clients == 0);
    realip_shared_address_observe(table, &address, client(1), &limits, &state);
    ck_assert_uint_eq(state.clients, 1);
    realip_shared_address_count(table, &counts);
    ck_assert_uint_eq(counts.large_counters, 0);
    ck_assert_uint_eq(counts.addresses, 1);
}
END_TEST

START_TEST(addresses_are_told_apart)
{
    const struct {
        const char *one;
        const char *other;
        bool is_same;
    } pairs[] = { { "10.0.0.1", "10.0.0.2", false },         { "2001:db8::1", "2001:db8::2", true },
                  { "2001:db8::1", "2001:db8:0:1::1", false }, { "fd00::1", "fd00::2", false },
                  { "fe80::1", "fe80::2", false },           { "::ffff:10.0.0.1", "10.0.0.1", true },
                  { "0.0.0.5", "::5", false } };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct realip_address one = address_of(pairs[i].one);
        struct realip_address other = address_of(pairs[i].other);

        tear_down();
        set_up();
        realip_shared_address_observe(table, &one, client(1), &limits, &state);
        realip_shared_address_observe(table, &other, client(2), &limits, &state);
        ck_assert_msg(state.clients == (pairs[i].is_same ? 2 : 1), "%s %s", pairs[i].one, pairs[i].other);
    }
}
END_TEST

START_TEST(no_address_is_ignored)
{
    struct realip_address none = { 0 };

    realip_shared_address_observe(table, &none, client(1), &limits, &state);
    ck_assert(state.clients == 0 && !state.is_suspect);
    realip_shared_address_tell(table, &none, 1000, &limits, &state);
    realip_shared_address_find(table, &none, &limits, &state);
    ck_assert(state.clients == 0 && !state.is_suspect);
}
END_TEST

static void flood(const char *network, uint64_t mask, unsigned count, unsigned names)
{
    struct realip_address address = address_of(network);
    uint64_t *part = address.family == REALIP_FAMILY_IPV4 ? &address.lo : &address.hi;
    uint64_t base = *part;

    for (unsigned i = 0; i < count; i++) {
        *part = base | (realip_random_number(UINT32_MAX) & mask);
        for (unsigned k = 0; k < names; k++)
            realip_shared_address_observe(table, &address, client(k), &limits, &state);
    }
}

static const struct {
    const char *network;
    uint64_t mask;
    unsigned count;
    unsigned names;
} floods[] = {
    { "2001:db8::", 0xffffffff, 300000, 1 },  { "2001:db8::", 0xffffffff, 100000, 3 }, { "2001:db8::", 0xffffffff, 20000, 30 },
    { "2001:db8::", 0xffffffff, 2000, 500 },  { "198.51.0.0", 0xffff, 300000, 1 },     { "10.7.0.0", 0xffff, 20000, 30 },
};

/* While a network of strangers pours in, NATs elsewhere go on being found, also slow ones: one client between thousands. */
START_TEST(a_flood_drowns_nobody)
{
    struct realip_address nats[sizeof(addresses) / sizeof(addresses[0])];
    const size_t count = sizeof(nats) / sizeof(nats[0]);
    struct realip_shared_address_counts counts;

    realip_random_number_seed(7);
    for (size_t i = 0; i < count; i++)
        nats[i] = address_of(i == 3 ? "2a00:db8::1" : addresses[i]);
    for (unsigned round = 1; round <= 20; round++) {
        flood(floods[_i].network, floods[_i].mask, floods[_i].count / 20, floods[_i].names);
        for (size_t i = 0; i < count; i++) {
            realip_shared_address_observe(table, &nats[i], client(round), &limits, &state);
            ck_assert_msg(state.clients == round, "%s: %u of %u", addresses[i], state.clients, round);
        }
    }
    flood(floods[_i].network, floods[_i].mask, floods[_i].count, floods[_i].names);
    for (size_t i = 0; i < count; i++) {
        realip_shared_address_find(table, &nats[i], &limits, &state);
        ck_assert_msg(state.is_suspect, "%s", addresses[i]);
    }
    /* And can still be counted beyond what an entry lists. */
    for (unsigned i = 0; i < 1000; i++)
        realip_shared_address_observe(table, &nats[0], client(i), &limits, &state);
    ck_assert_msg(state.clients >= 950 && state.clients <= 1050, "%u", state.clients);
    realip_shared_address_count(table, &counts);
    ck_assert_uint_le(counts.addresses, counts.address_room);
    ck_assert_uint_le(counts.large_counters, counts.large_counter_room);
    ck_assert(counts.evictions + counts.refusals > 0);
}
END_TEST

/* What has been full is not full for ever. */
START_TEST(room_comes_back)
{
    struct realip_address nat = address_of("10.0.0.9");

    realip_random_number_seed(9);
    for (unsigned network = 0; network < 64; network++) {
        char text[32] = "2001:0000::";

        text[7] = "048c"[network % 4];
        text[6] = "0123456789abcdef"[network / 4];
        flood(text, 0xffffffff, 3000, 23);
    }
    limits.period += 5;
    for (unsigned i = 0; i < 1000; i++)
        realip_shared_address_observe(table, &nat, client(i), &limits, &state);
    ck_assert_msg(state.clients >= 950 && state.clients <= 1050, "%u", state.clients);
    ck_assert_uint_eq(realip_shared_address_suspects(table, &limits, NULL, 0), 1);
}
END_TEST

START_TEST(others_can_tell)
{
    struct realip_address nat = address_of("10.0.0.9");
    struct realip_address other = address_of("10.0.0.10");
    struct realip_shared_address_suspect found[4];

    for (unsigned i = 0; i < 7; i++)
        realip_shared_address_observe(table, &nat, client(i), &limits, &state);
    ck_assert(!state.is_suspect);
    realip_shared_address_tell(table, &nat, 21, &limits, &state);
    ck_assert(state.is_suspect && state.has_become && state.clients == 21);
    realip_shared_address_tell(table, &other, 21, &limits, &state);
    ck_assert_msg(!state.is_suspect, "nobody came from there");
    ck_assert_uint_eq(realip_shared_address_suspects(table, &limits, found, 4), 1);
    ck_assert(found[0].is_told && found[0].clients == 21 && found[0].prefix == 32 && found[0].periods_ago == 0);
    ck_assert(realip_address_equal(&found[0].address, &nat));
    limits.period++;
    realip_shared_address_observe(table, &nat, client(1), &limits, &state);
    ck_assert(state.is_suspect && !state.has_become);
    limits.period++;
    realip_shared_address_observe(table, &nat, client(1), &limits, &state);
    ck_assert_msg(!state.is_suspect && state.clients == 7, "it was not told again: %u", state.clients);
    realip_shared_address_tell(table, &nat, 30, &limits, &state);
    realip_shared_address_tell(table, &nat, 3, &limits, &state);
    ck_assert_msg(!state.is_suspect && state.clients == 7, "told to be fewer: %u", state.clients);
    for (unsigned i = 0; i < 300; i++) {
        limits.period++;
        realip_shared_address_observe(table, &nat, client(1), &limits, &state);
        ck_assert(!state.is_suspect);
    }
}
END_TEST

START_TEST(a_high_threshold_needs_large_counters)
{
    struct realip_address address = address_of("10.0.0.9");
    unsigned first = 0;

    limits.threshold = 1000;
    for (unsigned i = 1; i <= 2000 && first == 0; i++) {
        realip_shared_address_observe(table, &address, client(i), &limits, &state);
        first = state.is_suspect ? i : 0;
    }
    ck_assert_msg(first >= 950 && first <= 1050, "%u", first);
}
END_TEST

static void make_large(const struct realip_address *address, unsigned clients)
{
    for (unsigned i = 0; i < clients; i++)
        realip_shared_address_observe(table, address, client(i), &limits, &state);
}

/* Of the large counters none is free, and no owner has half of the threshold: who has the fewest clients loses its own. */
START_TEST(the_smallest_makes_room_for_a_large_counter)
{
    struct realip_shared_address_counts counts;
    struct realip_address address = address_of("0.0.0.1");
    struct realip_address smallest = address;

    limits.threshold = 1000000;
    realip_shared_address_count(table, &counts);
    for (size_t i = 0; i < counts.large_counter_room; i++) {
        address.lo = (uint64_t)(i + 257) << 16 | 1;
        make_large(&address, i == 500 ? 60 : 200);
        smallest = i == 500 ? address : smallest;
    }
    realip_shared_address_count(table, &counts);
    ck_assert_uint_eq(counts.large_counters, counts.large_counter_room);
    address.lo = 1;
    make_large(&address, 200);
    ck_assert_msg(state.clients >= 190 && state.clients <= 210, "%u", state.clients);
    realip_shared_address_find(table, &smallest, &limits, &state);
    ck_assert_uint_eq(state.clients, 0);
    realip_shared_address_count(table, &counts);
    ck_assert_uint_eq(counts.large_counters, counts.large_counter_room);
}
END_TEST

/* A network that has its share of them takes a further one from itself, though others would be free. */
START_TEST(neighbours_share_large_counters)
{
    struct realip_shared_address_counts counts;
    struct realip_address address = address_of("10.7.0.0");
    struct realip_address first = address;

    limits.threshold = 1000000;
    for (unsigned i = 0; i < 300; i++) {
        address.lo = first.lo + i;
        make_large(&address, i == 0 ? 60 : 200);
    }
    realip_shared_address_count(table, &counts);
    ck_assert_uint_le(counts.large_counters, counts.large_counter_room / 4);
    realip_shared_address_find(table, &first, &limits, &state);
    ck_assert_uint_eq(state.clients, 0);
    realip_shared_address_find(table, &address, &limits, &state);
    ck_assert_uint_gt(state.clients, 100);
}
END_TEST

/* Where all are protected the newcomer is not counted on, and tried again in the next period; once their owners' window is over it gets one. */
START_TEST(who_got_no_large_counter_gets_one_later)
{
    struct realip_shared_address_counts counts;
    struct realip_address address = address_of("10.0.0.9");
    struct realip_address other = address;

    realip_shared_address_count(table, &counts);
    for (size_t i = 0; i < counts.large_counter_room; i++) {
        other.lo = (uint64_t)(i + 4096) << 16 | 1;
        make_large(&other, 40);
    }
    make_large(&address, 40);
    ck_assert_uint_eq(state.clients, REALIP_SHARED_ADDRESS_EXACT);
    limits.period++;
    make_large(&address, 40);
    ck_assert_uint_eq(state.clients, REALIP_SHARED_ADDRESS_EXACT);
    realip_shared_address_count(table, &counts);
    ck_assert(counts.saturations >= 36);
    limits.period += 5;
    make_large(&other, 1); /* comes again, as one: its counter is nobody's now */
    make_large(&address, 40);
    ck_assert_msg(state.clients >= 38 && state.clients <= 42, "%u", state.clients);
}
END_TEST

/* What nobody came from for a window makes room before what is in use, and does not count as a neighbour. */
START_TEST(what_is_over_goes_first)
{
    struct realip_shared_address_counts counts;
    unsigned long long evictions;

    realip_random_number_seed(11);
    flood("0.0.0.0", 0xffffffff, 150000, 1);
    flood("10.7.0.0", 0xffff, 30000, 1);
    limits.period += 5;
    realip_shared_address_count(table, &counts);
    evictions = counts.evictions;
    flood("0.0.0.0", 0xffffffff, 20000, 1);
    flood("10.7.0.0", 0xffff, 3000, 1);
    realip_shared_address_count(table, &counts);
    ck_assert_msg(counts.evictions - evictions < 100, "%llu in use made room", counts.evictions - evictions);
}
END_TEST

START_TEST(a_suspect_is_told_as_the_network_that_was_counted)
{
    static const unsigned prefixes[] = { 32, 32, 128, 64, 128, 32 };
    struct realip_address address = address_of(addresses[_i]);
    struct realip_shared_address_suspect found;

    make_large(&address, 25);
    ck_assert_uint_eq(realip_shared_address_suspects(table, &limits, &found, 1), 1);
    ck_assert_uint_eq(found.prefix, prefixes[_i]);
    ck_assert(!found.is_told && found.clients >= 20);
}
END_TEST

static const struct {
    const char *text;
    bool is_private;
} ranges[] = {
    { "9.255.255.255", false }, { "10.0.0.0", true }, { "10.255.255.255", true }, { "11.0.0.0", false }, { "172.15.255.255", false },
    { "172.16.0.0", true }, { "172.31.255.255", true }, { "172.32.0.0", false }, { "192.167.255.255", false }, { "192.168.0.0", true },
    { "192.169.0.0", false }, { "100.63.255.255", false }, { "100.64.0.0", true }, { "100.127.255.255", true }, { "100.128.0.0", false },
    { "169.254.0.1", true }, { "169.255.0.0", false }, { "fbff::1", false }, { "fc00::1", true }, { "fdff::1", true }, { "fe00::1", false },
    { "fe7f::1", false }, { "fe80::1", true }, { "febf::1", true }, { "fec0::1", false }, { "2001:db8::1", false }, { "::ffff:10.0.0.1", true },
};

START_TEST(private_ranges)
{
    struct realip_address address = address_of(ranges[_i].text);
    struct realip_address none = { 0 };

    ck_assert_msg(realip_address_is_private(&address) == ranges[_i].is_private, "%s", ranges[_i].text);
    ck_assert(!realip_address_is_private(&none));
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *realip_shared_address_suite(void)
{
    Suite *suite = suite_create("shared_address");
    TCase *count = tcase_create("count");
    TCase *in_table = tcase_create("table");

    tcase_add_loop_test(count, the_hash_is_siphash, 0, COUNT_OF(vectors));
    tcase_add_test(count, letters_alone_are_folded);
    tcase_add_loop_test(count, private_ranges, 0, COUNT_OF(ranges));
    tcase_add_loop_test(count, the_estimate_is_near, 0, COUNT_OF(sizes));
    tcase_add_test(count, repetition_counts_nothing);
    tcase_add_test(count, old_periods_are_forgotten);
    tcase_set_timeout(count, 60);
    suite_add_tcase(suite, count);
    tcase_add_checked_fixture(in_table, set_up, tear_down);
    tcase_add_loop_test(in_table, the_twentieth_client_makes_a_suspect, 0, COUNT_OF(addresses));
    tcase_add_loop_test(in_table, volume_makes_no_suspect, 0, 3);
    tcase_add_loop_test(in_table, it_clears_by_itself, 0, COUNT_OF(addresses));
    tcase_add_test(in_table, addresses_are_told_apart);
    tcase_add_test(in_table, no_address_is_ignored);
    tcase_add_loop_test(in_table, a_flood_drowns_nobody, 0, COUNT_OF(floods));
    tcase_add_test(in_table, room_comes_back);
    tcase_add_test(in_table, others_can_tell);
    tcase_add_test(in_table, the_smallest_makes_room_for_a_large_counter);
    tcase_add_test(in_table, neighbours_share_large_counters);
    tcase_add_test(in_table, who_got_no_large_counter_gets_one_later);
    tcase_add_test(in_table, what_is_over_goes_first);
    tcase_add_loop_test(in_table, a_suspect_is_told_as_the_network_that_was_counted, 0, COUNT_OF(addresses));
    tcase_add_test(in_table, a_high_threshold_needs_large_counters);
    tcase_set_timeout(in_table, 120);
    suite_add_tcase(suite, in_table);
    return suite;
}
