/* endpoint - the place where a daemon listens, spelt as libmilter spells sockets. */
#ifndef REALIP_ENDPOINT_H
#define REALIP_ENDPOINT_H

#include "config.h"

/* Reads "unix:/path", "local:/path", "inet:port@host", "inet6:port@host" (host may be left out) or, for HTTP, "host:port"
 * and "[ipv6]:port". Texts live in `arena`. 0; or -1 with *reason_r a constant text: what would be right. */
int realip_endpoint_parse(const char *text, struct realip_arena *arena, struct realip_endpoint *endpoint_r,
                          const char **reason_r);

/* Do processes of this host alone reach it: a unix socket, or a loopback address in numbers? Names, which a resolver may turn
 * to anything, do not count. */
bool realip_endpoint_is_local(const struct realip_endpoint *endpoint);

#endif
