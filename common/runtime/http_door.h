/* http_door - where HTTP comes in: a bounded number of connections, each of bounded size, beside whatever else the loop does. */
#ifndef REALIP_HTTP_DOOR_H
#define REALIP_HTTP_DOOR_H

#include <event2/event.h>
#include <event2/http.h>
#include <stddef.h>

struct realip_http_door;

struct realip_http_limits {
    size_t connections; /* open at once, at least 1: one more sends another away, see below */
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
/* At the end of a request's callback, which has answered it. Where a new connection finds no place, one gives way that no answer of 200 was
 * noted for: the oldest, where they are many or it had its time to ask; else of the others the one that was silent longest; last of all
 * one that has not taken its answer yet. */
void realip_http_door_note_answer(struct realip_http_door *door, struct evhttp_request *request);
/* Ends all connections. Before the base is freed. */
void realip_http_door_free(struct realip_http_door **door);

#endif
