#define REALIP_COMPAT_MAIL
#include "mail_plugin.h"

#include <string.h>

#include "compat.h"
#include "handover.h"
#include "mail_judge.h"
#include "module_loader.h"
#include "session.h"

const char *const realip_plugin_version = DOVECOT_ABI_VERSION;

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static bool has_address(const struct mail_user *user)
{
    return user->conn.remote_ip != NULL && user->conn.remote_ip->family != 0;
}

/* No client's session: delivery, the operator's own tools, workers for a session that was judged already, a session that
 * comes back from hibernation. Nothing is to be judged. */
static bool is_exempt(const struct mail_user *user)
{
    static const char *const never_judged[] = { "lmtp", "doveadm", NULL };
    /* They work on this host's behalf. With an address they would be a client's session: judge that. */
    static const char *const local[] = { "lda", "indexer-worker", "imap-urlauth-worker", "quota-status", NULL };

    if (user->autocreated || user->session_restored)
        return true;
    if (user->service == NULL)
        return false;
    return is_one_of(user->service, never_judged) || (!has_address(user) && is_one_of(user->service, local));
}

/* The auth process knows more than this one does. Where it found nothing to stop or to tell, this process, which mostly
 * lives for one session, need not even open the rules. */
static bool is_settled(const struct mail_user *user, const struct realip_settings *settings)
{
    return realip_handover_is_judged(user->userdb_fields, settings) && !realip_session_events_are_heard();
}

/* Nobody judges: a monitor must never stop mail; anything else must never work blind. NULL, or what refuses the session. */
static const char *do_without(struct mail_user *user, const struct realip_settings *settings, const char *reason)
{
    bool passes = settings->mode == REALIP_MODE_MONITOR;

    e_error(user->event, "realip: realip/" REALIP_MAIL_JUDGE_MODULE ", which judges sessions here, can't be loaded: %s: %s", reason,
            passes ? "the session passes unjudged (realip_mode = monitor)"
                   : "the session is refused (realip_mode = monitor would let it pass)");
    return passes ? NULL : "realip: nobody can judge this session";
}

static const char *judge(struct mail_user *user, const struct realip_settings *settings)
{
    static const struct realip_module module = {
        .file = REALIP_MAIL_JUDGE_MODULE,
        .symbol = "realip_mail_judge_version",
        .version = REALIP_MAIL_JUDGE_VERSION,
        .function = "realip_mail_judge",
    };
    realip_mail_judge_t *loaded;
    const char *reason;
    void *function;

    if (realip_module_loader_find(&module, &function, &reason) < 0)
        return do_without(user, settings, reason);
    memcpy(&loaded, &function, sizeof(loaded)); /* as dlsym(3) has it */
    return loaded(user, settings);
}

static void on_user_created(struct mail_user *user)
{
    struct realip_settings settings;
    const char *refusal;

    if (is_exempt(user))
        return;
    realip_settings_read(user->event, realip_compat_mail_setting(user, "realip_config"),
                         realip_compat_mail_setting(user, "realip_rules"),
                         realip_compat_mail_setting(user, "realip_mode"), &settings);
    if (is_settled(user, &settings))
        return;
    refusal = judge(user, &settings);
    if (refusal != NULL)
        user->error = p_strdup(user->pool, refusal);
}

static const struct mail_storage_hooks hooks = { .mail_user_created = on_user_created };

void realip_plugin_init(struct module *module)
{
    mail_storage_hooks_add(module, &hooks);
}

void realip_plugin_deinit(void)
{
    mail_storage_hooks_remove(&hooks);
}
