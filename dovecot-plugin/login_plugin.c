#define REALIP_COMPAT_LOGIN
#include "login_plugin.h"

#include "compat.h"
#include "dovecot_facts.h"
#include "login_refusal.h"
#include "rules_source.h"
#include "session.h"
#include "tell_once.h"
#include "trusted_networks.h"

const char *const login_realip_plugin_version = DOVECOT_ABI_VERSION;

/* One of our own with each client; lives in the client's pool. */
struct login_session {
    union login_client_module_context module_ctx;
    struct client *client;
    struct realip_judgement judgement; /* the last one */
    struct realip_refusal *refusal;    /* NULL: not refused */
};

static MODULE_CONTEXT_DEFINE_INIT(login_realip_module, &login_module_register);

static struct realip_hook hook = { .name = "login" };
static enum realip_mode mode_without_rules;

static void tell_faults(const struct realip_config *config)
{
    struct realip_problems problems = { 0 };

    realip_trusted_networks_check(config, &problems);
    if (realip_tell_once(login_binary->process_name, &problems))
        realip_session_log_warnings(&problems);
    realip_problems_clear(&problems);
}

static struct realip_facts read_facts(struct client *client, enum realip_stage stage)
{
    struct realip_facts facts = {
        .source = REALIP_SOURCE_DOVECOT_LOGIN,
        .stage = stage,
        .client = realip_dovecot_address(&client->ip),
        .listener_name = client->listener_name,
        .listener_port = client->real_local_port, /* not the header's */
        .service = login_binary->protocol,
        .session = client_get_session_id(client),
        .user = client->virtual_user,
        .password_login = stage == REALIP_STAGE_AUTH,
    };

    realip_dovecot_set_peer(&facts, &client->real_remote_ip);
    return facts;
}

static void judge(struct login_session *session, enum realip_stage stage)
{
    struct realip_facts facts = read_facts(session->client, stage);
    struct realip_problems problems = { 0 };
    const struct realip_config *config = realip_rules_source_look_sealed(&problems);
    struct realip_judgement judgement;

    realip_session_log_errors(&problems);
    realip_problems_clear(&problems);
    realip_session_judge(session->client->event, &hook, config, mode_without_rules, &facts, &session->judgement, &judgement);
    session->judgement = judgement;
}

static struct login_session *session_of(struct client *client)
{
    return MODULE_CONTEXT_REQUIRE(client, login_realip_module);
}

/* The greeting. Who is refused gets none. */
static void on_auth_ready(struct client *client)
{
    struct login_session *session = session_of(client);

    if (session->refusal != NULL)
        realip_refusal_resume(session->refusal);
    else if (session->module_ctx.super.notify_auth_ready != NULL)
        session->module_ctx.super.notify_auth_ready(client);
}

/* What a pipelining client sends before it has read its refusal. */
static void on_input(struct client *client)
{
    struct login_session *session = session_of(client);

    if (session->refusal == NULL)
        session->module_ctx.super.input(client);
    else
        realip_refusal_input(session->refusal);
}

static bool on_check_login(struct client *client)
{
    struct login_session *session = session_of(client);

    judge(session, REALIP_STAGE_AUTH);
    switch (session->judgement.answer) {
    case REALIP_ANSWER_PASS:
        return session->module_ctx.super.sasl_check_login == NULL || session->module_ctx.super.sasl_check_login(client);
    case REALIP_ANSWER_PERMANENT:
        sasl_server_auth_failed(client, session->judgement.text, AUTH_CLIENT_FAIL_CODE_USER_DISABLED);
        return false;
    case REALIP_ANSWER_UNDECIDED:
    case REALIP_ANSWER_TEMPORARY:
        break;
    }
    sasl_server_auth_failed(client, session->judgement.text, AUTH_CLIENT_FAIL_CODE_TEMPFAIL);
    return false;
}

static void on_destroy(struct client *client)
{
    struct login_session *session = session_of(client);

    realip_refusal_end(session->refusal);
    if (session->module_ctx.super.destroy != NULL)
        session->module_ctx.super.destroy(client);
}

/* Functions that are NULL in Dovecot's own table (submission has no input and no free) must stay so: it asks for that. */
static void hook_in(struct login_session *session)
{
    struct client_vfuncs *v = session->client->vlast;

    session->module_ctx.super = *v;
    session->client->vlast = &session->module_ctx.super;
    v->notify_auth_ready = on_auth_ready;
    if (v->input != NULL)
        v->input = on_input;
    v->sasl_check_login = on_check_login;
    v->destroy = on_destroy;
    MODULE_CONTEXT_SET(session->client, login_realip_module, session);
}

static void on_client_allocated(struct client *client)
{
    struct login_session *session = p_new(client->pool, struct login_session, 1);

    session->client = client;
    hook_in(session);
    if (realip_compat_client_is_trusted(client))
        return;
    judge(session, REALIP_STAGE_CONNECT);
    if (session->judgement.answer != REALIP_ANSWER_PASS)
        session->refusal = realip_refusal_begin(client, &session->judgement);
}

static const struct login_client_hooks hooks = { .client_allocated = on_client_allocated };

/* As root, before chroot. */
void login_realip_plugin_init(struct module *module)
{
    struct realip_problems problems = { 0 };
    struct event *event = event_create(realip_compat_service_event());
    struct realip_settings settings;
    const struct realip_config *config;

    hook.log_prefix = i_strconcat(login_binary->process_name, ": ", NULL);
    realip_settings_read(event, NULL, NULL, NULL, &settings);
    mode_without_rules = settings.mode;
    config = realip_rules_source_look(&settings, &problems);
    realip_session_log_errors(&problems);
    realip_problems_clear(&problems);
    realip_rules_source_seal();
    tell_faults(config);
    login_client_hooks_add(module, &hooks);
    event_unref(&event);
}

void login_realip_plugin_deinit(void)
{
    char *prefix = (char *)(uintptr_t)hook.log_prefix;

    login_client_hooks_remove(&hooks); /* the rules go with the process, which ends now: unmapping them would take longer */
    hook.log_prefix = NULL;
    i_free(prefix);
}
