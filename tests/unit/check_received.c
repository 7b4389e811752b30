/* Received headers: the vectors, walks through relays, and HTTP's lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decide.h"
#include "core/forwarded.h"
#include "core/received_walk.h"
#include "suites.h"
#include "vectors.h"

static const char *const files[] = { "postfix", "exim", "sendmail", "exchange", "gmail", "others", "unclear" };
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

static struct realip_address address_of(const char *text)
{
    struct realip_address address;
    const char *reason;

    ck_assert_msg(realip_address_parse(text, strlen(text), &address, &reason) == 0, "'%s': %s", text, reason);
    return address;
}

/* ---- one header --------------------------------------------------------------------------------------------------- */

static void parse_as_text(const char *value, size_t length, char *text, size_t size)
{
    char client[REALIP_ADDRESS_TEXT_SIZE];
    struct realip_received received;
    const char *reason = "";

    if (realip_received_parse(value, length, &received, &reason) < 0) {
        ck_assert_int_eq((int)received.kind, REALIP_RECEIVED_UNDECIDED);
        ck_assert_int_eq((int)received.client.family, REALIP_FAMILY_NONE);
        snprintf(text, size, "refused %s", reason);
        return;
    }
    switch (received.kind) {
    case REALIP_RECEIVED_CLIENT:
        snprintf(text, size, "client %s", realip_address_format(&received.client, client));
        return;
    case REALIP_RECEIVED_BEGAN:
        snprintf(text, size, "began");
        break;
    case REALIP_RECEIVED_CONTINUED:
        snprintf(text, size, "continued");
        break;
    case REALIP_RECEIVED_UNDECIDED:
        snprintf(text, size, "undecided");
        break;
    }
    ck_assert_int_eq((int)received.client.family, REALIP_FAMILY_NONE);
}

START_TEST(vectors_are_read_as_written)
{
    struct realip_vectors vectors;
    char text[256];

    realip_vectors_read("received", files[_i], &vectors);
    ck_assert_uint_ge(vectors.count, 7);
    for (size_t i = 0; i < vectors.count; i++) {
        const struct realip_vector *vector = &vectors.rows[i];
        const char *expected = realip_vector_line(vector, "expect");

        parse_as_text((const char *)vector->bytes, vector->length, text, sizeof(text));
        ck_assert_msg(expected != NULL && strcmp(text, expected) == 0, "%s: %s, expected %s", vector->name, text,
                      expected == NULL ? "a line" : expected);
    }
    realip_vectors_free(&vectors);
}
END_TEST

/* No prefix of a header tells another client than the whole: cut off, it tells nothing or the same. */
START_TEST(a_header_cut_off_never_names_another)
{
    struct realip_vectors vectors;
    char whole[256];
    char part[256];

    realip_vectors_read("received", files[_i], &vectors);
    for (size_t i = 0; i < vectors.count; i++) {
        parse_as_text((const char *)vectors.rows[i].bytes, vectors.rows[i].length, whole, sizeof(whole));
        for (size_t length = 0; length < vectors.rows[i].length && length < 1000; length++) {
            char *copy = malloc(length + 1); /* exactly: a sanitizer sees a step outside */

            ck_assert_ptr_nonnull(copy);
            memcpy(copy, vectors.rows[i].bytes, length);
            parse_as_text(copy, length, part, sizeof(part));
            ck_assert_msg(strncmp(part, "client ", 7) != 0 || strncmp(whole, "client ", 7) != 0 || strcmp(part, whole) == 0,
                          "%s, %zu bytes: %s", vectors.rows[i].name, length, part);
            free(copy);
        }
    }
    realip_vectors_free(&vectors);
}
END_TEST

/* Whatever a client calls itself, as far as a server lets it through as one word, the address stays what the server saw. */
START_TEST(no_helo_changes_the_address)
{
    static const char letters[] = "[]()<>\"\\@:,=.x1 :[]helo=198.51.100.1";
    static const char *const forms[] = {
        "from %s (unknown [203.0.113.7]) by mx (Postfix) with ESMTP; Sun, 22 Nov 2026",
        "from %s (203.0.113.7) by mx with Microsoft SMTP Server id 1",
        "from name ([203.0.113.7] helo=%s) by mx with esmtp (Exim 4.96)",
        "from [203.0.113.7] (helo=%s) by mx with esmtp (Exim 4.96)",
    };
    unsigned told = 0;

    srandom(11);
    for (int round = 0; round < 200000; round++) {
        char helo[40];
        char value[200];
        char text[256];
        const char *form = forms[(size_t)random() % 4];
        size_t length = 1 + (size_t)random() % 24;
        bool comment = strstr(form, "helo=") != NULL;

        for (size_t i = 0; i < length; i++) {
            do
                helo[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
            while (helo[i] == ' ' || (comment && strchr("()\\", helo[i]) != NULL));
        }
        helo[length] = '\0';
        if (helo[0] == '(')
            helo[0] = 'x';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(value, sizeof(value), form, helo);
#pragma GCC diagnostic pop
        parse_as_text(value, strlen(value), text, sizeof(text));
        ck_assert_msg(strncmp(text, "refused", 7) == 0 || strcmp(text, "client 203.0.113.7") == 0, "%s: %s", value, text);
        told += strncmp(text, "client", 6) == 0;
    }
    ck_assert_uint_gt(told, 150000); /* otherwise little was tried */
}
END_TEST

/* ---- walks -------------------------------------------------------------------------------------------------------- */

static struct realip_rules rules;

static void list(enum realip_set set, const char *const *networks)
{
    struct realip_network_entry entries[8];
    const char *reason = "";
    size_t count = 0;

    for (; networks[count] != NULL; count++) {
        ck_assert_int_eq(realip_network_parse(networks[count], strlen(networks[count]), &entries[count].network, &reason), 0);
        entries[count].label = 0;
    }
    ck_assert_int_eq(realip_network_set_build(entries, count, &rules.sets[set], &reason), 0);
}

static void make_rules(void)
{
    static const char *const relays[] = { "192.0.2.25", "192.0.2.26", "2001:db8:25::/64", "10.0.40.0/24", "10.0.50.5", NULL };
    static const char *const infrastructure[] = { "10.0.0.0/8", "10.0.40.9", "10.0.50.5", NULL };
    static const char *const proxies[] = { "10.0.20.13", NULL };
    static const char *const own[] = { "10.0.60.1", NULL };

    rules = (struct realip_rules){ .origin_count = 0 };
    list(REALIP_SET_RELAYS, relays);
    list(REALIP_SET_INFRASTRUCTURE, infrastructure);
    list(REALIP_SET_PROXIES, proxies);
    list(REALIP_SET_OWN, own);
    realip_listener_set_defaults(&rules.fallback);
    rules.fallback.mode = REALIP_MODE_ENFORCE;
}

static void free_rules(void)
{
    for (unsigned i = 0; i < REALIP_SET_COUNT; i++)
        realip_network_set_free(&rules.sets[i]);
}

#define BY " by mx.relay.example (Postfix) with ESMTP id 1; Sun, 22 Nov 2026 12:00:00 +0000"
#define SAW(address) "from x (unknown [" address "])" BY

static const struct {
    const char *what;
    const char *connected;
    const char *headers[5];
    enum realip_received_end end;
    const char *client; /* NULL: none */
    const char *relay;  /* NULL: none */
    enum realip_reason reason;
} walks[] = {
    { "no relay: no header counts", "203.0.113.7", { SAW("198.51.100.1") }, REALIP_RECEIVED_END_SESSION, "203.0.113.7", NULL,
      REALIP_REASON_REAL },
    { "one relay", "192.0.2.25", { SAW("203.0.113.7") }, REALIP_RECEIVED_END_CLIENT, "203.0.113.7", "192.0.2.25",
      REALIP_REASON_REAL },
    { "forged headers below", "192.0.2.25", { SAW("203.0.113.7"), SAW("198.51.100.1"), SAW("192.0.2.25") },
      REALIP_RECEIVED_END_CLIENT, "203.0.113.7", "192.0.2.25", REALIP_REASON_REAL },
    { "forged ones that look as if a relay wrote them", "192.0.2.25", { SAW("203.0.113.7"), SAW("192.0.2.26"), SAW("127.0.0.1") },
      REALIP_RECEIVED_END_CLIENT, "203.0.113.7", "192.0.2.25", REALIP_REASON_REAL },
    { "two relays", "192.0.2.25", { SAW("IPv6:2001:db8:25::1"), SAW("IPv6:2001:db8:1::7"), SAW("192.0.2.25") },
      REALIP_RECEIVED_END_CLIENT, "2001:db8:1::7", "2001:db8:25::1", REALIP_REASON_REAL },
    { "a relay that hands on to itself", "192.0.2.25", { SAW("192.0.2.25"), SAW("203.0.113.7") }, REALIP_RECEIVED_END_CLIENT,
      "203.0.113.7", "192.0.2.25", REALIP_REASON_REAL },
    { "qmail writes two", "192.0.2.25",
      { "(qmail 1 invoked from network); 22 Nov 2026 12:00:00 -0000", "from x (HELO y) (203.0.113.7)" BY, SAW("192.0.2.26") },
      REALIP_RECEIVED_END_CLIENT, "203.0.113.7", "192.0.2.25", REALIP_REASON_REAL },
    { "it began on the relay", "192.0.2.25", { "by mx.relay.example (Postfix, from userid 0) id 1;", SAW("198.51.100.1") },
      REALIP_RECEIVED_END_RELAY, "192.0.2.25", NULL, REALIP_REASON_REAL },
    { "it began on the second relay", "192.0.2.25", { SAW("192.0.2.26"), "by x with SMTP id 1;" }, REALIP_RECEIVED_END_RELAY,
      "192.0.2.26", NULL, REALIP_REASON_REAL },
    { "no header at all", "192.0.2.25", { NULL }, REALIP_RECEIVED_END_BROKEN, NULL, "192.0.2.25", REALIP_REASON_ADDRESS_MISSING },
    { "an unreadable one, a forged one below", "192.0.2.25", { "from x (unknown [unknown])" BY, SAW("203.0.113.7") },
      REALIP_RECEIVED_END_BROKEN, NULL, "192.0.2.25", REALIP_REASON_ADDRESS_MISSING },
    { "the second one is unreadable", "192.0.2.25", { SAW("192.0.2.26"), "who knows", SAW("203.0.113.7") },
      REALIP_RECEIVED_END_BROKEN, NULL, "192.0.2.26", REALIP_REASON_ADDRESS_MISSING },
    { "the relay saw a node: the client was lost in front of it", "192.0.2.25", { SAW("10.0.20.1"), SAW("203.0.113.7") },
      REALIP_RECEIVED_END_CLIENT, "10.0.20.1", "192.0.2.25", REALIP_REASON_INSIDE_ASSERTED },
    { "a proxy writes no header: nothing below it counts", "192.0.2.25", { SAW("10.0.20.13"), SAW("203.0.113.7") },
      REALIP_RECEIVED_END_CLIENT, "10.0.20.13", "192.0.2.25", REALIP_REASON_INSIDE_ASSERTED },
    { "the relay saw a loopback address", "192.0.2.25", { SAW("127.0.0.1"), SAW("203.0.113.7") }, REALIP_RECEIVED_END_CLIENT,
      "127.0.0.1", "192.0.2.25", REALIP_REASON_INSIDE_ASSERTED },
    { "the relay saw this host", "192.0.2.25", { SAW("10.0.60.1") }, REALIP_RECEIVED_END_CLIENT, "10.0.60.1", "192.0.2.25",
      REALIP_REASON_INSIDE_ASSERTED },
    { "a relay within a larger network of infrastructure", "10.0.40.2", { SAW("203.0.113.7") }, REALIP_RECEIVED_END_CLIENT,
      "203.0.113.7", "10.0.40.2", REALIP_REASON_REAL },
    { "an address of infrastructure within a network of relays is none", "10.0.40.9", { SAW("203.0.113.7") },
      REALIP_RECEIVED_END_SESSION, "10.0.40.9", NULL, REALIP_REASON_INFRASTRUCTURE },
    { "an address that is listed as both is no relay", "10.0.50.5", { SAW("203.0.113.7") }, REALIP_RECEIVED_END_SESSION,
      "10.0.50.5", NULL, REALIP_REASON_INFRASTRUCTURE },
};

static struct realip_address address_or_none(const char *text)
{
    struct realip_address none = { .family = REALIP_FAMILY_NONE };

    return text == NULL ? none : address_of(text);
}

START_TEST(walks_end_where_they_must)
{
    static const struct realip_origin name_rule = { .file = "a name", .line = 1 };
    struct realip_address connected = address_of(walks[_i].connected);
    struct realip_facts facts = {
        .source = REALIP_SOURCE_MILTER, .stage = REALIP_STAGE_MAIL, .peer_state = REALIP_PEER_LEFT, .client = connected,
        .client_name_rule = &name_rule,
    };
    struct realip_address client = address_or_none(walks[_i].client);
    struct realip_address relay = address_or_none(walks[_i].relay);
    struct realip_received_walk walk;
    struct realip_verdict verdict;

    make_rules();
    realip_received_walk_start(&walk, &rules, &connected);
    for (size_t i = 0; i < 5 && walks[_i].headers[i] != NULL; i++)
        realip_received_walk_next(&walk, walks[_i].headers[i], strlen(walks[_i].headers[i]));
    realip_received_walk_finish(&walk);
    ck_assert_msg(walk.end == walks[_i].end, "%s: end %d", walks[_i].what, (int)walk.end);
    ck_assert_msg((walk.reason != NULL) == (walk.end == REALIP_RECEIVED_END_BROKEN), "%s", walks[_i].what);
    realip_received_walk_apply(&walk, &facts);
    ck_assert_msg(realip_address_equal(&facts.client, &client), "%s: another client", walks[_i].what);
    ck_assert_msg(realip_address_equal(&facts.relay, &relay), "%s: another relay", walks[_i].what);
    /* The name that it matches is the relay's, not the client's behind it. */
    ck_assert_ptr_eq(facts.client_name_rule, walk.end == REALIP_RECEIVED_END_SESSION ? &name_rule : NULL);
    facts.client_name_rule = NULL;
    realip_decide(&rules, &facts, &verdict);
    ck_assert_msg(verdict.reason == walks[_i].reason, "%s: %s", walks[_i].what, realip_reason_token(verdict.reason));
    free_rules();
}
END_TEST

START_TEST(a_loop_of_relays_ends)
{
    static const char header[] = SAW("192.0.2.26");
    struct realip_address connected = address_of("192.0.2.25");
    struct realip_received_walk walk;

    make_rules();
    realip_received_walk_start(&walk, &rules, &connected);
    for (unsigned i = 0; i < REALIP_RECEIVED_MAX_HOPS; i++)
        realip_received_walk_next(&walk, header, strlen(header));
    ck_assert_int_eq((int)walk.end, REALIP_RECEIVED_END_UNDECIDED);
    realip_received_walk_next(&walk, header, strlen(header));
    ck_assert_int_eq((int)walk.end, REALIP_RECEIVED_END_BROKEN);
    free_rules();
}
END_TEST

/* Somebody who asks too early, or a walk that is none, names no client. */
START_TEST(a_walk_that_has_no_end_names_nobody)
{
    static const enum realip_received_end ends[] = { REALIP_RECEIVED_END_UNDECIDED, (enum realip_received_end)77 };
    struct realip_address connected = address_of("192.0.2.25");
    struct realip_received_walk walk;

    make_rules();
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct realip_facts facts = { .client = address_of("203.0.113.7") };

        realip_received_walk_start(&walk, &rules, &connected);
        walk.end = ends[i];
        realip_received_walk_apply(&walk, &facts);
        ck_assert(i > 0 || facts.client.family == REALIP_FAMILY_NONE);
        ck_assert_ptr_null(facts.client_name_rule);
    }
    free_rules();
}
END_TEST

/* ---- HTTP's headers ----------------------------------------------------------------------------------------------- */

enum form { ORIGINATING, LIST, ELEMENTS };

static const struct {
    enum form form;
    const char *value;
    const char *client; /* NULL: refused */
} forwarded[] = {
    { ORIGINATING, "[203.0.113.7]", "203.0.113.7" },
    { ORIGINATING, " 203.0.113.7 ", "203.0.113.7" },
    { ORIGINATING, "[IPv6:2001:db8:1::7]", "2001:db8:1::7" },
    { ORIGINATING, "2001:db8:1::7", "2001:db8:1::7" },
    { ORIGINATING, "[::ffff:203.0.113.7]", "203.0.113.7" },
    { ORIGINATING, "203.0.113.7:4711", "203.0.113.7" },
    { ORIGINATING, "unknown", NULL },
    { ORIGINATING, "\r\n 203.0.113.7\t\r\n", "203.0.113.7" },
    { ORIGINATING, "[203.0.113.7]:4711", "203.0.113.7" },
    { ORIGINATING, "[203.0.113.7]:", NULL },
    { ORIGINATING, "[203.0.113.7]:471100", NULL },
    { ORIGINATING, "[203.0.113.7]:47/1", NULL },
    { ORIGINATING, "[203.0.113.7]:47:1", NULL },
    { ORIGINATING, "[203.0.113.7]x", NULL },
    { ORIGINATING, "203.0.113.7:", NULL },
    { ORIGINATING, "203.0.113.7:_hidden", "203.0.113.7" },
    { ORIGINATING, "", NULL },
    { ORIGINATING, "[203.0.113.7", NULL },
    { ORIGINATING, "[203.0.113.7]]", NULL },
    { ORIGINATING, "203.0.113.7, 198.51.100.1", NULL },
    { LIST, "203.0.113.7", "203.0.113.7" },
    { LIST, "198.51.100.1, 203.0.113.7", "203.0.113.7" },
    { LIST, "198.51.100.1, 203.0.113.7, 10.0.20.13", "203.0.113.7" },
    { LIST, "198.51.100.1,203.0.113.7,192.0.2.25 ,\t10.0.20.13", "203.0.113.7" },
    { LIST, "203.0.113.7:4711, [2001:db8:25::1]:443", "203.0.113.7" },
    { LIST, "192.0.2.25, 10.0.20.13", "192.0.2.25" },
    { LIST, "203.0.113.7, unknown, 10.0.20.13", NULL },
    { LIST, "203.0.113.7,", NULL },
    { LIST, "unknown, 203.0.113.7", "203.0.113.7" },
    { LIST, "", NULL },
    { LIST, "203.0.113.7:port", NULL },
    { ELEMENTS, "for=203.0.113.7", "203.0.113.7" },
    { ELEMENTS, "For=\"[2001:db8:1::7]:4711\"", "2001:db8:1::7" },
    { ELEMENTS, "for=203.0.113.7;proto=https;by=10.0.20.13", "203.0.113.7" },
    { ELEMENTS, "proto=https; for=203.0.113.7", "203.0.113.7" },
    { ELEMENTS, "for=198.51.100.1, for=203.0.113.7;by=x, for=10.0.20.13", "203.0.113.7" },
    { ELEMENTS, "for=\"203.0.113.7:4711\"", "203.0.113.7" },
    { ELEMENTS, "for=\"[2001:db8:1::7]:_port\"", "2001:db8:1::7" },
    { ELEMENTS, "for=198.51.100.1;host=\"a,b\", for=10.0.20.13", "198.51.100.1" },
    { ELEMENTS, "for=unknown", NULL },
    { ELEMENTS, "for=198.51.100.1;host=\"a\\\",b\", for=10.0.20.13", "198.51.100.1" },
    { ELEMENTS, "for=198.51.100.1;host=a\\b, for=10.0.20.13", "198.51.100.1" },
    { ELEMENTS, "for=198.51.100.1;host=\"a\\", NULL },
    { ELEMENTS, "for=\"\"", NULL },
    { ELEMENTS, "for=x\"203.0.113.7\"", NULL },
    { ELEMENTS, "for=\"203.0.113.7\"x", NULL },
    { ELEMENTS, "for=_hidden", NULL },
    { ELEMENTS, "for=198.51.100.1, for=_hidden, for=10.0.20.13", NULL },
    { ELEMENTS, "for=198.51.100.1, by=10.0.20.13", NULL },
    { ELEMENTS, "for=198.51.100.1;for=203.0.113.7", NULL },
    { ELEMENTS, "for=\"203.0.113.7", NULL },
    { ELEMENTS, "for=", NULL },
    { ELEMENTS, "", NULL },
};

static int read_forwarded(enum form form, const char *value, size_t length, struct realip_address *client_r)
{
    const char *reason = NULL;
    int result = -1;

    switch (form) {
    case ORIGINATING:
        result = realip_forwarded_read_originating(value, length, client_r, &reason);
        break;
    case LIST:
        result = realip_forwarded_read_list(value, length, &rules, client_r, &reason);
        break;
    case ELEMENTS:
        result = realip_forwarded_read_elements(value, length, &rules, client_r, &reason);
        break;
    }
    ck_assert(result == 0 || reason != NULL);
    return result;
}

START_TEST(lists_are_read_from_their_right_end)
{
    struct realip_address client = { 0 };
    size_t length = strlen(forwarded[_i].value);
    char *value = malloc(length + 1);

    make_rules();
    ck_assert_ptr_nonnull(value);
    memcpy(value, forwarded[_i].value, length);
    int result = read_forwarded(forwarded[_i].form, value, length, &client);
    struct realip_address expected = address_or_none(forwarded[_i].client);
    ck_assert_msg(result == (forwarded[_i].client == NULL ? -1 : 0), "'%s': %d", forwarded[_i].value, result);
    ck_assert_msg(realip_address_equal(&client, &expected), "'%s': another client", forwarded[_i].value);
    free(value);
    free_rules();
}
END_TEST

START_TEST(a_long_list_is_refused)
{
    static char value[REALIP_FORWARDED_MAX + 1];
    struct realip_address client;

    make_rules();
    memset(value, ' ', sizeof(value));
    memcpy(value, "for=::1", 7);
    ck_assert_int_eq(read_forwarded(ELEMENTS, value, sizeof(value), &client), -1);
    ck_assert_int_eq(read_forwarded(ELEMENTS, value, sizeof(value) - 1, &client), 0);
    memset(value, ' ', sizeof(value));
    memcpy(value, "::1", 3);
    for (int form = ORIGINATING; form <= LIST; form++) {
        ck_assert_int_eq(read_forwarded((enum form)form, value, sizeof(value), &client), -1);
        ck_assert_int_eq(read_forwarded((enum form)form, value, sizeof(value) - 1, &client), 0);
    }
    free_rules();
}
END_TEST

Suite *realip_received_suite(void)
{
    Suite *suite = suite_create("received");
    TCase *tests = tcase_create("received");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, vectors_are_read_as_written, 0, FILE_COUNT);
    tcase_add_loop_test(tests, a_header_cut_off_never_names_another, 0, FILE_COUNT);
    tcase_add_test(tests, no_helo_changes_the_address);
    tcase_add_loop_test(tests, walks_end_where_they_must, 0, sizeof(walks) / sizeof(walks[0]));
    tcase_add_test(tests, a_loop_of_relays_ends);
    tcase_add_test(tests, a_walk_that_has_no_end_names_nobody);
    tcase_add_loop_test(tests, lists_are_read_from_their_right_end, 0, sizeof(forwarded) / sizeof(forwarded[0]));
    tcase_add_test(tests, a_long_list_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
