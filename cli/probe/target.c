#include "target.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"

static void add_target(struct realip_probe_targets *targets, const struct addrinfo *found)
{
    struct realip_probe_target *target = &targets->all[targets->count];
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)found->ai_addr;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)found->ai_addr;

    if (targets->count == REALIP_PROBE_MAX_ADDRESSES || (found->ai_family != AF_INET && found->ai_family != AF_INET6))
        return;
    memcpy(&target->name, found->ai_addr, found->ai_addrlen);
    target->size = found->ai_addrlen;
    target->port = ntohs(found->ai_family == AF_INET ? ipv4->sin_port : ipv6->sin6_port);
    target->address = found->ai_family == AF_INET ? realip_address_from_ipv4((const unsigned char *)&ipv4->sin_addr)
                                                  : realip_address_from_ipv6((const unsigned char *)&ipv6->sin6_addr);
    targets->count++;
}

int realip_probe_resolve_pair(const char *host, const char *port, int family, long long deadline,
                              struct realip_probe_targets *targets_r, const char **reason_r)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
    struct addrinfo *found = NULL;

    memset(targets_r, 0, sizeof(*targets_r));
    if (strlen(host) >= sizeof(targets_r->host)) {
        *reason_r = "the host's name is too long";
        return -1;
    }
    *reason_r = "a port is a number of 1 to 65535, or a service's name such as smtp";
    if (port[strspn(port, "0123456789")] == '\0' && (strlen(port) > 5 || strtoul(port, NULL, 10) > 65535))
        return -1; /* getaddrinfo(3) would take the rest of it */
    snprintf(targets_r->host, sizeof(targets_r->host), "%s", host);
    int error = getaddrinfo(host, port, &hints, &found);
    if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
        hints.ai_flags = 0;
        targets_r->is_name = true;
        error = realip_probe_lookup(host, port, &hints, deadline, &found);
    }
    if (error == REALIP_PROBE_LOOKUP_LATE) {
        *reason_r = "the resolver says nothing of this name in time: look at the nameservers of /etc/resolv.conf, or name the address";
        return -1;
    }
    if (error != 0) {
        *reason_r = error == EAI_SERVICE ? "a port is a number of 1 to 65535, or a service's name such as smtp" : gai_strerror(error);
        return -1;
    }
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
        add_target(targets_r, each);
    freeaddrinfo(found);
    *reason_r = "a port is a number of 1 to 65535, or a service's name such as smtp";
    return targets_r->count > 0 && targets_r->all[0].port != 0 ? 0 : -1;
}

int realip_probe_split(const char *text, char *host, size_t room, const char **port_r, const char **reason_r)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - text);

    *reason_r = "it is HOST:PORT, and an IPv6 address stands in brackets: [2001:db8::1]:25";
    if (length == 0 || colon[1] == '\0' || length >= room)
        return -1;
    bool brackets = length > 2 && text[0] == '[' && colon[-1] == ']';
    if (!brackets && memchr(text, ':', length) != NULL)
        return -1;
    snprintf(host, room, "%.*s", (int)(length - (brackets ? 2 : 0)), text + (brackets ? 1 : 0));
    *port_r = colon + 1;
    return 0;
}

int realip_probe_resolve(const char *text, int family, long long deadline, struct realip_probe_targets *targets_r, const char **reason_r)
{
    char host[256];
    const char *port;

    memset(targets_r, 0, sizeof(*targets_r));
    if (realip_probe_split(text, host, sizeof(host), &port, reason_r) < 0)
        return -1;
    return realip_probe_resolve_pair(host, port, family, deadline, targets_r, reason_r);
}
