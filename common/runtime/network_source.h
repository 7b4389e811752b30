/* network_source - where the networks of a set come from: values, files of CIDRs, this host's interfaces. */
#ifndef REALIP_NETWORK_SOURCE_H
#define REALIP_NETWORK_SOURCE_H

#include <stdio.h>

#include "arena.h"
#include "core/network_set.h"
#include "problems.h"

/* Networks while they are gathered; each entry's label is the index of its origin. Zeroed is an empty list. */
struct realip_network_list {
    struct realip_network_entry *entries;
    struct realip_origin *origins;
    size_t count;
    size_t room;
};

/* Adds one network. 0; or -1 when memory is short. */
int realip_network_list_add(struct realip_network_list *list, const struct realip_network *network,
                            struct realip_origin origin);
void realip_network_list_clear(struct realip_network_list *list);

/* Reads `text` as CIDR or bare address and adds it; `set` names the set in messages. 0; or -1 and one problem added (its
 * origin is the text's). */
int realip_network_source_text(const char *set, const char *text, size_t length, struct realip_origin origin,
                               struct realip_network_list *list, struct realip_problems *problems);

/* Reads every file that the glob(7) pattern matches, one CIDR a line, "#" starts a comment. Without wildcards the file
 * must be there; a pattern that matches nothing adds a warning. 0; or -1 and problems added. Origins' file names live
 * in `arena`. */
int realip_network_source_files(const char *set, const char *pattern, struct realip_origin origin,
                                struct realip_arena *arena, struct realip_network_list *list,
                                struct realip_problems *problems, struct realip_problems *warnings);

/* Opens a plain file for reading: a device or a pipe might never end, or never begin. NULL and errno when it is none. */
FILE *realip_network_source_open(const char *path);

/* Adds the addresses of this host's interfaces (getifaddrs(3)) as networks of one host, but loopback ones.
 * 0; or -1 and one problem added. */
int realip_network_source_own(struct realip_network_list *list, struct realip_problems *problems);

/* Adds the default gateways of this network namespace (/proc/net/route, /proc/net/ipv6_route) and the addresses of its
 * bridges (/sys/class/net/NAME/bridge), with `origin`. 0; or -1 and one problem added. */
int realip_network_source_discover(struct realip_origin origin, struct realip_network_list *list,
                                   struct realip_problems *problems);

#endif
