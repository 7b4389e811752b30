/* http_door - where HTTP comes in: a bounded number of connections, each of bounded size, beside whatever else the loop does. */
#ifndef REALIP_HTTP_DOOR_H
#define REALIP_HTTP_DOOR_H

#include <event2/event.h>
#include <event2/http.h>
#include <stddef.h>

struct realip_http_door;

struct realip_http_limits {
    size_t connections; /* open at once, at least 1: the oldest gives way to a new one */
    size_t headers;     /* bytes of a request's line and headers */
    size_t body;        /* bytes of a request's body; 0: none */
    int seconds;        /* that a client may be silent, or not take its answer */
};

/* Serves on a listening descriptor, which it owns from then on, in `base`'s loop. All doors of a process belong to one
 * thread. Where descriptors or memory run out new connections wait, and the log says so at most once a minute. NULL when
 * memory is short; the descriptor is closed then. */
struct realip_http_door *realip_http_door_new(struct event_base *base, int fd, const struct realip_http_limits *limits);
/* Where methods and callbacks are set; owned by the door. */
struct evhttp *realip_http_door_http(struct realip_http_door *door);
/* Ends all connections. Before the base is freed. */
void realip_http_door_free(struct realip_http_door **door);

#endif
