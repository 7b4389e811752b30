#include <string.h>

#include "core/network.h"
#include "suites.h"

static const struct {
    const char *text;
    const char *formatted;
} good[] = {
    { "10.0.0.0/8", "10.0.0.0/8" },
    { "0.0.0.0/0", "0.0.0.0/0" },
    { "192.0.2.1", "192.0.2.1/32" },
    { "192.0.2.1/32", "192.0.2.1/32" },
    { "fd00:10::/64", "fd00:10::/64" },
    { "::/0", "::/0" },
    { "::1", "::1/128" },
    { "2001:db8::/33", "2001:db8::/33" },
    { "::ffff:10.0.0.0/104", "10.0.0.0/8" },
    { "::ffff:10.1.2.3", "10.1.2.3/32" },
    { "::ffff:0.0.0.0/96", "0.0.0.0/0" },
};

START_TEST(good_networks_are_read_and_written)
{
    struct realip_network network;
    const char *reason = "none";
    char text[REALIP_NETWORK_TEXT_SIZE];

    ck_assert_msg(realip_network_parse(good[_i].text, strlen(good[_i].text), &network, &reason) == 0, "%s", reason);
    ck_assert_str_eq(realip_network_format(&network, text), good[_i].formatted);
}
END_TEST

static const struct {
    const char *text;
    const char *reason;
    const char *meant; /* "-": none can be offered */
} bad[] = {
    { "10.0.0.5/24", "bits are set behind the prefix", "10.0.0.0/24" },
    { "2001:db8::1/64", "bits are set behind the prefix", "2001:db8::/64" },
    { "10.0.0.0/33", "the prefix of an IPv4 network is 0 to 32", "-" },
    { "::/129", "the prefix of an IPv6 network is 0 to 128", "-" },
    { "10.0.0.0/", "the prefix after '/' is no number", "-" },
    { "10.0.0.0/08", "the prefix after '/' is no number", "-" },
    { "10.0.0.0/-1", "the prefix after '/' is no number", "-" },
    { "10.0.0.0/255.0.0.0", "the prefix after '/' is no number", "-" },
    { "10.0.0.0/9999", "the prefix after '/' is no number", "-" },
    { "::ffff:10.0.0.0/129", "a v4-mapped network needs a prefix of 96 to 128", "-" },
    { "2001:db8:1::/16", "bits are set behind the prefix", "2001::/16" },
    { "::ffff:10.0.0.0/8", "a v4-mapped network needs a prefix of 96 to 128", "-" },
    { "/8", "empty address", "-" },
    { "example.com", "not an IP address", "-" },
};

START_TEST(bad_networks_are_refused)
{
    struct realip_network network;
    const char *reason = "none";
    char text[REALIP_NETWORK_TEXT_SIZE];

    ck_assert_int_eq(realip_network_parse(bad[_i].text, strlen(bad[_i].text), &network, &reason), -1);
    ck_assert_str_eq(reason, bad[_i].reason);
    ck_assert_str_eq(realip_network_format(&network, text), bad[_i].meant);
}
END_TEST

static struct realip_network network_of(const char *text)
{
    struct realip_network network;
    const char *reason;

    ck_assert_int_eq(realip_network_parse(text, strlen(text), &network, &reason), 0);
    return network;
}

static struct realip_address address_of(const char *text)
{
    struct realip_address address;
    const char *reason;

    ck_assert_int_eq(realip_address_parse(text, strlen(text), &address, &reason), 0);
    return address;
}

START_TEST(holds_its_first_and_last_address)
{
    static const struct {
        const char *network;
        const char *before;
        const char *first;
        const char *last;
        const char *behind;
    } rows[] = {
        { "10.0.20.0/24", "10.0.19.255", "10.0.20.0", "10.0.20.255", "10.0.21.0" },
        { "128.0.0.0/1", "127.255.255.255", "128.0.0.0", "255.255.255.255", "::" },
        { "192.0.2.9/32", "192.0.2.8", "192.0.2.9", "192.0.2.9", "192.0.2.10" },
        { "fd00:10::/64", "fd00:f:ffff:ffff:ffff:ffff:ffff:ffff", "fd00:10::", "fd00:10::ffff:ffff:ffff:ffff",
          "fd00:10:0:1::" },
        { "2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::",
          "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
        { "2001:db8::10/124", "2001:db8::f", "2001:db8::10", "2001:db8::1f", "2001:db8::20" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct realip_network network = network_of(rows[i].network);
        struct realip_address before = address_of(rows[i].before);
        struct realip_address first = address_of(rows[i].first);
        struct realip_address last = address_of(rows[i].last);
        struct realip_address behind = address_of(rows[i].behind);
        struct realip_address computed = realip_network_last(&network);

        ck_assert(!realip_network_contains(&network, &before));
        ck_assert(realip_network_contains(&network, &first));
        ck_assert(realip_network_contains(&network, &last));
        ck_assert(!realip_network_contains(&network, &behind));
        ck_assert(realip_address_equal(&computed, &last));
    }
}
END_TEST

START_TEST(families_do_not_mix)
{
    struct realip_network all4 = network_of("0.0.0.0/0");
    struct realip_network all6 = network_of("::/0");
    struct realip_address ipv4 = address_of("192.0.2.1");
    struct realip_address ipv6 = address_of("2001:db8::1");
    struct realip_address absent = { 0 };

    ck_assert(!realip_network_contains(&all6, &ipv4));
    ck_assert(!realip_network_contains(&all4, &ipv6));
    ck_assert(!realip_network_contains(&all4, &absent));
    ck_assert(!realip_network_equal(&all4, &all6));
}
END_TEST

START_TEST(what_has_no_address_holds_nothing)
{
    struct realip_network none = { .prefix = 0 };
    struct realip_address absent = { 0 };
    struct realip_address last = realip_network_last(&none);

    ck_assert(!realip_network_contains(&none, &absent)); /* of one family, and still */
    ck_assert_int_eq((int)last.family, REALIP_FAMILY_NONE);
}
END_TEST

Suite *realip_network_suite(void)
{
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("network");

    tcase_add_loop_test(tests, good_networks_are_read_and_written, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tests, bad_networks_are_refused, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tests, holds_its_first_and_last_address);
    tcase_add_test(tests, families_do_not_mix);
    tcase_add_test(tests, what_has_no_address_holds_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
