/* explained - asks realip-policyd what it saw of a session that the probe just made. */
#ifndef REALIP_PROBE_EXPLAINED_H
#define REALIP_PROBE_EXPLAINED_H

#include "http_get.h"
#include "observation.h"

/* Asks for the first time: from then on the daemon keeps what passes, too. 0; or -1 and a sentence in `error`. */
int realip_probe_announce(const struct realip_http_place *place, char *error, size_t size);

/* Looks for the newest verdict about the session, by the name that it gave itself alone: others may have named the same client, and the server may have been
 * shown one that nobody here knows (a NAT's). Fills shown, peer, judged, done and id of `seen`, which stays as it is where there is none. 0; or -1 and a sentence in `error`: the daemon could not be asked. */
int realip_probe_explain(const struct realip_http_place *place, struct realip_probe_observation *seen, char *error, size_t size);

#endif
