/* config - mail-realip.conf read whole: rules, and what each program needs besides. Immutable once loaded. */
#ifndef REALIP_CONFIG_H
#define REALIP_CONFIG_H

#include <sys/types.h>

#include "arena.h"
#include "core/rules.h"
#include "problems.h"
#include "store_place.h"

#define REALIP_CONFIG_DEFAULT_PATH "/etc/mail-realip/mail-realip.conf"
#define REALIP_EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h */

enum realip_log_target { REALIP_LOG_STDERR = 0, REALIP_LOG_SYSLOG };

/* Which messages get an X-RealIP header from the milter. */
enum realip_milter_header { REALIP_HEADER_ALL = 0, REALIP_HEADER_FLAGGED, REALIP_HEADER_NONE };

struct realip_endpoint {
    const char *text;        /* as written; "unix:/path", "inet:port@host", "inet6:port@host" or "host:port" */
    const char *path;        /* of a unix socket; else NULL */
    const char *host;        /* numeric or a name; NULL for every address */
    int family;              /* AF_INET or AF_INET6 where the spelling says so, else AF_UNSPEC */
    uint16_t port;
    struct realip_origin origin;
};

struct realip_service {
    const struct realip_endpoint *listen;
    size_t listen_count;
    const struct realip_endpoint *http; /* NULL: none */
    mode_t socket_mode;
    const char *socket_group; /* NULL: the group of the process */
    struct realip_origin socket_group_origin;
};

struct realip_name_pattern; /* see name_pattern.h */
struct realip_config_value; /* see config_file.h */
struct realip_sources;      /* see sources.h */

/* Which addresses can be suspects. */
enum realip_suspicion_scope {
    REALIP_SUSPICION_PRIVATE = 0, /* realip_address_is_private(): where a NAT of one's own stands */
    REALIP_SUSPICION_ALL
};

struct realip_suspicion {
    bool configured;
    enum realip_suspicion_scope scope;
    unsigned distinct_clients;
    unsigned window; /* seconds */
    const struct realip_store_place *store; /* where policyd counts together with others; NULL: each program for itself */
    struct realip_origin origin;
};

struct realip_config {
    struct realip_rules rules;
    struct realip_name_pattern *client_names; /* a list, NULL when empty */
    void (*free_client_names)(struct realip_name_pattern **list);
    const char *path;
    const char *compiled; /* where policyd publishes the rules for other programs; NULL: nowhere */
    const char *user; /* NULL: stay who we are */
    struct realip_origin user_origin;
    enum realip_log_target log;
    bool log_passes;
    struct realip_service policyd;
    const char *client_user; /* whose processes policyd may attest */
    const struct realip_endpoint *auth_policy; /* NULL: none */
    const struct realip_config_value *auth_policy_token; /* the path of its token file; NULL: none */
    struct realip_service milter;
    enum realip_milter_header milter_header;
    struct realip_suspicion suspicion;
    uint64_t stamp; /* of all that was read: two configurations with one stamp are the same rules. 0 in compiled ones */
    struct realip_problems warnings; /* what works, but not as the writer may think */
    struct realip_arena arena;       /* holds all of the above */
    const void *mapping;             /* of a compiled file, or NULL */
    size_t mapping_size;
};

/* Loads a file. 0 and *config_r (to be freed), perhaps with warnings; or -1, *config_r NULL and the problems added, each
 * with file, line and mend. Every problem found is told, not the first alone. Not for two threads at once. */
int realip_config_load(const char *path, struct realip_config **config_r, struct realip_problems *problems);

/* The same, with sources that fall back upon what they last held (realip_sources_new()); `sources` has what this load read or
 * kept, also where the load is refused. */
int realip_config_load_sources(const char *path, struct realip_sources *sources, struct realip_config **config_r,
                               struct realip_problems *problems);

void realip_config_free(struct realip_config **config);

#endif
