#include "http_guard.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Takes the same time wherever the texts begin to differ. */
static bool is_same_secret(const char *given, const char *secret)
{
    size_t length = strlen(secret);
    unsigned difference = strlen(given) != length;

    for (size_t i = 0; i < length && *given != '\0'; i++)
        difference |= (unsigned char)given[i % strlen(given)] ^ (unsigned char)secret[i];
    return difference == 0;
}

static bool has_token(const char *token, struct evhttp_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");

    return given != NULL && strncasecmp(given, scheme, sizeof(scheme) - 1) == 0 && is_same_secret(given + sizeof(scheme) - 1, token);
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
