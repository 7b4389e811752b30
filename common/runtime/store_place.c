#include "store_place.h"

#include <stdlib.h>
#include <string.h>

#define MOST_DATABASE 65535

static int wrong(const char **reason_r, const char *reason)
{
    *reason_r = reason;
    return -1;
}

/* 0; or -1: no number up to `most`. */
static int read_number(const char *text, unsigned long least, unsigned long most, unsigned *number_r)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < least || number > most)
        return -1;
    *number_r = (unsigned)number;
    return 0;
}

/* Cuts the user off; 0 and *rest moved behind it, or -1. */
static int read_user(char **rest, struct realip_store_place *place, const char **reason_r)
{
    char *at = strchr(*rest, '@');

    if (at == NULL || at > *rest + strcspn(*rest, "/"))
        return 0;
    *at = '\0';
    if (strchr(*rest, ':') != NULL)
        return wrong(reason_r, "a password does not belong here: write it into a file, and add store-password-file = FILE");
    if (**rest == '\0')
        return wrong(reason_r, "there is no user before '@'");
    place->user = *rest;
    *rest = at + 1;
    return 0;
}

static int read_path(char *rest, struct realip_store_place *place, const char **reason_r)
{
    char *question = strchr(rest, '?');

    if (rest[0] != '/' || rest[1] == '\0')
        return wrong(reason_r, "write the socket's whole path: redis+unix:///run/redis/redis.sock");
    if (question != NULL) {
        *question = '\0';
        if (strncmp(question + 1, "db=", 3) != 0 || read_number(question + 4, 0, MOST_DATABASE, &place->database) < 0)
            return wrong(reason_r, "behind '?' stands db=NUMBER");
    }
    place->path = rest;
    return 0;
}

/* The host, perhaps in brackets; *end_r: what stands behind it. */
static int read_host(char *rest, struct realip_store_place *place, char **end_r, const char **reason_r)
{
    char *end = rest[0] == '[' ? strchr(rest, ']') : rest + strcspn(rest, ":");

    if (end == NULL)
        return wrong(reason_r, "'[' is never closed");
    place->host = rest[0] == '[' ? rest + 1 : rest;
    *end_r = *end == ']' ? end + 1 : end;
    if (place->host == end)
        return wrong(reason_r, "the host is missing: redis://HOST:PORT/DATABASE");
    if (strchr(*end_r + (**end_r == ':' ? 1 : 0), ':') != NULL)
        return wrong(reason_r, "an IPv6 address stands in brackets");
    if (*end == ']')
        *end = '\0';
    return 0;
}

static int read_server(char *rest, struct realip_store_place *place, const char **reason_r)
{
    char *slash = strchr(rest, '/');
    char *end;

    place->port = 6379;
    if (slash != NULL) {
        *slash = '\0';
        if (slash[1] != '\0' && read_number(slash + 1, 0, MOST_DATABASE, &place->database) < 0)
            return wrong(reason_r, "behind '/' stands the number of a database");
    }
    if (read_host(rest, place, &end, reason_r) < 0)
        return -1;
    if (*end == ':' && read_number(end + 1, 1, 65535, &place->port) < 0)
        return wrong(reason_r, "the port is a number of 1 to 65535");
    if (*end != ':' && *end != '\0')
        return wrong(reason_r, "behind the host stands :PORT or /DATABASE");
    *end = '\0';
    return 0;
}

int realip_store_place_parse(const char *text, struct realip_arena *arena, struct realip_store_place *place_r, const char **reason_r)
{
    static const char server[] = "redis://";
    static const char tls[] = "rediss://";
    static const char local[] = "redis+unix://";
    bool is_local = strncmp(text, local, sizeof(local) - 1) == 0;
    bool is_tls = strncmp(text, tls, sizeof(tls) - 1) == 0;

    *place_r = (struct realip_store_place){ .text = text, .tls = is_tls };
    if (!is_local && !is_tls && strncmp(text, server, sizeof(server) - 1) != 0)
        return wrong(reason_r, "it is memory, redis://HOST:PORT/DATABASE, rediss://HOST:PORT/DATABASE or redis+unix:///PATH");
    char *rest = realip_arena_copy(arena, text, strlen(text));
    if (rest == NULL)
        return wrong(reason_r, "out of memory");
    rest += is_local ? sizeof(local) - 1 : is_tls ? sizeof(tls) - 1 : sizeof(server) - 1;
    if (read_user(&rest, place_r, reason_r) < 0)
        return -1;
    return is_local ? read_path(rest, place_r, reason_r) : read_server(rest, place_r, reason_r);
}
