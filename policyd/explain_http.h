/* explain_http - GET /explain: what became of a session, as JSON, from the last verdicts.
 *
 *   GET /explain?recent=ADDRESS   sessions whose client or TCP peer it is
 *   GET /explain?session=ID       sessions with this id: Postfix's instance, Dovecot's session
 *   GET /explain?helo=NAME        sessions whose client gave itself this name: how a probe finds its own
 *   GET /explain                  the last of all
 * What passed is told from the first question on; problems always.
 * 200 {"now":…, "problems-since":…, "passes-since":…, "verdicts":[{…}, …]}, the newest first, REALIP_EXPLAIN_MOST at most; times are seconds, null:
 * nothing has been forgotten. 400 for a question that is none, 403 for whoever may not ask; both {"error":"…"}.
 * Every text that a client chose is escaped as in the log (visible ASCII, \xHH), so that it is text wherever it is shown.
 */
#ifndef REALIP_EXPLAIN_HTTP_H
#define REALIP_EXPLAIN_HTTP_H

#include <jansson.h>

#include "recent.h"
#include "runtime/http_guard.h"
#include "runtime/paced_log.h"

#define REALIP_EXPLAIN_MOST 200

struct realip_explain_http {
    struct realip_recent *recent;
    struct realip_http_guard guard;
    struct realip_paced_log refused; /* zero at first */
};

/* One verdict as it is told there. NULL when memory is short. */
json_t *realip_explain_http_verdict(const struct realip_recent_verdict *verdict);

/* Answers one request; `context` is a struct realip_explain_http, borrowed for as long as requests may come. */
void realip_explain_http_answer(struct evhttp_request *request, void *context);

#endif
