/* told_clients - the most clients that others said to be behind each address in one quarter of a window.
 *
 * What they say may change as often as they like: policyds with different thresholds share one list, and a server may lie. Within a quarter the
 * most counts, so that an address does not become a suspect, and a line of the log, again and again. Of fixed size, 1 MB when all of it is used.
 * For one thread.
 */
#ifndef REALIP_TOLD_CLIENTS_H
#define REALIP_TOLD_CLIENTS_H

#include "core/address.h"

struct realip_told_clients;

/* NULL when memory, or a random key, can't be had. */
struct realip_told_clients *realip_told_clients_new(void);
/* Frees it and sets the caller's pointer to NULL; *told may be NULL. */
void realip_told_clients_free(struct realip_told_clients **told);

/* It is this quarter of a window of that length (seconds). Another than before: all is forgotten. */
void realip_told_clients_begin(struct realip_told_clients *told, uint32_t window, uint64_t quarter);

/* So many clients (at least 1) are said to be behind the address. Returns the most since the quarter began; 0: there is no room for another address. */
uint32_t realip_told_clients_most(struct realip_told_clients *told, const struct realip_address *address, uint32_t clients);

#endif
