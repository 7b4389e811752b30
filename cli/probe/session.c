#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "connection.h"
#include "core/proxy_header.h"
#include "words.h"

#define FAREWELL_MSECS 2000
#define LINE_SIZE      1024
#define MOST_LINES     200

struct session {
    const struct realip_probe_order *order;
    struct realip_probe_observation *seen;
    struct realip_probe_connection *connection;
    struct realip_address remote;
    struct realip_address server; /* which is no client's */
    char line[LINE_SIZE]; /* the last one that was read */
};

/* ---- what is said first ------------------------------------------------------------------------------------------- */

/* Where the client of the other family would have connected to: a documentation address (RFC 5737, RFC 3849). */
static struct realip_address any_server(enum realip_family family)
{
    static const unsigned char ipv4[4] = { 192, 0, 2, 25 };
    static const unsigned char ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 25 };

    return family == REALIP_FAMILY_IPV4 ? realip_address_from_ipv4(ipv4) : realip_address_from_ipv6(ipv6);
}

size_t realip_probe_header(const struct realip_probe_order *order, enum realip_probe_opening opening,
                           const struct realip_address *local, unsigned local_port, const struct realip_address *remote,
                           unsigned char bytes[REALIP_PROBE_HEADER_SIZE], struct realip_address *asserted_r)
{
    struct realip_proxy_header header = { .version = opening == REALIP_PROBE_V1 ? 1 : 2,
                                          .command = opening == REALIP_PROBE_LOCAL ? REALIP_PROXY_LOCAL : REALIP_PROXY_PROXY };
    bool ipv4 = (local->family == REALIP_FAMILY_IPV4) != (opening == REALIP_PROBE_OTHER_FAMILY);
    enum realip_proxy_reason reason;
    size_t size = 0;

    *asserted_r = (struct realip_address){ 0 };
    if (opening == REALIP_PROBE_PLAIN || opening == REALIP_PROBE_OPENING_UNKNOWN)
        return 0;
    if (opening != REALIP_PROBE_LOCAL) {
        header.source = *asserted_r = ipv4 ? order->as_ipv4 : order->as_ipv6;
        header.destination = opening == REALIP_PROBE_OTHER_FAMILY ? any_server(header.source.family) : *remote;
        header.family = ipv4 ? REALIP_PROXY_FAMILY_INET : REALIP_PROXY_FAMILY_INET6;
        header.transport = REALIP_PROXY_TRANSPORT_STREAM;
        header.source_port = (uint16_t)local_port;
        header.destination_port = order->target->port;
    }
    return realip_proxy_header_encode(&header, bytes, REALIP_PROBE_HEADER_SIZE, &size, &reason) < 0 ? 0 : size;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static void note_words(struct session *session)
{
    if (session->line[0] != '\0')
        realip_probe_copy_words(session->line, session->seen->words);
}

/* A refusal tells most: which client the server means, and why. */
static void note_refusal(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    enum realip_reason reason = realip_probe_find_reason(session->line);

    note_words(session);
    if (seen->shown.family == REALIP_FAMILY_NONE)
        (void)realip_probe_find_client(session->line, &session->server, &seen->shown);
    if (reason != REALIP_REASON_UNDECIDED)
        seen->refused_for = reason;
}

static enum realip_probe_reading read_line(struct session *session)
{
    enum realip_probe_reading reading = realip_probe_read_line(session->connection, session->line, sizeof(session->line));

    session->seen->reset = session->seen->reset || reading == REALIP_PROBE_READING_RESET;
    return reading;
}

/* How it ended when no line came. */
static enum realip_probe_fate fate_of(enum realip_probe_reading reading)
{
    switch (reading) {
    case REALIP_PROBE_READING_TIMEOUT:
        return REALIP_PROBE_FATE_SILENT;
    case REALIP_PROBE_READING_CLOSED:
    case REALIP_PROBE_READING_RESET:
        return REALIP_PROBE_FATE_HUNG_UP;
    case REALIP_PROBE_READING_TOO_LONG:
    case REALIP_PROBE_READING_LINE:
    case REALIP_PROBE_READING_UNKNOWN:
        break;
    }
    return REALIP_PROBE_FATE_STRANGE;
}

static enum realip_probe_fate read_greeting(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;

    for (int i = 0; i < MOST_LINES; i++) {
        enum realip_probe_protocol protocol;
        enum realip_probe_reading reading = read_line(session);

        if (reading != REALIP_PROBE_READING_LINE) {
            /* Bytes without an end are words, too: of no mail server. */
            bool strange = session->line[0] != '\0' && reading == REALIP_PROBE_READING_TIMEOUT;

            note_words(session);
            return strange ? REALIP_PROBE_FATE_STRANGE : fate_of(reading);
        }
        enum realip_probe_line line = realip_probe_greeting(session->line, &protocol);
        if (protocol == REALIP_PROBE_SMTP && (seen->protocol == REALIP_PROBE_LMTP || session->order->protocol == REALIP_PROBE_LMTP))
            protocol = REALIP_PROBE_LMTP; /* not every line of a greeting says so */
        bool other = (seen->protocol != REALIP_PROBE_PROTOCOL_UNKNOWN && protocol != seen->protocol)
                  || (session->order->protocol != REALIP_PROBE_PROTOCOL_UNKNOWN && protocol != session->order->protocol);
        note_words(session);
        if (line == REALIP_PROBE_LINE_STRANGE)
            return REALIP_PROBE_FATE_STRANGE;
        seen->protocol = protocol;
        if (other)
            return REALIP_PROBE_FATE_STRANGE;
        realip_probe_note_offer(session->line, seen);
        if (line == REALIP_PROBE_LINE_GOOD)
            return REALIP_PROBE_FATE_GREETED;
        if (line == REALIP_PROBE_LINE_BAD) {
            note_refusal(session);
            return REALIP_PROBE_FATE_REFUSED;
        }
    }
    return REALIP_PROBE_FATE_STRANGE;
}

/* The answer to one command of SMTP: its class, '2' to '5'; 0 where none came. `ours`: a refusal tells of us, and is noted. */
static char read_answer(struct session *session, bool ours)
{
    for (int i = 0; i < MOST_LINES; i++) {
        if (read_line(session) != REALIP_PROBE_READING_LINE)
            return '\0';
        if (ours && (session->line[0] == '4' || session->line[0] == '5'))
            note_refusal(session);
        if (strlen(session->line) < 4 || session->line[3] != '-')
            return session->line[0];
    }
    return '\0';
}

/* EHLO, or a header that was taken for commands, is refused: does LMTP speak here, and took the header? All answers come in the order of the questions:
 *   LMTP, after the header or without one     (EHLO refused)    LHLO granted  NOOP granted
 *   SMTP that took the header for a command   (header refused)  EHLO granted  LHLO refused
 *   LMTP that took the header for a command   (header refused)  EHLO refused  LHLO granted
 * RFC 2033 section 4.1: LHLO in the place of EHLO and HELO, which it must refuse. */
static bool turns_to_lmtp(struct session *session)
{
    char questions[REALIP_PROBE_ASK_SIZE + sizeof("NOOP\r\n")];

    realip_probe_ask(REALIP_PROBE_LMTP, session->seen->helo, questions);
    strcat(questions, "NOOP\r\n");
    if (session->order->protocol != REALIP_PROBE_PROTOCOL_UNKNOWN || session->seen->protocol != REALIP_PROBE_SMTP
        || realip_probe_send(session->connection, questions, strlen(questions)) < 0)
        return false;
    char first = read_answer(session, false);
    if (first != '2' && session->seen->opening != REALIP_PROBE_PLAIN)
        return false;
    char second = read_answer(session, false);
    if (first != '2' || second != '2')
        return false;
    session->seen->protocol = REALIP_PROBE_LMTP;
    return true;
}

/* What follows from a complaint about a command that may be none of ours. */
static enum realip_probe_fate hear_complaint(struct session *session, enum realip_probe_line line)
{
    char words[REALIP_PROBE_WORDS_SIZE];

    realip_probe_copy_words(session->line, words);
    if (line == REALIP_PROBE_LINE_BAD && turns_to_lmtp(session))
        return REALIP_PROBE_FATE_GREETED;
    memcpy(session->seen->words, words, sizeof(words));
    if (session->seen->opening != REALIP_PROBE_PLAIN)
        return REALIP_PROBE_FATE_MISREAD;
    return session->order->protocol == REALIP_PROBE_LMTP ? REALIP_PROBE_FATE_STRANGE : REALIP_PROBE_FATE_GREETED;
}

/* Asks for capabilities. Where a header was taken for commands, the complaints about it come first. */
static enum realip_probe_fate read_capabilities(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    bool plain = seen->opening == REALIP_PROBE_PLAIN;
    bool misread = false;
    char question[REALIP_PROBE_ASK_SIZE];

    realip_probe_ask(seen->protocol, seen->helo, question);
    if (realip_probe_send(session->connection, question, strlen(question)) < 0)
        return plain ? REALIP_PROBE_FATE_GREETED : REALIP_PROBE_FATE_HUNG_UP;
    for (int i = 0; i < MOST_LINES; i++) {
        enum realip_probe_reading reading = read_line(session);

        if (reading != REALIP_PROBE_READING_LINE)
            return plain ? REALIP_PROBE_FATE_GREETED : fate_of(reading);
        enum realip_probe_line line = realip_probe_answer(seen->protocol, session->line, &misread);
        if (misread && (line == REALIP_PROBE_LINE_BAD || !plain))
            return hear_complaint(session, line);
        if (seen->protocol == REALIP_PROBE_SMTP && seen->shown.family == REALIP_FAMILY_NONE)
            (void)realip_probe_find_client(session->line, &session->server, &seen->shown); /* "Hello name [A]" */
        realip_probe_note_offer(session->line, seen);
        if (line == REALIP_PROBE_LINE_STRANGE)
            return REALIP_PROBE_FATE_STRANGE;
        if (line == REALIP_PROBE_LINE_BAD)
            note_refusal(session);
        if (line != REALIP_PROBE_LINE_MORE)
            return REALIP_PROBE_FATE_GREETED;
    }
    return REALIP_PROBE_FATE_STRANGE;
}

/* ---- the steps ---------------------------------------------------------------------------------------------------- */

static int shake_hands(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    long long began = realip_probe_now();
    enum realip_probe_reading reading = realip_probe_start_tls(session->connection, session->order->host_name, seen->tls, sizeof(seen->tls));

    seen->tls_usecs = (long)(realip_probe_now() - began);
    if (reading == REALIP_PROBE_READING_LINE)
        return 0;
    seen->reset = seen->reset || reading == REALIP_PROBE_READING_RESET;
    seen->fate = reading == REALIP_PROBE_READING_TOO_LONG ? REALIP_PROBE_FATE_NO_TLS : fate_of(reading);
    return -1;
}

static char ask_smtp(struct session *session, const char *command)
{
    return realip_probe_send(session->connection, command, strlen(command)) < 0 ? '\0' : read_answer(session, true);
}

/* STARTTLS, and the capabilities anew: RFC 3207 section 4.2. 0; or -1, where no session goes on. */
static int upgrade(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    const char *command = realip_probe_starttls(seen->protocol);

    if (realip_probe_send(session->connection, command, strlen(command)) < 0 || read_line(session) != REALIP_PROBE_READING_LINE)
        return -1;
    bool granted = strncmp(session->line, "220", 3) == 0 || strncmp(session->line, "a OK", 4) == 0
                || strncmp(session->line, "+OK", 3) == 0 || strncmp(session->line, "OK", 2) == 0;
    if (!granted) {
        note_refusal(session);
        return -1;
    }
    if (shake_hands(session) < 0)
        return -1;
    if (seen->protocol == REALIP_PROBE_SIEVE) /* greets anew: RFC 5804 section 2.2 */
        (void)read_greeting(session);
    (void)read_capabilities(session);
    return 0;
}

/* MAIL, once more behind STARTTLS where it is that what is missing (530: RFC 3207 section 4), as on most ports for submission. */
static char ask_mail(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    char answer = ask_smtp(session, "MAIL FROM:<>\r\n");
    bool wants_tls = answer == '5' && strncmp(session->line, "530", 3) == 0 && seen->starttls && seen->tls[0] == '\0';

    if (!wants_tls)
        return answer;
    bool upgraded = upgrade(session) == 0;
    seen->fate = REALIP_PROBE_FATE_GREETED; /* it was: TLS that fails is no refusal of the header */
    return upgraded ? ask_smtp(session, "MAIL FROM:<>\r\n") : '\0';
}

/* Never DATA: no letter comes of it. */
static void try_mail(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    char answer = ask_mail(session);

    seen->mail = REALIP_PROBE_MAIL_NOT_REACHED;
    if (answer == '2') {
        answer = ask_smtp(session, "RCPT TO:<" REALIP_PROBE_RECIPIENT ">\r\n");
        if (answer == '2') {
            seen->mail = REALIP_PROBE_MAIL_ACCEPTED;
            note_words(session);
        } else if (answer == '4' || answer == '5') {
            seen->mail = REALIP_PROBE_MAIL_DENIED;
        }
    }
    if (answer != '\0')
        (void)ask_smtp(session, "RSET\r\n");
}

static void converse(struct session *session)
{
    struct realip_probe_observation *seen = session->seen;
    long long began = realip_probe_now();

    seen->fate = read_greeting(session);
    seen->greeting_usecs = (long)(realip_probe_now() - began);
    if (seen->fate != REALIP_PROBE_FATE_GREETED)
        return;
    seen->fate = read_capabilities(session);
    bool starts_tls = seen->fate == REALIP_PROBE_FATE_GREETED && session->order->tls == REALIP_PROBE_TLS_START && seen->starttls;
    bool goes_on = !starts_tls || upgrade(session) == 0;
    if (goes_on && seen->fate == REALIP_PROBE_FATE_GREETED && session->order->mail && seen->protocol == REALIP_PROBE_SMTP && seen->opening != REALIP_PROBE_LOCAL)
        try_mail(session);
}

/* Waits for the farewell: a peer that is gone before it is answered can make a server's process die (docs/POSTFIX.md). */
static void say_farewell(struct session *session)
{
    const char *quit = realip_probe_quit(session->seen->protocol);

    realip_probe_set_deadline(session->connection, realip_probe_now() + FAREWELL_MSECS * 1000LL);
    if (session->seen->fate == REALIP_PROBE_FATE_GREETED && realip_probe_send(session->connection, quit, strlen(quit)) == 0)
        (void)read_line(session);
    realip_probe_close(&session->connection, FAREWELL_MSECS);
}

/* A name that no session had: the policy server is asked for it, and its log has it. */
static void name_session(struct realip_probe_observation *seen)
{
    unsigned long long number;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
        number = (unsigned long long)realip_probe_now() << 16 ^ (unsigned long long)getpid(); /* unique here at least */
    snprintf(seen->helo, sizeof(seen->helo), "%016llx" REALIP_PROBE_HELO_END, number);
}

static int start(struct session *session)
{
    const struct realip_probe_order *order = session->order;
    struct realip_probe_observation *seen = session->seen;
    long long began = realip_probe_now();
    int error;

    int result = realip_probe_connect((const struct sockaddr *)(const void *)&order->target->name, order->target->size,
                                      began + order->msecs * 1000LL, &session->connection, &error);
    seen->connect_usecs = (long)(realip_probe_now() - began);
    if (result < 0 && error == ECONNRESET) { /* it was taken: who takes none refuses, or lets it time out */
        seen->fate = REALIP_PROBE_FATE_HUNG_UP;
        seen->reset = true;
        seen->greeting_usecs = 0;
    } else if (result < 0) {
        seen->fate = REALIP_PROBE_FATE_UNREACHABLE;
        snprintf(seen->words, sizeof(seen->words), "%s", strerror(error));
    }
    return result;
}

void realip_probe_session(const struct realip_probe_order *order, enum realip_probe_opening opening,
                          struct realip_probe_observation *seen_r)
{
    struct session session = { .order = order, .seen = seen_r };
    unsigned char header[REALIP_PROBE_HEADER_SIZE];
    unsigned port;

    *seen_r = (struct realip_probe_observation){ .opening = opening,
                                                 .connect_usecs = -1,
                                                 .tls_usecs = -1,
                                                 .greeting_usecs = -1 };
    name_session(seen_r);
    if (start(&session) < 0)
        return;
    realip_probe_ends(session.connection, &seen_r->local, &port, &session.remote);
    session.server = session.remote;
    if (realip_address_equal(&session.remote, &seen_r->local)) /* on one host they can't be told apart */
        session.server = (struct realip_address){ 0 };
    size_t size = realip_probe_header(order, opening, &seen_r->local, port, &session.remote, header, &seen_r->asserted);
    bool sent = realip_probe_send(session.connection, header, size) == 0;
    if (sent && (order->tls != REALIP_PROBE_TLS_AT_ONCE || shake_hands(&session) == 0))
        converse(&session);
    else if (!sent)
        seen_r->fate = REALIP_PROBE_FATE_HUNG_UP;
    say_farewell(&session);
}
