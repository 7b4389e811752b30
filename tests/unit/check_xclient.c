#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/xclient.h"
#include "core/xclient_id.h"
#include "random_number.h"
#include "suites.h"
#include "vectors.h"

/* A copy of the exact size, on the heap: what is parsed is written to, and a sanitizer sees a step outside. */
static char *copy_of(const unsigned char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);

    ck_assert_ptr_nonnull(copy);
    if (length > 0)
        memcpy(copy, bytes, length);
    return length > 0 ? copy : (free(copy), NULL);
}

static void check_line(const struct realip_vector *vector, const char *told)
{
    const char *expected = realip_vector_line(vector, "expect");

    ck_assert_msg(expected != NULL && strcmp(told, expected) == 0, "%s: %s, expected %s", vector->name, told,
                  expected == NULL ? "a line" : expected);
}

START_TEST(commands_are_read_and_written_as_expected)
{
    struct realip_vectors vectors;
    bool seen[REALIP_XCLIENT_REASON_COUNT] = { false };

    realip_vectors_read("xclient", "commands", &vectors);
    ck_assert_uint_ge(vectors.count, 60);
    for (size_t i = 0; i < vectors.count; i++) {
        struct realip_xclient command;
        enum realip_xclient_reason reason;
        char told[2200] = "done ";
        size_t length;
        char *line = copy_of(vectors.rows[i].bytes, vectors.rows[i].length);
        int result = realip_xclient_parse(line, vectors.rows[i].length, &command, &reason);

        if (result == 0) {
            ck_assert_int_eq(realip_xclient_format(&command, told + 5, sizeof(told) - 5, &length, &reason), 0);
            ck_assert_mem_eq(told + 5 + length - 2, "\r\n", 2);
            told[5 + length - 2] = '\0';
        } else {
            ck_assert_int_eq(command.verb, REALIP_XCLIENT_NONE);
            snprintf(told, sizeof(told), "malformed %s", realip_xclient_reason_token(reason));
        }
        seen[reason] = true;
        check_line(&vectors.rows[i], told);
        free(line);
    }
    for (int reason = 0; reason < REALIP_XCLIENT_REASON_COUNT; reason++)
        ck_assert_msg(seen[reason] || reason == REALIP_XCLIENT_REASON_NO_ROOM, "no vector is %s",
                      realip_xclient_reason_token((enum realip_xclient_reason)reason));
    realip_vectors_free(&vectors);
}
END_TEST

START_TEST(announcements_are_read)
{
    struct realip_vectors vectors;

    realip_vectors_read("xclient", "announcements", &vectors);
    ck_assert_uint_ge(vectors.count, 10);
    for (size_t i = 0; i < vectors.count; i++) {
        enum realip_xclient_verb verb;
        char told[512] = "announces nothing";
        unsigned attributes;
        bool others;

        if (realip_xclient_announcement((const char *)vectors.rows[i].bytes, vectors.rows[i].length, &verb, &attributes, &others) == 0) {
            snprintf(told, sizeof(told), "announces %s", verb == REALIP_XCLIENT_XCLIENT ? "XCLIENT" : "XFORWARD");
            for (unsigned attribute = 0; attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT; attribute++) {
                if ((attributes & 1U << attribute) != 0) {
                    strcat(told, " ");
                    strcat(told, realip_xclient_attribute_word((enum realip_xclient_attribute)attribute));
                }
            }
            strcat(told, others ? " +others" : "");
        } else {
            ck_assert_int_eq(verb, REALIP_XCLIENT_NONE);
        }
        check_line(&vectors.rows[i], told);
    }
    realip_vectors_free(&vectors);
}
END_TEST

static void tell_id(const struct realip_xclient_id *id, char *told, size_t room)
{
    char client[REALIP_ADDRESS_TEXT_SIZE];
    char server[REALIP_ADDRESS_TEXT_SIZE];
    int length = snprintf(told, room, "done %u %s %u %s %u", id->pairs, realip_address_format(&id->client, client),
                          id->client_port, realip_address_format(&id->server, server), id->server_port);

    if ((id->fields & 1U << REALIP_XCLIENT_ID_PROXY_TTL) != 0)
        length += snprintf(told + length, room - (size_t)length, " ttl=%u", id->ttl);
    if (id->session != NULL)
        length += snprintf(told + length, room - (size_t)length, " session=%.*s", (int)id->session_length, id->session);
    if ((id->fields & 1U << REALIP_XCLIENT_ID_FORWARD) != 0)
        snprintf(told + length, room - (size_t)length, " forward");
}

START_TEST(ids_are_read)
{
    struct realip_vectors vectors;
    bool seen[REALIP_XCLIENT_ID_REASON_COUNT] = { false };

    realip_vectors_read("xclient", "ids", &vectors);
    ck_assert_uint_ge(vectors.count, 40);
    for (size_t i = 0; i < vectors.count; i++) {
        struct realip_xclient_id id;
        enum realip_xclient_id_reason reason;
        char told[512];
        char *text = copy_of(vectors.rows[i].bytes, vectors.rows[i].length);

        if (realip_xclient_id_parse(text, vectors.rows[i].length, &id, &reason) == 0)
            tell_id(&id, told, sizeof(told));
        else
            snprintf(told, sizeof(told), "malformed %s", realip_xclient_id_reason_token(reason));
        seen[reason] = true;
        check_line(&vectors.rows[i], told);
        free(text);
    }
    for (int reason = 0; reason < REALIP_XCLIENT_ID_REASON_COUNT; reason++)
        ck_assert_msg(seen[reason], "no vector is %s", realip_xclient_id_reason_token((enum realip_xclient_id_reason)reason));
    realip_vectors_free(&vectors);
}
END_TEST

/* ---- round trips -------------------------------------------------------------------------------------------------- */

START_TEST(xtext_goes_there_and_back)
{
    realip_random_number_seed(0x9e3779b97f4a7c15U);
    for (int round = 0; round < 20000; round++) {
        char text[80];
        char coded[240];
        size_t length = realip_random_number(sizeof(text) + 1);
        size_t used = 0;

        for (size_t i = 0; i < length; i++)
            text[i] = (char)realip_random_number(256);
        ck_assert_int_eq(realip_xclient_xtext_encode(text, length, coded, sizeof(coded), &used), 0);
        if (used > 0) {
            size_t less = 0;

            ck_assert_int_eq(realip_xclient_xtext_encode(text, length, coded, used - 1, &less), -1);
        }
        ck_assert_int_eq(realip_xclient_xtext_decode(coded, &used), 0);
        ck_assert_uint_eq(used, length);
        if (length > 0)
            ck_assert_mem_eq(coded, text, length);
    }
}
END_TEST

static struct realip_address random_address(void)
{
    struct realip_address address = { 0, realip_random_number(1U << 31), REALIP_FAMILY_IPV4 };

    if (realip_random_number(2) == 0)
        address = (struct realip_address){ 0x20010db800000000U | realip_random_number(1U << 31), realip_random_number(1U << 31),
                                           REALIP_FAMILY_IPV6 };
    return address;
}

/* Attributes of random state; texts that are right for each. */
static struct realip_xclient random_command(char texts[REALIP_XCLIENT_ATTRIBUTE_COUNT][40])
{
    static const unsigned of_xforward = 1U << REALIP_XCLIENT_NAME | 1U << REALIP_XCLIENT_ADDR | 1U << REALIP_XCLIENT_PORT
        | 1U << REALIP_XCLIENT_PROTO | 1U << REALIP_XCLIENT_HELO | 1U << REALIP_XCLIENT_IDENT | 1U << REALIP_XCLIENT_SOURCE;
    static const unsigned of_xclient = (1U << REALIP_XCLIENT_ATTRIBUTE_COUNT) - 1
        - (1U << REALIP_XCLIENT_IDENT | 1U << REALIP_XCLIENT_SOURCE);
    struct realip_xclient command = {
        .verb = realip_random_number(2) == 0 ? REALIP_XCLIENT_XCLIENT : REALIP_XCLIENT_XFORWARD,
    };
    unsigned may = command.verb == REALIP_XCLIENT_XCLIENT ? of_xclient : of_xforward;

    for (unsigned i = 0; i < REALIP_XCLIENT_ATTRIBUTE_COUNT; i++) {
        if ((may & 1U << i) == 0 || realip_random_number(3) == 0)
            continue;
        size_t length = 1 + realip_random_number(39);
        for (size_t at = 0; at < length; at++)
            texts[i][at] = (char)('!' + realip_random_number('~' - '!' + 1));
        if (i == REALIP_XCLIENT_PROTO)
            length = (size_t)sprintf(texts[i], "ESMTP");
        if (i == REALIP_XCLIENT_SOURCE)
            length = (size_t)sprintf(texts[i], "LOCAL");
        if (i == REALIP_XCLIENT_TTL || i == REALIP_XCLIENT_TIMEOUT)
            length = (size_t)sprintf(texts[i], "%zu", realip_random_number(1U << 31));
        command.values[i] = (struct realip_xclient_value){ REALIP_XCLIENT_GIVEN, texts[i], length };
        if (i != REALIP_XCLIENT_PROTO && i != REALIP_XCLIENT_TTL && i != REALIP_XCLIENT_TIMEOUT && realip_random_number(4) == 0)
            command.values[i] = (struct realip_xclient_value){ .state = REALIP_XCLIENT_UNAVAILABLE };
    }
    command.values[REALIP_XCLIENT_HELO] = (struct realip_xclient_value){ REALIP_XCLIENT_GIVEN, "helo", 4 }; /* one at least */
    command.client = random_address();
    command.server = random_address();
    command.client_port = (uint16_t)realip_random_number(65536);
    command.server_port = (uint16_t)realip_random_number(65536);
    return command;
}

static bool means_itself(unsigned attribute)
{
    return attribute == REALIP_XCLIENT_ADDR || attribute == REALIP_XCLIENT_PORT || attribute == REALIP_XCLIENT_DESTADDR
        || attribute == REALIP_XCLIENT_DESTPORT;
}

static bool is_given(const struct realip_xclient *command, enum realip_xclient_attribute attribute)
{
    return command->values[attribute].state == REALIP_XCLIENT_GIVEN;
}

static void check_same(const struct realip_xclient *a, const struct realip_xclient *b)
{
    ck_assert_int_eq(a->verb, b->verb);
    for (unsigned i = 0; i < REALIP_XCLIENT_ATTRIBUTE_COUNT; i++) {
        ck_assert_int_eq(a->values[i].state, b->values[i].state);
        if (a->values[i].state != REALIP_XCLIENT_GIVEN || means_itself(i))
            continue;
        ck_assert_uint_eq(a->values[i].length, b->values[i].length);
        ck_assert_mem_eq(a->values[i].text, b->values[i].text, a->values[i].length);
    }
    ck_assert(!is_given(a, REALIP_XCLIENT_ADDR) || realip_address_equal(&a->client, &b->client));
    ck_assert(!is_given(a, REALIP_XCLIENT_DESTADDR) || realip_address_equal(&a->server, &b->server));
    ck_assert(!is_given(a, REALIP_XCLIENT_PORT) || a->client_port == b->client_port);
    ck_assert(!is_given(a, REALIP_XCLIENT_DESTPORT) || a->server_port == b->server_port);
}

START_TEST(what_is_written_reads_the_same)
{
    char texts[REALIP_XCLIENT_ATTRIBUTE_COUNT][40];
    char line[4096];

    realip_random_number_seed(0x2545f4914f6cdd1dU);
    for (int round = 0; round < 20000; round++) {
        struct realip_xclient command = random_command(texts);
        struct realip_xclient again;
        enum realip_xclient_reason reason;
        size_t length;
        size_t none;

        ck_assert_int_eq(realip_xclient_format(&command, line, sizeof(line), &length, &reason), 0);
        ck_assert_int_eq(realip_xclient_format(&command, line, length - 1, &none, &reason), -1);
        ck_assert_int_eq(reason, REALIP_XCLIENT_REASON_NO_ROOM);
        ck_assert_int_eq(realip_xclient_format(&command, line, sizeof(line), &length, &reason), 0);
        ck_assert_msg(realip_xclient_parse(line, length, &again, &reason) == 0, "%s: %.*s", realip_xclient_reason_token(reason),
                      (int)length, line);
        check_same(&command, &again);
    }
}
END_TEST

/* A state that is none is written as nothing, and one that is temporary as the word for it. */
START_TEST(states_are_written_as_words)
{
    static const struct {
        enum realip_xclient_state state;
        const char *line;
    } rows[] = { { REALIP_XCLIENT_TEMPORARY, "XCLIENT NAME=[TEMPUNAVAIL]\r\n" },
                 { REALIP_XCLIENT_UNAVAILABLE, "XCLIENT NAME=[UNAVAILABLE]\r\n" },
                 { (enum realip_xclient_state)77, "XCLIENT NAME=\r\n" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct realip_xclient command = { .verb = REALIP_XCLIENT_XCLIENT };
        enum realip_xclient_reason reason;
        char line[64];
        size_t length;

        command.values[REALIP_XCLIENT_NAME].state = rows[i].state;
        ck_assert_int_eq(realip_xclient_format(&command, line, sizeof(line), &length, &reason), 0);
        ck_assert_uint_eq(length, strlen(rows[i].line));
        ck_assert_mem_eq(line, rows[i].line, length);
    }
}
END_TEST

START_TEST(no_room_at_all_is_told)
{
    struct realip_xclient command = { .verb = REALIP_XCLIENT_XCLIENT };
    enum realip_xclient_reason reason;
    char line[32];
    size_t length;

    command.values[REALIP_XCLIENT_HELO] = (struct realip_xclient_value){ REALIP_XCLIENT_GIVEN, "helo.example", 12 };
    for (size_t room = 0; room < strlen("XCLIENT HELO=helo.example\r\n"); room++) {
        ck_assert_int_eq(realip_xclient_format(&command, line, room, &length, &reason), -1);
        ck_assert_int_eq(reason, REALIP_XCLIENT_REASON_NO_ROOM);
        ck_assert_uint_eq(length, 0);
    }
}
END_TEST

START_TEST(what_is_no_command_is_not_written)
{
    struct realip_xclient command = { .verb = REALIP_XCLIENT_XFORWARD };
    enum realip_xclient_reason reason;
    char line[128];
    size_t length;

    ck_assert_int_eq(realip_xclient_format(&command, line, sizeof(line), &length, &reason), -1);
    ck_assert_int_eq(reason, REALIP_XCLIENT_REASON_NO_ATTRIBUTE);
    command.values[REALIP_XCLIENT_LOGIN] = (struct realip_xclient_value){ REALIP_XCLIENT_GIVEN, "x", 1 };
    ck_assert_int_eq(realip_xclient_format(&command, line, sizeof(line), &length, &reason), -1);
    ck_assert_int_eq(reason, REALIP_XCLIENT_REASON_ATTRIBUTE);
    command.verb = REALIP_XCLIENT_NONE;
    ck_assert_int_eq(realip_xclient_format(&command, line, sizeof(line), &length, &reason), -1);
    ck_assert_int_eq(reason, REALIP_XCLIENT_REASON_VERB);
    ck_assert_str_eq(realip_xclient_attribute_word(REALIP_XCLIENT_ATTRIBUTE_COUNT), "?");
    ck_assert_str_eq(realip_xclient_reason_sentence(REALIP_XCLIENT_REASON_COUNT), "nothing is wrong");
    for (unsigned i = 0; i < REALIP_XCLIENT_REASON_COUNT; i++)
        ck_assert_uint_gt(strlen(realip_xclient_reason_sentence((enum realip_xclient_reason)i)), 8);
    ck_assert_str_eq(realip_xclient_reason_token(REALIP_XCLIENT_REASON_COUNT), "none");
    ck_assert_str_eq(realip_xclient_id_reason_token(REALIP_XCLIENT_ID_REASON_COUNT), "none");
    ck_assert_str_eq(realip_xclient_id_reason_sentence(REALIP_XCLIENT_ID_REASON_COUNT), "nothing is wrong");
    ck_assert_str_eq(realip_xclient_id_field_key(REALIP_XCLIENT_ID_FIELD_COUNT), "?");
    ck_assert_str_eq(realip_xclient_id_field_key(REALIP_XCLIENT_ID_PROXY_TTL), "x-proxy-ttl");
    ck_assert_str_eq(realip_xclient_id_reason_sentence(REALIP_XCLIENT_ID_REASON_PORT), "a port is no number of 1 to 65535");
}
END_TEST

Suite *realip_xclient_suite(void)
{
    Suite *suite = suite_create("xclient");
    TCase *tests = tcase_create("xclient");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, commands_are_read_and_written_as_expected);
    tcase_add_test(tests, announcements_are_read);
    tcase_add_test(tests, ids_are_read);
    tcase_add_test(tests, xtext_goes_there_and_back);
    tcase_add_test(tests, what_is_written_reads_the_same);
    tcase_add_test(tests, states_are_written_as_words);
    tcase_add_test(tests, no_room_at_all_is_told);
    tcase_add_test(tests, what_is_no_command_is_not_written);
    suite_add_tcase(suite, tests);
    return suite;
}
