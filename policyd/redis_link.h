/* redis_link - one connection to a Redis or Valkey server (hiredis' protocol, libevent's buffers): commands out, replies in, in order.
 *
 * The server need not be there, answer in time or tell the truth: whatever it does ends the connection at worst, memory is bounded (a reply
 * has 1 MiB at most, and no lists within a list), and after a while it is tried again. hiredis' own event loop is not used: it ends the program
 * when a server says more than it was asked (an assertion), and keeps whatever a server sends without an end. Names are looked up in a
 * thread of their own (host_lookup), however long that takes.
 */
#ifndef REALIP_REDIS_LINK_H
#define REALIP_REDIS_LINK_H

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/store_place.h"

struct realip_redis_link;

/* What becomes of it; all called from the loop. */
struct realip_redis_link_handler {
    void (*ready)(void *context); /* connected, logged in, and it answers */
    void (*down)(void *context, const char *why); /* replies that are due won't come; it is tried again by itself */
    void (*reply)(void *context, size_t tag, const redisReply *reply);
    void *context;
};

/* Most commands whose replies are not there yet. */
#define REALIP_REDIS_LINK_MOST 2048

/* Connects in `base`'s loop, soon and again after each failure. `place` and `password` (NULL: none) are borrowed. NULL when memory is short, or TLS
 * can't be had: *reason_r says why. */
struct realip_redis_link *realip_redis_link_new(struct event_base *base, const struct realip_store_place *place, const char *password,
                                                const struct realip_redis_link_handler *handler, const char **reason_r);
void realip_redis_link_free(struct realip_redis_link **link);

/* Sends a command; its reply comes with `tag`. 0; or -1: it is not ready; or too many are due, or memory is short, and then it goes down soon. */
int realip_redis_link_send(struct realip_redis_link *link, size_t tag, int count, const char **words);

bool realip_redis_link_is_ready(const struct realip_redis_link *link);

/* How many replies are due. */
size_t realip_redis_link_due(const struct realip_redis_link *link);

#endif
