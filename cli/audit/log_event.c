#include "log_event.h"

#include <string.h>

#include "log_pattern.h"

#define MOST_MESSAGE 8192U
#define WORDS(text)  text, sizeof(text) - 1 /* with its length: a line is compared with many of them */

/* One program's part in a mail log. */
enum program {
    PROGRAM_OTHER = 0,
    PROGRAM_SMTPD,
    PROGRAM_POSTSCREEN,
    PROGRAM_DELIVERY,
    PROGRAM_QMGR,
    PROGRAM_CLEANUP,
    PROGRAM_DOVECOT_LOGIN,
    PROGRAM_FAIL2BAN,
};

typedef void take_function(const struct realip_log_reader *reader, struct realip_log_event *event);

/* A message that begins with `words` (empty: any; behind a queue id or not) is read with `pattern`. */
struct form {
    enum program program;
    bool is_queued;
    const char *words;
    size_t length; /* of the words */
    enum realip_log_pattern pattern;
    enum realip_log_event_kind kind;
    take_function *take;
};

static struct realip_log_text group(const struct realip_log_reader *reader, unsigned number)
{
    return realip_log_reader_group(reader, number);
}

/* Leaves the address absent where there is none: "unknown", or what nobody can read. */
static void read_address(struct realip_log_text text, struct realip_address *address_r)
{
    const char *reason;
    const char *zone = text.length > 0 ? memchr(text.start, '%', text.length) : NULL;

    if (zone != NULL)
        text.length = (size_t)(zone - text.start);
    *address_r = (struct realip_address){ 0 };
    if (text.length > 0)
        realip_address_parse(text.start, text.length, address_r, &reason);
}

static void take_connect(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->name = group(reader, 1);
    read_address(group(reader, 2), &event->client);
}

/* Behind a filter the client is the filter, mostly on this host; XFORWARD tells who it was at first. */
static void take_mail(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    take_connect(reader, event);
    event->method = group(reader, 3);
    event->user = group(reader, 4);
    event->first_id = group(reader, 5);
    read_address(group(reader, 7), &event->origin);
    if (group(reader, 7).length > 0 && realip_address_is_loopback(&event->client)) {
        event->is_local = true;
        event->name = group(reader, 6);
        event->client = event->origin;
    }
}

/* What stands behind the last "queued as " of an answer. */
static struct realip_log_text queued_as(struct realip_log_text answer)
{
    static const char words[] = "queued as ";
    struct realip_log_text id = { 0 };
    const char *found;

    while ((found = memmem(answer.start, answer.length, words, sizeof(words) - 1)) != NULL) {
        size_t passed = (size_t)(found - answer.start) + sizeof(words) - 1;

        answer = (struct realip_log_text){ answer.start + passed, answer.length - passed };
        id = (struct realip_log_text){ answer.start, 0 };
    }
    for (; id.start != NULL && id.length < answer.length; id.length++) {
        char c = id.start[id.length];

        if (!(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z'))
            break;
    }
    return id;
}

/* The filter's answer stands before the envelope, which is the client's to choose. */
static void take_passed(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    struct realip_log_text answer = group(reader, 1);
    const char *end = memmem(answer.start, answer.length, "; from=<", 8);

    if (end != NULL)
        answer.length = (size_t)(end - answer.start);
    event->next_id = queued_as(answer);
}

/* "milter-reject", "milter-header-hold", "discard", …: what became of a whole letter. */
static void take_cleanup(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    static const struct {
        const char *words;
        size_t length;
        enum realip_log_event_kind kind;
    } ends[] = { { WORDS("reject"), REALIP_LOG_EVENT_REFUSED }, { WORDS("hold"), REALIP_LOG_EVENT_KEPT }, { WORDS("discard"), REALIP_LOG_EVENT_KEPT } };
    struct realip_log_text verb = group(reader, 1);

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (realip_log_text_is(verb, ends[i].words)
            || (verb.length > ends[i].length && verb.start[verb.length - ends[i].length - 1] == '-' && memcmp(verb.start, "milter-", 7) == 0
                && memcmp(verb.start + verb.length - ends[i].length, ends[i].words, ends[i].length) == 0))
            event->kind = ends[i].kind;
    }
}

static void take_reject(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    take_connect(reader, event);
    event->helo = group(reader, 3);
}

static void take_screen(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    read_address(group(reader, 1), &event->client);
    event->helo = group(reader, 2);
}

static void take_sasl_failure(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    take_connect(reader, event);
    event->method = group(reader, 3);
}

static void take_sender(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->sender = group(reader, 1);
}

static void take_delivery(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->recipient = group(reader, 1);
    event->relay = group(reader, 2);
    read_address(group(reader, 3), &event->relay_address);
    event->status = group(reader, 4);
    if (event->relay_address.family != REALIP_FAMILY_NONE && realip_log_text_is(event->status, "sent"))
        event->next_id = queued_as(group(reader, 5));
}

static void take_login(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->user = group(reader, 1);
    event->method = group(reader, 2);
    read_address(group(reader, 3), &event->client);
}

static void take_no_login(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    struct realip_log_text why = group(reader, 1);

    event->user = group(reader, 2);
    event->method = group(reader, 3);
    read_address(group(reader, 4), &event->client);
    if (memmem(why.start, why.length, "auth failed", 11) != NULL)
        event->kind = REALIP_LOG_EVENT_LOGIN_FAILED;
}

static void take_postfix_failure(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->failure = realip_proxy_failure_of_postfix(group(reader, 1));
}

static void take_plain_port(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    take_connect(reader, event);
    event->failure = REALIP_PROXY_FAILURE_PLAIN_PORT;
}

static void take_behind_screen(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    (void)reader;
    event->failure = REALIP_PROXY_FAILURE_BEHIND_SCREEN;
}

static void take_dovecot_failure(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->failure = realip_proxy_failure_of_dovecot(group(reader, 1));
    read_address(group(reader, 2), &event->client);
}

static void take_bad_list(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    (void)reader;
    event->failure = REALIP_PROXY_FAILURE_BAD_LIST;
}

static void take_ban(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->name = group(reader, 1);
    read_address(group(reader, 2), &event->client);
}

static const struct form forms[] = {
    { PROGRAM_SMTPD, false, WORDS("connect from "), REALIP_LOG_PATTERN_CONNECT, REALIP_LOG_EVENT_CONNECT, take_connect },
    { PROGRAM_SMTPD, true, WORDS("client="), REALIP_LOG_PATTERN_MAIL, REALIP_LOG_EVENT_MAIL, take_mail },
    { PROGRAM_SMTPD, true, WORDS("reject: "), REALIP_LOG_PATTERN_REJECT, REALIP_LOG_EVENT_REJECT, take_reject },
    { PROGRAM_SMTPD, true, WORDS("milter-reject: "), REALIP_LOG_PATTERN_REJECT, REALIP_LOG_EVENT_REJECT, take_reject },
    { PROGRAM_SMTPD, true, WORDS("hold: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { PROGRAM_SMTPD, true, WORDS("discard: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { PROGRAM_SMTPD, true, WORDS("milter-hold: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { PROGRAM_SMTPD, true, WORDS("milter-discard: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { PROGRAM_SMTPD, false, WORDS("proxy-accept: "), REALIP_LOG_PATTERN_PASSED, REALIP_LOG_EVENT_PASSED, take_passed },
    { PROGRAM_SMTPD, false, WORDS("proxy-reject: "), REALIP_LOG_PATTERN_ANY, REALIP_LOG_EVENT_REFUSED, NULL },
    { PROGRAM_SMTPD, false, WORDS("warning: haproxy read: "), REALIP_LOG_PATTERN_HAPROXY_READ, REALIP_LOG_EVENT_PROXY_FAILURE, take_postfix_failure },
    { PROGRAM_SMTPD, false, WORDS("warning: ignoring non-empty smtpd_upstream"), REALIP_LOG_PATTERN_ANY, REALIP_LOG_EVENT_PROXY_FAILURE, take_behind_screen },
    { PROGRAM_SMTPD, false, WORDS("warning: "), REALIP_LOG_PATTERN_SASL, REALIP_LOG_EVENT_LOGIN_FAILED, take_sasl_failure },
    { PROGRAM_SMTPD, false, WORDS("improper command pipelining after CONNECT"), REALIP_LOG_PATTERN_PLAIN_PORT, REALIP_LOG_EVENT_PROXY_FAILURE, take_plain_port },
    { PROGRAM_POSTSCREEN, false, WORDS("CONNECT from "), REALIP_LOG_PATTERN_SCREEN_CONNECT, REALIP_LOG_EVENT_CONNECT, take_screen },
    { PROGRAM_POSTSCREEN, true, WORDS("reject: "), REALIP_LOG_PATTERN_SCREEN_REJECT, REALIP_LOG_EVENT_REJECT, take_screen },
    { PROGRAM_POSTSCREEN, false, WORDS("warning: haproxy read: "), REALIP_LOG_PATTERN_HAPROXY_READ, REALIP_LOG_EVENT_PROXY_FAILURE, take_postfix_failure },
    { PROGRAM_QMGR, true, WORDS("from=<"), REALIP_LOG_PATTERN_SENDER, REALIP_LOG_EVENT_SENDER, take_sender },
    { PROGRAM_QMGR, true, WORDS("removed"), REALIP_LOG_PATTERN_NONE, REALIP_LOG_EVENT_REMOVED, NULL },
    { PROGRAM_CLEANUP, true, WORDS("removed (canceled)"), REALIP_LOG_PATTERN_NONE, REALIP_LOG_EVENT_CANCELED, NULL },
    { PROGRAM_CLEANUP, true, WORDS("removed (discarded)"), REALIP_LOG_PATTERN_NONE, REALIP_LOG_EVENT_REMOVED, NULL },
    { PROGRAM_CLEANUP, true, WORDS(""), REALIP_LOG_PATTERN_CLEANUP, REALIP_LOG_EVENT_NONE, take_cleanup },
    { PROGRAM_DELIVERY, true, WORDS("to=<"), REALIP_LOG_PATTERN_DELIVERY, REALIP_LOG_EVENT_DELIVERY, take_delivery },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("Logged in: "), REALIP_LOG_PATTERN_LOGIN, REALIP_LOG_EVENT_LOGIN, take_login },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("Login: "), REALIP_LOG_PATTERN_LOGIN, REALIP_LOG_EVENT_LOGIN, take_login },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("Login aborted"), REALIP_LOG_PATTERN_NO_LOGIN, REALIP_LOG_EVENT_LOGIN_NONE, take_no_login },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("Aborted login"), REALIP_LOG_PATTERN_NO_LOGIN, REALIP_LOG_EVENT_LOGIN_NONE, take_no_login },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("Disconnected"), REALIP_LOG_PATTERN_NO_LOGIN, REALIP_LOG_EVENT_LOGIN_NONE, take_no_login },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("haproxy_trusted_networks: "), REALIP_LOG_PATTERN_ANY, REALIP_LOG_EVENT_PROXY_FAILURE, take_bad_list },
    { PROGRAM_DOVECOT_LOGIN, false, WORDS("haproxy"), REALIP_LOG_PATTERN_HAPROXY, REALIP_LOG_EVENT_PROXY_FAILURE, take_dovecot_failure },
    { PROGRAM_FAIL2BAN, false, WORDS(""), REALIP_LOG_PATTERN_BAN, REALIP_LOG_EVENT_BAN, take_ban },
};

static bool begins(struct realip_log_text text, const char *word)
{
    size_t length = strlen(word);

    return text.length >= length && memcmp(text.start, word, length) == 0;
}

static void drop(struct realip_log_text *text, size_t length)
{
    text->start += length;
    text->length -= length;
}

/* Postfix's daemons that tell something: the last part of postfix/submission/smtpd. */
static enum program postfix_program(struct realip_log_text last)
{
    static const struct {
        const char *name;
        size_t length;
        enum program program;
    } daemons[] = {
        { WORDS("smtpd"), PROGRAM_SMTPD },      { WORDS("qmgr"), PROGRAM_QMGR },       { WORDS("smtp"), PROGRAM_DELIVERY },
        { WORDS("lmtp"), PROGRAM_DELIVERY },    { WORDS("local"), PROGRAM_DELIVERY },  { WORDS("virtual"), PROGRAM_DELIVERY },
        { WORDS("pipe"), PROGRAM_DELIVERY },    { WORDS("discard"), PROGRAM_DELIVERY }, { WORDS("postscreen"), PROGRAM_POSTSCREEN },
        { WORDS("error"), PROGRAM_DELIVERY },   { WORDS("retry"), PROGRAM_DELIVERY },  { WORDS("nqmgr"), PROGRAM_QMGR },
        { WORDS("oqmgr"), PROGRAM_QMGR },       { WORDS("cleanup"), PROGRAM_CLEANUP },
    };

    for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
        if (last.length == daemons[i].length && memcmp(last.start, daemons[i].name, last.length) == 0)
            return daemons[i].program;
    }
    return PROGRAM_OTHER;
}

/* "postfix/submission/smtpd" → submission/smtpd; the name of another instance stays: postfix-out/smtpd. */
static enum program find_postfix(const struct realip_log_line *line, struct realip_log_event *event)
{
    const char *slash = memrchr(line->program.start, '/', line->program.length);

    if (slash == NULL)
        return PROGRAM_OTHER;
    struct realip_log_text last = { slash + 1, (size_t)(line->program.start + line->program.length - slash) - 1 };
    enum program program = postfix_program(last);
    event->service = line->program;
    if (begins(event->service, "postfix/"))
        drop(&event->service, strlen("postfix/"));
    if (program != PROGRAM_OTHER)
        event->family = REALIP_LOG_FAMILY_POSTFIX;
    event->is_smtp = realip_log_text_is(last, "smtp") && memmem(event->service.start, event->service.length, "relay/", 6) == NULL;
    return program;
}

/* "imap-login" → imap, when it is the whole word */
static bool is_login_service(struct realip_log_text word, struct realip_log_event *event)
{
    static const char suffix[] = "-login";
    size_t length = sizeof(suffix) - 1;

    if (word.length <= length || memcmp(word.start + word.length - length, suffix, length) != 0)
        return false;
    event->service = (struct realip_log_text){ word.start, word.length - length };
    event->family = REALIP_LOG_FAMILY_DOVECOT;
    return true;
}

/* Dovecot through syslog says "dovecot: imap-login: …", in its own file "imap-login: Info: …". */
static enum program find_dovecot(const struct realip_log_line *line, struct realip_log_event *event, struct realip_log_text *message)
{
    static const char *const levels[] = { "Info: ", "Warning: ", "Error: " };
    struct realip_log_text word = line->program;

    if (realip_log_text_is(word, "dovecot")) {
        const char *colon = memchr(message->start, ':', message->length < 40 ? message->length : 40);

        if (colon == NULL)
            return PROGRAM_OTHER;
        word = (struct realip_log_text){ message->start, (size_t)(colon - message->start) };
        if (!is_login_service(word, event))
            return PROGRAM_OTHER;
        drop(message, word.length + 1);
        if (begins(*message, " "))
            drop(message, 1);
    } else if (!is_login_service(word, event)) {
        return PROGRAM_OTHER;
    }
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (begins(*message, levels[i]))
            drop(message, strlen(levels[i]));
    }
    return PROGRAM_DOVECOT_LOGIN;
}

static enum program find_program(const struct realip_log_line *line, struct realip_log_event *event, struct realip_log_text *message)
{
    enum program program = find_postfix(line, event);

    if (program == PROGRAM_OTHER && event->service.length == 0)
        program = find_dovecot(line, event, message);
    if (program == PROGRAM_OTHER && begins(line->program, "fail2ban")) {
        event->service = line->program;
        event->family = REALIP_LOG_FAMILY_FAIL2BAN;
        return PROGRAM_FAIL2BAN;
    }
    return program;
}

/* "4bXk1Z0Kq4z1: " before the message, or NOQUEUE. */
static bool take_queue_id(struct realip_log_text *message, struct realip_log_event *event)
{
    const char *colon = memchr(message->start, ':', message->length < 32 ? message->length : 32);

    if (colon == NULL || colon + 1 >= message->start + message->length || colon[1] != ' ')
        return false;
    for (const char *at = message->start; at < colon; at++) {
        if (!(*at >= '0' && *at <= '9') && !((*at | 32) >= 'a' && (*at | 32) <= 'z'))
            return false;
    }
    event->queue_id = (struct realip_log_text){ message->start, (size_t)(colon - message->start) };
    drop(message, event->queue_id.length + 2);
    if (realip_log_text_is(event->queue_id, "NOQUEUE"))
        event->queue_id.length = 0;
    return true;
}

static void read_message(struct realip_log_reader *reader, enum program program, struct realip_log_text message,
                         struct realip_log_event *event)
{
    struct realip_log_text inner = message;
    bool is_queued = take_queue_id(&inner, event);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form *form = &forms[i];
        struct realip_log_text text = form->is_queued ? inner : message;

        if (form->program != program || (form->is_queued && !is_queued) || text.length < form->length
            || memcmp(text.start, form->words, form->length) != 0)
            continue;
        if (form->pattern != REALIP_LOG_PATTERN_NONE && !realip_log_reader_match(reader, form->pattern, text))
            continue;
        event->kind = form->kind;
        if (form->take != NULL)
            form->take(reader, event);
        return;
    }
}

static bool is_action(struct realip_log_text text, enum realip_action action)
{
    return realip_log_text_is(text, realip_action_token(action));
}

static enum realip_action action_of(struct realip_log_text text)
{
    for (unsigned i = 0; i < REALIP_ACTION_COUNT; i++) {
        if (is_action(text, (enum realip_action)i))
            return (enum realip_action)i;
    }
    return REALIP_ACTION_UNDECIDED;
}

static enum realip_reason reason_of(struct realip_log_text text)
{
    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++) {
        if (realip_log_text_is(text, realip_reason_token((enum realip_reason)i)))
            return (enum realip_reason)i;
    }
    return REALIP_REASON_UNDECIDED;
}

/* Our own line: from a daemon of ours, or from our modules within Dovecot's log. */
static bool read_verdict(struct realip_log_reader *reader, const struct realip_log_line *line, struct realip_log_text message,
                         struct realip_log_event *event)
{
    struct realip_log_text program = line->program;
    bool is_ours = realip_log_text_is(program, "realip-policyd") || realip_log_text_is(program, "realip-milter");

    if (!is_ours && line->host.length > 0 && !realip_log_text_is(program, "dovecot"))
        return false; /* another program's words */
    if (memmem(message.start, message.length < 512 ? message.length : 512, "realip source=", 14) == NULL
        || !realip_log_reader_match(reader, is_ours ? REALIP_LOG_PATTERN_VERDICT : REALIP_LOG_PATTERN_DOVECOT_VERDICT, message))
        return false;
    event->kind = REALIP_LOG_EVENT_VERDICT;
    event->family = REALIP_LOG_FAMILY_OURS;
    event->service = program;
    event->source = group(reader, 1);
    event->name = group(reader, 2);
    event->reason = reason_of(group(reader, 3));
    event->action = action_of(group(reader, 4));
    event->wanted = action_of(group(reader, 5));
    read_address(group(reader, 6), &event->client);
    return true;
}

void realip_log_event_read(struct realip_log_reader *reader, const struct realip_log_line *line, struct realip_log_event *event_r)
{
    struct realip_log_text message = line->message;

    memset(event_r, 0, sizeof(*event_r));
    event_r->stamp = line->stamp;
    event_r->host = line->host;
    event_r->pid = line->pid;
    if (message.length > MOST_MESSAGE)
        message.length = MOST_MESSAGE;
    enum program program = find_program(line, event_r, &message);
    if (program == PROGRAM_OTHER && event_r->service.length > 0)
        return; /* of Postfix, and tells nothing */
    if (program == PROGRAM_OTHER || program == PROGRAM_DOVECOT_LOGIN) {
        if (read_verdict(reader, line, message, event_r) || program == PROGRAM_OTHER)
            return;
    }
    read_message(reader, program, message, event_r);
}
