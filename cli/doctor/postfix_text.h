/* postfix_text - main.cf and master.cf, and what postconf prints of them, as settings with their lines. */
#ifndef REALIP_DOCTOR_POSTFIX_TEXT_H
#define REALIP_DOCTOR_POSTFIX_TEXT_H

#include "setup.h"

/* main.cf, or `postconf -n`: "name = value", lines that begin with a blank go on (postconf(5)). */
void realip_postfix_text_main(struct realip_arena *arena, const char *file, const char *text,
                              struct realip_settings *settings);

/* master.cf, or `postconf -M` (master(5)). Entries that have fewer than eight fields are left out. */
void realip_postfix_text_master(struct realip_arena *arena, const char *file, const char *text,
                                struct realip_postfix *postfix);

/* `postconf -P`: "service/type/name = value" takes the place of what the service's own entry said. */
void realip_postfix_text_options(struct realip_arena *arena, const char *file, const char *text,
                                 struct realip_postfix *postfix);

#endif
