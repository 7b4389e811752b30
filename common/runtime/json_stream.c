#include "json_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void advance(struct realip_json_stream *stream)
{
    if (stream->next == '\n')
        stream->line++;
    if (stream->next != EOF)
        stream->next = getc_unlocked(stream->file);
}

void realip_json_stream_init(struct realip_json_stream *stream, FILE *file)
{
    *stream = (struct realip_json_stream){ .file = file, .line = 1, .first = true };
    stream->next = getc_unlocked(file);
}

void realip_json_stream_clear(struct realip_json_stream *stream)
{
    free(stream->text);
    stream->text = NULL;
    stream->length = stream->room = 0;
}

static bool is_space(int byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static void skip_space(struct realip_json_stream *stream)
{
    while (is_space(stream->next))
        advance(stream);
}

static int fail(struct realip_json_stream *stream, const char *problem)
{
    if (stream->next == EOF && ferror(stream->file) != 0)
        snprintf(stream->problem, sizeof(stream->problem), "reading failed: %s", strerror(errno));
    else if (stream->next == EOF && stream->line == 1 && ftell(stream->file) == 0)
        snprintf(stream->problem, sizeof(stream->problem), "the file is empty");
    else if (stream->next == EOF)
        snprintf(stream->problem, sizeof(stream->problem), "the file ends in the middle");
    else
        snprintf(stream->problem, sizeof(stream->problem), "%s", problem);
    return -1;
}

/* What has nothing to do with the file's end. */
static int fail_at_once(struct realip_json_stream *stream, const char *problem)
{
    snprintf(stream->problem, sizeof(stream->problem), "%s", problem);
    return -1;
}

static int begin(struct realip_json_stream *stream, int bracket, const char *otherwise)
{
    skip_space(stream);
    if (stream->next != bracket)
        return fail(stream, otherwise);
    advance(stream);
    stream->first = true;
    return 0;
}

int realip_json_stream_begin_object(struct realip_json_stream *stream)
{
    return begin(stream, '{', "no JSON object begins here");
}

int realip_json_stream_begin_array(struct realip_json_stream *stream)
{
    return begin(stream, '[', "no JSON array begins here");
}

/* 1 when something comes next, 0 behind the last, -1. */
static int go_on(struct realip_json_stream *stream, int bracket)
{
    skip_space(stream);
    if (stream->next == bracket) {
        advance(stream);
        stream->first = false; /* of what is around it */
        return 0;
    }
    if (!stream->first) {
        if (stream->next != ',')
            return fail(stream, "a comma is missing");
        advance(stream);
        skip_space(stream);
    }
    stream->first = false;
    return stream->next == EOF ? fail(stream, "") : 1;
}

/* One byte more of the value. 0; or -1 and `problem`. */
static int keep(struct realip_json_stream *stream)
{
    if (stream->next == EOF)
        return fail(stream, "");
    if (stream->length == REALIP_JSON_STREAM_MOST_VALUE)
        return fail_at_once(stream, "a value of more than 2 MiB");
    if (stream->length == stream->room) {
        size_t room = stream->room == 0 ? 4096 : stream->room * 2;
        char *text = realloc(stream->text, room);

        if (text == NULL)
            return fail_at_once(stream, "out of memory");
        stream->text = text;
        stream->room = room;
    }
    stream->text[stream->length++] = (char)stream->next;
    advance(stream);
    return 0;
}

static int keep_string(struct realip_json_stream *stream)
{
    if (keep(stream) < 0)
        return -1;
    while (stream->next != '"') {
        if ((stream->next == '\\' && keep(stream) < 0) || keep(stream) < 0)
            return -1;
    }
    return keep(stream);
}

/* Takes the bytes up to the value's end, which brackets and quotes tell; whether they are JSON is Jansson's to say. */
static int keep_value(struct realip_json_stream *stream)
{
    size_t depth = 0;

    stream->length = 0;
    stream->value_line = stream->line;
    do {
        int byte = stream->next;

        if (depth == 0 && stream->length > 0 && (is_space(byte) || byte == ',' || byte == ']' || byte == '}'))
            return 0;
        if (byte == '{' || byte == '[')
            depth++;
        else if ((byte == '}' || byte == ']') && depth > 0)
            depth--;
        if ((byte == '"' ? keep_string(stream) : keep(stream)) < 0)
            return -1;
        if (depth == 0 && (byte == '"' || byte == '}' || byte == ']'))
            return 0;
    } while (true);
}

int realip_json_stream_value(struct realip_json_stream *stream, json_t **value_r)
{
    json_error_t error;

    *value_r = NULL;
    skip_space(stream);
    if (keep_value(stream) < 0)
        return -1;
    *value_r = json_loadb(stream->text, stream->length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*value_r != NULL)
        return 0;
    stream->line = stream->value_line + (error.line > 1 ? (unsigned)error.line - 1 : 0);
    snprintf(stream->problem, sizeof(stream->problem), "it is no JSON: %s", error.text);
    return -1;
}

int realip_json_stream_member(struct realip_json_stream *stream, char *name, size_t size)
{
    json_t *value;
    int result = go_on(stream, '}');

    if (result <= 0)
        return result;
    if (stream->next != '"')
        return fail(stream, "a member's name is missing");
    if (realip_json_stream_value(stream, &value) < 0)
        return -1;
    snprintf(name, size, "%s", json_string_value(value));
    json_decref(value);
    skip_space(stream);
    if (stream->next != ':')
        return fail(stream, "a colon is missing");
    advance(stream);
    return 1;
}

int realip_json_stream_item(struct realip_json_stream *stream)
{
    return go_on(stream, ']');
}

int realip_json_stream_end(struct realip_json_stream *stream)
{
    skip_space(stream);
    if (stream->next == EOF && ferror(stream->file) == 0)
        return 0;
    return fail(stream, "something follows behind the end");
}
