#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/forwarded.h"

#define MOST_BYTES (1 << 20) /* of headers: no MTA takes more */

struct header {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
};

static bool is_name(const struct header *header, const char *name)
{
    return header->name_length == strlen(name) && strncasecmp(header->name, name, header->name_length) == 0;
}

/* The header that begins at `at`, with its continuation lines. Returns where the next one begins; NULL behind the last. */
static const char *next_header(const char *at, const char *end, struct header *header_r)
{
    const char *stop = at;
    const char *colon;

    if (at == end || *at == '\n' || *at == '\r')
        return NULL;
    do {
        stop = memchr(stop, '\n', (size_t)(end - stop));
        stop = stop == NULL ? end : stop + 1;
    } while (stop < end && (*stop == ' ' || *stop == '\t'));
    colon = memchr(at, ':', (size_t)(stop - at));
    *header_r = (struct header){ at, 0, stop, 0 };
    if (colon != NULL) { /* a mailbox's "From " line has a colon too, but no name in front of it */
        header_r->name_length = (size_t)(colon - at);
        while (header_r->name_length > 0 && strchr(" \t", at[header_r->name_length - 1]) != NULL)
            header_r->name_length--;
        header_r->value = colon + 1;
        header_r->value_length = (size_t)(stop - colon) - 1;
    }
    return stop;
}

static void note_claim(const struct header *header, const struct realip_rules *rules, struct realip_message_claims *claims)
{
    const char *reason;

    if (is_name(header, "X-Originating-IP") && claims->originating.family == REALIP_FAMILY_NONE)
        (void)realip_forwarded_read_originating(header->value, header->value_length, &claims->originating, &reason);
    else if (is_name(header, "X-Forwarded-For") && claims->forwarded_for.family == REALIP_FAMILY_NONE)
        (void)realip_forwarded_read_list(header->value, header->value_length, rules, &claims->forwarded_for, &reason);
    else if (is_name(header, "Forwarded") && claims->forwarded.family == REALIP_FAMILY_NONE)
        (void)realip_forwarded_read_elements(header->value, header->value_length, rules, &claims->forwarded, &reason);
}

static void read_headers(const char *at, const char *end, struct realip_received_walk *walk, struct realip_message_claims *claims)
{
    struct header header;

    while ((at = next_header(at, end, &header)) != NULL) {
        if (is_name(&header, "Received"))
            realip_received_walk_next(walk, header.value, header.value_length);
        note_claim(&header, walk->rules, claims);
    }
    realip_received_walk_finish(walk);
}

int realip_message_read(const char *path, struct realip_received_walk *walk, struct realip_message_claims *claims_r)
{
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = stream == NULL ? NULL : malloc(MOST_BYTES);
    int result = -1;

    *claims_r = (struct realip_message_claims){ .originating = { .family = REALIP_FAMILY_NONE } };
    if (text != NULL) {
        size_t size = fread(text, 1, MOST_BYTES, stream);

        if (ferror(stream) == 0) {
            read_headers(text, text + size, walk, claims_r);
            result = 0;
        }
    }
    int error = errno;
    free(text);
    if (stream != NULL && stream != stdin)
        fclose(stream);
    errno = error;
    return result;
}
