/* suspects_http - GET /suspects: addresses that behave as a NAT nobody listed, as JSON.
 *
 * 200 {"now":…, "configured":true, "distinct-clients":…, "window":…, "scope":"private", "total":…, "suspects":[{"address":…, "network":…,
 * "clients":…, "seconds-ago":…, "told-by-others":…}, …]}, those with most clients first, REALIP_SUSPECTS_HTTP_MOST at most. "seconds-ago" is when
 * somebody came from it last, rounded down to quarters of the window; "told-by-others": fewer came to this program, the shared store knows
 * more. 403 for whoever may not ask: {"error":"…"}.
 */
#ifndef REALIP_SUSPECTS_HTTP_H
#define REALIP_SUSPECTS_HTTP_H

#include "runtime/http_guard.h"
#include "runtime/paced_log.h"
#include "runtime/snapshot.h"

#define REALIP_SUSPECTS_HTTP_MOST 200

struct realip_suspects_http {
    struct realip_snapshots *snapshots;
    struct realip_http_guard guard;
    struct realip_paced_log refused; /* zero at first */
};

/* Answers one request; `context` is a struct realip_suspects_http, borrowed for as long as requests may come. */
void realip_suspects_http_answer(struct evhttp_request *request, void *context);

#endif
