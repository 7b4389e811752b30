/* http_get - one question to a daemon of ours over HTTP, on TCP or on a unix socket, bounded in time and size. */
#ifndef REALIP_HTTP_GET_H
#define REALIP_HTTP_GET_H

#include <jansson.h>

#include "runtime/config.h"

/* Where a daemon's HTTP is: "http://HOST:PORT", "HOST:PORT", "[IPV6]:PORT" or "unix:/path". `token` (NULL: none) goes along as "Authorization: Bearer". */
struct realip_http_place {
    const char *url;
    const char *token;
};

/* Asks for `path` (with its query, escaped by the caller) within `msecs`. 0 and *answer_r, a JSON object (to be released); or -1 and a sentence in `error`:
 * what went wrong, and what to do. */
int realip_http_get(const struct realip_http_place *place, const char *path, int msecs, json_t **answer_r, char *error, size_t size);

/* The same for an answer that is text: 0 and *text_r (to be freed). */
int realip_http_get_text(const struct realip_http_place *place, const char *path, int msecs, char **text_r, char *error, size_t size);

/* Writes where a daemon of ours that listens at this endpoint is asked. One that listens at every address is asked at this host's own. */
void realip_http_url(const struct realip_endpoint *http, char *url, size_t size);

/* Reads a token from a file: its first line. 0 and *token_r (to be freed); or -1 and a sentence in `error`. */
int realip_http_token(const char *path, char **token_r, char *error, size_t size);

/* Writes `text` so that it can stand in a query: what is neither a letter, a digit nor one of "-._~:" becomes %XX. Returns 0; or -1
 * where `room` is too small. */
int realip_http_escape(const char *text, char *out, size_t room);

#endif
