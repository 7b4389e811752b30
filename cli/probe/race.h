/* race - a connection to whichever of a name's addresses answers first, as RFC 8305 has it ("Happy Eyeballs"). */
#ifndef REALIP_PROBE_RACE_H
#define REALIP_PROBE_RACE_H

#include "connection.h"
#include "target.h"

/* Connects to the addresses in their order: the next one is begun when the one before has failed, or has not answered for a quarter of a second, and none is
 * given up before `deadline` (realip_probe_now()), so that an address that swallows everything costs the others a moment and not their time. 0 and *connection_r
 * (to be closed) to the target number *index_r; or -1 and *error_r, the errno of the last that failed, and *index_r, the last that was begun. There is at
 * least one target. */
int realip_probe_race(const struct realip_probe_targets *targets, long long deadline, struct realip_probe_connection **connection_r, size_t *index_r,
                      int *error_r);

#endif
