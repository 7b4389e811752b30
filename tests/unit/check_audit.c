/* The pure parts of realipctl audit: lines, stamps, years, entries of the journal, and what each kind of message tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "audit/log_clock.h"
#include "audit/log_event.h"
#include "audit/log_journal.h"

static struct realip_log_patterns *patterns;
static struct realip_log_reader *reader;

static void setup(void)
{
    const char *reason = "";

    ck_assert_msg(realip_log_patterns_make(&patterns, &reason) == 0, "%s", reason);
    reader = realip_log_reader_new(patterns);
    ck_assert_ptr_nonnull(reader);
}

static void teardown(void)
{
    realip_log_reader_free(&reader);
    realip_log_patterns_free(&patterns);
}

static const char *kind_name(enum realip_log_event_kind kind)
{
    static const char *const names[REALIP_LOG_EVENT_COUNT] = {
        [REALIP_LOG_EVENT_NONE] = "none",           [REALIP_LOG_EVENT_CONNECT] = "connect",
        [REALIP_LOG_EVENT_MAIL] = "mail",           [REALIP_LOG_EVENT_REJECT] = "reject",
        [REALIP_LOG_EVENT_KEPT] = "kept",           [REALIP_LOG_EVENT_REFUSED] = "refused",
        [REALIP_LOG_EVENT_CANCELED] = "canceled",   [REALIP_LOG_EVENT_PASSED] = "passed",
        [REALIP_LOG_EVENT_SENDER] = "sender",       [REALIP_LOG_EVENT_DELIVERY] = "delivery",
        [REALIP_LOG_EVENT_REMOVED] = "removed",     [REALIP_LOG_EVENT_LOGIN] = "login",
        [REALIP_LOG_EVENT_LOGIN_FAILED] = "failed-login", [REALIP_LOG_EVENT_LOGIN_NONE] = "connect",
        [REALIP_LOG_EVENT_PROXY_FAILURE] = "proxy-failure", [REALIP_LOG_EVENT_BAN] = "ban",
        [REALIP_LOG_EVENT_VERDICT] = "verdict",
    };

    return names[kind];
}

static void add(char *out, size_t size, const char *key, struct realip_log_text text)
{
    size_t used = strlen(out);

    if (text.length > 0)
        snprintf(out + used, size - used, " %s%.*s", key, (int)text.length, text.start);
}

static void add_word(char *out, size_t size, const char *word)
{
    add(out, size, "", (struct realip_log_text){ word, strlen(word) });
}

/* The event as the table's left side spells it. */
static void spell(const struct realip_log_event *event, char *out, size_t size)
{
    char address[REALIP_ADDRESS_TEXT_SIZE];
    enum realip_log_event_kind kind = event->kind;
    bool has_service = kind != REALIP_LOG_EVENT_NONE && kind != REALIP_LOG_EVENT_BAN && kind != REALIP_LOG_EVENT_VERDICT;

    snprintf(out, size, "%s", kind_name(kind));
    add(out, size, "", has_service ? event->service : (struct realip_log_text){ "-", 1 });
    add_word(out, size, realip_address_format(&event->client, address));
    if (kind == REALIP_LOG_EVENT_PROXY_FAILURE)
        add_word(out, size, realip_proxy_failure_token(event->failure));
    if (kind == REALIP_LOG_EVENT_MAIL || kind == REALIP_LOG_EVENT_LOGIN) {
        add(out, size, "user=", event->user);
        add(out, size, "method=", event->method);
    }
    if (kind == REALIP_LOG_EVENT_BAN)
        add(out, size, "name=", event->name);
    add(out, size, "helo=", event->helo);
    add(out, size, "status=", event->status);
    add(out, size, "to=", event->recipient);
    add(out, size, "first=", event->first_id);
    add(out, size, "next=", event->next_id);
    if (kind == REALIP_LOG_EVENT_KEPT || kind == REALIP_LOG_EVENT_REFUSED || kind == REALIP_LOG_EVENT_CANCELED || kind == REALIP_LOG_EVENT_PASSED) {
        add(out, size, "id=", event->queue_id);
        add(out, size, "pid=", event->pid);
    }
    if (kind == REALIP_LOG_EVENT_VERDICT) {
        add_word(out, size, realip_reason_token(event->reason));
        add_word(out, size, realip_action_token(event->wanted));
        add_word(out, size, realip_action_token(event->action));
    }
}

START_TEST(every_kind_of_line)
{
    FILE *table = fopen(REALIP_KINDS, "r");
    char row[2048];
    char got[2048];
    unsigned rows = 0;

    ck_assert_ptr_nonnull(table);
    while (fgets(row, sizeof(row), table) != NULL) {
        char *sign = strstr(row, " => ");
        struct realip_log_line line;
        struct realip_log_event event;

        if (row[0] == '#' || sign == NULL)
            continue;
        *sign = '\0';
        sign += 4;
        sign[strcspn(sign, "\n")] = '\0';
        ck_assert_msg(realip_log_line_parse(sign, strlen(sign), &line) == 0, "no line: %s", sign);
        realip_log_event_read(reader, &line, &event);
        spell(&event, got, sizeof(got));
        ck_assert_msg(strcmp(got, row) == 0, "got '%s', expected '%s', of: %s", got, row, sign);
        rows++;
    }
    fclose(table);
    ck_assert_uint_ge(rows, 50);
}
END_TEST

struct form {
    const char *line;
    const char *stamp; /* year-month-day second; "-": no line */
    const char *host;
    const char *program;
    const char *message;
};

static const struct form forms[] = {
    { "Nov  2 03:04:05 mx postfix/smtpd[812]: hello: you", "0-11-2 11045", "mx", "postfix/smtpd", "hello: you" },
    { "Nov 22 03:04:05.123456 mx postfix/smtpd[812]: hello", "0-11-22 11045", "mx", "postfix/smtpd", "hello" },
    { "<22>Nov 22 03:04:05 mx postfix/smtpd[812]: hello\r", "0-11-22 11045", "mx", "postfix/smtpd", "hello" },
    { "2026-11-22T03:04:05.123456+01:00 mx postfix/smtpd[812]: hello", "2026-11-22 11045", "mx", "postfix/smtpd", "hello" },
    { "2026-11-22T03:04:05+0100 mx postfix/smtpd[812]: hello", "2026-11-22 11045", "mx", "postfix/smtpd", "hello" },
    { "2026-11-22T03:04:05Z mx dovecot: hello", "2026-11-22 11045", "mx", "dovecot", "hello" },
    { "<22>1 2026-11-22T03:04:05Z mx postfix/smtpd 812 - - hello", "2026-11-22 11045", "mx", "postfix/smtpd", "hello" },
    { "<22>1 2026-11-22T03:04:05Z mx postfix/smtpd 812 - [a@1 b=\"c d\"] hello", "2026-11-22 11045", "mx", "postfix/smtpd", "hello" },
    { "Nov 22 03:04:05 imap-login: Info: hello", "0-11-22 11045", "", "imap-login", "Info: hello" },
    { "2026-11-22 03:04:05,123 fail2ban.actions        [77]: NOTICE  [x] Ban y", "2026-11-22 11045", "", "fail2ban.actions", "NOTICE  [x] Ban y" },
    { "2026-11-22T03:04:05.123456789Z stdout F Nov 22 04:04:05 mail postfix/smtpd[8]: hello", "0-11-22 14645", "mail", "postfix/smtpd", "hello" },
    { "[pod/mail-0/mail] 2026-11-22T03:04:05+00:00 mail postfix/smtpd[8]: hello", "2026-11-22 11045", "mail", "postfix/smtpd", "hello" },
    { "mail-1  | Nov 22 03:04:05 mail postfix/smtpd[8]: hello", "0-11-22 11045", "mail", "postfix/smtpd", "hello" },
    { "postfix/smtpd[812]: hello", "0-0-0 0", "", "postfix/smtpd", "hello" },
    { "2026-11-22T03:04:05Z postfix/smtpd[812]: hello", "2026-11-22 11045", "", "postfix/smtpd", "hello" },
    { "Nov 22 03:04:05 mx postfix/smtpd[812]:", "0-11-22 11045", "mx", "postfix/smtpd", "" },
    { "Nov 22 23:59:60 mx x[1]: leap", "0-11-22 86400", "mx", "x", "leap" },
    { "", "-", "", "", "" },
    { "hello you there", "-", "", "", "" },
    { "Nov 22 03:04:05", "-", "", "", "" },
    { "Nov 22 24:04:05 mx x: y", "-", "", "", "" },
    { "Nov 32 03:04:05 mx x: y", "-", "", "", "" },
    { "Nuv 22 03:04:05 mx x: y", "-", "", "", "" },
    { "2026-13-22T03:04:05Z mx x: y", "-", "", "", "" },
    { "Nov 22 03:04:05 mx last message repeated 3 times", "-", "", "", "" },
};

static void ck_text(struct realip_log_text text, const char *expected, const char *line)
{
    ck_assert_msg(realip_log_text_is(text, expected), "got '%.*s', expected '%s', of: %s", (int)text.length, text.start, expected, line);
}

START_TEST(every_form_of_line)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct realip_log_line line;
        char stamp[64] = "-";

        if (realip_log_line_parse(forms[i].line, strlen(forms[i].line), &line) == 0) {
            snprintf(stamp, sizeof(stamp), "%u-%u-%u %u", line.stamp.year, line.stamp.month, line.stamp.day, line.stamp.second);
            ck_text(line.host, forms[i].host, forms[i].line);
            ck_text(line.program, forms[i].program, forms[i].line);
            ck_text(line.message, forms[i].message, forms[i].line);
        }
        ck_assert_msg(strcmp(stamp, forms[i].stamp) == 0, "got '%s', expected '%s', of: %s", stamp, forms[i].stamp, forms[i].line);
    }
}
END_TEST

/* No read behind the end, whatever is cut off. The copy is as long as the text, so that a sanitizer sees more. */
START_TEST(every_line_cut_short)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        for (size_t length = 0; length <= strlen(forms[i].line); length++) {
            char *copy = malloc(length + 1);
            struct realip_log_line line;
            struct realip_log_event event;

            memcpy(copy, forms[i].line, length);
            char *exact = length > 0 ? realloc(copy, length) : copy;
            if (realip_log_line_parse(exact, length, &line) == 0)
                realip_log_event_read(reader, &line, &event);
            free(exact);
        }
    }
}
END_TEST

static int64_t at(unsigned year, unsigned month, unsigned day)
{
    return realip_log_clock_days(year, month, day) * 86400;
}

static void ck_read(struct realip_log_clock *clock, unsigned year, unsigned month, unsigned day, int64_t expected)
{
    struct realip_log_stamp stamp = { (uint16_t)year, (uint8_t)month, (uint8_t)day, 0 };
    int64_t got = realip_log_clock_read(clock, &stamp);

    ck_assert_msg(got == expected, "%u-%u-%u: day %lld, expected %lld", year, month, day, (long long)got / 86400, (long long)expected / 86400);
}

START_TEST(years_that_stamps_lack)
{
    struct realip_log_clock clock;

    realip_log_clock_start(&clock, at(2026, 1, 3));
    ck_read(&clock, 0, 12, 30, at(2025, 12, 30));
    ck_read(&clock, 0, 12, 31, at(2025, 12, 31));
    ck_read(&clock, 0, 1, 1, at(2026, 1, 1));
    ck_read(&clock, 0, 12, 31, at(2025, 12, 31)); /* a line that came late */
    ck_read(&clock, 0, 1, 2, at(2026, 1, 2));
    realip_log_clock_start(&clock, at(2026, 11, 22));
    ck_read(&clock, 0, 1, 5, at(2026, 1, 5));
    ck_read(&clock, 0, 9, 5, at(2026, 9, 5)); /* silent for eight months */
    realip_log_clock_start(&clock, at(2026, 11, 22));
    ck_read(&clock, 0, 11, 23, at(2026, 11, 23)); /* another zone */
    realip_log_clock_start(&clock, at(2026, 11, 22));
    ck_read(&clock, 0, 11, 25, at(2025, 11, 25));
    ck_read(&clock, 2024, 2, 29, at(2024, 2, 29));
    ck_assert_int_eq(realip_log_clock_read(&clock, &(struct realip_log_stamp){ 0 }), at(2024, 2, 29));
}
END_TEST

START_TEST(days_and_back)
{
    ck_assert_int_eq(realip_log_clock_days(1970, 1, 1), 0);
    ck_assert_int_eq(realip_log_clock_days(2000, 3, 1), 11017);
    for (int64_t day = 0; day < 60000; day++) {
        unsigned year;
        unsigned month;
        unsigned of_month;

        realip_log_clock_date(day, &year, &month, &of_month);
        ck_assert_int_eq(realip_log_clock_days(year, month, of_month), day);
        ck_assert_uint_le(of_month, 31);
    }
}
END_TEST

#define ENTRY(message) "__CURSOR=x\n__REALTIME_TIMESTAMP=1795316645123456\n_HOSTNAME=mx\nSYSLOG_IDENTIFIER=postfix/smtpd\n" message "\n\n"

START_TEST(journal_export)
{
    static const char text[] = ENTRY("MESSAGE=connect from a[192.0.2.1]") ENTRY("MESSAGE\n\x09\0\0\0\0\0\0\0two\n\nrows") ENTRY("_COMM=x");
    static const char broken[] = "__CURSOR=x\nnot a field!=1\n\n";
    size_t length = sizeof(text) - 1;
    struct realip_log_line line;
    bool damaged;

    ck_assert_uint_eq(realip_log_journal_whole(text, length, &damaged), length);
    ck_assert(!damaged);
    size_t at_byte = realip_log_journal_parse(text, length, 3600, &line);
    ck_text(line.program, "postfix/smtpd", text);
    ck_text(line.host, "mx", text);
    ck_text(line.message, "connect from a[192.0.2.1]", text);
    ck_assert_uint_eq(line.stamp.year, 2026);
    ck_assert_uint_eq(line.stamp.month, 11);
    ck_assert_uint_eq(line.stamp.second, 1795316645 % 86400 + 3600);
    at_byte += realip_log_journal_parse(text + at_byte, length - at_byte, 0, &line);
    ck_assert_uint_eq(line.message.length, 9);
    at_byte += realip_log_journal_parse(text + at_byte, length - at_byte, 0, &line);
    ck_assert_uint_eq(line.program.length, 0); /* no message */
    ck_assert_uint_eq(at_byte, length);
    for (size_t cut = 0; cut < length; cut++) { /* never in the middle of an entry */
        size_t whole = realip_log_journal_whole(text, cut, &damaged);

        ck_assert_msg(whole <= cut && !damaged, "cut at %zu", cut);
        ck_assert(whole == 0 || (text[whole - 1] == '\n' && memcmp(text + whole, "__CURSOR", 8) == 0));
    }
    ck_assert_uint_eq(realip_log_journal_whole(broken, sizeof(broken) - 1, &damaged), 0);
    ck_assert(damaged);
}
END_TEST

/* An entry is passed whatever pieces it comes in, and what a value holds is no other entry. */
START_TEST(journal_passed)
{
    static const char text[] = "__CURSOR=x\nMESSAGE\n\x1c\0\0\0\0\0\0\0two\n\n__CURSOR=y\nMESSAGE=no\n\n\n_COMM=x\n\n";
    static const char next[] = "__CURSOR=z";
    char both[sizeof(text) + sizeof(next)];
    size_t length = sizeof(text) - 1;
    bool damaged;

    memcpy(both, text, length);
    memcpy(both + length, next, sizeof(next));
    ck_assert_uint_eq(realip_log_journal_whole(text, length, &damaged), length);
    for (size_t piece = 1; piece < sizeof(both); piece++) {
        struct realip_log_journal_skip skip = { 0 };
        size_t passed = 0;

        for (size_t i = 0; i < sizeof(both) - 1; i += piece)
            passed += realip_log_journal_pass(&skip, both + i, sizeof(both) - 1 - i < piece ? sizeof(both) - 1 - i : piece);
        ck_assert_uint_eq(passed, length);
        ck_assert_int_eq(skip.state, REALIP_LOG_JOURNAL_OVER);
    }
    for (size_t cut = 0; cut < length; cut++) {
        struct realip_log_journal_skip skip = { 0 };

        ck_assert_uint_eq(realip_log_journal_pass(&skip, text, cut), cut);
        ck_assert_int_ne(skip.state, REALIP_LOG_JOURNAL_OVER);
    }
}
END_TEST

START_TEST(json_lines)
{
    static const struct {
        const char *text;
        const char *message; /* NULL: none */
    } rows[] = {
        { "{\"__REALTIME_TIMESTAMP\":\"1795316645123456\",\"_HOSTNAME\":\"mx\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":\"hi\"}", "hi" },
        { "{\"log\":\"mail postfix/smtpd[8]: hi\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T03:04:05.1Z\"}", NULL },
        { "{\"log\":\"postfix/smtpd[8]: hi\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T03:04:05.1Z\"}", "hi" },
        { "{\"__REALTIME_TIMESTAMP\":\"1795316645123456\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":[104,255,105]}", "h\xffi" },
        { "{\"__REALTIME_TIMESTAMP\":\"1795316645123456\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":[\"hi\",\"ho\"]}", "hi" },
        { "{\"__REALTIME_TIMESTAMP\":\"1795316645123456\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":[[104,105],\"ho\"]}", "hi" },
        { "{\"MESSAGE\":[1,256],\"SYSLOG_IDENTIFIER\":\"x\"}", NULL },
        { "{\"MESSAGE\":[1,\"x\"],\"SYSLOG_IDENTIFIER\":\"x\"}", NULL },
        { "{\"MESSAGE\":[],\"SYSLOG_IDENTIFIER\":\"x\"}", NULL },
        { "{\"MESSAGE\":null,\"SYSLOG_IDENTIFIER\":\"x\"}", NULL },
        { "[]", NULL },
        { "{", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct realip_arena arena = { 0 };
        struct realip_log_line line;
        int result = realip_log_journal_json(rows[i].text, strlen(rows[i].text), 0, &arena, &line);

        ck_assert_int_eq(result, rows[i].message != NULL ? 0 : -1);
        if (rows[i].message != NULL) {
            ck_text(line.message, rows[i].message, rows[i].text);
            ck_text(line.program, "postfix/smtpd", rows[i].text);
            ck_assert_uint_eq(line.stamp.month, 11);
        }
        realip_arena_clear(&arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *cases = tcase_create("audit");

    tcase_add_unchecked_fixture(cases, setup, teardown);
    tcase_add_test(cases, every_kind_of_line);
    tcase_add_test(cases, every_form_of_line);
    tcase_add_test(cases, every_line_cut_short);
    tcase_add_test(cases, years_that_stamps_lack);
    tcase_add_test(cases, days_and_back);
    tcase_add_test(cases, journal_export);
    tcase_add_test(cases, journal_passed);
    tcase_add_test(cases, json_lines);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
