#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/network_source.h"

#define MAX_FILE_SIZE (16U << 20)

/* Nothing useful can be said of half a set-up. */
static void *held(void *memory)
{
    if (memory != NULL)
        return memory;
    fputs("realipctl doctor: out of memory\n", stderr);
    exit(REALIP_EXIT_NO_MEMORY);
}

void *realip_text_alloc(struct realip_arena *arena, size_t count, size_t size)
{
    return held(realip_arena_alloc(arena, (count == 0 ? 1 : count) * size));
}

void *realip_text_grow(struct realip_arena *arena, void *items, size_t count, size_t size)
{
    if (count > 0 && (count < 8 || (count & (count - 1)) != 0))
        return items;
    void *larger = realip_text_alloc(arena, count == 0 ? 8 : count * 2, size);
    if (count > 0)
        memcpy(larger, items, count * size);
    return larger;
}

char *realip_text_copy(struct realip_arena *arena, const char *text, size_t length)
{
    return held(realip_arena_copy(arena, text, length));
}

char *realip_text_format(struct realip_arena *arena, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    char *copy = realip_text_copy(arena, held(length < 0 ? NULL : text), length < 0 ? 0 : (size_t)length);
    free(text);
    return copy;
}

void realip_words_add(struct realip_arena *arena, struct realip_words *words, const char *word)
{
    words->items = realip_text_grow(arena, words->items, words->count, sizeof(*words->items));
    words->items[words->count++] = word;
}

struct realip_words realip_text_words(struct realip_arena *arena, const char *text, const char *separators)
{
    struct realip_words words = { 0 };

    while (text != NULL && *(text += strspn(text, separators)) != '\0') {
        const char *begin = text;
        unsigned depth = 0;

        for (; *text != '\0' && (depth > 0 || strchr(separators, *text) == NULL); text++) {
            if (*text == '{')
                depth++;
            else if (*text == '}' && depth > 0)
                depth--;
        }
        realip_words_add(arena, &words, realip_text_copy(arena, begin, (size_t)(text - begin)));
    }
    return words;
}

const char *realip_words_join(struct realip_arena *arena, const struct realip_words *words, const char *separator)
{
    size_t length = 1;

    for (size_t i = 0; i < words->count; i++)
        length += strlen(words->items[i]) + strlen(separator);
    char *text = realip_text_alloc(arena, length, 1);
    char *end = text;
    for (size_t i = 0; i < words->count; i++) {
        end = stpcpy(end, i == 0 ? "" : separator);
        end = stpcpy(end, words->items[i]);
    }
    return text;
}

const char *realip_text_trim(struct realip_arena *arena, const char *text)
{
    size_t length;

    while (isspace((unsigned char)*text))
        text++;
    for (length = strlen(text); length > 0 && isspace((unsigned char)text[length - 1]); length--)
        ;
    return realip_text_copy(arena, text, length);
}

const char *realip_text_bare(struct realip_arena *arena, const char *word)
{
    const char *text = realip_text_trim(arena, word);
    size_t length = strlen(text);

    if (length < 2 || ((text[0] != '{' || text[length - 1] != '}') && (text[0] != '"' || text[length - 1] != '"')))
        return text;
    return realip_text_bare(arena, realip_text_copy(arena, text + 1, length - 2));
}

bool realip_text_is_among(const char *text, const char *const *choices)
{
    for (; *choices != NULL; choices++) {
        if (strcasecmp(text, *choices) == 0)
            return true;
    }
    return false;
}

bool realip_text_is_yes(const char *text)
{
    static const char *const words[] = { "yes", "true", "on", "1", "y", NULL };

    return text != NULL && realip_text_is_among(text, words);
}

unsigned realip_text_port(const char *text)
{
    char *end;

    if (text == NULL || !isdigit((unsigned char)*text))
        return 0;
    unsigned long port = strtoul(text, &end, 10);
    return *end == '\0' && port <= 65535 ? (unsigned)port : 0;
}

const char *realip_text_file(struct realip_arena *arena, const char *path, const char **reason_r)
{
    FILE *stream = realip_network_source_open(path);
    char *text = NULL;
    size_t length = 0;

    *reason_r = NULL;
    if (stream == NULL) {
        *reason_r = strerror(errno);
        return NULL;
    }
    char *room = held(malloc(MAX_FILE_SIZE + 1));
    length = fread(room, 1, MAX_FILE_SIZE + 1, stream);
    if (ferror(stream) != 0)
        *reason_r = "it can't be read to its end";
    else if (length > MAX_FILE_SIZE)
        *reason_r = "it is larger than 16 MiB";
    else if (memchr(room, '\0', length) != NULL)
        *reason_r = "it is no text";
    else
        text = realip_text_copy(arena, room, length);
    free(room);
    fclose(stream);
    return text;
}

const char *realip_text_line(struct realip_arena *arena, const char **rest)
{
    const char *begin = *rest;

    if (*begin == '\0')
        return NULL;
    size_t length = strcspn(begin, "\n");
    *rest = begin + length + (begin[length] == '\n' ? 1 : 0);
    if (length > 0 && begin[length - 1] == '\r')
        length--;
    return realip_text_copy(arena, begin, length);
}
