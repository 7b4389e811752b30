#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool begins(const char *line, const char *word)
{
    return strncasecmp(line, word, strlen(word)) == 0;
}

/* A word of its own at the start: "OK", "OK (…)", not "OKAY". */
static bool begins_word(const char *line, const char *word)
{
    size_t length = strlen(word);

    return begins(line, word) && (line[length] == '\0' || line[length] == ' ');
}

/* True when `word` stands in the line, neither within a longer one nor in lower case: these are all written large. */
static bool has_word(const char *line, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == line || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[length]))
            return true;
    }
    return false;
}

static bool is_reply_code(const char *line)
{
    return line[0] >= '2' && line[0] <= '5' && isdigit((unsigned char)line[1]) && isdigit((unsigned char)line[2])
        && (line[3] == '\0' || line[3] == ' ' || line[3] == '-');
}

enum realip_probe_line realip_probe_greeting(const char *line, enum realip_probe_protocol *protocol_r)
{
    *protocol_r = REALIP_PROBE_PROTOCOL_UNKNOWN;
    if (is_reply_code(line)) {
        *protocol_r = has_word(line, "LMTP") ? REALIP_PROBE_LMTP : REALIP_PROBE_SMTP;
        if (line[3] == '-')
            return REALIP_PROBE_LINE_MORE;
        return begins(line, "220") ? REALIP_PROBE_LINE_GOOD : REALIP_PROBE_LINE_BAD;
    }
    if (line[0] == '*' && line[1] == ' ') {
        *protocol_r = REALIP_PROBE_IMAP;
        if (begins_word(line + 2, "OK") || begins_word(line + 2, "PREAUTH"))
            return REALIP_PROBE_LINE_GOOD;
        return begins_word(line + 2, "BYE") ? REALIP_PROBE_LINE_BAD : REALIP_PROBE_LINE_STRANGE;
    }
    if (begins_word(line, "+OK") || begins_word(line, "-ERR")) {
        *protocol_r = REALIP_PROBE_POP3;
        return line[0] == '+' ? REALIP_PROBE_LINE_GOOD : REALIP_PROBE_LINE_BAD;
    }
    if (line[0] == '"' || begins_word(line, "OK") || begins_word(line, "BYE") || begins_word(line, "NO")) {
        *protocol_r = REALIP_PROBE_SIEVE;
        if (line[0] == '"')
            return REALIP_PROBE_LINE_MORE;
        return begins_word(line, "OK") ? REALIP_PROBE_LINE_GOOD : REALIP_PROBE_LINE_BAD;
    }
    return REALIP_PROBE_LINE_STRANGE;
}

void realip_probe_ask(enum realip_probe_protocol protocol, const char *helo, char out[REALIP_PROBE_ASK_SIZE])
{
    const char *command = "";

    switch (protocol) {
    case REALIP_PROBE_SMTP:
        snprintf(out, REALIP_PROBE_ASK_SIZE, "EHLO %s\r\n", helo);
        return;
    case REALIP_PROBE_LMTP:
        snprintf(out, REALIP_PROBE_ASK_SIZE, "LHLO %s\r\n", helo);
        return;
    case REALIP_PROBE_IMAP:
        command = "a CAPABILITY\r\n";
        break;
    case REALIP_PROBE_POP3:
        command = "CAPA\r\n";
        break;
    case REALIP_PROBE_SIEVE:
        command = "CAPABILITY\r\n";
        break;
    case REALIP_PROBE_PROTOCOL_UNKNOWN:
    case REALIP_PROBE_PROTOCOL_COUNT:
        break;
    }
    snprintf(out, REALIP_PROBE_ASK_SIZE, "%s", command);
}

const char *realip_probe_quit(enum realip_probe_protocol protocol)
{
    switch (protocol) {
    case REALIP_PROBE_SMTP:
    case REALIP_PROBE_LMTP:
    case REALIP_PROBE_POP3:
        return "QUIT\r\n";
    case REALIP_PROBE_IMAP:
        return "z LOGOUT\r\n";
    case REALIP_PROBE_SIEVE:
        return "LOGOUT\r\n";
    case REALIP_PROBE_PROTOCOL_UNKNOWN:
    case REALIP_PROBE_PROTOCOL_COUNT:
        break;
    }
    return "";
}

const char *realip_probe_starttls(enum realip_probe_protocol protocol)
{
    switch (protocol) {
    case REALIP_PROBE_SMTP:
    case REALIP_PROBE_LMTP:
    case REALIP_PROBE_SIEVE:
        return "STARTTLS\r\n";
    case REALIP_PROBE_IMAP:
        return "a STARTTLS\r\n";
    case REALIP_PROBE_POP3:
        return "STLS\r\n";
    case REALIP_PROBE_PROTOCOL_UNKNOWN:
    case REALIP_PROBE_PROTOCOL_COUNT:
        break;
    }
    return "";
}

/* Codes of RFC 5321 section 4.2.3 and status codes of RFC 3463 that complain about a command, not about the client. 221: the
 * signature of version 2 says QUIT. */
static bool is_complaint(const char *line)
{
    const char *status = line[3] == '\0' ? "" : line + 4;

    return begins(line, "500") || begins(line, "501") || begins(line, "502") || begins(line, "503") || begins(line, "221")
        || begins(status, "5.5.");
}

static enum realip_probe_line answer_of_smtp(const char *line, bool *misread_r)
{
    if (!is_reply_code(line))
        return REALIP_PROBE_LINE_STRANGE;
    if (line[0] != '2' || begins(line, "221"))
        *misread_r = *misread_r || is_complaint(line);
    if (line[3] == '-')
        return REALIP_PROBE_LINE_MORE;
    /* Nothing but 250 grants EHLO (RFC 5321 section 4.3.2). */
    if (begins(line, "250"))
        return REALIP_PROBE_LINE_GOOD;
    return line[0] == '2' && !begins(line, "221") ? REALIP_PROBE_LINE_STRANGE : REALIP_PROBE_LINE_BAD;
}

static enum realip_probe_line answer_of_imap(const char *line, bool *misread_r)
{
    const char *behind = strchr(line, ' ');

    if (begins(line, "a ")) /* our tag */
        return begins_word(line + 2, "OK") ? REALIP_PROBE_LINE_GOOD : REALIP_PROBE_LINE_BAD;
    if (behind == NULL)
        return REALIP_PROBE_LINE_STRANGE;
    if (begins_word(behind + 1, "BAD"))
        *misread_r = true;
    return begins_word(behind + 1, "BYE") ? REALIP_PROBE_LINE_BAD : REALIP_PROBE_LINE_MORE;
}

enum realip_probe_line realip_probe_answer(enum realip_probe_protocol protocol, const char *line, bool *misread_r)
{
    switch (protocol) {
    case REALIP_PROBE_SMTP:
    case REALIP_PROBE_LMTP:
        return answer_of_smtp(line, misread_r);
    case REALIP_PROBE_IMAP:
        return answer_of_imap(line, misread_r);
    case REALIP_PROBE_POP3:
        if (strcmp(line, ".") == 0)
            return REALIP_PROBE_LINE_GOOD;
        *misread_r = *misread_r || begins_word(line, "-ERR");
        return begins_word(line, "-ERR") ? REALIP_PROBE_LINE_BAD : REALIP_PROBE_LINE_MORE;
    case REALIP_PROBE_SIEVE:
        *misread_r = *misread_r || begins_word(line, "NO");
        if (begins_word(line, "OK"))
            return REALIP_PROBE_LINE_GOOD;
        return begins_word(line, "NO") || begins_word(line, "BYE") ? REALIP_PROBE_LINE_BAD : REALIP_PROBE_LINE_MORE;
    case REALIP_PROBE_PROTOCOL_UNKNOWN:
    case REALIP_PROBE_PROTOCOL_COUNT:
        break;
    }
    return REALIP_PROBE_LINE_STRANGE;
}

void realip_probe_note_offer(const char *line, struct realip_probe_observation *seen)
{
    seen->starttls = seen->starttls || has_word(line, "STARTTLS") || has_word(line, "STLS");
    seen->xclient = seen->xclient || has_word(line, "XCLIENT");
    seen->xforward = seen->xforward || has_word(line, "XFORWARD");
}

static bool read_address(const char *text, size_t length, const struct realip_address *server, struct realip_address *address_r)
{
    const char *reason;

    if (length > 5 && begins(text, "IPv6:")) { /* an address literal of RFC 5321 section 4.1.3 */
        text += 5;
        length -= 5;
    }
    if (realip_address_parse(text, length, address_r, &reason) == 0 && !realip_address_equal(address_r, server))
        return true;
    *address_r = (struct realip_address){ 0 };
    return false;
}

bool realip_probe_find_client(const char *line, const struct realip_address *server, struct realip_address *address_r)
{
    const char *from = strcasestr(line, " from ");

    *address_r = (struct realip_address){ 0 };
    for (const char *open = strchr(line, '['); open != NULL; open = strchr(open + 1, '[')) {
        if (read_address(open + 1, strcspn(open + 1, "]"), server, address_r))
            return true;
    }
    return from != NULL && read_address(from + 6, strcspn(from + 6, " ,;)"), server, address_r);
}

enum realip_reason realip_probe_find_reason(const char *line)
{
    for (const char *at = strstr(line, "realip "); at != NULL; at = strstr(at + 1, "realip ")) {
        char token[32];

        snprintf(token, sizeof(token), "%.*s", (int)strcspn(at + 7, ":"), at + 7);
        enum realip_reason reason = realip_reason_from_token(token);
        if (reason != REALIP_REASON_UNDECIDED)
            return reason;
    }
    return REALIP_REASON_UNDECIDED;
}

void realip_probe_copy_words(const char *line, char out[REALIP_PROBE_WORDS_SIZE])
{
    size_t length = 0;

    for (; line[length] != '\0' && length < REALIP_PROBE_WORDS_SIZE - 1; length++)
        out[length] = line[length] >= ' ' && line[length] <= '~' ? line[length] : '?';
    out[length] = '\0';
}

enum realip_probe_protocol realip_probe_protocol_of_port(unsigned port, bool *tls_r)
{
    static const struct {
        unsigned port;
        enum realip_probe_protocol protocol;
        bool tls;
    } known[] = {
        { 25, REALIP_PROBE_SMTP, false },  { 465, REALIP_PROBE_SMTP, true },  { 587, REALIP_PROBE_SMTP, false },
        { 143, REALIP_PROBE_IMAP, false }, { 993, REALIP_PROBE_IMAP, true },  { 110, REALIP_PROBE_POP3, false },
        { 995, REALIP_PROBE_POP3, true },  { 4190, REALIP_PROBE_SIEVE, false },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].port == port) {
            *tls_r = known[i].tls;
            return known[i].protocol;
        }
    }
    *tls_r = false;
    return REALIP_PROBE_PROTOCOL_UNKNOWN;
}
