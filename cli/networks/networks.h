/* networks - the parts of `realipctl networks`: lists, presets, differences; as texts and as JSON. */
#ifndef REALIP_CLI_NETWORKS_H
#define REALIP_CLI_NETWORKS_H

#include <jansson.h>
#include <stdio.h>

#include "in_force.h"
#include "listing.h"

#define REALIP_NETWORKS_MOST_DAEMONS 2

/* What is asked for. */
struct realip_networks_question {
    bool json;
    bool sources_only;
    bool is_one_set;      /* else all of them */
    enum realip_set set;
    long long now;
};

/* Prints the sets and their sources. */
void realip_networks_print(const struct realip_listing *listing, const struct realip_in_force *daemons, size_t daemon_count,
                           const struct realip_networks_question *question);
/* The same as JSON; NULL when memory is short. */
json_t *realip_networks_json(const struct realip_listing *listing, const struct realip_in_force *daemons, size_t daemon_count,
                             const struct realip_networks_question *question);

/* Where a network comes from, for people: "mail-realip.conf:3", "nodes.json:17 node worker-1". Returns `text`. */
const char *realip_networks_place_text(const struct realip_listed *one, char *text, size_t size);
/* The same as members of a JSON object. */
void realip_networks_place_json(const struct realip_listed *one, json_t *object);

/* Prints a JSON value to standard output. 0; or EXIT_FAILURE. Takes the caller's reference; NULL: memory was short. */
int realip_networks_print_json(json_t *value);

/* Prints the presets. Returns the exit status. */
int realip_networks_print_presets(bool json);

/* Compares two listings and prints what `after` adds, takes away, and has from elsewhere. 0 they hold the same, 1 they differ, 2 memory was
 * short. */
int realip_networks_print_difference(const struct realip_listing *before, const struct realip_listing *after, bool json);

#endif
