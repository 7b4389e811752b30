/* listing - what each set of a configuration, or of compiled rules, holds and where from; for `realipctl networks`. */
#ifndef REALIP_CLI_NETWORKS_LISTING_H
#define REALIP_CLI_NETWORKS_LISTING_H

#include "runtime/config.h"
#include "runtime/network_place.h"

/* X(NAME, token): where networks come from, as texts and JSON name it. */
#define REALIP_LISTING_KIND_TABLE(X)      \
    X(OWN, "own")                         \
    X(CIDR, "cidr")                       \
    X(FILE, "files")                      \
    X(NODES, "kubernetes-nodes")          \
    X(PRESET, "preset")                   \
    X(DISCOVERED, "discover")

#define REALIP_LISTING_ENUM(name, token) REALIP_LISTING_##name,
enum realip_listing_kind { REALIP_LISTING_UNKNOWN = 0, REALIP_LISTING_KIND_TABLE(REALIP_LISTING_ENUM) REALIP_LISTING_KIND_COUNT };
#undef REALIP_LISTING_ENUM

/* One network with its place taken apart. */
struct realip_listed {
    struct realip_network network;
    enum realip_listing_kind kind;
    struct realip_network_place place;
};

struct realip_listed_set {
    enum realip_set set;
    struct realip_listed *networks; /* in the order of addresses, IPv4 first, wider networks before those in them */
    size_t count;
};

/* One source of a set. */
struct realip_listed_source {
    enum realip_set set;
    enum realip_listing_kind kind;
    const char *name;    /* as the configuration has it: path, pattern, preset; NULL where there is none: cidr, discover, own */
    size_t networks;
    long long written;   /* when the newest of its files was last written, a time(2); 0: it has none, or is not there */
};

struct realip_listing {
    struct realip_config *config;
    struct realip_sources *sources; /* NULL: of compiled rules */
    bool is_compiled;
    long long published;            /* when the compiled file was written; 0: there is none */
    const char *path;               /* what was read, as it was named */
    struct realip_listed_set sets[REALIP_SET_OWN + 1];
    struct realip_listed_source *rows;
    size_t row_count;
};

/* Reads a configuration, or a file of compiled rules: what it is, its first bytes tell. 0; or -1 and the problems added, and *listing_r is
 * NULL. `problems` may hold warnings too. */
int realip_listing_read(const char *path, struct realip_listing **listing_r, struct realip_problems *problems);
void realip_listing_free(struct realip_listing **listing);

/* Does this file begin as compiled rules do? */
bool realip_listing_is_compiled(const char *path);

/* "cidr", "files", …: the configuration's word. */
const char *realip_listing_token(enum realip_listing_kind kind);

/* Do two networks, each of its own listing, come from the same source? Lines do not count: a list moves with each that is added to it. A
 * configuration's own file is the same one as the other's. */
bool realip_listing_same_source(const struct realip_listed *one, const struct realip_listed *other);

#endif
