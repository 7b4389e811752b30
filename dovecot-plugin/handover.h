/* handover - what the auth process knows of a session and the mail process does not, as fields of the userdb. */
#ifndef REALIP_DOVECOT_HANDOVER_H
#define REALIP_DOVECOT_HANDOVER_H

#include "compat.h"
#include "core/facts.h"
#include "plugin_settings.h"

/* The names of the fields; %{userdb:realip_reason} can be logged, too. */
#define REALIP_HANDOVER_PEER "realip_peer"     /* the TCP peer */
#define REALIP_HANDOVER_PORT "realip_port"     /* the port that Dovecot listens on */
#define REALIP_HANDOVER_REASON "realip_reason" /* the reason that the auth process found */
#define REALIP_HANDOVER_JUDGED "realip_judged" /* its realip_config, where it let the session pass by compiled rules, without a line */
#define REALIP_HANDOVER_RULES "realip_judged_by" /* its realip_rules then */

/* Takes what the fields (name=value, NULL at the end; or NULL) say of peer and port. */
void realip_handover_read(const char *const *fields, struct realip_facts *facts);

/* Did the auth process let the session pass by these same files, with nothing to log? */
bool realip_handover_is_judged(const char *const *fields, const struct realip_settings *settings);

#endif
