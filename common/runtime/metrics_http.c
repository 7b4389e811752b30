#include "metrics_http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_door.h"

/* A path, and who answers it. */
struct route {
    struct route *next;
    struct realip_metrics_http *http;
    void (*answer)(struct evhttp_request *request, void *context);
    void *context;
};

struct realip_metrics_http {
    struct realip_http_door *door;
    struct realip_metrics *metrics;
    struct route *routes;
};

static void send_text(struct evhttp_request *request, const char *type, const char *text, size_t length)
{
    struct evbuffer *body = evbuffer_new();

    if (body == NULL || evbuffer_add(body, text, length) < 0) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
        evhttp_send_reply(request, HTTP_OK, NULL, body);
    }
    if (body != NULL)
        evbuffer_free(body);
}

static void send_health(struct evhttp_request *request, void *context)
{
    const struct realip_metrics_http *self = context;
    static const char good[] = "ok\n";
    static const char stale[] = "ok, but the last reload failed: older rules decide\n";
    static const char stale_source[] = "ok, but a source of networks is stale: its last good content decides\n";

    if (realip_metrics_is_stale(self->metrics))
        send_text(request, "text/plain; charset=utf-8", stale, sizeof(stale) - 1);
    else if (realip_metrics_stale_sources(self->metrics) > 0)
        send_text(request, "text/plain; charset=utf-8", stale_source, sizeof(stale_source) - 1);
    else
        send_text(request, "text/plain; charset=utf-8", good, sizeof(good) - 1);
}

static void send_metrics(struct evhttp_request *request, void *context)
{
    const struct realip_metrics_http *self = context;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (out != NULL) {
        realip_metrics_write(self->metrics, out);
        fclose(out);
    }
    if (text == NULL)
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    else
        send_text(request, "text/plain; version=0.0.4; charset=utf-8", text, length);
    free(text);
}

static void on_request(struct evhttp_request *request, void *context)
{
    const struct route *route = context;

    route->answer(request, route->context);
    realip_http_door_note_answer(route->http->door, request);
}

static int add_route(struct realip_metrics_http *self, const char *path, void (*answer)(struct evhttp_request *request, void *context),
                     void *context)
{
    struct route *route = calloc(1, sizeof(*route));

    if (route == NULL)
        return -1;
    *route = (struct route){ self->routes, self, answer, context };
    self->routes = route;
    return evhttp_set_cb(realip_http_door_http(self->door), path, on_request, route);
}

static int serve(struct realip_metrics_http *self, struct event_base *base, int fd)
{
    /* Nothing that is asked here has a body. A browser sends the cookies of all that is at localhost, whatever its port. */
    static const struct realip_http_limits limits = { .connections = 64, .headers = 16384, .body = 0, .seconds = 30 };

    self->door = realip_http_door_new(base, fd, &limits);
    if (self->door == NULL)
        return -1;
    evhttp_set_allowed_methods(realip_http_door_http(self->door), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    return add_route(self, "/healthz", send_health, self) < 0 ? -1 : add_route(self, "/metrics", send_metrics, self);
}

struct realip_metrics_http *realip_metrics_http_new(struct event_base *base, int fd, struct realip_metrics *metrics)
{
    struct realip_metrics_http *self = calloc(1, sizeof(*self));

    if (self == NULL) {
        close(fd);
        return NULL;
    }
    self->metrics = metrics;
    if (serve(self, base, fd) < 0)
        realip_metrics_http_free(&self);
    return self;
}

void realip_metrics_http_add(struct realip_metrics_http *http, const char *path,
                             void (*answer)(struct evhttp_request *request, void *context), void *context)
{
    (void)add_route(http, path, answer, context); /* without memory the path is not found */
}

void realip_metrics_http_free(struct realip_metrics_http **http)
{
    if (*http == NULL)
        return;
    realip_http_door_free(&(*http)->door);
    for (struct route *next; (*http)->routes != NULL; (*http)->routes = next) {
        next = (*http)->routes->next;
        free((*http)->routes);
    }
    free(*http);
    *http = NULL;
}
