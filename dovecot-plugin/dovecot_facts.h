/* dovecot_facts - what Dovecot knows of a user's session, as facts. */
#ifndef REALIP_DOVECOT_FACTS_H
#define REALIP_DOVECOT_FACTS_H

#include "compat.h"
#include "core/facts.h"

/* No client's session: delivery, the operator's own tools, workers for a session that was judged already, a session that
 * comes back from hibernation. Nothing is to be judged. */
bool realip_dovecot_user_is_exempt(const struct mail_user *user);

/* The facts of a user who has logged in. Texts belong to the user. */
struct realip_facts realip_dovecot_user_facts(const struct mail_user *user);

#endif
