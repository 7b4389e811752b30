/* status - what realip-policyd tells at its status page besides what every daemon does: the last problems, attestation, suspects, the shared store. */
#ifndef REALIP_POLICYD_STATUS_H
#define REALIP_POLICYD_STATUS_H

#include <jansson.h>

#include "recent.h"
#include "runtime/snapshot.h"

struct realip_attest;
struct realip_publication;
struct realip_suspect_store;

/* How many of the last problems, and how many suspects, are told. */
#define REALIP_STATUS_MOST_PROBLEMS 50
#define REALIP_STATUS_MOST_SUSPECTS 20

/* Seconds for which suspects are not looked for anew: that goes through all addresses that are counted. */
#define REALIP_STATUS_SUSPECTS_REST 10

struct realip_policyd_status {
    const struct realip_recent *recent;
    const struct realip_attest *attest; /* NULL: none was wanted, or it could not be started */
    char attest_trouble[256];           /* why it did not work at the start; "" where it did, or was not wanted */
    const struct realip_suspect_store *store; /* NULL: this policyd counts for itself */
    struct realip_publication *publication;
    struct realip_snapshots *snapshots;
    json_t *suspects; /* as they were last looked for, or NULL; to be released in the end */
    long long suspects_at;
};

/* Adds to an object of status_json.h: "problems", as in /explain; "problems-since"; "attestation" and, where there is one, "store", as
 * docs/STATUS.md has them; a notice while the compiled rules can't be written; "suspects" and "suspects-total", where suspicion is configured; to its summary the addresses that the problems of its minutes most often had. `context` is a struct realip_policyd_status. */
void realip_policyd_status_add(void *context, json_t *status);

#endif
