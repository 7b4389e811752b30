/* compat - what differs between Dovecot 2.3 and 2.4. The only file that asks for the version; it brings Dovecot's own
 * headers, whose config.h has to come before all others.
 *
 * A file says first which of Dovecot's processes it lives in: REALIP_COMPAT_LOGIN, REALIP_COMPAT_AUTH,
 * REALIP_COMPAT_MAIL, or none of them for what is common to all.
 */
#ifndef REALIP_COMPAT_H
#define REALIP_COMPAT_H

#include "config.h"
#include "lib.h"
#include "ioloop.h"
#include "array.h"
#include "master-service.h"
#include "master-service-private.h"
#include "master-service-settings.h"
#include "net.h"

#if DOVECOT_VERSION_MAJOR == 2 && DOVECOT_VERSION_MINOR == 3
#define REALIP_COMPAT_IS_2_4 0
#elif DOVECOT_VERSION_MAJOR == 2 && DOVECOT_VERSION_MINOR == 4
#define REALIP_COMPAT_IS_2_4 1
#else
#error "This version of Dovecot is not supported yet: build with the headers of Dovecot 2.3 or 2.4, or configure --without-dovecot"
#endif

/* ---- all processes ------------------------------------------------------------------------------------------------ */
#if REALIP_COMPAT_IS_2_4
#include "settings.h"
/* Modules have settings of their own, which a module in settings/ makes known to doveconf. */
#define REALIP_COMPAT_HAS_SETTINGS 1

static inline const struct master_service_settings *realip_compat_service_settings(void)
{
    return master_service_get_service_settings(master_service);
}

/* The parent of a service's events: settings are found by it. */
static inline struct event *realip_compat_service_event(void)
{
    return master_service_get_event(master_service);
}

/* How many clients this process serves before it ends; 0: no limit. */
static inline unsigned realip_compat_clients_of_process(void)
{
    return master_service_get_restart_request_count(master_service);
}
#else
#define REALIP_COMPAT_HAS_SETTINGS 0

static inline const struct master_service_settings *realip_compat_service_settings(void)
{
    return master_service_settings_get(master_service);
}

static inline struct event *realip_compat_service_event(void)
{
    return NULL;
}

static inline unsigned realip_compat_clients_of_process(void)
{
    return master_service_get_service_count(master_service);
}
#endif

/* ---- mail processes ----------------------------------------------------------------------------------------------- */
#ifdef REALIP_COMPAT_MAIL
#include "mail-storage-private.h"
#include "mail-user.h"

/* A setting in plugin { } of 2.3, or NULL. */
static inline const char *realip_compat_mail_setting(struct mail_user *user, const char *name)
{
#if REALIP_COMPAT_IS_2_4
    (void)user;
    (void)name;
    return NULL;
#else
    return mail_user_plugin_getenv(user, name);
#endif
}
#endif

/* ---- login processes ---------------------------------------------------------------------------------------------- */
#ifdef REALIP_COMPAT_LOGIN
#include "login-common.h"
#include "client-common.h"
#include "auth-client.h"
#include "iostream-ssl.h"
#include "istream.h"
#include "module-context.h"
#include "ostream.h"

/* May this peer still supply an address, by ID or XCLIENT (login_trusted_networks)? */
static inline bool realip_compat_client_is_trusted(const struct client *client)
{
#if REALIP_COMPAT_IS_2_4
    return client->connection_trusted;
#else
    return client->trusted;
#endif
}
#endif

/* ---- the auth process --------------------------------------------------------------------------------------------- */
#ifdef REALIP_COMPAT_AUTH
#include "auth-common.h"
#include "auth-fields.h"
#include "auth-request.h"
#include "passdb.h"

/* "imap", "smtp", …; may be NULL. */
static inline const char *realip_compat_request_protocol(const struct auth_request *request)
{
#if REALIP_COMPAT_IS_2_4
    return request->fields.protocol;
#else
    return request->fields.service;
#endif
}

static inline void realip_compat_init_userdb_reply(struct auth_request *request)
{
#if REALIP_COMPAT_IS_2_4
    auth_request_init_userdb_reply(request);
#else
    auth_request_init_userdb_reply(request, FALSE); /* the userdb adds its default_fields itself */
#endif
}

/* A passdb driver's preinit of either version: make(pool, event, args), where 2.3 has no event and 2.4 no args. */
#if REALIP_COMPAT_IS_2_4
#define REALIP_COMPAT_DEFINE_PREINIT(name, make)                                                                 \
    static int name(pool_t pool, struct event *event, struct passdb_module **module_r, const char **error_r)     \
    {                                                                                                            \
        (void)error_r;                                                                                           \
        *module_r = make(pool, event, "");                                                                       \
        return 0;                                                                                                \
    }
#else
#define REALIP_COMPAT_DEFINE_PREINIT(name, make)                                                                 \
    static struct passdb_module *name(pool_t pool, const char *args)                                             \
    {                                                                                                            \
        return make(pool, NULL, args);                                                                           \
    }
#endif
#endif

#endif
