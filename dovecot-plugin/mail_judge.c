#define REALIP_COMPAT_MAIL
#include "mail_judge.h"

#include <string.h>

#include "compat.h"
#include "dovecot_facts.h"
#include "handover.h"
#include "rules_source.h"
#include "session.h"

const char realip_mail_judge_version[] = REALIP_MAIL_JUDGE_VERSION;

static const struct realip_hook hook = { .name = "mail" };

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

const char *realip_mail_judge(struct mail_user *user, const struct realip_settings *settings)
{
    struct realip_facts facts = read_facts(user);
    struct realip_judgement judgement;

    realip_session_judge(user->event, &hook, find_rules(user, settings), settings->mode, &facts, NULL, &judgement);
    return judgement.answer == REALIP_ANSWER_PASS ? NULL : p_strdup(user->pool, judgement.text);
}
