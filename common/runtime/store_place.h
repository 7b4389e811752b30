/* store_place - where several programs count together: a Redis or Valkey server, as the configuration spells it. */
#ifndef REALIP_STORE_PLACE_H
#define REALIP_STORE_PLACE_H

#include <stdbool.h>

#include "arena.h"
#include "core/verdict.h"

struct realip_store_place {
    const char *text; /* as written */
    const char *host; /* numeric or a name; NULL for a unix socket */
    const char *path; /* of a unix socket; else NULL */
    const char *user; /* of Redis' ACL; NULL: its default user */
    unsigned port;
    unsigned database;
    bool tls;
    const char *password_file; /* NULL: no password */
    const char *ca_file;       /* whose certificates are believed; NULL: the system's */
    struct realip_origin origin;
    struct realip_origin password_origin; /* the line that names the file */
};

/* Reads redis://[USER@]HOST[:PORT][/DATABASE], rediss://… (TLS) or redis+unix://[USER@]/PATH[?db=DATABASE]. 0 and *place_r, its texts in `arena`;
 * or -1 and *reason_r a constant text. A password has no place in it. */
int realip_store_place_parse(const char *text, struct realip_arena *arena, struct realip_store_place *place_r, const char **reason_r);

#endif
