/* plugin_settings - what Dovecot's configuration says to our modules.
 *
 * 2.4 knows realip_config, realip_rules and realip_mode as settings of their own. 2.3 has a place for each kind of
 * module (plugin { }, the args of a passdb) and none for login modules: the environment (import_environment =
 * $import_environment REALIP_CONFIG=/path) serves all of them there.
 */
#ifndef REALIP_DOVECOT_PLUGIN_SETTINGS_H
#define REALIP_DOVECOT_PLUGIN_SETTINGS_H

#include "compat.h"
#include "core/verdict.h"

/* Texts live as long as the data stack's frame. */
struct realip_settings {
    const char *config;   /* mail-realip.conf */
    const char *compiled; /* the file of compiled rules; "": none */
    enum realip_mode mode; /* what to do while there are no rules; UNDECIDED when nothing was said */
};

/* Reads the settings by `event` (2.4). The texts are what 2.3 says in the module's own place; NULL or "": nothing. */
void realip_settings_read(struct event *event, const char *config, const char *compiled, const char *mode,
                          struct realip_settings *settings_r);

#endif
