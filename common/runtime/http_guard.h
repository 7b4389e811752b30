/* http_guard - who may ask a daemon over HTTP for more than its metrics.
 *
 * What tells about sessions, or judges them, is for this host, or for whoever knows the token. A browser on this host is no
 * proof of it: a web page that has a name of its own point to 127.0.0.1 (DNS rebinding) sends that name as Host. Where it
 * listens for other hosts the token alone decides, whatever they call it.
 */
#ifndef REALIP_HTTP_GUARD_H
#define REALIP_HTTP_GUARD_H

#include <event2/http.h>
#include <stdbool.h>

struct realip_http_guard {
    const char *token; /* must come as "Authorization: Bearer TOKEN"; NULL: none is asked for */
    const char *host;  /* the name or address that a Host header may have besides loopback ones; NULL: none */
    bool is_local;     /* it listens at loopback or a unix socket alone: without a token only then is anybody answered */
};

/* NULL: it may ask; else a constant word for what is wrong: "token" or "Host". Comparing the token takes as long wherever it begins to
 * differ. */
const char *realip_http_guard_refusal(const struct realip_http_guard *guard, struct evhttp_request *request);

#endif
