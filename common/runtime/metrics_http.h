/* metrics_http - /healthz and /metrics over HTTP (libevent's evhttp), for any daemon. */
#ifndef REALIP_METRICS_HTTP_H
#define REALIP_METRICS_HTTP_H

#include <event2/event.h>
#include <event2/http.h>

#include "metrics.h"

struct realip_metrics_http;

/* Serves `metrics` (borrowed) on a listening descriptor, which it owns from then on, in `base`'s loop. At most
 * 64 connections are open; who gives way to one more: http_door.h. NULL when memory is short; the descriptor is closed then.
 *   GET /healthz  200 "ok", or "ok, but the last reload failed: older rules decide", or "ok, but a source of networks is stale: …"
 *   GET /metrics  200, Prometheus text format */
struct realip_metrics_http *realip_metrics_http_new(struct event_base *base, int fd, struct realip_metrics *metrics);
/* Has requests for a further path answered (GET and HEAD alone): `answer` is called in the loop with `context`, and replies. */
void realip_metrics_http_add(struct realip_metrics_http *http, const char *path,
                             void (*answer)(struct evhttp_request *request, void *context), void *context);
void realip_metrics_http_free(struct realip_metrics_http **http);

#endif
