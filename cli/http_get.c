#include "http_get.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "probe/connection.h"
#include "probe/race.h"
#include "probe/target.h"

#define MOST_ANSWER (4 * 1024 * 1024)
#define PLACE_SIZE 300

static int fail(char *error, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(char *error, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return -1;
}

static int connect_unix(const char *path, long long deadline, struct realip_probe_connection **connection_r, char *error, size_t size)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int number;

    if (strlen(path) >= sizeof(name.sun_path))
        return fail(error, size, "unix:%s: a socket's path has at most %zu bytes", path, sizeof(name.sun_path) - 1);
    memcpy(name.sun_path, path, strlen(path) + 1);
    if (realip_probe_connect((const struct sockaddr *)(const void *)&name, sizeof(name), deadline, connection_r, &number) < 0)
        return fail(error, size, "unix:%s: %s: is realip-policyd running, with http = \"unix:%s\"?", path, strerror(number), path);
    return 0;
}

static int connect_tcp(const char *place, long long deadline, struct realip_probe_connection **connection_r, char *error, size_t size)
{
    struct realip_probe_targets targets;
    const char *reason;
    size_t index;
    int number;

    if (realip_probe_resolve(place, AF_UNSPEC, deadline, &targets, &reason) < 0)
        return fail(error, size, "'%s': %s", place, reason);
    if (realip_probe_race(&targets, deadline, connection_r, &index, &number) == 0)
        return 0;
    return fail(error, size, "%s: %s: is realip-policyd running, with http = \"%s\"?", place, strerror(number), place);
}

/* The whole answer, NUL-terminated; to be freed. NULL: it did not come whole. */
static char *read_all(struct realip_probe_connection *connection)
{
    char *text = malloc(MOST_ANSWER);
    size_t length = 0;
    enum realip_probe_reading reading = REALIP_PROBE_READING_LINE;

    while (text != NULL && reading == REALIP_PROBE_READING_LINE && length < MOST_ANSWER - 1) {
        size_t got;

        reading = realip_probe_read_bytes(connection, text + length, MOST_ANSWER - 1 - length, &got);
        length += got;
    }
    if (text == NULL || reading != REALIP_PROBE_READING_CLOSED) {
        free(text);
        return NULL;
    }
    text[length] = '\0';
    return text;
}

/* Answers to HTTP/1.0 come in one piece and end with the connection (RFC 9112 section 6.3). */
static int find_body(const char *text, const char *url, const char **body_r, char *error, size_t size)
{
    const char *body = strstr(text, "\r\n\r\n");
    int status = 0;

    if (sscanf(text, "HTTP/1.%*1d %3d", &status) != 1 || body == NULL)
        return fail(error, size, "%s: what answers there speaks no HTTP", url);
    if (status == 401 || status == 403)
        return fail(error, size, "%s: the daemon does not tell us (%d): say --token-file FILE, the one that its auth-policy-token names", url, status);
    if (status != 200)
        return fail(error, size, "%s: the daemon answers %d; is it older than this realipctl?", url, status);
    *body_r = body + 4;
    return 0;
}

/* 0 and the whole answer (to be freed) with the place where its body begins, and the place's name in messages. */
static int ask(const struct realip_http_place *place, const char *path, int msecs, char **text_r, const char **body_r,
               char place_text[PLACE_SIZE], char *error, size_t size)
{
    const char *host = strncmp(place->url, "http://", 7) == 0 ? place->url + 7 : place->url;
    bool is_unix = strncmp(host, "unix:", 5) == 0;
    struct realip_probe_connection *connection = NULL;
    long long deadline = realip_probe_now() + msecs * 1000LL;
    char request[2048];

    *text_r = NULL;
    snprintf(place_text, PLACE_SIZE, "%.*s", is_unix ? (int)strlen(host) : (int)strcspn(host, "/"), host);
    if ((is_unix ? connect_unix(place_text + 5, deadline, &connection, error, size)
                 : connect_tcp(place_text, deadline, &connection, error, size)) < 0)
        return -1;
    int length = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: %s\r\n%s%s%s\r\n", path, is_unix ? "localhost" : place_text,
                          place->token == NULL ? "" : "Authorization: Bearer ", place->token == NULL ? "" : place->token,
                          place->token == NULL ? "" : "\r\n");
    bool sent = length > 0 && (size_t)length < sizeof(request) && realip_probe_send(connection, request, (size_t)length) == 0;
    char *text = sent ? read_all(connection) : NULL;
    int result = text == NULL ? fail(error, size, "%s: no whole answer came within %d ms", place_text, msecs)
                              : find_body(text, place_text, body_r, error, size);
    realip_probe_close(&connection, 200);
    if (result < 0)
        free(text);
    else
        *text_r = text;
    return result;
}

int realip_http_get(const struct realip_http_place *place, const char *path, int msecs, json_t **answer_r, char *error, size_t size)
{
    char place_text[PLACE_SIZE];
    const char *body;
    char *text;

    *answer_r = NULL;
    if (ask(place, path, msecs, &text, &body, place_text, error, size) < 0)
        return -1;
    *answer_r = json_loads(body, 0, NULL);
    free(text);
    if (json_is_object(*answer_r))
        return 0;
    json_decref(*answer_r);
    *answer_r = NULL;
    return fail(error, size, "%s: the answer is no JSON object", place_text);
}

int realip_http_get_text(const struct realip_http_place *place, const char *path, int msecs, char **text_r, char *error, size_t size)
{
    char place_text[PLACE_SIZE];
    const char *body;

    if (ask(place, path, msecs, text_r, &body, place_text, error, size) < 0)
        return -1;
    memmove(*text_r, body, strlen(body) + 1);
    return 0;
}

void realip_http_url(const struct realip_endpoint *http, char *url, size_t size)
{
    const char *host = http->host == NULL || strcmp(http->host, "0.0.0.0") == 0 ? "127.0.0.1" : http->host;
    bool brackets = strchr(host, ':') != NULL;

    if (http->path != NULL)
        snprintf(url, size, "unix:%s", http->path);
    else
        snprintf(url, size, "http://%s%s%s:%u", brackets ? "[" : "", strcmp(host, "::") == 0 ? "::1" : host, brackets ? "]" : "", http->port);
}

int realip_http_token(const char *path, char **token_r, char *error, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[512] = "";

    *token_r = NULL;
    if (file == NULL)
        return fail(error, size, "the token file '%s' cannot be read: %s", path, strerror(errno));
    if (fgets(line, sizeof(line), file) != NULL)
        line[strcspn(line, "\r\n")] = '\0';
    fclose(file);
    for (const char *c = line; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return fail(error, size, "the token file '%s' holds no token: its first line is visible characters alone", path);
    }
    *token_r = line[0] == '\0' ? NULL : strdup(line);
    return *token_r != NULL ? 0 : fail(error, size, "the token file '%s' holds no token in its first line", path);
}

int realip_http_escape(const char *text, char *out, size_t room)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = 0;

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        bool as_is = isalnum(*c) || strchr("-._~:", *c) != NULL;

        if (length + 4 > room)
            return -1;
        if (as_is) {
            out[length++] = (char)*c;
        } else {
            out[length++] = '%';
            out[length++] = digits[*c >> 4];
            out[length++] = digits[*c & 15];
        }
    }
    if (length >= room)
        return -1;
    out[length] = '\0';
    return 0;
}
