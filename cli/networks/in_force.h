/* in_force - what a running daemon says of its sources of networks, by its /metrics. */
#ifndef REALIP_CLI_NETWORKS_IN_FORCE_H
#define REALIP_CLI_NETWORKS_IN_FORCE_H

#include <stdbool.h>
#include <stddef.h>

/* One source that the daemon follows. */
struct realip_in_force_source {
    char *set;
    char *name;             /* as the configuration has it */
    size_t networks;
    long long last_read;    /* when all of it was good; a time(2) */
    bool is_stale;          /* its last good content decides */
};

/* What one daemon answered. */
struct realip_in_force {
    const char *daemon;     /* "realip-policyd", "realip-milter" */
    char url[512];
    char error[1024];       /* "": it answered */
    bool is_stale;          /* its last reload failed */
    long long loaded;       /* when the rules in force were loaded; a time(2) */
    struct realip_in_force_source *sources;
    size_t count;
};

/* Asks the daemon at `url`; what went wrong is in error. The answer is to be cleared. */
void realip_in_force_ask(const char *daemon, const char *url, struct realip_in_force *answer_r);
void realip_in_force_clear(struct realip_in_force *answer);

/* What it says of one source; NULL: nothing, it does not follow it. */
const struct realip_in_force_source *realip_in_force_find(const struct realip_in_force *answer, const char *set, const char *name);

#endif
