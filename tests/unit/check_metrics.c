/* What the daemons count, and how they tell it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/metrics.h"
#include "runtime/metrics_text.h"
#include "suites.h"

static struct realip_metrics *metrics;
static struct realip_listener listeners[2];
static struct realip_rules rules;

static void set_listener(struct realip_listener *listener, const char *title, enum realip_mode mode)
{
    realip_listener_set_defaults(listener);
    listener->title = title;
    listener->mode = mode;
}

static void begin(void)
{
    memset(&rules, 0, sizeof(rules));
    metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    ck_assert_ptr_nonnull(metrics);
    set_listener(&listeners[0], "smtp", REALIP_MODE_ENFORCE);
    set_listener(&listeners[1], "watched", REALIP_MODE_MONITOR);
    set_listener(&rules.fallback, NULL, REALIP_MODE_PROTECT);
    rules.fallback.actions[REALIP_REASON_INFRASTRUCTURE] = REALIP_ACTION_NO_RELAY;
    rules.listeners = listeners;
    rules.listener_count = 2;
    for (size_t i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(realip_metrics_listener(metrics, listeners[i].title));
    ck_assert_ptr_nonnull(realip_metrics_listener(metrics, REALIP_METRICS_FALLBACK));
    realip_metrics_set_rules(metrics, &rules);
}

static void end(void)
{
    realip_metrics_free(&metrics);
}

static char *written(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    realip_metrics_write(metrics, out);
    fclose(out);
    return text;
}

static bool shows(const char *line)
{
    char *text = written();
    bool found = strstr(text, line) != NULL;

    free(text);
    return found;
}

static void judge(size_t listener, enum realip_reason reason, enum realip_action action)
{
    const struct realip_verdict verdict = {
        .reason = reason,
        .wanted = listeners[listener].actions[reason],
        .action = action,
        .mode = listeners[listener].mode,
        .listener = &listeners[listener],
    };

    realip_metrics_count(realip_metrics_listener(metrics, listeners[listener].title), &verdict);
}

START_TEST(a_series_is_there_before_its_first_count)
{
    ck_assert(shows("realip_verdicts_total{source=\"policyd\",listener=\"smtp\",reason=\"infrastructure\",action=\"defer\"} 0\n"));
    ck_assert(shows("realip_verdicts_total{source=\"policyd\",listener=\"smtp\",reason=\"real\",action=\"pass\"} 0\n"));
    ck_assert(shows("realip_verdicts_total{source=\"policyd\",listener=\"watched\",reason=\"infrastructure\",action=\"pass\"} 0\n"));
    ck_assert(shows("realip_verdicts_total{source=\"policyd\",listener=\"-\",reason=\"infrastructure\",action=\"no-relay\"} 0\n"));
    ck_assert(!shows("listener=\"smtp\",reason=\"infrastructure\",action=\"reject\"}"));
    ck_assert(!shows("reason=\"undecided\""));
    judge(0, REALIP_REASON_INFRASTRUCTURE, REALIP_ACTION_DEFER);
    ck_assert(shows("realip_verdicts_total{source=\"policyd\",listener=\"smtp\",reason=\"infrastructure\",action=\"defer\"} 1\n"));
}
END_TEST

START_TEST(what_the_mode_keeps_from_being_done_is_counted)
{
    ck_assert(shows("realip_verdicts_held_back_total{source=\"policyd\",listener=\"watched\",reason=\"infrastructure\",wanted=\"defer\"} 0\n"));
    ck_assert(!shows("realip_verdicts_held_back_total{source=\"policyd\",listener=\"smtp\""));
    judge(1, REALIP_REASON_INFRASTRUCTURE, REALIP_ACTION_PASS);
    judge(0, REALIP_REASON_INFRASTRUCTURE, REALIP_ACTION_DEFER);
    ck_assert(shows("realip_verdicts_held_back_total{source=\"policyd\",listener=\"watched\",reason=\"infrastructure\",wanted=\"defer\"} 1\n"));
    ck_assert(!shows("realip_verdicts_held_back_total{source=\"policyd\",listener=\"smtp\""));
    /* no-relay can't be done for a user who logged in, in any mode */
    listeners[0].actions[REALIP_REASON_INFRASTRUCTURE] = REALIP_ACTION_NO_RELAY;
    judge(0, REALIP_REASON_INFRASTRUCTURE, REALIP_ACTION_FLAG);
    ck_assert(!shows("realip_verdicts_held_back_total{source=\"policyd\",listener=\"smtp\""));
}
END_TEST

/* Health checks go on while a balancer has lost all clients. */
START_TEST(a_probe_is_no_session)
{
    char line[128];
    long long before = (long long)time(NULL);

    ck_assert(shows("realip_last_session_timestamp_seconds{source=\"policyd\",listener=\"smtp\"} 0\n"));
    judge(0, REALIP_REASON_PROBE, REALIP_ACTION_PASS);
    ck_assert(shows("realip_last_session_timestamp_seconds{source=\"policyd\",listener=\"smtp\"} 0\n"));
    judge(0, REALIP_REASON_REAL, REALIP_ACTION_PASS);
    bool found = false;
    for (long long at = before; at <= (long long)time(NULL); at++) {
        snprintf(line, sizeof(line), "realip_last_session_timestamp_seconds{source=\"policyd\",listener=\"smtp\"} %lld\n", at);
        found = found || shows(line);
    }
    ck_assert(found);
    ck_assert(shows("realip_last_session_timestamp_seconds{source=\"policyd\",listener=\"watched\"} 0\n"));
}
END_TEST

START_TEST(a_listener_that_is_taken_away_keeps_its_counts)
{
    judge(1, REALIP_REASON_REAL, REALIP_ACTION_PASS);
    ck_assert(shows("realip_listener_mode{source=\"policyd\",listener=\"watched\",mode=\"monitor\"} 1\n"));
    rules.listener_count = 1;
    listeners[0].mode = REALIP_MODE_PROTECT;
    realip_metrics_set_rules(metrics, &rules);
    ck_assert(!shows("realip_listener_mode{source=\"policyd\",listener=\"watched\""));
    ck_assert(!shows("realip_listener_mode{source=\"policyd\",listener=\"smtp\",mode=\"enforce\"}"));
    ck_assert(shows("realip_listener_mode{source=\"policyd\",listener=\"smtp\",mode=\"protect\"} 1\n"));
    ck_assert(shows("realip_verdicts_total{source=\"policyd\",listener=\"watched\",reason=\"real\",action=\"pass\"} 1\n"));
}
END_TEST

START_TEST(bounds_hold_what_equals_them)
{
    struct realip_histogram histogram = { 0 };
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    realip_histogram_add(&histogram, &realip_histogram_waits, 10000, 1);
    realip_histogram_add(&histogram, &realip_histogram_waits, 10001, 2);
    realip_histogram_add(&histogram, &realip_histogram_waits, 1000000001, 1);
    realip_histogram_write(&histogram, &realip_histogram_waits, "x_seconds", "a=\"b\"", out);
    realip_histogram_write(&histogram, &realip_histogram_waits, "y_seconds", "", out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "x_seconds_bucket{a=\"b\",le=\"1e-05\"} 1\nx_seconds_bucket{a=\"b\",le=\"2.5e-05\"} 3\n"));
    ck_assert_ptr_nonnull(strstr(text, "x_seconds_bucket{a=\"b\",le=\"1\"} 3\nx_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\n"
                                       "x_seconds_sum{a=\"b\"} 1.000030003\nx_seconds_count{a=\"b\"} 4\n"));
    ck_assert_ptr_nonnull(strstr(text, "y_seconds_bucket{le=\"1e-05\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(text, "y_seconds_sum 1.000030003\ny_seconds_count 4\n"));
    free(text);
}
END_TEST

START_TEST(bounds_rise)
{
    const struct realip_histogram_bounds *const all[] = { &realip_histogram_waits, &realip_histogram_computations };

    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_le(all[i]->count, REALIP_HISTOGRAM_MOST_BOUNDS);
        for (size_t k = 1; k < all[i]->count; k++)
            ck_assert_uint_lt(all[i]->nanoseconds[k - 1], all[i]->nanoseconds[k]);
    }
}
END_TEST

START_TEST(some_decisions_are_timed)
{
    unsigned timed = 0;

    ck_assert(realip_metrics_times_decision(metrics)); /* the first one: a quiet server shows something */
    for (unsigned i = 0; i < 10 * REALIP_METRICS_DECISIONS; i++)
        timed += realip_metrics_times_decision(metrics) ? 1 : 0;
    ck_assert_uint_eq(timed, 10);
}
END_TEST

START_TEST(labels_are_escaped)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    realip_metrics_text_label("a\"b\\c\nd", out);
    fclose(out);
    ck_assert_str_eq(text, "a\\\"b\\\\c\\nd");
    free(text);
}
END_TEST

Suite *realip_metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("metrics");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, a_series_is_there_before_its_first_count);
    tcase_add_test(tests, what_the_mode_keeps_from_being_done_is_counted);
    tcase_add_test(tests, a_probe_is_no_session);
    tcase_add_test(tests, a_listener_that_is_taken_away_keeps_its_counts);
    tcase_add_test(tests, bounds_hold_what_equals_them);
    tcase_add_test(tests, bounds_rise);
    tcase_add_test(tests, some_decisions_are_timed);
    tcase_add_test(tests, labels_are_escaped);
    suite_add_tcase(suite, tests);
    return suite;
}
