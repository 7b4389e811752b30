/* Counts of each minute: to which minute they belong, what is forgotten, and that nothing is counted twice or lost. */
#include <stdio.h>

#include "core/rules.h"
#include "runtime/history.h"
#include "suites.h"

#define START 6000000LL /* a whole minute */
#define MINUTE (START / 60)

static struct realip_metrics *metrics;
static struct realip_history *history;

static void begin(void)
{
    metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    history = realip_history_new(metrics, START);
    ck_assert(history != NULL);
}

static void end(void)
{
    realip_history_free(&history);
    realip_metrics_free(&metrics);
    ck_assert(history == NULL);
}

static void add(const char *title, enum realip_reason reason, enum realip_action action, unsigned times)
{
    struct realip_listener listener = { .title = title };
    struct realip_verdict verdict = { .reason = reason, .action = action, .wanted = action, .mode = REALIP_MODE_ENFORCE, .listener = &listener };
    struct realip_metrics_listener *counters = realip_metrics_listener(metrics, title);

    for (unsigned i = 0; i < times; i++)
        realip_metrics_count(counters, &verdict);
}

/* What a visit told, as text: "MINUTE LISTENER REASON ACTION COUNT; …", minutes from the start. */
struct told {
    char text[400];
    size_t length;
    unsigned long long sum;
    size_t visits;
    long long last;
};

static void tell(void *context, const struct realip_history_count *count)
{
    struct told *told = context;

    ck_assert(count->count > 0 && count->minute >= told->last);
    told->last = count->minute;
    told->sum += count->count;
    told->visits++;
    if (told->length < sizeof(told->text))
        told->length += (size_t)snprintf(told->text + told->length, sizeof(told->text) - told->length, "%lld %s %s %s %llu; ", count->minute - MINUTE,
                                         realip_history_listener(history, count->listener)->title, realip_reason_token(count->reason),
                                         realip_action_token(count->action), count->count);
}

static struct told ask(long long now, long long since)
{
    struct told told = { .length = 0 };

    realip_history_advance(history, now);
    realip_history_visit(history, since, tell, &told);
    return told;
}

START_TEST(counts_belong_to_their_minute)
{
    ck_assert_str_eq(ask(START, 0).text, "");
    add("smtp", REALIP_REASON_REAL, REALIP_ACTION_PASS, 2);
    ck_assert_str_eq(ask(START + 59, 0).text, "0 smtp real pass 2; ");
    add("smtp", REALIP_REASON_REAL, REALIP_ACTION_PASS, 1);
    ck_assert_str_eq(ask(START + 60, 0).text, "0 smtp real pass 3; ");
    add("smtp", REALIP_REASON_INFRASTRUCTURE, REALIP_ACTION_DEFER, 1);
    add("imap", REALIP_REASON_REAL, REALIP_ACTION_PASS, 5);
    ck_assert_str_eq(ask(START + 61, 0).text, "0 smtp real pass 3; 1 smtp infrastructure defer 1; 1 imap real pass 5; ");
    /* two minutes without a look, and a clock that stands still */
    ck_assert_str_eq(ask(START + 240, MINUTE + 1).text, "1 smtp infrastructure defer 1; 1 imap real pass 5; ");
    ck_assert_str_eq(ask(START + 60, MINUTE + 2).text, "");
    add("imap", REALIP_REASON_REAL, REALIP_ACTION_PASS, 1);
    ck_assert_str_eq(ask(START + 240, MINUTE + 2).text, "4 imap real pass 1; ");
    ck_assert_int_eq(realip_history_first(history), MINUTE);
    ck_assert_uint_eq(realip_history_listener_count(history), 2);
}
END_TEST

START_TEST(a_day_is_kept)
{
    for (long long minute = 0; minute < REALIP_HISTORY_MINUTES + 10; minute++) {
        realip_history_advance(history, START + minute * 60);
        add("smtp", REALIP_REASON_REAL, REALIP_ACTION_PASS, 1);
    }
    struct told told = ask(START + (REALIP_HISTORY_MINUTES + 9) * 60, 0);
    ck_assert_uint_eq(told.sum, REALIP_HISTORY_MINUTES);
    ck_assert_int_eq(realip_history_first(history), MINUTE + 10);
    /* nobody looks for a week */
    add("smtp", REALIP_REASON_REAL, REALIP_ACTION_PASS, 1);
    ck_assert_uint_eq(ask(START + 7 * 86400, 0).sum, 0);
}
END_TEST

/* As many kinds a minute as there can be, until more is forgotten than a day. */
START_TEST(memory_is_bounded)
{
    unsigned long long counted = 0;
    char title[16];

    for (long long minute = 0; minute < 900; minute++) {
        realip_history_advance(history, START + minute * 60);
        for (unsigned i = 0; i < 50; i++) {
            snprintf(title, sizeof(title), "listener-%u", i);
            add(title, REALIP_REASON_PEER_UNKNOWN, REALIP_ACTION_DEFER, 3);
            counted += 3;
        }
    }
    struct told told = ask(START + 900 * 60, 0);
    /* each minute that is told is told whole */
    ck_assert_uint_eq(told.visits % 50, 0);
    ck_assert_uint_eq(told.visits, REALIP_HISTORY_PLACES / 50 * 50);
    ck_assert_uint_eq(told.sum, told.visits * 3);
    ck_assert_int_eq(realip_history_first(history), MINUTE + 900 - REALIP_HISTORY_PLACES / 50);
    ck_assert_uint_gt(counted, told.sum);
}
END_TEST

START_TEST(more_listeners_than_are_followed)
{
    char title[16];

    for (unsigned i = 0; i < REALIP_HISTORY_LISTENERS + 20; i++) {
        snprintf(title, sizeof(title), "listener-%u", i);
        add(title, REALIP_REASON_REAL, REALIP_ACTION_PASS, 1);
    }
    ck_assert_uint_eq(ask(START + 60, 0).visits, REALIP_HISTORY_LISTENERS);
    ck_assert_uint_eq(realip_history_listener_count(history), REALIP_HISTORY_LISTENERS);
}
END_TEST

Suite *realip_history_suite(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = tcase_create("minutes");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, counts_belong_to_their_minute);
    tcase_add_test(tcase, a_day_is_kept);
    tcase_add_test(tcase, memory_is_bounded);
    tcase_add_test(tcase, more_listeners_than_are_followed);
    suite_add_tcase(suite, tcase);
    return suite;
}
