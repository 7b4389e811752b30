#include "log_form.h"

#include <string.h>

#define WORDS(text) text, sizeof(text) - 1

static struct realip_log_text group(const struct realip_log_reader *reader, unsigned number)
{
    return realip_log_reader_group(reader, number);
}

void realip_log_form_address(struct realip_log_text text, struct realip_address *address_r)
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
    realip_log_form_address(group(reader, 2), &event->client);
}

/* Behind a filter the client is the filter, mostly on this host; XFORWARD tells who it was at first. */
static void take_mail(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    take_connect(reader, event);
    event->method = group(reader, 3);
    event->user = group(reader, 4);
    event->first_id = group(reader, 5);
    realip_log_form_address(group(reader, 7), &event->origin);
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
    realip_log_form_address(group(reader, 1), &event->client);
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
    realip_log_form_address(group(reader, 3), &event->relay_address);
    event->status = group(reader, 4);
    if (event->relay_address.family != REALIP_FAMILY_NONE && realip_log_text_is(event->status, "sent"))
        event->next_id = queued_as(group(reader, 5));
}

static void take_login(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->user = group(reader, 1);
    event->method = group(reader, 2);
    realip_log_form_address(group(reader, 3), &event->client);
}

static void take_no_login(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    struct realip_log_text why = group(reader, 1);

    event->user = group(reader, 2);
    event->method = group(reader, 3);
    realip_log_form_address(group(reader, 4), &event->client);
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
    realip_log_form_address(group(reader, 2), &event->client);
}

static void take_bad_list(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    (void)reader;
    event->failure = REALIP_PROXY_FAILURE_BAD_LIST;
}

static void take_ban(const struct realip_log_reader *reader, struct realip_log_event *event)
{
    event->name = group(reader, 1);
    realip_log_form_address(group(reader, 2), &event->client);
}

static const struct realip_log_form_row smtpd_forms[] = {
    { false, WORDS("connect from "), REALIP_LOG_PATTERN_CONNECT, REALIP_LOG_EVENT_CONNECT, take_connect },
    { true, WORDS("client="), REALIP_LOG_PATTERN_MAIL, REALIP_LOG_EVENT_MAIL, take_mail },
    { true, WORDS("reject: "), REALIP_LOG_PATTERN_REJECT, REALIP_LOG_EVENT_REJECT, take_reject },
    { true, WORDS("milter-reject: "), REALIP_LOG_PATTERN_REJECT, REALIP_LOG_EVENT_REJECT, take_reject },
    { true, WORDS("hold: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { true, WORDS("discard: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { true, WORDS("milter-hold: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { true, WORDS("milter-discard: "), REALIP_LOG_PATTERN_KEPT, REALIP_LOG_EVENT_KEPT, take_connect },
    { false, WORDS("proxy-accept: "), REALIP_LOG_PATTERN_PASSED, REALIP_LOG_EVENT_PASSED, take_passed },
    { false, WORDS("proxy-reject: "), REALIP_LOG_PATTERN_ANY, REALIP_LOG_EVENT_REFUSED, NULL },
    { false, WORDS("warning: haproxy read: "), REALIP_LOG_PATTERN_HAPROXY_READ, REALIP_LOG_EVENT_PROXY_FAILURE, take_postfix_failure },
    { false, WORDS("warning: ignoring non-empty smtpd_upstream"), REALIP_LOG_PATTERN_ANY, REALIP_LOG_EVENT_PROXY_FAILURE, take_behind_screen },
    { false, WORDS("warning: "), REALIP_LOG_PATTERN_SASL, REALIP_LOG_EVENT_LOGIN_FAILED, take_sasl_failure },
    { false, WORDS("improper command pipelining after CONNECT"), REALIP_LOG_PATTERN_PLAIN_PORT, REALIP_LOG_EVENT_PROXY_FAILURE, take_plain_port },
};

static const struct realip_log_form_row postscreen_forms[] = {
    { false, WORDS("CONNECT from "), REALIP_LOG_PATTERN_SCREEN_CONNECT, REALIP_LOG_EVENT_CONNECT, take_screen },
    { true, WORDS("reject: "), REALIP_LOG_PATTERN_SCREEN_REJECT, REALIP_LOG_EVENT_REJECT, take_screen },
    { false, WORDS("warning: haproxy read: "), REALIP_LOG_PATTERN_HAPROXY_READ, REALIP_LOG_EVENT_PROXY_FAILURE, take_postfix_failure },
};

static const struct realip_log_form_row delivery_forms[] = {
    { true, WORDS("to=<"), REALIP_LOG_PATTERN_DELIVERY, REALIP_LOG_EVENT_DELIVERY, take_delivery },
};

static const struct realip_log_form_row qmgr_forms[] = {
    { true, WORDS("from=<"), REALIP_LOG_PATTERN_SENDER, REALIP_LOG_EVENT_SENDER, take_sender },
    { true, WORDS("removed"), REALIP_LOG_PATTERN_NONE, REALIP_LOG_EVENT_REMOVED, NULL },
};

static const struct realip_log_form_row cleanup_forms[] = {
    { true, WORDS("removed (canceled)"), REALIP_LOG_PATTERN_NONE, REALIP_LOG_EVENT_CANCELED, NULL },
    { true, WORDS("removed (discarded)"), REALIP_LOG_PATTERN_NONE, REALIP_LOG_EVENT_REMOVED, NULL },
    { true, WORDS(""), REALIP_LOG_PATTERN_CLEANUP, REALIP_LOG_EVENT_NONE, take_cleanup },
};

static const struct realip_log_form_row dovecot_login_forms[] = {
    { false, WORDS("Logged in: "), REALIP_LOG_PATTERN_LOGIN, REALIP_LOG_EVENT_LOGIN, take_login },
    { false, WORDS("Login: "), REALIP_LOG_PATTERN_LOGIN, REALIP_LOG_EVENT_LOGIN, take_login },
    { false, WORDS("Login aborted"), REALIP_LOG_PATTERN_NO_LOGIN, REALIP_LOG_EVENT_LOGIN_NONE, take_no_login },
    { false, WORDS("Aborted login"), REALIP_LOG_PATTERN_NO_LOGIN, REALIP_LOG_EVENT_LOGIN_NONE, take_no_login },
    { false, WORDS("Disconnected"), REALIP_LOG_PATTERN_NO_LOGIN, REALIP_LOG_EVENT_LOGIN_NONE, take_no_login },
    { false, WORDS("haproxy_trusted_networks: "), REALIP_LOG_PATTERN_ANY, REALIP_LOG_EVENT_PROXY_FAILURE, take_bad_list },
    { false, WORDS("haproxy"), REALIP_LOG_PATTERN_HAPROXY, REALIP_LOG_EVENT_PROXY_FAILURE, take_dovecot_failure },
};

static const struct realip_log_form_row fail2ban_forms[] = {
    { false, WORDS(""), REALIP_LOG_PATTERN_BAN, REALIP_LOG_EVENT_BAN, take_ban },
};

#define FORMS(list)                           \
    *count_r = sizeof(list) / sizeof((list)[0]); \
    return list

const struct realip_log_form_row *realip_log_form_rows(enum realip_log_program program, size_t *count_r)
{
    switch (program) {
    case REALIP_LOG_PROGRAM_SMTPD:
        FORMS(smtpd_forms);
    case REALIP_LOG_PROGRAM_POSTSCREEN:
        FORMS(postscreen_forms);
    case REALIP_LOG_PROGRAM_DELIVERY:
        FORMS(delivery_forms);
    case REALIP_LOG_PROGRAM_QMGR:
        FORMS(qmgr_forms);
    case REALIP_LOG_PROGRAM_CLEANUP:
        FORMS(cleanup_forms);
    case REALIP_LOG_PROGRAM_DOVECOT_LOGIN:
        FORMS(dovecot_login_forms);
    case REALIP_LOG_PROGRAM_FAIL2BAN:
        FORMS(fail2ban_forms);
    case REALIP_LOG_PROGRAM_OTHER:
        break;
    }
    *count_r = 0;
    return NULL;
}
