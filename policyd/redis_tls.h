/* redis_tls - what redis_link needs of TLS, as a module that is loaded where a store is rediss://: OpenSSL costs a process nearly
 * two megabytes, and hardly any policyd talks to such a store.
 */
#ifndef REALIP_REDIS_TLS_H
#define REALIP_REDIS_TLS_H

#include <event2/bufferevent.h>

/* What the module exports under the name realip_redis_tls. */
struct realip_redis_tls {
    /* Makes what all connections share. `ca_file` NULL: the system's certificates. NULL: *reason_r says why. */
    void *(*new)(const char *ca_file, const char **reason_r);
    void (*free)(void *context);
    /* A connection to be (TLS 1.2 or newer), whose certificate must be for `host`, a name or an address. NULL when memory is short. */
    struct bufferevent *(*connection)(void *context, struct event_base *base, const char *host, int options);
    /* Why a connection failed; NULL when TLS has nothing to say about it. */
    const char *(*why)(struct bufferevent *connection);
};

/* Loads the module: from where it is installed, or beside a program that was only built. It stays. NULL: *reason_r says why, and stays valid
 * until the next call. */
const struct realip_redis_tls *realip_redis_tls_load(const char **reason_r);

#endif
