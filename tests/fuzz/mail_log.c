/* Fuzzer: a mail log as realipctl audit reads it: lines, entries of the journal (where the input begins as such an export does), or JSON; stamps to seconds, and
 * what each message tells. */
#include <stdlib.h>
#include <string.h>

#include "cli/audit/log_clock.h"
#include "cli/audit/log_event.h"
#include "cli/audit/log_journal.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct realip_log_reader *reader;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_inside(struct realip_log_text part, const char *text, size_t length)
{
    return part.length == 0 || (part.start >= text && part.start + part.length <= text + length);
}

static void check_stamp(const struct realip_log_stamp *stamp, struct realip_log_clock *clock)
{
    int64_t when = realip_log_clock_read(clock, stamp);
    unsigned year;
    unsigned month;
    unsigned day;

    require(stamp->month <= 12 && stamp->day <= 31 && stamp->second <= 86400 && (stamp->month == 0) == (stamp->day == 0));
    realip_log_clock_date(realip_log_clock_day(when), &year, &month, &day);
    require(year <= 10000 && month >= 1 && month <= 12 && day >= 1 && day <= 31);
    require(realip_log_clock_days(year, month, day) == realip_log_clock_day(when));
}

/* What the kind promises is there, and what a client chose is no id. */
static void check_kind(const struct realip_log_event *event)
{
    enum realip_log_event_kind kind = event->kind;

    require(kind >= REALIP_LOG_EVENT_NONE && kind < REALIP_LOG_EVENT_COUNT);
    require((kind == REALIP_LOG_EVENT_PROXY_FAILURE) == (event->failure != REALIP_PROXY_FAILURE_NONE));
    require(kind == REALIP_LOG_EVENT_NONE || event->family != REALIP_LOG_FAMILY_OTHER);
    require(kind != REALIP_LOG_EVENT_DELIVERY || (event->status.length > 0 && event->queue_id.length > 0));
    require(kind != REALIP_LOG_EVENT_CANCELED || event->queue_id.length > 0);
    require(kind == REALIP_LOG_EVENT_NONE || kind == REALIP_LOG_EVENT_BAN || event->service.length > 0);
    require(!event->is_local || kind == REALIP_LOG_EVENT_MAIL);
    for (size_t i = 0; i < event->next_id.length; i++)
        require(strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", event->next_id.start[i]) != NULL && event->next_id.start[i] != '\0');
}

static void check_event(const struct realip_log_line *line, const char *text, size_t length)
{
    struct realip_log_event event;

    realip_log_event_read(reader, line, &event);
    const struct realip_log_text parts[] = { event.host,   event.service, event.pid,  event.queue_id, event.first_id, event.next_id, event.name,  event.user,
                                             event.method, event.helo,    event.sender, event.recipient, event.relay,    event.status,  event.source };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        require(text == NULL || is_inside(parts[i], text, length));
    check_kind(&event);
}

static void check_line(const char *text, size_t length, struct realip_log_clock *clock)
{
    struct realip_log_line line;
    bool is_line = realip_log_line_parse(text, length, &line) == 0;

    require(is_inside(line.program, text, length) && is_inside(line.host, text, length) && is_inside(line.message, text, length)
            && is_inside(line.pid, text, length));
    if (!is_line)
        return;
    check_stamp(&line.stamp, clock);
    check_event(&line, text, length);
}

static void check_json(const char *text, size_t length, struct realip_log_clock *clock)
{
    struct realip_arena arena = { 0 };
    struct realip_log_line line;

    if (realip_log_journal_json(text, length, 3600, &arena, &line) == 0) {
        require(line.program.length > 0);
        check_stamp(&line.stamp, clock);
        check_event(&line, NULL, 0);
    }
    realip_arena_clear(&arena);
}

/* Passed in two pieces, an entry is as long as it is when it is read. */
static void check_pass(const char *text, size_t whole, size_t entry)
{
    for (size_t cut = 0; cut <= whole; cut += 1 + whole / 7) {
        struct realip_log_journal_skip skip = { 0 };
        size_t passed = realip_log_journal_pass(&skip, text, cut);

        require(passed <= cut && (passed == cut || skip.state == REALIP_LOG_JOURNAL_OVER));
        if (skip.state != REALIP_LOG_JOURNAL_OVER)
            passed += realip_log_journal_pass(&skip, text + cut, whole - cut);
        require(skip.state == REALIP_LOG_JOURNAL_OVER && passed == entry);
    }
}

static void check_journal(const char *text, size_t length, struct realip_log_clock *clock)
{
    bool damaged;
    size_t whole = realip_log_journal_whole(text, length, &damaged);

    require(whole <= length);
    for (size_t at = 0; at < whole;) {
        struct realip_log_line line;
        size_t entry = realip_log_journal_parse(text + at, whole - at, -3600, &line);

        require(entry > 0 && entry <= whole - at);
        check_pass(text + at, whole - at, entry);
        if (line.program.length > 0) {
            check_stamp(&line.stamp, clock);
            check_event(&line, text, whole);
        }
        at += entry;
    }
    if (length > whole && !damaged) { /* the last entry may lack its end */
        struct realip_log_line line;

        require(realip_log_journal_parse(text + whole, length - whole, 0, &line) <= length - whole);
    }
}

static void start(void)
{
    static struct realip_log_patterns *patterns;
    const char *reason;

    if (reader != NULL)
        return;
    require(realip_log_patterns_make(&patterns, &reason) == 0);
    reader = realip_log_reader_new(patterns);
    require(reader != NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct realip_log_clock clock;
    char *text = malloc(size > 0 ? size : 1); /* exactly so long */

    start();
    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    realip_log_clock_start(&clock, 1795316645);
    if (size > 9 && memcmp(text, "__CURSOR=", 9) == 0)
        check_journal(text, size, &clock);
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline != NULL ? (size_t)(newline - text) - at : size - at;

        if (text[0] == '{')
            check_json(text + at, length, &clock);
        else
            check_line(text + at, length, &clock);
        at += length + 1;
    }
    free(text);
    return 0;
}
