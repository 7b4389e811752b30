#include "export_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)256 << 20)
#define WHITE " \t\r\n\f\v"

static int read_stream(FILE *stream, struct realip_export_text *text)
{
    size_t room = 0;

    for (;;) {
        if (text->length + 1 >= room) {
            room = room == 0 ? 65536 : 2 * room;
            char *bytes = room > 2 * MOST_BYTES ? NULL : realloc(text->bytes, room);

            if (bytes == NULL) {
                errno = room > 2 * MOST_BYTES ? EFBIG : ENOMEM;
                return -1;
            }
            text->bytes = bytes;
        }
        size_t got = fread(text->bytes + text->length, 1, room - text->length - 1, stream);
        text->length += got;
        if (got == 0)
            break;
    }
    text->bytes[text->length] = '\0';
    if (ferror(stream) != 0)
        return -1;
    errno = EILSEQ;
    return memchr(text->bytes, '\0', text->length) == NULL ? 0 : -1;
}

int realip_export_text_read(const char *path, struct realip_export_text *text_r)
{
    bool standard = strcmp(path, "-") == 0;

    *text_r = (struct realip_export_text){ .path = standard ? "standard input" : path };
    FILE *stream = standard ? stdin : fopen(path, "re");
    if (stream == NULL)
        return -1;
    int result = read_stream(stream, text_r);
    int error = errno;
    if (!standard)
        fclose(stream);
    if (result < 0)
        realip_export_text_clear(text_r);
    errno = error;
    return result;
}

void realip_export_text_clear(struct realip_export_text *text)
{
    free(text->bytes);
    text->bytes = NULL;
    text->length = 0;
}

struct realip_export_piece realip_export_piece_trim(struct realip_export_piece piece)
{
    while (piece.length > 0 && strchr(WHITE, piece.at[0]) != NULL) {
        piece.at++;
        piece.length--;
    }
    while (piece.length > 0 && strchr(WHITE, piece.at[piece.length - 1]) != NULL)
        piece.length--;
    return piece;
}

bool realip_export_text_line(const struct realip_export_text *text, struct realip_export_piece *line)
{
    const char *start = text->bytes;

    if (line->at != NULL) {
        start = memchr(line->at, '\n', (size_t)(text->bytes + text->length - line->at));
        if (start == NULL)
            return false;
        start++;
    }
    size_t left = (size_t)(text->bytes + text->length - start);
    if (left == 0)
        return false;
    const char *end = memchr(start, '\n', left);
    *line = (struct realip_export_piece){ start, end == NULL ? left : (size_t)(end - start), line->line + 1 };
    /* The newline is looked for from here on; an empty piece must not stand behind it. */
    *line = realip_export_piece_trim(*line);
    return true;
}

bool realip_export_piece_word(const struct realip_export_piece *line, const char *separators, struct realip_export_piece *word)
{
    const char *end = line->at + line->length;
    const char *at = word->at == NULL ? line->at : word->at + word->length;

    while (at < end && strchr(separators, *at) != NULL)
        at++;
    size_t length = 0;
    while (at + length < end && strchr(separators, at[length]) == NULL)
        length++;
    *word = (struct realip_export_piece){ at, length, line->line };
    return length > 0;
}

bool realip_export_piece_is(const struct realip_export_piece *piece, const char *word)
{
    return piece->length == strlen(word) && memcmp(piece->at, word, piece->length) == 0;
}

bool realip_export_piece_begins(const struct realip_export_piece *piece, const char *word)
{
    return piece->length >= strlen(word) && memcmp(piece->at, word, strlen(word)) == 0;
}

bool realip_export_piece_value(const struct realip_export_piece *line, const char *key, struct realip_export_piece *value_r)
{
    const char *equals = memchr(line->at, '=', line->length);

    if (equals == NULL)
        return false;
    struct realip_export_piece left = { line->at, (size_t)(equals - line->at), line->line };
    struct realip_export_piece right = { equals + 1, line->length - left.length - 1, line->line };
    left = realip_export_piece_trim(left);
    *value_r = realip_export_piece_trim(right);
    return realip_export_piece_is(&left, key);
}

int realip_export_piece_network(const struct realip_export_piece *word, bool brackets, struct realip_network *network_r)
{
    const char *reason = "";
    char text[REALIP_NETWORK_TEXT_SIZE + 2];
    size_t length = 0;

    if (word->length >= sizeof(text))
        return -1;
    for (size_t i = 0; i < word->length; i++) {
        if (!brackets || (word->at[i] != '[' && word->at[i] != ']'))
            text[length++] = word->at[i];
    }
    if (realip_network_parse(text, length, network_r, &reason) == 0)
        return 0;
    return network_r->address.family == REALIP_FAMILY_NONE ? -1 : 0;
}
