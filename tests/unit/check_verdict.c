#include <string.h>

#include "core/facts.h"
#include "core/rules.h"
#include "core/verdict.h"
#include "suites.h"

/* Written by hand from the project's vocabulary, not from the table: the words are a promise to users. */
static const struct {
    enum realip_reason reason;
    const char *token;
    enum realip_action action;
    bool problem;
} promised[] = {
    { REALIP_REASON_UNDECIDED, "undecided", REALIP_ACTION_DEFER, false },
    { REALIP_REASON_REAL, "real", REALIP_ACTION_PASS, false },
    { REALIP_REASON_INTERNAL, "internal", REALIP_ACTION_PASS, false },
    { REALIP_REASON_PROBE, "probe", REALIP_ACTION_PASS, false },
    { REALIP_REASON_INFRASTRUCTURE, "infrastructure", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_PROXY_SHOWN, "proxy-shown", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_PROXY_MISSING, "proxy-missing", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_PROXY_UNTRUSTED, "proxy-untrusted", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_INSIDE_ASSERTED, "inside-asserted", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_PEER_UNKNOWN, "peer-unknown", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_ADDRESS_MISSING, "address-missing", REALIP_ACTION_DEFER, true },
    { REALIP_REASON_SHARED_SUSPECT, "shared-suspect", REALIP_ACTION_FLAG, true },
};

START_TEST(reasons_keep_their_words_and_defaults)
{
    ck_assert_int_eq(sizeof(promised) / sizeof(promised[0]), REALIP_REASON_COUNT);
    for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
        ck_assert_str_eq(realip_reason_token(promised[i].reason), promised[i].token);
        ck_assert_int_eq((int)realip_reason_default_action(promised[i].reason), (int)promised[i].action);
        ck_assert_msg(realip_reason_is_problem(promised[i].reason) == promised[i].problem, "%s", promised[i].token);
        ck_assert_int_eq((int)realip_reason_from_token(promised[i].token), (int)promised[i].reason);
        ck_assert_uint_gt(strlen(realip_reason_sentence(promised[i].reason)), 10);
        ck_assert_uint_lt(strlen(realip_reason_sentence(promised[i].reason)), 120);
    }
}
END_TEST

START_TEST(actions_and_modes_keep_their_words_and_order)
{
    static const char *const actions[] = { "undecided", "pass", "flag", "no-relay", "quarantine", "defer", "reject" };
    static const char *const modes[] = { "undecided", "monitor", "protect", "enforce" };

    ck_assert_int_eq(sizeof(actions) / sizeof(actions[0]), REALIP_ACTION_COUNT);
    ck_assert_int_eq(sizeof(modes) / sizeof(modes[0]), REALIP_MODE_COUNT);
    for (unsigned i = 0; i < REALIP_ACTION_COUNT; i++) {
        ck_assert_str_eq(realip_action_token((enum realip_action)i), actions[i]);
        ck_assert_uint_eq(realip_action_from_token(actions[i]), i);
    }
    for (unsigned i = 0; i < REALIP_MODE_COUNT; i++) {
        ck_assert_str_eq(realip_mode_token((enum realip_mode)i), modes[i]);
        ck_assert_uint_eq(realip_mode_from_token(modes[i]), i);
    }
}
END_TEST

START_TEST(nothing_is_never_pass)
{
    ck_assert_int_eq((int)REALIP_REASON_UNDECIDED, 0);
    ck_assert_int_eq((int)REALIP_ACTION_UNDECIDED, 0);
    ck_assert_int_eq((int)REALIP_MODE_UNDECIDED, 0);
    ck_assert_int_eq((int)realip_action_from_token("Pass"), REALIP_ACTION_UNDECIDED);
    ck_assert_int_eq((int)realip_reason_from_token(""), REALIP_REASON_UNDECIDED);
    ck_assert_str_eq(realip_action_token((enum realip_action)77), "undecided");
    ck_assert_str_eq(realip_reason_token((enum realip_reason)77), "undecided");
    ck_assert_int_eq((int)realip_reason_default_action((enum realip_reason)77), REALIP_ACTION_DEFER);
    ck_assert(!realip_reason_is_problem((enum realip_reason)77));
    static const enum realip_mode none[] = { REALIP_MODE_UNDECIDED, REALIP_MODE_COUNT, (enum realip_mode)77 };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_int_eq((int)realip_mode_cap(none[i], REALIP_ACTION_REJECT), REALIP_ACTION_UNDECIDED);
}
END_TEST

START_TEST(sources_and_sets_keep_their_words)
{
    static const char *const sources[] = { "undecided", "policyd", "milter", "dovecot-login", "dovecot-auth", "dovecot-mail", "undecided" };

    ck_assert_int_eq(sizeof(sources) / sizeof(sources[0]), REALIP_SOURCE_COUNT + 1);
    for (unsigned i = 0; i <= REALIP_SOURCE_COUNT; i++)
        ck_assert_str_eq(realip_source_token((enum realip_source)i), sources[i]);
    ck_assert_str_eq(realip_source_token((enum realip_source)77), "undecided");
    ck_assert_str_eq(realip_set_token(REALIP_SET_INFRASTRUCTURE), "infrastructure");
    ck_assert_str_eq(realip_set_token(REALIP_SET_PROXIES), "proxies");
    ck_assert_str_eq(realip_set_token((enum realip_set)77), realip_set_token(REALIP_SET_OWN));
}
END_TEST

START_TEST(who_is_refused_for_good_is_not_told_to_try_again)
{
    char text[REALIP_REFUSAL_SIZE];

    ck_assert_uint_eq(realip_reason_refusal(REALIP_REASON_INFRASTRUCTURE, false, text), strlen(text));
    ck_assert_str_eq(text, "realip infrastructure: your address is hidden behind this site's own network, please try again later");
    ck_assert_uint_eq(realip_reason_refusal(REALIP_REASON_INFRASTRUCTURE, true, text), strlen(text));
    ck_assert_str_eq(text, "realip infrastructure: your address is hidden behind this site's own network");
    for (unsigned reason = 0; reason <= REALIP_REASON_COUNT; reason++) {
        ck_assert_uint_lt(realip_reason_refusal((enum realip_reason)reason, true, text), REALIP_REFUSAL_SIZE);
        ck_assert_msg(strstr(text, "again") == NULL, "%s", text);
        ck_assert_uint_lt(realip_reason_refusal((enum realip_reason)reason, false, text), REALIP_REFUSAL_SIZE);
    }
}
END_TEST

Suite *realip_verdict_suite(void)
{
    Suite *suite = suite_create("verdict");
    TCase *tests = tcase_create("verdict");

    tcase_add_test(tests, reasons_keep_their_words_and_defaults);
    tcase_add_test(tests, actions_and_modes_keep_their_words_and_order);
    tcase_add_test(tests, nothing_is_never_pass);
    tcase_add_test(tests, sources_and_sets_keep_their_words);
    tcase_add_test(tests, who_is_refused_for_good_is_not_told_to_try_again);
    suite_add_tcase(suite, tests);
    return suite;
}
