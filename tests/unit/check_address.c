#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"
#include "suites.h"

static struct realip_address parsed(const char *text)
{
    struct realip_address address;
    const char *reason = "none";

    ck_assert_msg(realip_address_parse(text, strlen(text), &address, &reason) == 0, "'%s': %s", text, reason);
    return address;
}

static const struct {
    const char *text;
    const char *formatted;
} good[] = {
    { "0.0.0.0", "0.0.0.0" },
    { "255.255.255.255", "255.255.255.255" },
    { "203.0.113.7", "203.0.113.7" },
    { "::", "::" },
    { "::1", "::1" },
    { "1::", "1::" },
    { "2001:DB8::1", "2001:db8::1" },
    { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
    { "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
    { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6" },
    { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
    { "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
    { "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
    { "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
    { "::192.0.2.33", "::c000:221" },
    { "::ffff:192.0.2.33", "192.0.2.33" },
    { "::ffff:c000:221", "192.0.2.33" },
    { "0:0:0:0:0:FFFF:127.0.0.1", "127.0.0.1" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

START_TEST(good_addresses_are_read_and_written)
{
    struct realip_address address = parsed(good[_i].text);
    char text[REALIP_ADDRESS_TEXT_SIZE];

    ck_assert_str_eq(realip_address_format(&address, text), good[_i].formatted);
}
END_TEST

static const struct {
    const char *text;
    const char *reason;
} bad[] = {
    { "", "empty address" },
    { "unknown", "not an IP address" },
    { "1.2.3", "not an IP address" },
    { "1.2.3.4.5", "not an IP address" },
    { "1.2.3.256", "not an IP address" },
    { "01.2.3.4", "not an IP address" },
    { "1.2.3.4 ", "not an IP address" },
    { " 1.2.3.4", "not an IP address" },
    { "1..3.4", "not an IP address" },
    { "1.2.3.4/32", "not an IP address" },
    { "0x7f.0.0.1", "not an IP address" },
    { "1234", "not an IP address" },
    { ":", "not an IPv6 address" },
    { ":::", "not an IPv6 address" },
    { "1:", "not an IPv6 address" },
    { ":1", "not an IPv6 address" },
    { "1::2::3", "not an IPv6 address" },
    { "1:2:3:4:5:6:7", "not an IPv6 address" },
    { "1:2:3:4:5:6:7:8:9", "not an IPv6 address" },
    { "1:2:3:4::5:6:7:8", "not an IPv6 address" },
    { "12345::", "not an IPv6 address" },
    { "g::", "not an IPv6 address" },
    { "[::1]", "not an IPv6 address" },
    { "IPv6:::1", "not an IPv6 address" },
    { "fe80::1%eth0", "an address with a zone" },
    { "::1.2.3", "not an IPv6 address" },
    { "1:2:3:4:5:6:7:1.2.3.4", "not an IPv6 address" },
    { "::ffff:01.2.3.4", "not an IPv6 address" },
    { "::1.2.3.4:5", "not an IPv6 address" },
};

START_TEST(bad_addresses_are_refused)
{
    struct realip_address address;
    const char *reason = "none";

    ck_assert_int_eq(realip_address_parse(bad[_i].text, strlen(bad[_i].text), &address, &reason), -1);
    ck_assert_str_eq(reason, bad[_i].reason);
    ck_assert_int_eq((int)address.family, REALIP_FAMILY_NONE);
}
END_TEST

START_TEST(a_nul_inside_is_no_address)
{
    struct realip_address address;
    const char *reason;

    ck_assert_int_eq(realip_address_parse("1.2.3.4\0", 8, &address, &reason), -1);
    ck_assert_int_eq(realip_address_parse("::1\0", 4, &address, &reason), -1);
}
END_TEST

/* The C library's reader is the independent judge: both must agree on texts made of an address's own characters. */
START_TEST(reads_what_inet_pton_reads)
{
    static const char letters[] = "0123456789abcdefF:::...";
    char text[24];
    unsigned valid = 0;

    srandom(7);
    for (int round = 0; round < 400000; round++) {
        size_t length = 2 + (size_t)random() % 14;
        unsigned char bytes[16];
        struct realip_address address;
        const char *reason;

        for (size_t i = 0; i < length; i++)
            text[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
        text[length] = '\0';
        bool ipv6 = strchr(text, ':') != NULL;
        int theirs = inet_pton(ipv6 ? AF_INET6 : AF_INET, text, bytes);
        int ours = realip_address_parse(text, length, &address, &reason);
        realip_assert_often((theirs == 1) == (ours == 0), "'%s': inet_pton %d, ours %d", text, theirs, ours);
        if (ours == 0) {
            struct realip_address same = ipv6 ? realip_address_from_ipv6(bytes) : realip_address_from_ipv4(bytes);

            ck_assert_msg(realip_address_equal(&address, &same), "'%s'", text);
            valid++;
        }
    }
    ck_assert_uint_gt(valid, 1000); /* otherwise nothing was compared */
}
END_TEST

START_TEST(writes_what_inet_ntop_writes)
{
    srandom(8);
    for (int round = 0; round < 100000; round++) {
        unsigned char bytes[16];
        char ours[REALIP_ADDRESS_TEXT_SIZE];
        char theirs[INET6_ADDRSTRLEN];

        for (int i = 0; i < 16; i++)
            bytes[i] = random() % 3 == 0 ? (unsigned char)random() : 0;
        bytes[0] |= 0x20; /* not ::/96 and ::ffff:/96, which inet_ntop writes with dots */
        struct realip_address address = realip_address_from_ipv6(bytes);
        ck_assert_str_eq(realip_address_format(&address, ours), inet_ntop(AF_INET6, bytes, theirs, sizeof(theirs)));
    }
}
END_TEST

START_TEST(classes_end_where_they_end)
{
    static const struct {
        const char *text;
        bool loopback;
        bool unusable;
    } rows[] = {
        { "127.0.0.1", true, false },      { "127.255.255.255", true, false }, { "128.0.0.0", false, false },
        { "126.255.255.255", false, false }, { "::1", true, false },          { "::2", false, false },
        { "::ffff:127.0.0.1", true, false }, { "0.0.0.0", false, true },      { "0.255.255.255", false, true },
        { "1.0.0.0", false, false },       { "223.255.255.255", false, false }, { "224.0.0.0", false, true },
        { "239.255.255.255", false, true }, { "240.0.0.0", false, false },    { "255.255.255.255", false, true },
        { "255.255.255.254", false, false }, { "::", false, true },           { "::ffff:0.0.0.0", false, true },
        { "ff02::1", false, true },        { "fe80::1", false, false },       { "::ffff:224.0.0.1", false, true },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct realip_address address = parsed(rows[i].text);

        ck_assert_msg(realip_address_is_loopback(&address) == rows[i].loopback, "%s", rows[i].text);
        ck_assert_msg(realip_address_is_unusable(&address) == rows[i].unusable, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(an_absent_address_is_nothing)
{
    struct realip_address absent = { 0 };
    char text[REALIP_ADDRESS_TEXT_SIZE];

    ck_assert_str_eq(realip_address_format(&absent, text), "-");
    ck_assert(!realip_address_is_loopback(&absent));
    ck_assert(!realip_address_is_unusable(&absent));
    struct realip_address odd = { 0, 1, (enum realip_family)77 };
    ck_assert(!realip_address_is_loopback(&odd) && !realip_address_is_private(&odd));
    struct realip_address zero = parsed("0.0.0.0");
    ck_assert(!realip_address_equal(&absent, &zero));
}
END_TEST

START_TEST(addresses_have_one_order)
{
    static const char *const sorted[] = { "0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "1::", "1::1", "1:0:0:1::", "ffff::" };
    const char *reason;
    struct realip_address addresses[10] = { 0 }; /* the first is absent */

    for (size_t i = 1; i < 10; i++)
        ck_assert_int_eq(realip_address_parse(sorted[i - 1], strlen(sorted[i - 1]), &addresses[i], &reason), 0);
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < 10; k++) {
            int order = realip_address_compare(&addresses[i], &addresses[k]);

            ck_assert_msg(i < k ? order < 0 : i > k ? order > 0 : order == 0, "%zu and %zu: %d", i, k, order);
        }
    }
}
END_TEST

Suite *realip_address_suite(void)
{
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, good_addresses_are_read_and_written, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tests, bad_addresses_are_refused, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tests, a_nul_inside_is_no_address);
    tcase_add_test(tests, reads_what_inet_pton_reads);
    tcase_add_test(tests, writes_what_inet_ntop_writes);
    tcase_add_test(tests, classes_end_where_they_end);
    tcase_add_test(tests, an_absent_address_is_nothing);
    tcase_add_test(tests, addresses_have_one_order);
    suite_add_tcase(suite, tests);
    return suite;
}
