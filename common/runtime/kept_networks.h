/* kept_networks - networks and their places, kept for as long as they may be needed again. Smaller than what they were read
 * into, as they are kept beside the rules; never changed once made, and shared by whoever holds a reference. Not for two
 * threads at once.
 */
#ifndef REALIP_KEPT_NETWORKS_H
#define REALIP_KEPT_NETWORKS_H

#include "network_source.h"

struct realip_kept_networks;

/* Keeps the list's networks from an index on, with one reference of the caller's. NULL when memory is short. */
struct realip_kept_networks *realip_kept_networks_new(const struct realip_network_list *list, size_t from);

/* One more reference; one less, which sets the caller's pointer to NULL, and the last one frees. *kept may be NULL. */
struct realip_kept_networks *realip_kept_networks_share(struct realip_kept_networks *kept);
void realip_kept_networks_release(struct realip_kept_networks **kept);

size_t realip_kept_networks_count(const struct realip_kept_networks *kept);

/* Is exactly this network among them? */
bool realip_kept_networks_have(const struct realip_kept_networks *kept, const struct realip_network *network);

/* Adds all of them to a list; origins' texts are copied into `arena`. 0; or -1 when memory is short. */
int realip_kept_networks_add(const struct realip_kept_networks *kept, struct realip_arena *arena,
                             struct realip_network_list *list);

#endif
