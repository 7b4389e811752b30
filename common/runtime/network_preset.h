/* network_preset - what platforms show in place of clients, as their documentation says: `preset = { "docker", "k3s" }`.
 *
 * A preset holds addresses that are never a client's where that platform runs as it is delivered, and no more: where only a
 * gateway shows, the gateway and not its network. It belongs into networks infrastructure; where the platform's health checks
 * come from there, into networks probers too. It gives no trust: behind such an address anybody may stand.
 * Names that people would try and for which no such list can be right are known, too: they say what to write in place of them.
 */
#ifndef REALIP_NETWORK_PRESET_H
#define REALIP_NETWORK_PRESET_H

#include "core/rules.h"
#include "network_source.h"

#define REALIP_NETWORK_PRESET_MOST_POOLS 8

/* Longest text of realip_network_preset_pool() with its NUL. */
#define REALIP_NETWORK_PRESET_POOL_SIZE (REALIP_NETWORK_TEXT_SIZE + 32)

struct realip_network_preset_pool {
    const char *cidr;
    unsigned each; /* 0: all of it; else IPv4, cut into networks of this prefix, and the first address of each: their gateways */
};

struct realip_network_preset {
    const char *name;
    const char *what;    /* one sentence: whose addresses these are */
    const char *beware;  /* one sentence: what else may have one of them, or what is not in here; NULL: nothing known */
    const char *source;  /* where the platform says so: a URL */
    const char *instead; /* NULL; else there is no such list, and this says what to write */
    bool has_probes;     /* the platform's health checks come from there */
    bool on_purpose;     /* counts for a client on this host, too: without it, every client looks like one */
    struct realip_network_preset_pool pools[REALIP_NETWORK_PRESET_MOST_POOLS]; /* up to the first without a cidr */
};

/* The presets in their order, by index from 0, those without a list last; NULL behind the last. */
const struct realip_network_preset *realip_network_preset_at(size_t index);

/* Adds what `name` holds to the list of `set`; origins are "FILE[preset:NAME]" and the line of `origin`, and live in `arena`.
 * 0 and *preset_r (a constant); or -1, *preset_r NULL and one problem added: no such preset, none for this set, one that has no list,
 * or memory is short. */
int realip_network_preset_add(enum realip_set set, const char *name, struct realip_origin origin, struct realip_arena *arena,
                              struct realip_network_list *list, struct realip_problems *problems,
                              const struct realip_network_preset **preset_r);

/* Writes "10.42.0.0/16", or "172.18.0.0/15 (first of each /16)". Returns `text`. */
const char *realip_network_preset_pool_text(const struct realip_network_preset_pool *pool, char text[REALIP_NETWORK_PRESET_POOL_SIZE]);

#endif
