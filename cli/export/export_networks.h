/* export_networks - which addresses a program is told of, by the sets of the configuration. */
#ifndef REALIP_CLI_EXPORT_NETWORKS_H
#define REALIP_CLI_EXPORT_NETWORKS_H

#include <stdio.h>

#include "core/rules.h"
#include "ranges.h"
#include "runtime/config.h"

/* Sets as bits. */
#define REALIP_EXPORT_SET(name) (1U << REALIP_SET_##name)
/* Whatever can stand in a client's place, and own hosts: never to be banned. */
#define REALIP_EXPORT_NEVER_BANNED                                                                                     \
    (REALIP_EXPORT_SET(INFRASTRUCTURE) | REALIP_EXPORT_SET(PROXIES) | REALIP_EXPORT_SET(INTERNAL)                       \
     | REALIP_EXPORT_SET(PROBERS) | REALIP_EXPORT_SET(RELAYS))

/* The addresses of these sets, merged; to be cleared. 0; or -1 when memory is short. */
int realip_export_networks(const struct realip_rules *rules, unsigned sets, struct realip_ranges *ranges_r);

/* The same without those of other sets. */
int realip_export_networks_without(const struct realip_rules *rules, unsigned sets, unsigned other_sets, struct realip_ranges *ranges_r);

/* Writes each network of these sets by `print`. 0; or -1 with errno. */
int realip_export_networks_print(const struct realip_rules *rules, unsigned sets, FILE *out,
                                 void (*print)(FILE *out, const struct realip_network *network));

/* "NETWORK" and a newline; for realip_export_networks_print(). */
void realip_export_networks_line(FILE *out, const struct realip_network *network);

/* Do these sets hold all addresses of a family? 0; or the exit status for a wrong configuration, and it has been said, with what that
 * would have done (`effect`): a guard that lets everybody in, or a ban that spares everybody, must not be written in silence. */
int realip_export_networks_refuse_everybody(const struct realip_config *config, unsigned sets, const char *effect);

#endif
