/* session - judges one session at one of Dovecot's hooks: decides, logs through Dovecot's log, and counts by a named
 * event, realip_verdict, of category realip. */
#ifndef REALIP_DOVECOT_SESSION_H
#define REALIP_DOVECOT_SESSION_H

#include "compat.h"
#include "runtime/config.h"

/* What a hook is to do. */
enum realip_answer {
    REALIP_ANSWER_UNDECIDED = 0,
    REALIP_ANSWER_PASS,
    REALIP_ANSWER_TEMPORARY, /* refuse for now */
    REALIP_ANSWER_PERMANENT  /* refuse for good */
};

struct realip_judgement {
    enum realip_answer answer;
    enum realip_reason reason;
    enum realip_action action;
    struct realip_address client;
    bool is_silent; /* it passes and there was nothing to log and nobody to tell an event */
    char text[REALIP_REFUSAL_SIZE]; /* what a refused client is told: "realip infrastructure: …"; "" for one that passes */
};

struct realip_hook {
    const char *name;       /* "login", "auth" or "mail" */
    const char *log_prefix; /* in place of what the parents of the event would say; NULL: theirs */
};

/* Does anybody count events or debug them in this process? False: the event of a session that passes reaches nobody. */
bool realip_session_events_are_heard(void);

/* Judges. `config` is NULL while there are no rules: `mode` says what to do then. `before`, or NULL, is what the same
 * session was told earlier at the same hook: the same once more is neither logged nor counted. */
void realip_session_judge(struct event *parent, const struct realip_hook *hook, const struct realip_config *config,
                          enum realip_mode mode, const struct realip_facts *facts, const struct realip_judgement *before,
                          struct realip_judgement *judgement_r);

/* Logs problems, each as an error, or as a warning. */
void realip_session_log_errors(const struct realip_problems *problems);
void realip_session_log_warnings(const struct realip_problems *problems);

#endif
