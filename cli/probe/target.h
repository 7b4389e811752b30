/* target - where to connect to: HOST:PORT as people write it, resolved into each of its addresses. */
#ifndef REALIP_PROBE_TARGET_H
#define REALIP_PROBE_TARGET_H

#include <stdint.h>
#include <sys/socket.h>

#include "core/address.h"

#define REALIP_PROBE_MAX_ADDRESSES 16

struct realip_probe_target {
    struct sockaddr_storage name;
    socklen_t size;
    struct realip_address address;
    uint16_t port;
};

struct realip_probe_targets {
    char host[256]; /* as written, without brackets */
    bool is_name;   /* not an address */
    struct realip_probe_target all[REALIP_PROBE_MAX_ADDRESSES];
    size_t count;
};

/* Reads "HOST:PORT", "ADDRESS:PORT" or "[IPV6]:PORT"; PORT may be a service's name. Names are asked of the system's resolver, which takes the
 * time that it takes. `family` is AF_UNSPEC, AF_INET or AF_INET6. 0; or -1 with *reason_r: what is wrong, or would be right. */
int realip_probe_resolve(const char *text, int family, struct realip_probe_targets *targets_r, const char **reason_r);

/* The same of a host and a port that stand apart. */
int realip_probe_resolve_pair(const char *host, const char *port, int family, struct realip_probe_targets *targets_r,
                              const char **reason_r);

#endif
