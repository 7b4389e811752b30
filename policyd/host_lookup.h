/* host_lookup - the addresses of a name, without waiting: getaddrinfo(3) can't be ended, nor given a time. */
#ifndef REALIP_HOST_LOOKUP_H
#define REALIP_HOST_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

struct realip_host_lookup;

/* Asks the system's resolver in a thread of its own. NULL: no memory, descriptor or thread for it. */
struct realip_host_lookup *realip_host_lookup_new(const char *host, unsigned port);

/* Becomes readable when it is answered; the lookup's. */
int realip_host_lookup_fd(const struct realip_host_lookup *lookup);

/* True: 0 and *found_r (for freeaddrinfo(3)), or one of getaddrinfo()'s numbers and NULL, is in *result_r; to be taken once. False: not
 * answered yet. */
bool realip_host_lookup_take(struct realip_host_lookup *lookup, int *result_r, struct addrinfo **found_r);

/* Does not wait: what is not answered goes on in its thread, with nothing but its own memory, until the resolver gives up or the process ends. */
void realip_host_lookup_free(struct realip_host_lookup **lookup);

#endif
