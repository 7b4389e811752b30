#include "session.h"

#include <string.h>

#include "core/decide.h"
#include "event-filter.h"
#include "runtime/log.h"
#include "str.h"

static struct event_category category = { .name = "realip" };

/* The named event, for metric { filter = event=realip_verdict }. */
static struct event *make_event(struct event *parent, const struct realip_hook *hook, enum realip_reason reason,
                                enum realip_action action, enum realip_action wanted)
{
    struct event *event = event_create(parent);

    event_add_category(event, &category);
    event_set_name(event, "realip_verdict");
    event_set_min_log_level(event, LOG_TYPE_INFO); /* those of the auth process tell warnings only */
    if (hook->log_prefix != NULL)
        event_replace_log_prefix(event, hook->log_prefix);
    event_add_str(event, "verdict", realip_reason_token(reason));
    event_add_str(event, "action", realip_action_token(action));
    event_add_str(event, "wanted", realip_action_token(wanted));
    event_add_str(event, "hook", hook->name);
    return event;
}

/* Dovecot sets an empty filter where no metric is configured. */
static bool asks_for_anything(struct event_filter *filter)
{
    bool asks = false;

    if (filter == NULL)
        return false;
    T_BEGIN {
        string_t *text = t_str_new(128);

        event_filter_export(filter, text);
        asks = str_len(text) > 0;
    } T_END;
    return asks;
}

bool realip_session_events_are_heard(void)
{
    return asks_for_anything(event_get_global_debug_send_filter()) || asks_for_anything(event_get_global_debug_log_filter());
}

/* The first event of our category is a message to Dovecot's stats process, which would wake up in each session for
 * nothing: most sites count no events (a metric sets the one filter, log_debug the other). */
static bool is_heard(const struct realip_config *config, const struct realip_verdict *verdict)
{
    return realip_reason_is_problem(verdict->reason) || verdict->reason == REALIP_REASON_UNDECIDED || config->log_passes
        || realip_session_events_are_heard();
}

static void log_verdict(struct event *parent, const struct realip_hook *hook, const struct realip_config *config,
                        const struct realip_facts *facts, const struct realip_verdict *verdict)
{
    struct event *event = make_event(parent, hook, verdict->reason, verdict->action, verdict->wanted);
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

static enum realip_answer answer_to(enum realip_action action)
{
    switch (action) {
    case REALIP_ACTION_PASS:
    case REALIP_ACTION_FLAG:
    case REALIP_ACTION_NO_RELAY:
        return REALIP_ANSWER_PASS;
    case REALIP_ACTION_REJECT:
        return REALIP_ANSWER_PERMANENT;
    case REALIP_ACTION_UNDECIDED:
    case REALIP_ACTION_QUARANTINE:
    case REALIP_ACTION_DEFER:
    case REALIP_ACTION_COUNT:
        break;
    }
    return REALIP_ANSWER_TEMPORARY;
}

/* A monitor must never stop mail; anything else must never work blind. */
static void judge_without_rules(struct event *parent, const struct realip_hook *hook, enum realip_mode mode,
                                struct realip_judgement *judgement_r)
{
    bool passes = mode == REALIP_MODE_MONITOR;
    struct event *event;

    judgement_r->reason = REALIP_REASON_UNDECIDED;
    judgement_r->action = passes ? REALIP_ACTION_PASS : REALIP_ACTION_DEFER;
    event = make_event(parent, hook, judgement_r->reason, judgement_r->action, REALIP_ACTION_DEFER);
    e_error(event, "realip: there are no rules: %s", passes
            ? "the session passes unjudged (realip_mode = monitor)"
            : "the session is refused (realip_mode = monitor would let it pass)");
    event_unref(&event);
}

static bool is_repeated(const struct realip_verdict *verdict, const struct realip_facts *facts,
                        const struct realip_judgement *before)
{
    return before != NULL && before->answer != REALIP_ANSWER_UNDECIDED && before->reason == verdict->reason
        && before->action == verdict->action && realip_address_equal(&before->client, &facts->client);
}

void realip_session_judge(struct event *parent, const struct realip_hook *hook, const struct realip_config *config,
                          enum realip_mode mode, const struct realip_facts *facts, const struct realip_judgement *before,
                          struct realip_judgement *judgement_r)
{
    struct realip_judgement judgement = { .client = facts->client };
    struct realip_verdict verdict;

    if (config == NULL) {
        judge_without_rules(parent, hook, mode, &judgement);
    } else {
        realip_decide(&config->rules, facts, &verdict);
        judgement.reason = verdict.reason;
        judgement.action = verdict.action;
        judgement.is_silent = !is_heard(config, &verdict);
        if (!judgement.is_silent && !is_repeated(&verdict, facts, before))
            log_verdict(parent, hook, config, facts, &verdict);
    }
    judgement.answer = answer_to(judgement.action);
    if (judgement.answer != REALIP_ANSWER_PASS)
        realip_reason_refusal(judgement.reason, judgement.action == REALIP_ACTION_REJECT, judgement.text);
    *judgement_r = judgement;
}

static void log_lines(const struct realip_problems *problems, bool as_errors)
{
    const char *line = problems->text;

    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");

        if (as_errors)
            i_error("realip: %.*s", (int)length, line);
        else
            i_warning("realip: %.*s", (int)length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
}

void realip_session_log_errors(const struct realip_problems *problems)
{
    log_lines(problems, true);
}

void realip_session_log_warnings(const struct realip_problems *problems)
{
    log_lines(problems, false);
}
