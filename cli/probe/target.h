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

/* Reads "HOST:PORT", "ADDRESS:PORT" or "[IPV6]:PORT"; PORT may be a service's name. Names are asked of the system's resolver, until `deadline`
 * (realip_probe_now()). `family` is AF_UNSPEC, AF_INET or AF_INET6. 0; or -1 with *reason_r: what is wrong, or would be right. */
int realip_probe_resolve(const char *text, int family, long long deadline, struct realip_probe_targets *targets_r, const char **reason_r);

/* Reads the form alone: `host` gets the host without brackets, *port_r points into `text`. 0; or -1 with *reason_r: what would be right. */
int realip_probe_split(const char *text, char *host, size_t room, const char **port_r, const char **reason_r);

/* As realip_probe_resolve(), of a host and a port that stand apart. */
int realip_probe_resolve_pair(const char *host, const char *port, int family, long long deadline,
                              struct realip_probe_targets *targets_r, const char **reason_r);

#endif
