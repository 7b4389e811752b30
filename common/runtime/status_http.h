/* status_http - the status page of a daemon: GET / is a page for a browser, GET /status.json what it shows.
 *
 * Read-only. Who may ask is the guard's matter; where a token is asked for, a browser is told so (401) and can give it as a password.
 * The page asks for nothing but status.json, and no other page may show it in a frame.
 *   GET /status.json?minutes=60|360|1440&listener=NAME   both may be left out: see status_json.h
 * 400 for another question, 401 or 403 for whoever may not ask; both {"error":"…"}.
 */
#ifndef REALIP_STATUS_HTTP_H
#define REALIP_STATUS_HTTP_H

#include "http_guard.h"
#include "metrics_http.h"
#include "problems.h"
#include "snapshot.h"
#include "status_json.h"

struct realip_status_http;

/* What a program brings; borrowed, for as long as the page is served. `add` as in status_json.h. */
struct realip_status_program {
    const char *name;
    struct realip_metrics *metrics;
    struct realip_snapshots *snapshots;
    struct realip_http_guard guard;
    void (*add)(void *context, json_t *status);
    void *context;
};

/* Serves the page at `http` in `base`'s loop, and begins to keep counts for its chart. NULL when memory is short. To be freed
 * after `http`. */
struct realip_status_http *realip_status_http_new(struct event_base *base, struct realip_metrics_http *http,
                                                  const struct realip_status_program *program);
void realip_status_http_free(struct realip_status_http **status);

/* A reload has ended: `problems` are why it failed (copied), NULL that it did not. `status` may be NULL. */
void realip_status_http_note_reload(struct realip_status_http *status, const struct realip_problems *problems);

#endif
