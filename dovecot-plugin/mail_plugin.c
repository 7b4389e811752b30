#define REALIP_COMPAT_MAIL
#include "mail_plugin.h"

#include <string.h>

#include "compat.h"
#include "dovecot_facts.h"
#include "handover.h"
#include "rules_source.h"
#include "session.h"

const char *realip_plugin_version = DOVECOT_ABI_VERSION;

static const struct realip_hook hook = { .name = "mail" };

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

/* The name under which login and auth know the service too, so that one listener block is for all three: ManageSieve's
 * mail process alone calls itself after its program. */
static const char *service_name(const struct mail_user *user)
{
    return user->service != NULL && strcmp(user->service, "managesieve") == 0 ? "sieve" : user->service;
}

/* Texts belong to the user. */
static struct realip_facts read_facts(const struct mail_user *user)
{
    struct realip_facts facts = {
        .source = REALIP_SOURCE_DOVECOT_MAIL,
        .stage = REALIP_STAGE_AUTH,
        /* Unless the auth process tells: only it and the login processes know. */
        .peer_state = REALIP_PEER_LEFT,
        .client = realip_dovecot_address(user->conn.remote_ip),
        /* No listener_port: conn.local_port is the PROXY header's destination, not where Dovecot listens. */
        .service = service_name(user),
        .session = user->session_id,
        .user = user->username,
    };

    realip_handover_read(user->userdb_fields, &facts);
    return facts;
}

static const struct realip_config *find_rules(struct mail_user *user, const struct realip_settings *settings)
{
    struct realip_problems problems = { 0 };
    const struct realip_config *config = realip_rules_source_look(settings, &problems);

    realip_session_log_errors(&problems);
    if (config != NULL && problems.count > 0)
        e_error(user->event, "realip: the configuration has errors: the old rules stay in force");
    realip_problems_clear(&problems);
    return config;
}

/* The auth process knows more than this one does. Where it found nothing to stop or to tell, this process, which mostly
 * lives for one session, need not even open the rules. */
static bool is_settled(const struct mail_user *user, const struct realip_settings *settings)
{
    return realip_handover_is_judged(user->userdb_fields, settings) && !realip_session_events_are_heard();
}

static void on_user_created(struct mail_user *user)
{
    struct realip_judgement judgement;
    struct realip_settings settings;
    struct realip_facts facts;

    if (is_exempt(user))
        return;
    realip_settings_read(user->event, realip_compat_mail_setting(user, "realip_config"),
                         realip_compat_mail_setting(user, "realip_rules"),
                         realip_compat_mail_setting(user, "realip_mode"), &settings);
    if (is_settled(user, &settings))
        return;
    facts = read_facts(user);
    realip_session_judge(user->event, &hook, find_rules(user, &settings), settings.mode, &facts, NULL, &judgement);
    if (judgement.answer != REALIP_ANSWER_PASS)
        user->error = p_strdup(user->pool, judgement.text);
}

static const struct mail_storage_hooks hooks = { .mail_user_created = on_user_created };

void realip_plugin_init(struct module *module)
{
    mail_storage_hooks_add(module, &hooks);
}

void realip_plugin_deinit(void)
{
    mail_storage_hooks_remove(&hooks);
    realip_rules_source_close();
}
