#include "log_journal.h"

#include <jansson.h>
#include <string.h>

#include "log_clock.h"

/* The most digits of microseconds that fit. */
#define MOST_DIGITS 18

struct field {
    struct realip_log_text name;
    struct realip_log_text value;
};

static size_t counted_length(const unsigned char *at)
{
    uint64_t length = 0;

    for (unsigned i = 8; i-- > 0;)
        length = length << 8 | at[i];
    return length > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)length;
}

/* The field at `at`: NAME=VALUE\n, or NAME\n, eight bytes of length, VALUE\n. Its size; 0 when it is not whole, and its name where that is. An empty line is a
 * field without a name. */
static size_t field_at(const char *text, size_t length, size_t at, struct field *field)
{
    const char *start = text + at;
    const char *newline = memchr(start, '\n', length - at);

    *field = (struct field){ 0 };
    if (newline == NULL)
        return 0;
    size_t line = (size_t)(newline - start);
    const char *sign = memchr(start, '=', line);
    field->name = (struct realip_log_text){ start, sign != NULL ? (size_t)(sign - start) : line };
    field->value = (struct realip_log_text){ sign != NULL ? sign + 1 : newline, sign != NULL ? (size_t)(newline - sign) - 1 : 0 };
    if (sign != NULL || line == 0)
        return line + 1;
    if (length - at < line + 1 + 8)
        return 0;
    size_t counted = counted_length((const unsigned char *)newline + 1);
    if (counted > length || length - at < line + 1 + 8 + counted + 1)
        return 0;
    field->value = (struct realip_log_text){ newline + 9, counted };
    return line + 1 + 8 + counted + 1;
}

static bool is_name(struct realip_log_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.start[i];

        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

size_t realip_log_journal_whole(const char *text, size_t length, bool *damaged_r)
{
    size_t whole = 0;
    size_t at = 0;
    size_t size;
    struct field field;

    *damaged_r = false;
    while (at < length) {
        size = field_at(text, length, at, &field);
        if (!is_name(field.name) || (field.name.length == 0 && size > 1)) { /* "=…" */
            *damaged_r = true;
            return whole;
        }
        if (size == 0)
            break;
        at += size;
        if (size == 1)
            whole = at;
    }
    return whole;
}

/* A byte of the eight that count a value, the lowest first. */
static void pass_length(struct realip_log_journal_skip *skip, unsigned char byte)
{
    skip->value |= (uint64_t)byte << (8 * skip->have);
    if (++skip->have < 8)
        return;
    skip->value = skip->value < UINT64_MAX ? skip->value + 1 : skip->value;
    skip->state = REALIP_LOG_JOURNAL_IN_VALUE;
}

static void pass_byte(struct realip_log_journal_skip *skip, char byte)
{
    switch (skip->state) {
    case REALIP_LOG_JOURNAL_AT_FIELD:
        skip->state = byte == '\n' ? REALIP_LOG_JOURNAL_OVER : byte == '=' ? REALIP_LOG_JOURNAL_IN_LINE : REALIP_LOG_JOURNAL_IN_NAME;
        break;
    case REALIP_LOG_JOURNAL_IN_NAME:
        if (byte == '=')
            skip->state = REALIP_LOG_JOURNAL_IN_LINE;
        if (byte == '\n')
            *skip = (struct realip_log_journal_skip){ .state = REALIP_LOG_JOURNAL_IN_LENGTH };
        break;
    case REALIP_LOG_JOURNAL_IN_LENGTH:
        pass_length(skip, (unsigned char)byte);
        break;
    case REALIP_LOG_JOURNAL_IN_LINE:
    case REALIP_LOG_JOURNAL_IN_VALUE:
    case REALIP_LOG_JOURNAL_OVER:
        break;
    }
}

size_t realip_log_journal_pass(struct realip_log_journal_skip *skip, const char *text, size_t length)
{
    size_t at = 0;

    while (at < length && skip->state != REALIP_LOG_JOURNAL_OVER) {
        size_t left = length - at;

        if (skip->state == REALIP_LOG_JOURNAL_IN_LINE) {
            const char *newline = memchr(text + at, '\n', left);

            at = newline != NULL ? (size_t)(newline - text) + 1 : length;
            skip->state = newline != NULL ? REALIP_LOG_JOURNAL_AT_FIELD : skip->state;
        } else if (skip->state == REALIP_LOG_JOURNAL_IN_VALUE) {
            uint64_t passed = skip->value < left ? skip->value : left;

            at += (size_t)passed;
            skip->value -= passed;
            skip->state = skip->value == 0 ? REALIP_LOG_JOURNAL_AT_FIELD : skip->state;
        } else {
            pass_byte(skip, text[at++]);
        }
    }
    return at;
}

/* Microseconds since 1970 (UTC) to a stamp. */
static void stamp_of(const char *digits, size_t length, int64_t utc_offset, struct realip_log_stamp *stamp)
{
    int64_t value = 0;
    unsigned year;
    unsigned month;
    unsigned day;

    if (length == 0 || length > MOST_DIGITS)
        return;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return;
        value = value * 10 + (digits[i] - '0');
    }
    value = value / 1000000 + utc_offset;
    if (value < 0 || value > 253402300799) /* the year 9999 */
        return;
    realip_log_clock_date(value / 86400, &year, &month, &day);
    *stamp = (struct realip_log_stamp){ (uint16_t)year, (uint8_t)month, (uint8_t)day, (uint32_t)(value % 86400) };
}

size_t realip_log_journal_parse(const char *text, size_t length, int64_t utc_offset, struct realip_log_line *line_r)
{
    struct realip_log_text command = { 0 };
    struct field field;
    size_t at = 0;
    size_t size;

    *line_r = (struct realip_log_line){ 0 };
    while (at < length && (size = field_at(text, length, at, &field)) > 0) {
        at += size;
        if (field.name.length == 0)
            break;
        if (realip_log_text_is(field.name, "__REALTIME_TIMESTAMP"))
            stamp_of(field.value.start, field.value.length, utc_offset, &line_r->stamp);
        else if (realip_log_text_is(field.name, "SYSLOG_IDENTIFIER"))
            line_r->program = field.value;
        else if (realip_log_text_is(field.name, "_COMM"))
            command = field.value;
        else if (realip_log_text_is(field.name, "_HOSTNAME"))
            line_r->host = field.value;
        else if (realip_log_text_is(field.name, "_PID") || (realip_log_text_is(field.name, "SYSLOG_PID") && line_r->pid.length == 0))
            line_r->pid = field.value;
        else if (realip_log_text_is(field.name, "MESSAGE"))
            line_r->message = field.value;
    }
    if (line_r->program.length == 0)
        line_r->program = command;
    if (line_r->message.length == 0)
        line_r->program.length = 0;
    return at > 0 ? at : length;
}

/* [72, 105]: bytes that are no text in JSON. */
static struct realip_log_text bytes_of(const json_t *array, struct realip_arena *arena)
{
    size_t count = json_array_size(array);
    char *bytes = realip_arena_alloc(arena, count + 1);

    for (size_t i = 0; bytes != NULL && i < count; i++) {
        const json_t *byte = json_array_get(array, i);

        if (!json_is_integer(byte) || json_integer_value(byte) < 0 || json_integer_value(byte) > 255)
            return (struct realip_log_text){ 0 };
        bytes[i] = (char)json_integer_value(byte);
    }
    return (struct realip_log_text){ bytes, bytes != NULL ? count : 0 };
}

static struct realip_log_text member(const json_t *object, const char *name, struct realip_arena *arena)
{
    const json_t *value = json_object_get(object, name);

    /* a field that the entry has more than once is an array of its values */
    if (json_is_array(value) && !json_is_integer(json_array_get(value, 0)))
        value = json_array_get(value, 0);
    if (json_is_array(value))
        return bytes_of(value, arena);
    struct realip_log_text text = { NULL, json_string_length(value) };
    if (text.length > 0)
        text.start = realip_arena_copy(arena, json_string_value(value), text.length);
    if (text.start == NULL)
        text.length = 0;
    return text;
}

/* Docker's json-file driver: the line within keeps its newline. */
static int read_docker(const json_t *object, struct realip_arena *arena, struct realip_log_line *line)
{
    struct realip_log_text log = member(object, "log", arena);
    struct realip_log_text time = member(object, "time", arena);

    while (log.length > 0 && log.start[log.length - 1] == '\n')
        log.length--;
    if (log.length == 0 || realip_log_line_parse(log.start, log.length, line) < 0)
        return -1;
    if (line->stamp.month == 0 && time.length > 0)
        realip_log_stamp_parse(time.start, time.length, &line->stamp);
    return 0;
}

static int read_entry(const json_t *object, int64_t utc_offset, struct realip_arena *arena, struct realip_log_line *line)
{
    const char *time = json_string_value(json_object_get(object, "__REALTIME_TIMESTAMP"));

    if (time != NULL)
        stamp_of(time, strlen(time), utc_offset, &line->stamp);
    line->host = member(object, "_HOSTNAME", arena);
    line->program = member(object, "SYSLOG_IDENTIFIER", arena);
    if (line->program.length == 0)
        line->program = member(object, "_COMM", arena);
    line->pid = member(object, "_PID", arena);
    line->message = member(object, "MESSAGE", arena);
    return line->program.length > 0 && line->message.length > 0 ? 0 : -1;
}

int realip_log_journal_json(const char *text, size_t length, int64_t utc_offset, struct realip_arena *arena,
                            struct realip_log_line *line_r)
{
    json_t *object = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
    int result;

    *line_r = (struct realip_log_line){ 0 };
    if (!json_is_object(object)) {
        json_decref(object);
        return -1;
    }
    result = json_is_string(json_object_get(object, "log")) ? read_docker(object, arena, line_r)
                                                            : read_entry(object, utc_offset, arena, line_r);
    json_decref(object);
    return result;
}
