/* trusted_networks - Dovecot's own haproxy_trusted_networks: who may send a PROXY header.
 *
 * Dovecot reads the list anew for each connection and says nothing of its faults before one comes: the first bad entry
 * disables all behind it, v4-mapped entries never match.
 */
#ifndef REALIP_DOVECOT_TRUSTED_NETWORKS_H
#define REALIP_DOVECOT_TRUSTED_NETWORKS_H

#include "compat.h"
#include "runtime/config.h"

/* Where a configuration names no proxies, those that Dovecot trusts are the proxies; but never "every address". */
void realip_trusted_networks_fill_in(struct realip_config *config);

/* Adds what is wrong in the list, and where it and `networks proxies` differ; config may be NULL. */
void realip_trusted_networks_check(const struct realip_config *config, struct realip_problems *problems);

#endif
