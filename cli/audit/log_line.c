#include "log_line.h"

#include <string.h>

/* The part of a line that was not read yet. */
struct rest {
    const char *at;
    const char *end;
};

bool realip_log_text_is(struct realip_log_text text, const char *word)
{
    return text.length == strlen(word) && (text.length == 0 || memcmp(text.start, word, text.length) == 0);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t left(const struct rest *rest)
{
    return (size_t)(rest->end - rest->at);
}

static bool begins(const struct rest *rest, const char *word)
{
    size_t length = strlen(word);

    return left(rest) >= length && memcmp(rest->at, word, length) == 0;
}

/* The mark of UTF-8, which some editors put before a text and RFC 5424 (section 6.4) before a message. */
static void skip_mark(struct rest *rest)
{
    if (begins(rest, "\xef\xbb\xbf"))
        rest->at += 3;
}

static void skip_spaces(struct rest *rest)
{
    while (rest->at < rest->end && *rest->at == ' ')
        rest->at++;
}

/* Up to the next space, which is not part of it. */
static struct realip_log_text next_word(struct rest *rest)
{
    const char *space = memchr(rest->at, ' ', left(rest));
    struct realip_log_text word = { rest->at, space != NULL ? (size_t)(space - rest->at) : left(rest) };

    rest->at += word.length;
    return word;
}

/* Two digits, or one behind a space; 100 where there are none. */
static unsigned two_digits(const char *at)
{
    if (!is_digit(at[1]) || (!is_digit(at[0]) && at[0] != ' '))
        return 100;
    return (at[0] == ' ' ? 0 : (unsigned)(at[0] - '0') * 10) + (unsigned)(at[1] - '0');
}

static uint8_t month_of(const char *at)
{
#define MONTH(a, b, c) ((a) << 16 | (b) << 8 | (c))
    static const int months[] = { MONTH('J', 'a', 'n'), MONTH('F', 'e', 'b'), MONTH('M', 'a', 'r'), MONTH('A', 'p', 'r'),
                                  MONTH('M', 'a', 'y'), MONTH('J', 'u', 'n'), MONTH('J', 'u', 'l'), MONTH('A', 'u', 'g'),
                                  MONTH('S', 'e', 'p'), MONTH('O', 'c', 't'), MONTH('N', 'o', 'v'), MONTH('D', 'e', 'c') };
    int month = MONTH((unsigned char)at[0], (unsigned char)at[1], (unsigned char)at[2]);

    for (unsigned i = 0; i < 12; i++) {
        if (months[i] == month)
            return (uint8_t)(i + 1);
    }
    return 0;
#undef MONTH
}

/* "03:04:05" at 8 bytes. */
static bool read_clock(const char *at, struct realip_log_stamp *stamp)
{
    unsigned hour = two_digits(at);
    unsigned minute = two_digits(at + 3);
    unsigned second = two_digits(at + 6);

    if (at[2] != ':' || at[5] != ':' || hour > 23 || minute > 59 || second > 60)
        return false;
    stamp->second = (uint32_t)(hour * 3600 + minute * 60 + second);
    return true;
}

/* Behind the seconds: a fraction, and a zone. The zone is not used: days are those that the log shows. */
static size_t end_of_stamp(const char *text, size_t at, size_t length)
{
    if (at + 1 < length && (text[at] == '.' || text[at] == ',') && is_digit(text[at + 1])) {
        for (at++; at < length && is_digit(text[at]); at++)
            ;
    }
    if (at < length && text[at] == 'Z')
        return at + 1;
    if (at + 4 < length && (text[at] == '+' || text[at] == '-') && is_digit(text[at + 1])) {
        for (at++; at < length && (is_digit(text[at]) || text[at] == ':'); at++)
            ;
    }
    return at;
}

/* "Nov 22 03:04:05" */
static bool read_syslog(const char *text, size_t length, struct realip_log_stamp *stamp)
{
    if (length < 15 || text[3] != ' ' || text[6] != ' ')
        return false;
    unsigned day = two_digits(text + 4);
    stamp->month = month_of(text);
    stamp->day = (uint8_t)day;
    return stamp->month != 0 && day >= 1 && day <= 31 && read_clock(text + 7, stamp);
}

/* "2026-11-22T03:04:05", or with a space */
static bool read_iso(const char *text, size_t length, struct realip_log_stamp *stamp)
{
    if (length < 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' '))
        return false;
    unsigned century = two_digits(text);
    unsigned year = two_digits(text + 2);
    unsigned month = two_digits(text + 5);
    unsigned day = two_digits(text + 8);
    if (text[0] == ' ' || century < 19 || century > 99 || year > 99 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    stamp->year = (uint16_t)(century * 100 + year);
    stamp->month = (uint8_t)month;
    stamp->day = (uint8_t)day;
    return read_clock(text + 11, stamp);
}

size_t realip_log_stamp_parse(const char *text, size_t length, struct realip_log_stamp *stamp_r)
{
    *stamp_r = (struct realip_log_stamp){ 0 };
    if (length > 0 && is_digit(text[0])) {
        if (read_iso(text, length, stamp_r))
            return end_of_stamp(text, 19, length);
    } else if (read_syslog(text, length, stamp_r)) {
        return end_of_stamp(text, 15, length);
    }
    *stamp_r = (struct realip_log_stamp){ 0 };
    return 0;
}

/* "<22>"; and "1 " behind it is RFC 5424's version. */
static bool skip_priority(struct rest *rest)
{
    const char *at = rest->at;

    if (at == rest->end || *at != '<')
        return false;
    for (at++; at < rest->end && is_digit(*at) && at - rest->at < 5; at++)
        ;
    if (at == rest->end || *at != '>')
        return false;
    rest->at = at + 1;
    if (!begins(rest, "1 "))
        return false;
    rest->at += 2;
    return true;
}

/* "mail-1  | ": what docker compose puts before each line. */
static bool skip_compose(struct rest *rest)
{
    const char *at = rest->at;
    size_t most = left(rest) < 80 ? left(rest) : 80;
    const char *bar = memchr(at, '|', most);

    if (bar == NULL || bar == at || bar[-1] != ' ' || bar + 1 >= rest->end || bar[1] != ' ')
        return false;
    for (; *at != ' '; at++) {
        if (!is_digit(*at) && !((*at | 32) >= 'a' && (*at | 32) <= 'z') && *at != '-' && *at != '_' && *at != '.')
            return false;
    }
    for (; at < bar; at++) {
        if (*at != ' ')
            return false;
    }
    rest->at = bar + 2;
    return true;
}

/* What containers' tools put before a line. */
static bool skip_container(struct rest *rest)
{
    if (begins(rest, "[pod/")) {
        const char *end = memchr(rest->at, ']', left(rest));

        if (end == NULL)
            return false;
        rest->at = end + 1;
        skip_spaces(rest);
        return true;
    }
    if (begins(rest, "stdout ") || begins(rest, "stderr ")) {
        struct rest inside = { rest->at + 7, rest->end };

        if (!begins(&inside, "F ") && !begins(&inside, "P "))
            return false;
        rest->at = inside.at + 2;
        return true;
    }
    return skip_compose(rest);
}

/* Reads stamps and what containers put around them; the innermost stamp counts. */
static void read_stamps(struct rest *rest, struct realip_log_line *line)
{
    for (unsigned i = 0; i < 4; i++) {
        struct realip_log_stamp stamp;
        size_t length = realip_log_stamp_parse(rest->at, left(rest), &stamp);

        if (length > 0) {
            line->stamp = stamp;
            rest->at += length;
            skip_spaces(rest);
        } else if (!skip_container(rest)) {
            return;
        }
    }
}

/* "postfix/smtpd[812]" → "postfix/smtpd" and "812" */
static void split_pid(struct realip_log_text word, struct realip_log_line *line)
{
    line->program = word;
    if (word.length > 0 && word.start[word.length - 1] == ']') {
        const char *open = memrchr(word.start, '[', word.length);

        if (open == NULL || open == word.start)
            return;
        line->program.length = (size_t)(open - word.start);
        line->pid = (struct realip_log_text){ open + 1, word.length - line->program.length - 2 };
    }
}

/* A word that a program's name and a colon may be. */
static bool take_program(struct realip_log_text word, struct realip_log_line *line)
{
    if (word.length < 2 || word.start[word.length - 1] != ':')
        return false;
    word.length--;
    split_pid(word, line);
    return true;
}

/* "[812]:" behind a padded name, as fail2ban writes it */
static bool skip_pid(struct rest *rest)
{
    struct rest inside = *rest;

    skip_spaces(&inside);
    if (inside.at == inside.end || *inside.at != '[')
        return false;
    struct realip_log_text word = next_word(&inside);
    if (word.length < 4 || word.start[word.length - 1] != ':' || word.start[word.length - 2] != ']')
        return false;
    *rest = inside;
    return true;
}

static int read_program(struct rest *rest, struct realip_log_line *line)
{
    struct realip_log_text word = next_word(rest);

    if (take_program(word, line))
        return 0;
    if (skip_pid(rest)) {
        line->program = word;
        return 0;
    }
    if (word.length == 0 || line->stamp.month == 0)
        return -1;
    line->host = word;
    skip_spaces(rest);
    word = next_word(rest);
    if (take_program(word, line))
        return 0;
    line->program = word;
    return word.length > 0 && skip_pid(rest) ? 0 : -1;
}

/* Behind elements in brackets. In quotes a bracket is none, and a backslash takes the next byte along (RFC 5424 section 6.3). */
static const char *end_of_elements(const struct rest *rest)
{
    bool is_quoted = false;

    for (const char *at = rest->at; at < rest->end; at++) {
        if (is_quoted && *at == '\\' && at + 1 < rest->end)
            at++;
        else if (*at == '"')
            is_quoted = !is_quoted;
        else if (*at == ']' && !is_quoted && (at + 1 == rest->end || at[1] == ' '))
            return at + 1;
    }
    return rest->end;
}

/* HOST APP PROCID MSGID STRUCTURED-DATA MESSAGE (RFC 5424 section 6) */
static int read_rfc5424(struct rest *rest, struct realip_log_line *line)
{
    line->host = next_word(rest);
    skip_spaces(rest);
    line->program = next_word(rest);
    skip_spaces(rest);
    line->pid = next_word(rest);
    skip_spaces(rest);
    next_word(rest);
    skip_spaces(rest);
    if (begins(rest, "["))
        rest->at = end_of_elements(rest);
    else
        next_word(rest);
    return line->program.length > 0 ? 0 : -1;
}

int realip_log_line_parse(const char *text, size_t length, struct realip_log_line *line_r)
{
    struct rest rest = { text, text + length };

    *line_r = (struct realip_log_line){ 0 };
    if (length > 0 && text[length - 1] == '\r')
        rest.end--;
    skip_mark(&rest);
    bool is_rfc5424 = skip_priority(&rest);
    read_stamps(&rest, line_r);
    if ((is_rfc5424 ? read_rfc5424(&rest, line_r) : read_program(&rest, line_r)) < 0)
        return -1;
    skip_spaces(&rest);
    skip_mark(&rest);
    line_r->message = (struct realip_log_text){ rest.at, left(&rest) };
    return 0;
}
