#include "http_guard.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "secret_file.h"

#define MOST_TOKEN 256
#define MOST_CREDENTIALS 512 /* a name, a colon and the token */

/* Takes the same time wherever the texts begin to differ. */
static bool is_same_secret(const char *given, const char *secret)
{
    size_t length = strlen(secret);
    unsigned difference = strlen(given) != length;

    for (size_t i = 0; i < length && *given != '\0'; i++)
        difference |= (unsigned char)given[i % strlen(given)] ^ (unsigned char)secret[i];
    return difference == 0;
}

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* Base64 (RFC 4648 section 4) into text. 0; or -1: it is none, holds a NUL, or does not fit. */
static int decode(const char *base64, char *text, size_t size)
{
    size_t length = strcspn(base64, "=");
    size_t padding = strlen(base64 + length);
    size_t used = 0;
    unsigned bits = 0;

    if (padding > 2 || strspn(base64 + length, "=") != padding || (length + padding) % 4 != 0 || length * 3 / 4 >= size)
        return -1;
    for (size_t i = 0; i < length; i++) {
        int six = sextet(base64[i]);

        if (six < 0)
            return -1;
        bits = (bits << 6 | (unsigned)six) & 0xffffff;
        if (i % 4 == 0)
            continue;
        text[used] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        if (text[used++] == '\0')
            return -1;
    }
    text[used] = '\0';
    return 0;
}

static const char *behind_scheme(const char *given, const char *scheme)
{
    size_t length = strlen(scheme);

    return strncasecmp(given, scheme, length) == 0 ? given + length : NULL;
}

/* A browser can send no token of its own accord; it asks for a name and a password (RFC 7617). */
static bool has_password(const char *credentials, const char *token)
{
    char text[MOST_CREDENTIALS];
    const char *colon = credentials == NULL || decode(credentials, text, sizeof(text)) < 0 ? NULL : strchr(text, ':');

    return colon != NULL && is_same_secret(colon + 1, token);
}

static bool has_token(const char *token, struct evhttp_request *request)
{
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    const char *bearer = given == NULL ? NULL : behind_scheme(given, "Bearer ");

    if (bearer != NULL)
        return is_same_secret(bearer, token);
    return given != NULL && has_password(behind_scheme(given, "Basic "), token);
}

static bool has_known_host(const char *own, struct evhttp_request *request)
{
    static const char *const local[] = { "localhost", "127.0.0.1", "[::1]", "::1" };
    const char *host = evhttp_find_header(evhttp_request_get_input_headers(request), "Host");
    size_t length;

    if (host == NULL)
        return true; /* no browser */
    length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        if (strlen(local[i]) == length && strncasecmp(host, local[i], length) == 0)
            return true;
    }
    /* The configuration spells an IPv6 address without brackets. */
    if (own != NULL && host[0] == '[' && length >= 2 && strlen(own) == length - 2 && strncasecmp(host + 1, own, length - 2) == 0)
        return true;
    return own != NULL && strlen(own) == length && strncasecmp(host, own, length) == 0;
}

const char *realip_http_guard_refusal(const struct realip_http_guard *guard, struct evhttp_request *request)
{
    /* Other hosts call it by names and addresses that it can't know, and a page has no token. */
    if (guard->is_local && !has_known_host(guard->host, request))
        return "Host";
    if (guard->token == NULL)
        return guard->is_local ? NULL : "token";
    return has_token(guard->token, request) ? NULL : "token";
}

const char *realip_http_guard_sentence(const struct realip_http_guard *guard, const char *refusal)
{
    if (refusal[0] == 'H')
        return "not authorized: ask for this host by its address, or as localhost";
    return guard->token == NULL ? "not authorized: it listens for other hosts, and no auth-policy-token is configured"
                                : "not authorized: the token of auth-policy-token is missing or wrong";
}

/* ---- The token's file. */

static bool is_good_token(const char *token)
{
    size_t length = strlen(token);

    for (const char *c = token; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return length >= 16 && length <= MOST_TOKEN;
}

int realip_http_guard_token(const char *path, struct realip_origin origin, char **token_r, struct realip_problems *problems)
{
    if (realip_secret_file_read(path, "the token file", origin, token_r, problems) < 0)
        return -1;
    if (is_good_token(*token_r))
        return 0;
    realip_problems_add(problems, origin,
                        "the token file '%s' holds no token: its first line is 16 to 256 visible characters", path);
    free(*token_r);
    *token_r = NULL;
    return -1;
}
