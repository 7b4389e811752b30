/* http_guard - who may ask a daemon over HTTP for more than its metrics.
 *
 * What tells about sessions, or judges them, is for this host, or for whoever knows the token. A browser on this host is no
 * proof of it: a web page that has a name of its own point to 127.0.0.1 (DNS rebinding) sends that name as Host. Where it
 * listens for other hosts the token alone decides, whatever they call it: what a browser knows of the token it tells to the
 * name alone that it was given for.
 */
#ifndef REALIP_HTTP_GUARD_H
#define REALIP_HTTP_GUARD_H

#include <event2/http.h>
#include <stdbool.h>

#include "problems.h"

struct realip_http_guard {
    const char *token; /* must come as "Authorization: Bearer TOKEN", or as the password of Basic; NULL: none is asked for */
    const char *host;  /* the name or address that a Host header may have besides loopback ones; NULL: none */
    bool is_local;     /* it listens at loopback or a unix socket alone: without a token only then is anybody answered */
};

/* NULL: it may ask; else a constant word for what is wrong: "token" or "Host". Comparing the token takes as long wherever it begins to
 * differ. Of Basic (RFC 7617) the user's name may be any. */
const char *realip_http_guard_refusal(const struct realip_http_guard *guard, struct evhttp_request *request);

/* What whoever is refused is told; constant, for a refusal of the function above. */
const char *realip_http_guard_sentence(const struct realip_http_guard *guard, const char *refusal);

/* Reads a token from a file: its first line, 16 to 256 visible characters; it must not be readable for others. 0 and *token_r
 * (to be freed); or -1 and one problem added. */
int realip_http_guard_token(const char *path, struct realip_origin origin, char **token_r, struct realip_problems *problems);

#endif
