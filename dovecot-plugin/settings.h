/* settings - plugin { realip_config realip_mode } and the rules that the first one names. */
#ifndef REALIP_DOVECOT_SETTINGS_H
#define REALIP_DOVECOT_SETTINGS_H

#include "compat.h"
#include "runtime/config.h"

/* The rules in force for this user: read once in a process, and again when the file is another one or has changed (files
 * that it names are read with it, but not watched). A file with errors leaves the rules that this process has in force.
 * NULL when there are none. What is wrong is added to `problems`, once for each state of the file while older rules
 * decide. The rules live until the next call. */
const struct realip_config *realip_settings_rules(struct mail_user *user, struct realip_problems *problems);

/* realip_mode: what to do while there are no rules. UNDECIDED when it is not set or no mode. */
enum realip_mode realip_settings_mode(struct mail_user *user);

/* Forgets the rules. */
void realip_settings_deinit(void);

#endif
