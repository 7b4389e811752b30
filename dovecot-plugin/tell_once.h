/* tell_once - says what is wrong at start once for each start of Dovecot and each service, however many processes of it
 * come and go. */
#ifndef REALIP_DOVECOT_TELL_ONCE_H
#define REALIP_DOVECOT_TELL_ONCE_H

#include "compat.h"
#include "runtime/problems.h"

/* True when nobody has told these problems yet for this service of the running master; remembers it in a file below
 * base_dir, so it must be called before privileges are dropped. Where it can't be remembered: true in processes that
 * serve many clients. */
bool realip_tell_once(const char *service, const struct realip_problems *problems);

#endif
