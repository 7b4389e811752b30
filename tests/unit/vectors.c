#include "vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES 70000

struct reader {
    const char *file;
    unsigned number;
    struct realip_vectors *vectors;
    unsigned char *bytes; /* of the vector that is being read */
    size_t length;
};

static void put(struct reader *reader, unsigned byte)
{
    ck_assert_msg(reader->length < MOST_BYTES, "%s:%u: too many bytes", reader->file, reader->number);
    reader->bytes[reader->length++] = (unsigned char)byte;
}

static unsigned hex_byte(const struct reader *reader, const char *at)
{
    char text[3] = { at[0], at[0] == '\0' ? '\0' : at[1], '\0' };
    char *end;
    unsigned long value = strtoul(text, &end, 16);

    ck_assert_msg(end == text + 2, "%s:%u: '%s' is no byte", reader->file, reader->number, text);
    return (unsigned)value;
}

/* Behind the opening quote; returns the place behind the closing one. */
static const char *read_text(struct reader *reader, const char *at)
{
    static const char letters[] = "rnt0\"\\";
    static const char meant[] = "\r\n\t\0\"\\";

    for (; *at != '"'; at++) {
        ck_assert_msg(*at != '\0', "%s:%u: no closing quote", reader->file, reader->number);
        if (*at != '\\') {
            put(reader, (unsigned char)*at);
        } else if (*++at == 'x') {
            put(reader, hex_byte(reader, at + 1));
            at += 2;
        } else {
            const char *letter = *at == '\0' ? NULL : strchr(letters, *at);

            ck_assert_msg(letter != NULL, "%s:%u: a backslash before what?", reader->file, reader->number);
            put(reader, (unsigned char)meant[letter - letters]);
        }
    }
    return at + 1;
}

static void read_bytes(struct reader *reader, const char *at)
{
    while (*at != '\0' && *at != '#' && *at != '\n') {
        if (*at == ' ') {
            at++;
        } else if (*at == '"') {
            at = read_text(reader, at + 1);
        } else if (*at == '*') {
            char *end;
            unsigned long count = strtoul(at + 1, &end, 10);

            ck_assert_msg(reader->length > 0 && end > at + 1, "%s:%u: what, how often?", reader->file, reader->number);
            unsigned char byte = reader->bytes[--reader->length];
            for (unsigned long i = 0; i < count; i++)
                put(reader, byte);
            at = end;
        } else {
            put(reader, hex_byte(reader, at));
            at += 2;
        }
    }
}

static struct realip_vector *last(struct reader *reader)
{
    ck_assert_msg(reader->vectors->count > 0, "%s:%u: no vector yet", reader->file, reader->number);
    return &reader->vectors->rows[reader->vectors->count - 1];
}

static void keep_bytes(struct reader *reader)
{
    if (reader->vectors->count == 0 || last(reader)->bytes != NULL || reader->length == 0)
        return;
    struct realip_vector *vector = last(reader);
    vector->bytes = malloc(reader->length);
    ck_assert_ptr_nonnull(vector->bytes);
    memcpy(vector->bytes, reader->bytes, reader->length);
    vector->length = reader->length;
}

static void begin_vector(struct reader *reader, const char *name)
{
    struct realip_vectors *vectors = reader->vectors;

    ck_assert_msg(strlen(name) < sizeof(vectors->rows->name), "%s:%u: a long name", reader->file, reader->number);
    keep_bytes(reader);
    vectors->rows = realloc(vectors->rows, (vectors->count + 1) * sizeof(vectors->rows[0]));
    ck_assert_ptr_nonnull(vectors->rows);
    struct realip_vector *vector = &vectors->rows[vectors->count++];
    *vector = (struct realip_vector){ .file = reader->file };
    memcpy(vector->name, name, strlen(name) + 1);
    reader->length = 0;
}

static void read_line(struct reader *reader, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return;
    if (line[0] == ' ') {
        ck_assert_msg(last(reader)->line_count == 0, "%s:%u: bytes behind what is expected", reader->file, reader->number);
        read_bytes(reader, line);
    } else if (strncmp(line, "vector ", 7) == 0) {
        begin_vector(reader, line + 7);
    } else {
        struct realip_vector *vector = last(reader);

        ck_assert_msg(vector->line_count < REALIP_VECTOR_LINES, "%s:%u: too many lines", reader->file, reader->number);
        vector->lines[vector->line_count] = malloc(strlen(line) + 1);
        ck_assert_ptr_nonnull(vector->lines[vector->line_count]);
        strcpy(vector->lines[vector->line_count++], line);
        keep_bytes(reader);
    }
}

void realip_vectors_read(const char *folder, const char *file, struct realip_vectors *vectors)
{
    struct reader reader = { .file = file, .vectors = vectors, .bytes = malloc(MOST_BYTES) };
    char path[4096];
    char line[2048];

    *vectors = (struct realip_vectors){ 0 };
    snprintf(path, sizeof(path), "%s/%s/%s", REALIP_VECTORS, folder, file);
    FILE *stream = fopen(path, "r");
    ck_assert_msg(stream != NULL && reader.bytes != NULL, "%s is not there", path);
    for (reader.number = 1; fgets(line, sizeof(line), stream) != NULL; reader.number++)
        read_line(&reader, line);
    fclose(stream);
    keep_bytes(&reader);
    free(reader.bytes);
}

void realip_vectors_free(struct realip_vectors *vectors)
{
    for (size_t i = 0; i < vectors->count; i++) {
        free(vectors->rows[i].bytes);
        for (size_t line = 0; line < vectors->rows[i].line_count; line++)
            free(vectors->rows[i].lines[line]);
    }
    free(vectors->rows);
    *vectors = (struct realip_vectors){ 0 };
}

const char *realip_vector_line(const struct realip_vector *vector, const char *word)
{
    size_t length = strlen(word);

    for (size_t i = 0; i < vector->line_count; i++) {
        if (strncmp(vector->lines[i], word, length) == 0 && vector->lines[i][length] == ' ')
            return vector->lines[i] + length + 1;
    }
    return NULL;
}
