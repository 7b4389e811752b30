#include <stdlib.h>
#include <string.h>

#include "policyd/policy_protocol.h"
#include "suites.h"

static enum realip_policy_parse parse(char *data, size_t length, struct realip_policy_request *request, size_t *used)
{
    const char *reason = "";

    return realip_policy_request_parse(data, length, request, used, &reason);
}

START_TEST(a_request_is_read_whole_or_not_at_all)
{
    static const char text[] = "request=smtpd_access_policy\nclient_address=203.0.113.7\nx=y\npolicy_context=a=b\n\nrequest=";
    size_t whole = sizeof(text) - 1 - strlen("request=");
    struct realip_policy_request request;
    size_t used;

    for (size_t length = 0; length < sizeof(text); length++) {
        char *data = malloc(length + 1); /* as long as it is, so that a sanitizer sees one byte too many */

        memcpy(data, text, length);
        enum realip_policy_parse result = parse(data, length, &request, &used);
        if (length < whole) {
            ck_assert_int_eq((int)result, REALIP_POLICY_NEED_MORE);
            ck_assert_msg(memcmp(data, text, length) == 0, "%zu bytes were changed", length);
        } else {
            ck_assert_int_eq((int)result, REALIP_POLICY_DONE);
            ck_assert_uint_eq(used, whole);
            ck_assert_str_eq(request.client_address, "203.0.113.7");
            ck_assert_str_eq(request.policy_context, "a=b");
            ck_assert_ptr_null(request.sasl_username);
        }
        free(data);
    }
}
END_TEST

/* Random bytes from the protocol's own letters: never a crash, and what is malformed or not yet whole takes nothing. */
START_TEST(no_bytes_break_it)
{
    static const char *const words[] = { "request=smtpd_access_policy\n", "\n", "=", "client_address=1.2.3.4\n", "a", "\0",
                                         "policy_context", "x=y\n" };
    unsigned done = 0;

    srandom(11);
    for (int round = 0; round < 200000; round++) {
        char data[256];
        size_t length = 0;
        struct realip_policy_request request;
        size_t used = 77;

        for (unsigned i = (unsigned)random() % 7; i > 0; i--) {
            const char *word = words[(size_t)random() % (sizeof(words) / sizeof(words[0]))];
            size_t size = word[0] == '\0' ? 1 : strlen(word);

            memcpy(data + length, word, size);
            length += size;
        }
        enum realip_policy_parse result = parse(data, length, &request, &used);
        ck_assert_msg(result == REALIP_POLICY_DONE ? used > 0 && used <= length : used == 0, "used %zu", used);
        done += result == REALIP_POLICY_DONE;
    }
    ck_assert_uint_gt(done, 1000);
}
END_TEST

START_TEST(every_reply_is_one_action_with_a_value)
{
    static const char *const starts[REALIP_ACTION_COUNT]
        = { "action=450 4.7.1 realip ", "action=DUNNO\n",           "action=DUNNO\n",           "action=defer_unauth_destination\n",
            "action=450 4.7.1 realip ", "action=450 4.7.1 realip ", "action=550 5.7.1 realip " };

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        for (unsigned action = 0; action < REALIP_ACTION_COUNT; action++) {
            struct realip_verdict verdict = { .reason = (enum realip_reason)reason, .action = (enum realip_action)action };
            char reply[REALIP_POLICY_REPLY_SIZE];
            size_t length = realip_policy_reply_format(&verdict, reply);

            ck_assert_uint_eq(strlen(reply), length);
            ck_assert_msg(strncmp(reply, starts[action], strlen(starts[action])) == 0, "%s", reply);
            ck_assert_ptr_eq(strchr(reply, '\n'), reply + length - 2); /* one line, then an empty one */
            ck_assert_str_eq(reply + length - 2, "\n\n");
        }
    }
    char reply[REALIP_POLICY_REPLY_SIZE];
    ck_assert_uint_eq(realip_policy_reply_malformed(reply), strlen(reply));
    ck_assert_msg(strncmp(reply, "action=450 4.3.0 ", 17) == 0, "%s", reply);
}
END_TEST

Suite *realip_policy_suite(void)
{
    Suite *suite = suite_create("policy_protocol");
    TCase *tests = tcase_create("policy_protocol");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_request_is_read_whole_or_not_at_all);
    tcase_add_test(tests, no_bytes_break_it);
    tcase_add_test(tests, every_reply_is_one_action_with_a_value);
    suite_add_tcase(suite, tests);
    return suite;
}
