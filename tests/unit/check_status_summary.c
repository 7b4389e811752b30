/* The sentence at the top of the status page: each situation in words, and how bad it is. */
#include <jansson.h>
#include <string.h>

#include "runtime/status_summary.h"
#include "suites.h"

static struct realip_status_situation situation;
static json_t *summary;

static void begin(void)
{
    situation = (struct realip_status_situation){ .watched = 86400, .quiet = -1 };
    summary = NULL;
}

static void end(void)
{
    json_decref(summary);
}

static void set(enum realip_reason reason, enum realip_status_outcome outcome, unsigned long long count)
{
    situation.counts.of[reason][outcome] = count;
}

static const char *level(void)
{
    return json_string_value(json_object_get(summary, "level"));
}

static const char *sentence(void)
{
    json_decref(summary);
    summary = realip_status_summary(&situation);
    ck_assert(summary != NULL);
    return json_string_value(json_object_get(summary, "sentence"));
}

START_TEST(all_is_well)
{
    set(REALIP_REASON_REAL, REALIP_STATUS_PASSED, 10);
    set(REALIP_REASON_INTERNAL, REALIP_STATUS_PASSED, 1);
    ck_assert_str_eq(sentence(), "Every session in the last 15 minutes showed its real client.");
    ck_assert_str_eq(level(), "good");
    ck_assert_uint_eq(json_array_size(json_object_get(summary, "advice")), 0);
    situation.watched = 120;
    ck_assert_str_eq(sentence(), "Every session since the start 2 minutes ago showed its real client.");
}
END_TEST

START_TEST(nobody_comes)
{
    ck_assert_str_eq(sentence(), "No session has come in the last 15 minutes.");
    ck_assert_str_eq(level(), "note");
    situation.quiet = 3 * 3600;
    ck_assert_str_eq(sentence(), "No session has come in the last 15 minutes. The last one came 3 hours ago.");
}
END_TEST

START_TEST(clients_are_lost)
{
    set(REALIP_REASON_REAL, REALIP_STATUS_PASSED, 100);
    set(REALIP_REASON_INFRASTRUCTURE, REALIP_STATUS_REFUSED, 30);
    set(REALIP_REASON_INFRASTRUCTURE, REALIP_STATUS_PASSED, 7);
    ck_assert_str_eq(sentence(), "37 of 137 checks in the last 15 minutes showed an address of this site's own network: the real client is lost. 30 were refused.");
    ck_assert_str_eq(level(), "bad");
    ck_assert(strstr(json_string_value(json_array_get(json_object_get(summary, "advice"), 0)), "realipctl doctor") != NULL);
    /* more strangers than lost clients: who is lost comes first */
    set(REALIP_REASON_PROXY_UNTRUSTED, REALIP_STATUS_REFUSED, 500);
    ck_assert_str_eq(sentence(), "37 of 637 checks in the last 15 minutes showed an address of this site's own network: the real client is lost. "
                                 "500 more had other problems. 530 were refused.");
    set(REALIP_REASON_INFRASTRUCTURE, REALIP_STATUS_REFUSED, 0);
    set(REALIP_REASON_PROXY_UNTRUSTED, REALIP_STATUS_REFUSED, 0);
    ck_assert_str_eq(sentence(), "7 of 107 checks in the last 15 minutes showed an address of this site's own network: the real client is lost. None was refused.");
    ck_assert_str_eq(level(), "bad");
}
END_TEST

START_TEST(strangers_are_found_out)
{
    set(REALIP_REASON_REAL, REALIP_STATUS_PASSED, 1);
    set(REALIP_REASON_PROXY_UNTRUSTED, REALIP_STATUS_REFUSED, 1);
    ck_assert_str_eq(sentence(), "1 of 2 checks in the last 15 minutes had their address told by a host that is no listed proxy. It was refused.");
    ck_assert_str_eq(level(), "warn");
    set(REALIP_REASON_PROXY_MISSING, REALIP_STATUS_REFUSED, 2);
    ck_assert_str_eq(sentence(), "2 of 4 checks in the last 15 minutes came without the proxy to a port that is for the proxy alone. 1 more had other problems. All were refused.");
}
END_TEST

/* No reason may be left without words, nor one that passes be taken for a problem. */
START_TEST(each_reason_has_words)
{
    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++) {
        enum realip_reason reason = (enum realip_reason)i;
        bool is_problem = reason == REALIP_REASON_UNDECIDED || realip_reason_is_problem(reason);

        memset(&situation.counts, 0, sizeof(situation.counts));
        set(reason, REALIP_STATUS_REFUSED, 2);
        ck_assert_int_eq(realip_status_is_problem(reason), is_problem);
        ck_assert_int_eq(strstr(sentence(), "2 of 2 checks") != NULL, is_problem);
        ck_assert_int_eq(json_array_size(json_object_get(summary, "advice")) == 1, is_problem);
        ck_assert_int_eq(strcmp(level(), "good") == 0, !is_problem);
        ck_assert(strstr(sentence(), "  ") == NULL && strstr(sentence(), "minutes .") == NULL);
    }
}
END_TEST

START_TEST(outcomes)
{
    static const enum realip_status_outcome expected[REALIP_ACTION_COUNT]
        = { [REALIP_ACTION_UNDECIDED] = REALIP_STATUS_REFUSED, [REALIP_ACTION_PASS] = REALIP_STATUS_PASSED,   [REALIP_ACTION_FLAG] = REALIP_STATUS_FLAGGED,
            [REALIP_ACTION_NO_RELAY] = REALIP_STATUS_FLAGGED,  [REALIP_ACTION_QUARANTINE] = REALIP_STATUS_REFUSED, [REALIP_ACTION_DEFER] = REALIP_STATUS_REFUSED,
            [REALIP_ACTION_REJECT] = REALIP_STATUS_REFUSED };

    for (unsigned action = 0; action < REALIP_ACTION_COUNT; action++)
        ck_assert_int_eq(realip_status_outcome((enum realip_action)action), expected[action]);
}
END_TEST

START_TEST(spans)
{
    static const struct {
        long long seconds;
        const char *text;
    } rows[] = { { -5, "less than a minute" }, { 59, "less than a minute" }, { 60, "1 minute" }, { 119, "1 minute" }, { 7199, "119 minutes" },
                 { 7200, "2 hours" }, { 172799, "47 hours" }, { 172800, "2 days" }, { 8640000, "100 days" } };
    char text[REALIP_STATUS_SPAN_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(realip_status_span(rows[i].seconds, text), rows[i].text);
}
END_TEST

Suite *realip_status_summary_suite(void)
{
    Suite *suite = suite_create("status summary");
    TCase *tcase = tcase_create("sentences");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, all_is_well);
    tcase_add_test(tcase, nobody_comes);
    tcase_add_test(tcase, clients_are_lost);
    tcase_add_test(tcase, strangers_are_found_out);
    tcase_add_test(tcase, each_reason_has_words);
    tcase_add_test(tcase, outcomes);
    tcase_add_test(tcase, spans);
    suite_add_tcase(suite, tcase);
    return suite;
}
