#include "log_event.h"

#include <string.h>

#include "log_form.h"

#define MOST_MESSAGE 8192U
#define MOST_TIMES   10000
#define WORDS(text)  text, sizeof(text) - 1 /* with its length: a line is compared with many of them */

static struct realip_log_text group(const struct realip_log_reader *reader, unsigned number)
{
    return realip_log_reader_group(reader, number);
}

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
static enum realip_log_program postfix_program(struct realip_log_text last)
{
    static const struct {
        const char *name;
        size_t length;
        enum realip_log_program program;
    } daemons[] = {
        { WORDS("smtpd"), REALIP_LOG_PROGRAM_SMTPD },      { WORDS("qmgr"), REALIP_LOG_PROGRAM_QMGR },       { WORDS("smtp"), REALIP_LOG_PROGRAM_DELIVERY },
        { WORDS("lmtp"), REALIP_LOG_PROGRAM_DELIVERY },    { WORDS("local"), REALIP_LOG_PROGRAM_DELIVERY },  { WORDS("virtual"), REALIP_LOG_PROGRAM_DELIVERY },
        { WORDS("pipe"), REALIP_LOG_PROGRAM_DELIVERY },    { WORDS("discard"), REALIP_LOG_PROGRAM_DELIVERY }, { WORDS("postscreen"), REALIP_LOG_PROGRAM_POSTSCREEN },
        { WORDS("error"), REALIP_LOG_PROGRAM_DELIVERY },   { WORDS("retry"), REALIP_LOG_PROGRAM_DELIVERY },  { WORDS("nqmgr"), REALIP_LOG_PROGRAM_QMGR },
        { WORDS("oqmgr"), REALIP_LOG_PROGRAM_QMGR },       { WORDS("cleanup"), REALIP_LOG_PROGRAM_CLEANUP },
    };

    for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
        if (last.length == daemons[i].length && memcmp(last.start, daemons[i].name, last.length) == 0)
            return daemons[i].program;
    }
    return REALIP_LOG_PROGRAM_OTHER;
}

/* "postfix/submission/smtpd" → submission/smtpd; the name of another instance stays: postfix-out/smtpd. */
static enum realip_log_program find_postfix(const struct realip_log_line *line, struct realip_log_event *event)
{
    const char *slash = memrchr(line->program.start, '/', line->program.length);

    if (slash == NULL)
        return REALIP_LOG_PROGRAM_OTHER;
    struct realip_log_text last = { slash + 1, (size_t)(line->program.start + line->program.length - slash) - 1 };
    enum realip_log_program program = postfix_program(last);
    event->service = line->program;
    if (begins(event->service, "postfix/"))
        drop(&event->service, strlen("postfix/"));
    if (program != REALIP_LOG_PROGRAM_OTHER)
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
static enum realip_log_program find_dovecot(const struct realip_log_line *line, struct realip_log_event *event, struct realip_log_text *message)
{
    static const char *const levels[] = { "Info: ", "Warning: ", "Error: " };
    struct realip_log_text word = line->program;

    if (realip_log_text_is(word, "dovecot")) {
        const char *colon = memchr(message->start, ':', message->length < 40 ? message->length : 40);

        if (colon == NULL)
            return REALIP_LOG_PROGRAM_OTHER;
        word = (struct realip_log_text){ message->start, (size_t)(colon - message->start) };
        if (!is_login_service(word, event))
            return REALIP_LOG_PROGRAM_OTHER;
        drop(message, word.length + 1);
        if (begins(*message, " "))
            drop(message, 1);
    } else if (!is_login_service(word, event)) {
        return REALIP_LOG_PROGRAM_OTHER;
    }
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (begins(*message, levels[i]))
            drop(message, strlen(levels[i]));
    }
    return REALIP_LOG_PROGRAM_DOVECOT_LOGIN;
}

static enum realip_log_program find_program(const struct realip_log_line *line, struct realip_log_event *event, struct realip_log_text *message)
{
    enum realip_log_program program = find_postfix(line, event);

    if (program == REALIP_LOG_PROGRAM_OTHER && event->service.length == 0)
        program = find_dovecot(line, event, message);
    if (program == REALIP_LOG_PROGRAM_OTHER && begins(line->program, "fail2ban")) {
        event->service = line->program;
        event->family = REALIP_LOG_FAMILY_FAIL2BAN;
        return REALIP_LOG_PROGRAM_FAIL2BAN;
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

static void read_message(struct realip_log_reader *reader, enum realip_log_program program, struct realip_log_text message,
                         struct realip_log_event *event)
{
    struct realip_log_text inner = message;
    bool is_queued = take_queue_id(&inner, event);

    size_t count;
    const struct realip_log_form_row *forms = realip_log_form_rows(program, &count);

    for (size_t i = 0; i < count; i++) {
        const struct realip_log_form_row *form = &forms[i];
        struct realip_log_text text = form->is_queued ? inner : message;

        if ((form->is_queued && !is_queued) || text.length < form->length || memcmp(text.start, form->words, form->length) != 0)
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
    realip_log_form_address(group(reader, 6), &event->client);
    return true;
}

/* "message repeated 3 times: [ text]" stands for three lines (rsyslog, $RepeatedMsgReduction). A number that nobody can mean is one. */
static unsigned take_times(struct realip_log_text *message)
{
    static const char begin[] = "message repeated ";
    static const char end[] = " times: [";
    struct realip_log_text inner = *message;
    unsigned times = 0;

    if (!begins(inner, begin) || inner.start[inner.length - 1] != ']')
        return 1;
    for (drop(&inner, sizeof(begin) - 1); inner.length > 0 && inner.start[0] >= '0' && inner.start[0] <= '9' && times <= MOST_TIMES; drop(&inner, 1))
        times = times * 10 + (unsigned)(inner.start[0] - '0');
    if (!begins(inner, end))
        return 1;
    drop(&inner, sizeof(end) - 1);
    if (begins(inner, " "))
        drop(&inner, 1);
    if (inner.length == 0)
        return 1;
    inner.length--;
    *message = inner;
    return times >= 1 && times <= MOST_TIMES ? times : 1;
}

void realip_log_event_read(struct realip_log_reader *reader, const struct realip_log_line *line, struct realip_log_event *event_r)
{
    struct realip_log_text message = line->message;

    memset(event_r, 0, sizeof(*event_r));
    event_r->stamp = line->stamp;
    event_r->host = line->host;
    event_r->pid = line->pid;
    event_r->times = take_times(&message);
    if (message.length > MOST_MESSAGE)
        message.length = MOST_MESSAGE;
    enum realip_log_program program = find_program(line, event_r, &message);
    if (program == REALIP_LOG_PROGRAM_OTHER && event_r->service.length > 0)
        return; /* of Postfix, and tells nothing */
    if (program == REALIP_LOG_PROGRAM_OTHER || program == REALIP_LOG_PROGRAM_DOVECOT_LOGIN) {
        if (read_verdict(reader, line, message, event_r) || program == REALIP_LOG_PROGRAM_OTHER)
            return;
    }
    read_message(reader, program, message, event_r);
}
