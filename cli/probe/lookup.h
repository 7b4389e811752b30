/* lookup - the addresses of a name, within a time of our own: getaddrinfo(3) knows none. */
#ifndef REALIP_PROBE_LOOKUP_H
#define REALIP_PROBE_LOOKUP_H

#include <netdb.h>

#define REALIP_PROBE_LOOKUP_LATE 1 /* the time was over; getaddrinfo()'s own numbers are below 0 */

/* Asks the system's resolver for `host` and `port`, until `deadline` (realip_probe_now()). 0 and *found_r (for freeaddrinfo(3)); or
 * REALIP_PROBE_LOOKUP_LATE or one of getaddrinfo()'s numbers, and *found_r is NULL. The question is asked in a thread, which nobody can end: after
 * LATE it goes on until the resolver gives up, or the process ends. */
int realip_probe_lookup(const char *host, const char *port, const struct addrinfo *hints, long long deadline, struct addrinfo **found_r);

#endif
