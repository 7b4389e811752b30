/* mail_judge - judges a mail user's session, for the mail plugin: librealip_mail.so, which that loads for the sessions that
 * the auth process left open. Most sites' mail processes never need it. */
#ifndef REALIP_DOVECOT_MAIL_JUDGE_H
#define REALIP_DOVECOT_MAIL_JUDGE_H

#include "compat.h"
#include "plugin_settings.h"

#define REALIP_MAIL_JUDGE_MODULE "librealip_mail.so"
#define REALIP_MAIL_JUDGE_VERSION REALIP_VERSION " for " DOVECOT_ABI_VERSION

/* NULL when the session may go on; else what refuses it, a text of the user's pool. Logs, and counts by an event. */
typedef const char *realip_mail_judge_t(struct mail_user *user, const struct realip_settings *settings);

extern const char realip_mail_judge_version[];
realip_mail_judge_t realip_mail_judge;

#endif
