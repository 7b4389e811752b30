/* network_set - an immutable set of networks with a label each; the longest prefix that holds an address answers.
 *
 * The networks are cut into sorted disjoint ranges, each knowing the longest network that covers it. A look-up narrows
 * the ranges with one table of 2^16 places over the bits in which the networks differ (so that ten thousand networks of
 * one /32 spread as well as random ones), then searches the few that are left. Small sets have no table.
 * Nothing is written after the build: any number of threads may look up at once.
 */
#ifndef REALIP_NETWORK_SET_H
#define REALIP_NETWORK_SET_H

#include "network.h"

struct realip_network_entry {
    struct realip_network network;
    uint32_t label; /* the caller's; rules keep the place (file and line) of the network there */
};

struct realip_network_set;

/* Makes a set of `count` entries, copied; `entries` may be NULL when count is 0. Of entries with the same network the
 * first counts. 0 and *set_r (to be freed); or -1, *set_r NULL and *reason_r a constant text: out of memory, more than
 * 2^30 entries, or an entry without an address. */
int realip_network_set_build(const struct realip_network_entry *entries, size_t count, struct realip_network_set **set_r,
                             const char **reason_r);

/* Writes the set into `block` as one piece without pointers, for a file that other processes map; returns the bytes
 * needed, a multiple of 8, and writes nothing when `block` is NULL. `block` is aligned to 8 bytes. The form is this
 * machine's and this version's: whoever keeps it must tell them apart. */
size_t realip_network_set_pack(const struct realip_network_set *set, void *block);

/* Makes a set of a packed block, which is not copied and must outlive the set. 0 and *set_r; or -1, *set_r NULL and
 * *reason_r a constant text: out of memory, or the block is damaged (every number in it is checked, so that no look-up
 * can leave it). Where the caller knows that the block is as realip_network_set_pack() wrote it (`is_unchanged`), only its
 * size is checked: a process that asks once need not read all of it. */
int realip_network_set_attach(const void *block, size_t size, bool is_unchanged, struct realip_network_set **set_r,
                              const char **reason_r);

/* Frees the set and sets the caller's pointer to NULL; *set may be NULL. */
void realip_network_set_free(struct realip_network_set **set);

/* The entry of the longest network that holds the address, or NULL: none does, the address is absent, or `set` is
 * NULL. The entry lives as long as the set. */
const struct realip_network_entry *realip_network_set_find(const struct realip_network_set *set,
                                                           const struct realip_address *address);

/* The entry of exactly this network, or NULL. */
const struct realip_network_entry *realip_network_set_find_exact(const struct realip_network_set *set,
                                                                 const struct realip_network *network);

/* realip_network_set_find() != NULL. */
bool realip_network_set_contains(const struct realip_network_set *set, const struct realip_address *address);

/* The entries of the set in address order, IPv4 first, without repetitions; for listings and comparisons. */
size_t realip_network_set_count(const struct realip_network_set *set);
const struct realip_network_entry *realip_network_set_entry(const struct realip_network_set *set, size_t index);

#endif
