/* ports - a set of TCP ports. */
#ifndef REALIP_CLI_PORTS_H
#define REALIP_CLI_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rules.h"

/* Zeroed is an empty set; port 0 is never in it. */
struct realip_ports {
    unsigned char bits[8192];
};

void realip_ports_add(struct realip_ports *ports, unsigned first, unsigned last);
bool realip_ports_has(const struct realip_ports *ports, unsigned port);

/* The next run of ports at or behind *first: *first to *last_r. False: there is none. */
bool realip_ports_next(const struct realip_ports *ports, unsigned *first, unsigned *last_r);

/* What is in `ports` and not in `others`. */
void realip_ports_without(const struct realip_ports *ports, const struct realip_ports *others, struct realip_ports *rest_r);

/* The ports of all listeners with `proxy = required`: only proxies may reach them. */
void realip_ports_required(const struct realip_rules *rules, struct realip_ports *ports_r);

/* Is there any such port? Else says so on standard error, with the mend, and gives the exit status for wrong configuration. Warns of
 * listeners that want a proxy and name no port. 0: there is. */
int realip_ports_refuse(const struct realip_rules *rules, const char *path);

#endif
