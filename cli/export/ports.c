#include "ports.h"

#include <stdio.h>

#include "runtime/config.h"

void realip_ports_add(struct realip_ports *ports, unsigned first, unsigned last)
{
    for (unsigned port = first == 0 ? 1 : first; port <= last && port <= 65535; port++)
        ports->bits[port / 8] = (unsigned char)(ports->bits[port / 8] | 1U << port % 8);
}

bool realip_ports_has(const struct realip_ports *ports, unsigned port)
{
    return port <= 65535 && (ports->bits[port / 8] & 1U << port % 8) != 0;
}

bool realip_ports_next(const struct realip_ports *ports, unsigned *first, unsigned *last_r)
{
    while (*first <= 65535 && !realip_ports_has(ports, *first))
        (*first)++;
    for (*last_r = *first; realip_ports_has(ports, *last_r + 1);)
        (*last_r)++;
    return *first <= 65535;
}

void realip_ports_without(const struct realip_ports *ports, const struct realip_ports *others, struct realip_ports *rest_r)
{
    for (size_t i = 0; i < sizeof(ports->bits); i++)
        rest_r->bits[i] = (unsigned char)(ports->bits[i] & ~others->bits[i]);
}

void realip_ports_required(const struct realip_rules *rules, struct realip_ports *ports_r)
{
    *ports_r = (struct realip_ports){ { 0 } };
    for (size_t i = 0; i < rules->listener_count; i++) {
        const struct realip_listener *listener = &rules->listeners[i];

        for (size_t k = 0; k < listener->port_count && listener->proxy == REALIP_PROXY_REQUIRED; k++)
            realip_ports_add(ports_r, listener->ports[k], listener->ports[k]);
    }
}

int realip_ports_refuse(const struct realip_rules *rules, const char *path)
{
    bool found = false;

    for (size_t i = 0; i < rules->listener_count; i++) {
        const struct realip_listener *listener = &rules->listeners[i];

        if (listener->proxy != REALIP_PROXY_REQUIRED)
            continue;
        found = found || listener->port_count > 0;
        if (listener->port_count == 0)
            fprintf(stderr, "%s: listener %s has proxy = required and no ports: nobody can guard it; add ports = { 2525 } or what it is\n",
                    path, listener->title);
    }
    if (found)
        return 0;
    fprintf(stderr, "%s: no listener has proxy = required and ports: there is nothing to guard; add both to the listener that the proxy "
                    "speaks to, as in listener smtp-proxied { proxy = required ports = { 2525 } }\n", path);
    return REALIP_EXIT_CONFIG;
}
