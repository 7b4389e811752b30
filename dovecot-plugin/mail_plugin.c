#include "mail_plugin.h"

#include "compat.h"
#include "core/decide.h"
#include "dovecot_facts.h"
#include "runtime/log.h"
#include "settings.h"

const char *realip_plugin_version = DOVECOT_ABI_VERSION;

static struct event_category category = { .name = "realip" };

/* The named event, for metric { filter = event=realip_verdict }. */
static struct event *make_event(const struct mail_user *user, enum realip_reason reason, enum realip_action action,
                                enum realip_action wanted)
{
    struct event *event = event_create(user->event);

    event_add_category(event, &category);
    event_set_name(event, "realip_verdict");
    event_add_str(event, "verdict", realip_reason_token(reason));
    event_add_str(event, "action", realip_action_token(action));
    event_add_str(event, "wanted", realip_action_token(wanted));
    event_add_str(event, "hook", "mail");
    return event;
}

static void log_verdict(const struct mail_user *user, const struct realip_config *config, const struct realip_facts *facts,
                        const struct realip_verdict *verdict)
{
    struct event *event = make_event(user, verdict->reason, verdict->action, verdict->wanted);
    char line[REALIP_LOG_LINE_SIZE];

    if (verdict->listener->title != NULL)
        event_add_str(event, "listener", verdict->listener->title);
    realip_log_verdict_line(facts, verdict, line, sizeof(line));
    if (realip_reason_is_problem(verdict->reason) || verdict->reason == REALIP_REASON_UNDECIDED)
        e_warning(event, "%s", line);
    else if (config->log_passes)
        e_info(event, "%s", line);
    else
        e_debug(event, "%s", line); /* the event is counted all the same */
    event_unref(&event);
}

static void refuse(struct mail_user *user, enum realip_reason reason)
{
    user->error = p_strdup_printf(user->pool, "realip %s: %s", realip_reason_token(reason), realip_reason_sentence(reason));
}

static void judge(struct mail_user *user, const struct realip_config *config)
{
    struct realip_facts facts = realip_dovecot_user_facts(user);
    struct realip_verdict verdict;

    realip_decide(&config->rules, &facts, &verdict);
    log_verdict(user, config, &facts, &verdict);
    switch (verdict.action) {
    case REALIP_ACTION_PASS:
    case REALIP_ACTION_FLAG:
    case REALIP_ACTION_NO_RELAY:
        return;
    case REALIP_ACTION_UNDECIDED:
    case REALIP_ACTION_QUARANTINE:
    case REALIP_ACTION_DEFER:
    case REALIP_ACTION_REJECT:
    case REALIP_ACTION_COUNT:
        break;
    }
    refuse(user, verdict.reason);
}

/* A monitor must never stop mail; anything else must never work blind. */
static void answer_without_rules(struct mail_user *user)
{
    bool passes = realip_settings_mode(user) == REALIP_MODE_MONITOR;
    enum realip_action action = passes ? REALIP_ACTION_PASS : REALIP_ACTION_DEFER;
    struct event *event = make_event(user, REALIP_REASON_UNDECIDED, action, REALIP_ACTION_DEFER);

    e_error(event, "realip: there are no rules: %s", passes
            ? "the session passes unjudged (realip_mode = monitor)"
            : "the session is refused (realip_mode = monitor would let it pass)");
    event_unref(&event);
    if (!passes)
        refuse(user, REALIP_REASON_UNDECIDED);
}

static void log_problems(const struct mail_user *user, const struct realip_problems *problems)
{
    const char *line = problems->text;

    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");

        e_error(user->event, "realip: %.*s", (int)length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
}

static void on_user_created(struct mail_user *user)
{
    struct realip_problems problems = { NULL, 0 };
    const struct realip_config *config;

    if (realip_dovecot_user_is_exempt(user))
        return;
    config = realip_settings_rules(user, &problems);
    log_problems(user, &problems);
    if (config != NULL && problems.count > 0)
        e_error(user->event, "realip: the configuration has errors: the old rules stay in force");
    realip_problems_clear(&problems);
    if (config != NULL)
        judge(user, config);
    else
        answer_without_rules(user);
}

static const struct mail_storage_hooks hooks = { .mail_user_created = on_user_created };

void realip_plugin_init(struct module *module)
{
    mail_storage_hooks_add(module, &hooks);
}

void realip_plugin_deinit(void)
{
    mail_storage_hooks_remove(&hooks);
    realip_settings_deinit();
}
