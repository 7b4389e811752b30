#include "endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FORMS "write unix:/path, inet:port@host or host:port"

static int read_port(const char *text, size_t length, uint16_t *port_r)
{
    unsigned value = 0;

    if (length == 0 || length > 5)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value == 0 || value > 65535)
        return -1;
    *port_r = (uint16_t)value;
    return 0;
}

static int set_path(const char *path, struct realip_arena *arena, struct realip_endpoint *endpoint, const char **reason_r)
{
    struct sockaddr_un limit;

    if (path[0] != '/' || strlen(path) >= sizeof(limit.sun_path)) {
        *reason_r = path[0] != '/' ? "write the socket's whole path, from /"
                                   : "the socket's path is longer than 107 characters; use a shorter folder";
        return -1;
    }
    endpoint->path = realip_arena_copy(arena, path, strlen(path));
    *reason_r = "out of memory";
    return endpoint->path == NULL ? -1 : 0;
}

static int set_host(const char *host, size_t length, struct realip_arena *arena, struct realip_endpoint *endpoint,
                    const char **reason_r)
{
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length == 0)
        return 0;
    endpoint->host = realip_arena_copy(arena, host, length);
    *reason_r = "out of memory";
    return endpoint->host == NULL ? -1 : 0;
}

/* port@host */
static int set_inet(const char *text, struct realip_arena *arena, struct realip_endpoint *endpoint, const char **reason_r)
{
    size_t port_length = strcspn(text, "@");
    const char *host = text[port_length] == '@' ? text + port_length + 1 : "";

    if (read_port(text, port_length, &endpoint->port) < 0) {
        *reason_r = "the port is a number of 1 to 65535; " FORMS;
        return -1;
    }
    return set_host(host, strlen(host), arena, endpoint, reason_r);
}

/* host:port */
static int set_host_port(const char *text, struct realip_arena *arena, struct realip_endpoint *endpoint,
                         const char **reason_r)
{
    const char *colon = strrchr(text, ':');

    if (colon == NULL || read_port(colon + 1, strlen(colon + 1), &endpoint->port) < 0
        || (memchr(text, ':', (size_t)(colon - text)) != NULL && text[0] != '[')) {
        *reason_r = FORMS;
        return -1;
    }
    return set_host(text, (size_t)(colon - text), arena, endpoint, reason_r);
}

int realip_endpoint_parse(const char *text, struct realip_arena *arena, struct realip_endpoint *endpoint_r,
                          const char **reason_r)
{
    *endpoint_r = (struct realip_endpoint){ .text = text };
    if (strncmp(text, "unix:", 5) == 0)
        return set_path(text + 5, arena, endpoint_r, reason_r);
    if (strncmp(text, "local:", 6) == 0)
        return set_path(text + 6, arena, endpoint_r, reason_r);
    if (strncmp(text, "inet:", 5) == 0) {
        endpoint_r->family = AF_INET;
        return set_inet(text + 5, arena, endpoint_r, reason_r);
    }
    if (strncmp(text, "inet6:", 6) == 0) {
        endpoint_r->family = AF_INET6;
        return set_inet(text + 6, arena, endpoint_r, reason_r);
    }
    return set_host_port(text, arena, endpoint_r, reason_r);
}

bool realip_endpoint_is_local(const struct realip_endpoint *endpoint)
{
    struct realip_address address;
    const char *reason;

    if (endpoint->path != NULL)
        return true;
    return endpoint->host != NULL && realip_address_parse(endpoint->host, strlen(endpoint->host), &address, &reason) == 0
        && realip_address_is_loopback(&address);
}
