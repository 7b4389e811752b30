#define REALIP_COMPAT_AUTH
#include "passdb_plugin.h"

#include <string.h>

#include "compat.h"
#include "dovecot_facts.h"
#include "handover.h"
#include "rules_source.h"
#include "session.h"
#include "trusted_networks.h"

const char *const authdb_realip_version = DOVECOT_ABI_VERSION;

struct realip_passdb {
    struct passdb_module module;
    struct realip_settings settings; /* texts of the module's pool */
};

static const struct realip_hook hook = { .name = "auth" };
static bool is_checked; /* what start tells is told once, however many passdbs there are */

static const struct realip_config *find_rules(const struct realip_passdb *passdb)
{
    struct realip_problems problems = { 0 };
    const struct realip_config *config = realip_rules_source_look(&passdb->settings, &problems);

    realip_session_log_errors(&problems);
    if (config != NULL && problems.count > 0)
        i_error("realip: the configuration has errors: the old rules stay in force");
    realip_problems_clear(&problems);
    return config;
}

/* A setting of 2.3's args (config=/path rules=/path mode=monitor; a bare path is the configuration), or "". */
static const char *find_argument(const char *args, const char *name)
{
    const char *const *words = t_strsplit_spaces(args, " ");
    size_t length = strlen(name);

    for (; *words != NULL; words++) {
        if (strncmp(*words, name, length) == 0 && (*words)[length] == '=')
            return *words + length + 1;
        if (**words == '/' && strcmp(name, "config") == 0)
            return *words;
    }
    return "";
}

static void check_at_start(const struct realip_passdb *passdb)
{
    struct realip_problems problems = { 0 };
    const struct realip_config *config = find_rules(passdb);

    if (is_checked)
        return;
    is_checked = true;
    if (config != NULL)
        realip_session_log_warnings(&config->warnings);
    realip_trusted_networks_check(config, &problems);
    realip_session_log_warnings(&problems);
    realip_problems_clear(&problems);
}

static struct passdb_module *make_module(pool_t pool, struct event *event, const char *args)
{
    struct realip_passdb *passdb = p_new(pool, struct realip_passdb, 1);
    struct realip_settings settings;

    /* Not cached, not in a worker: an address is judged anew each time, and that takes no time. */
    passdb->module.default_cache_key = NULL;
    passdb->module.blocking = FALSE;
    realip_settings_read(event, find_argument(args, "config"), find_argument(args, "rules"), find_argument(args, "mode"),
                         &settings);
    passdb->settings.config = p_strdup(pool, settings.config);
    passdb->settings.compiled = p_strdup(pool, settings.compiled);
    passdb->settings.mode = settings.mode;
    check_at_start(passdb);
    return &passdb->module;
}

REALIP_COMPAT_DEFINE_PREINIT(preinit, make_module)

static bool is_protocol(const struct auth_request *request, const char *name)
{
    const char *protocol = realip_compat_request_protocol(request);

    return protocol != NULL && strcmp(protocol, name) == 0;
}

/* Somebody looks a user up (doveadm auth lookup, LMTP's proxying), nobody logs in; or the operator tries a password. */
static bool is_exempt(const struct auth_request *request)
{
    if (request->fields.mech_name == NULL)
        return true;
    return is_protocol(request, "doveadm") && request->fields.remote_ip.family == 0;
}

static struct realip_facts read_facts(const struct auth_request *request)
{
    const struct auth_request_fields *fields = &request->fields;
    struct realip_facts facts = {
        .source = REALIP_SOURCE_DOVECOT_AUTH,
        .stage = REALIP_STAGE_AUTH,
        .peer_state = REALIP_PEER_LEFT,
        .client = realip_dovecot_address(&fields->remote_ip),
        .service = realip_compat_request_protocol(request),
        .session = fields->session_id,
        .user = fields->user,
        .password_login = true,
    };

    /* Postfix tells what a PROXY header or XCLIENT told it: its own policy server knows the peer and the port. */
    if (is_protocol(request, "smtp"))
        return facts;
    realip_dovecot_set_peer(&facts, &fields->real_remote_ip);
    facts.listener_port = fields->real_local_port;
    return facts;
}

/* Straight into the reply: by auth_request_set_field() a userdb "prefetch" would take them for a whole answer. */
static void hand_over(struct auth_request *request, const struct realip_facts *facts,
                      const struct realip_judgement *judgement, const struct realip_settings *settings)
{
    char peer[REALIP_ADDRESS_TEXT_SIZE];

    if (request->fields.userdb_reply == NULL)
        realip_compat_init_userdb_reply(request);
    auth_request_set_userdb_field(request, REALIP_HANDOVER_REASON, realip_reason_token(judgement->reason));
    if (judgement->is_silent && realip_rules_source_is_compiled()) {
        auth_request_set_userdb_field(request, REALIP_HANDOVER_JUDGED, settings->config);
        auth_request_set_userdb_field(request, REALIP_HANDOVER_RULES, settings->compiled);
    }
    if (facts->peer_state != REALIP_PEER_KNOWN)
        return;
    auth_request_set_userdb_field(request, REALIP_HANDOVER_PEER, realip_address_format(&facts->peer, peer));
    if (facts->listener_port != 0)
        auth_request_set_userdb_field(request, REALIP_HANDOVER_PORT, dec2str(facts->listener_port));
}

/* USER_DISABLED is final whatever result_* says; without nodelay a refusal would delay all who come from there. */
static enum passdb_result refuse(struct auth_request *request, const struct realip_judgement *judgement)
{
    auth_request_set_field(request, "nodelay", "", NULL);
    if (judgement->answer == REALIP_ANSWER_PERMANENT)
        auth_request_set_field(request, "reason", judgement->text, NULL);
    else
        request->internal_failure = TRUE;
    return PASSDB_RESULT_USER_DISABLED;
}

static enum passdb_result judge(struct auth_request *request)
{
    const struct realip_passdb *passdb = (const struct realip_passdb *)request->passdb->passdb;
    struct realip_judgement judgement;
    struct realip_facts facts;

    if (is_exempt(request))
        return PASSDB_RESULT_NEXT;
    facts = read_facts(request);
    realip_session_judge(authdb_event(request), &hook, find_rules(passdb), passdb->settings.mode, &facts, NULL, &judgement);
    if (judgement.answer != REALIP_ANSWER_PASS)
        return refuse(request, &judgement);
    hand_over(request, &facts, &judgement, &passdb->settings);
    return PASSDB_RESULT_NEXT;
}

static void verify_plain(struct auth_request *request, const char *password, verify_plain_callback_t *callback)
{
    (void)password;
    callback(judge(request), request);
}

static void lookup_credentials(struct auth_request *request, lookup_credentials_callback_t *callback)
{
    callback(judge(request), NULL, 0, request);
}

static struct passdb_module_interface interface = {
    .name = "realip",
    .preinit = preinit,
    .verify_plain = verify_plain,
    .lookup_credentials = lookup_credentials,
};

void authdb_realip_init(void)
{
    passdb_register_module(&interface);
}

void authdb_realip_deinit(void)
{
    passdb_unregister_module(&interface);
    realip_rules_source_close();
}
