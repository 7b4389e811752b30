/* What others tell of an address: the most of a quarter counts, and nothing outlives it. */
#include <stdlib.h>

#include "policyd/told_clients.h"
#include "suites.h"

static struct realip_told_clients *told;

static void begin(void)
{
    told = realip_told_clients_new();
    ck_assert_ptr_nonnull(told);
    realip_told_clients_begin(told, 3600, 1000);
}

static void end(void)
{
    realip_told_clients_free(&told);
    ck_assert_ptr_null(told);
}

static uint32_t most(enum realip_family family, uint64_t lo, uint32_t clients)
{
    const struct realip_address address = { .lo = lo, .family = family };

    return realip_told_clients_most(told, &address, clients);
}

START_TEST(the_most_counts)
{
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 9, 25), 25);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 9, 2), 25);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 9, 26), 26);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 9, 7), 26);
}
END_TEST

START_TEST(addresses_are_told_apart)
{
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 9, 25), 25);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV6, 9, 7), 7);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 8, 3), 3);
}
END_TEST

static const struct {
    uint32_t window;
    uint64_t quarter;
    uint32_t most;
} moments[] = { { 3600, 1000, 25 }, { 3600, 1001, 7 }, { 3600, 999, 7 }, { 60, 1000, 7 } };

START_TEST(another_quarter_or_window_forgets)
{
    most(REALIP_FAMILY_IPV4, 9, 25);
    realip_told_clients_begin(told, moments[_i].window, moments[_i].quarter);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 9, 7), moments[_i].most);
}
END_TEST

/* A server that names ever more addresses takes no room from those that were told before. */
START_TEST(room_is_bounded)
{
    uint32_t refused = 0;

    for (uint64_t i = 0; i < 2000; i++)
        ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, i, 25), 25);
    for (uint64_t i = 2000; i < 100000; i++)
        refused += most(REALIP_FAMILY_IPV4, i, 25) == 0;
    ck_assert_uint_ge(refused, 60000);
    for (uint64_t i = 0; i < 2000; i++)
        ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, i, 7), 25);
    realip_told_clients_begin(told, 3600, 1001);
    ck_assert_uint_eq(most(REALIP_FAMILY_IPV4, 99999, 7), 7);
}
END_TEST

Suite *realip_told_clients_suite(void)
{
    Suite *suite = suite_create("told_clients");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, the_most_counts);
    tcase_add_test(all, addresses_are_told_apart);
    tcase_add_loop_test(all, another_quarter_or_window_forgets, 0, sizeof(moments) / sizeof(moments[0]));
    tcase_add_test(all, room_is_bounded);
    tcase_set_timeout(all, 60);
    suite_add_tcase(suite, all);
    return suite;
}
