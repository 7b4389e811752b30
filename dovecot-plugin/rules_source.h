/* rules_source - the rules in force in this process of Dovecot.
 *
 * Compiled rules (realip_rules, published by realip-policyd) come first: looking for newer ones costs one system call and
 * goes on after chroot(2). Where there are none, the text (realip_config) is read. Compiled rules of another text are not
 * taken, unless the text is not there at all. Whatever can't be read leaves the rules in force.
 * Dovecot's processes have one thread.
 */
#ifndef REALIP_DOVECOT_RULES_SOURCE_H
#define REALIP_DOVECOT_RULES_SOURCE_H

#include "plugin_settings.h"
#include "runtime/config.h"

/* The rules in force by these settings: found at the first call and when other files are named, then again when a file
 * has changed. NULL when there are none. What is wrong is added to `problems`, once for each state of the files while
 * older rules decide. The rules live until the next call. */
const struct realip_config *realip_rules_source_look(const struct realip_settings *settings,
                                                     struct realip_problems *problems);

/* True when the rules of the last look are compiled ones: those of a text may be older than the lists that it names, as only a
 * change of the text itself is seen. */
bool realip_rules_source_is_compiled(void);

/* From now on the text can't be reached (chroot, other user): only compiled rules are looked for, and the settings are
 * those of the last look. */
void realip_rules_source_seal(void);
const struct realip_config *realip_rules_source_look_sealed(struct realip_problems *problems);

/* Forgets the rules. */
void realip_rules_source_close(void);

#endif
