/* host_networks - what the kernel knows of this host, that is of the network namespace in which we run: its addresses, bridges
 * and default gateways, and when they change (rtnetlink(7), by libmnl).
 *
 * The kernel is asked and not /sys or /proc/net: those may be another namespace's, and tell neither the second next hop of a
 * route, nor tables besides the main one.
 */
#ifndef REALIP_HOST_NETWORKS_H
#define REALIP_HOST_NETWORKS_H

#include "network_source.h"

/* Adds the addresses of this host's interfaces as networks of one host, but loopback ones; without a place. 0; or -1 and one problem
 * added. */
int realip_host_networks_own(struct realip_network_list *list, struct realip_problems *problems);

/* Adds the default gateways of all routing tables (0.0.0.0/0 and ::/0, and the halves of them that VPNs set; each next hop) and the addresses of
 * bridges. `arena` not NULL: an origin is "FILE[discover:gateway:IFACE]" or "FILE[discover:bridge:IFACE]" and the line of
 * `origin`, and lives there; NULL, or where `origin` has no file: it is `origin`. 0; or -1 and one problem added. */
int realip_host_networks_discover(struct realip_origin origin, struct realip_arena *arena, struct realip_network_list *list,
                                  struct realip_problems *problems);

/* Gives all of the above a number, which is another one when something of it is (but for link-local addresses: containers bring one
 * each, and no client shows one). 0 and *stamp_r; or -1. */
int realip_host_networks_stamp(uint64_t *stamp_r);

struct realip_host_events;

/* Begins to listen to the kernel. 0 and *events_r; or -1, *events_r NULL and errno. */
int realip_host_events_open(struct realip_host_events **events_r);
void realip_host_events_close(struct realip_host_events **events);

/* Readable when something may have changed. */
int realip_host_events_fd(const struct realip_host_events *events);

/* Takes in what has happened: true when an address or a default route came or went, or when there was too much of it to be told. */
bool realip_host_events_read(struct realip_host_events *events);

#endif
