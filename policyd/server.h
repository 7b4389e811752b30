/* server - the policy server: connections, whole requests, replies, drain (libevent, one thread). */
#ifndef REALIP_SERVER_H
#define REALIP_SERVER_H

#include <event2/event.h>

#include "runtime/snapshot.h"

struct realip_attest;
struct realip_recent;
struct realip_server;

/* Makes a server in `base` (borrowed, as `metrics` and `attest`) that decides with `snapshot`, of which it takes over the
 * caller's reference. Without `attest` (NULL) no peer is known and nobody could ask. NULL when memory is short. */
struct realip_server *realip_server_new(struct event_base *base, struct realip_metrics *metrics,
                                        struct realip_attest *attest, struct realip_snapshot *snapshot);

/* Closes every connection and frees; *server may be NULL. */
void realip_server_free(struct realip_server **server);

/* Accepts connections on a listening, non-blocking descriptor, which the server owns from then on. 0; or -1 when memory
 * is short. */
int realip_server_add_listener(struct realip_server *server, int fd);

/* Decides with another snapshot from the next request on (takes over the reference). */
void realip_server_set_snapshot(struct realip_server *server, struct realip_snapshot *snapshot);

/* Keeps each verdict in `recent` (borrowed) from now on; NULL: nowhere, which is how it begins. */
void realip_server_set_recent(struct realip_server *server, struct realip_recent *recent);

/* Accepts nothing more, answers every request of which a byte has arrived, closes idle connections, and ends the loop
 * of `base` when the last one is closed, at the latest after five seconds. */
void realip_server_drain(struct realip_server *server);

#endif
