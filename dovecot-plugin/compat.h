/* compat - what differs between versions of Dovecot. The only file that asks for the version; it brings Dovecot's own
 * headers, whose config.h has to come before all others. */
#ifndef REALIP_COMPAT_H
#define REALIP_COMPAT_H

#include "config.h"
#include "lib.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "net.h"

#if DOVECOT_VERSION_MAJOR == 2 && DOVECOT_VERSION_MINOR == 3

/* The value of a setting in plugin { }, or NULL. */
static inline const char *realip_compat_setting(struct mail_user *user, const char *name)
{
    return mail_user_plugin_getenv(user, name);
}

/* The client's address, or NULL when the user has none. */
static inline const struct ip_addr *realip_compat_remote_ip(const struct mail_user *user)
{
    return user->conn.remote_ip;
}

#else
#error "This version of Dovecot is not supported yet: build with the headers of Dovecot 2.3, or configure --without-dovecot"
#endif

#endif
