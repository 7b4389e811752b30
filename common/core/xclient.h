/* xclient - SMTP's ways to tell a server about another client: the commands XCLIENT (who the client of this session is) and
 * XFORWARD (who the client of this message was), and their announcements in the reply to EHLO.
 *
 * Sources: Postfix's XCLIENT_README and XFORWARD_README; xtext is RFC 3461 section 4. SESSION, TIMEOUT and TTL are Dovecot's.
 * Strict as these texts: Postfix also takes values that are no xtext as they stand, ports up to 99999, and of two equal
 * names the last. Pure: no allocation; values are decoded in place.
 */
#ifndef REALIP_XCLIENT_H
#define REALIP_XCLIENT_H

#include "address.h"

#define REALIP_XCLIENT_MAX_LINE  2048 /* Postfix's line_length_limit; RFC 5321 gives a command 512 */
#define REALIP_XCLIENT_MAX_VALUE 255  /* letters, as written */

enum realip_xclient_verb { REALIP_XCLIENT_NONE = 0, REALIP_XCLIENT_XCLIENT, REALIP_XCLIENT_XFORWARD };

/* X(NAME, word, kind, whether XCLIENT and XFORWARD have it). Kinds: how a value is read. */
#define REALIP_XCLIENT_ATTRIBUTE_TABLE(X)           \
    X(NAME, "NAME", HOST, true, true)               \
    X(REVERSE_NAME, "REVERSE_NAME", HOST, true, false) \
    X(ADDR, "ADDR", ADDRESS, true, true)            \
    X(PORT, "PORT", PORT, true, true)               \
    X(PROTO, "PROTO", PROTOCOL, true, true)         \
    X(HELO, "HELO", TEXT, true, true)               \
    X(LOGIN, "LOGIN", TEXT, true, false)            \
    X(DESTADDR, "DESTADDR", ADDRESS, true, false)   \
    X(DESTPORT, "DESTPORT", PORT, true, false)      \
    X(IDENT, "IDENT", TEXT, false, true)            \
    X(SOURCE, "SOURCE", ORIGIN, false, true)        \
    X(SESSION, "SESSION", TEXT, true, false)        \
    X(TIMEOUT, "TIMEOUT", NUMBER, true, false)      \
    X(TTL, "TTL", NUMBER, true, false)

#define REALIP_XCLIENT_ENUM(name, word, kind, xclient, xforward) REALIP_XCLIENT_##name,
enum realip_xclient_attribute { REALIP_XCLIENT_ATTRIBUTE_TABLE(REALIP_XCLIENT_ENUM) REALIP_XCLIENT_ATTRIBUTE_COUNT };
#undef REALIP_XCLIENT_ENUM

enum realip_xclient_state {
    REALIP_XCLIENT_ABSENT = 0,  /* the attribute was not sent */
    REALIP_XCLIENT_GIVEN,
    REALIP_XCLIENT_UNAVAILABLE, /* [UNAVAILABLE]: the sender does not know it */
    REALIP_XCLIENT_TEMPORARY    /* [TEMPUNAVAIL]: a name could not be looked up just then */
};

/* X(NAME, token, sentence) */
#define REALIP_XCLIENT_REASON_TABLE(X)                                                                       \
    X(NONE, "none", "nothing is wrong")                                                                      \
    X(VERB, "verb", "the command is neither XCLIENT nor XFORWARD")                                           \
    X(TOO_LONG, "too-long", "the line is longer than 2048 bytes")                                            \
    X(NO_ATTRIBUTE, "no-attribute", "the command has no attribute")                                          \
    X(SPACES, "spaces", "one space separates attributes")                                                    \
    X(EQUALS, "equals", "an attribute has no '=' with a value behind it")                                    \
    X(ATTRIBUTE, "attribute", "the command has no attribute of this name")                                   \
    X(TWICE, "twice", "an attribute stands twice")                                                           \
    X(VALUE_TOO_LONG, "value-too-long", "a value has more than 255 letters")                                 \
    X(XTEXT, "xtext", "a value is no xtext: printable letters, others as '+' and two digits of 0-9 A-F")     \
    X(CHARACTER, "character", "a value holds a character that it must not")                                  \
    X(UNAVAILABLE, "unavailable", "this attribute can't be [UNAVAILABLE] or [TEMPUNAVAIL]")                  \
    X(ADDRESS, "address", "an address is IPv4, or \"IPV6:\" and IPv6")                                       \
    X(PORT, "port", "a port is a number of 0 to 65535 without leading zeros")                                \
    X(PROTOCOL, "protocol", "PROTO is SMTP or ESMTP (LMTP to Dovecot), in XFORWARD a word of up to 64 letters") \
    X(ORIGIN, "origin", "SOURCE is LOCAL or REMOTE")                                                         \
    X(NUMBER, "number", "TIMEOUT and TTL are decimal numbers of 32 bits")                                    \
    X(NO_ROOM, "no-room", "the command does not fit into the buffer")

#define REALIP_XCLIENT_ENUM(name, token, sentence) REALIP_XCLIENT_REASON_##name,
enum realip_xclient_reason { REALIP_XCLIENT_REASON_TABLE(REALIP_XCLIENT_ENUM) REALIP_XCLIENT_REASON_COUNT };
#undef REALIP_XCLIENT_ENUM

/* Text without a NUL behind it. */
struct realip_xclient_value {
    enum realip_xclient_state state;
    const char *text; /* decoded; set when GIVEN */
    size_t length;
};

struct realip_xclient {
    enum realip_xclient_verb verb;
    struct realip_xclient_value values[REALIP_XCLIENT_ATTRIBUTE_COUNT];
    struct realip_address client; /* what ADDR, PORT, DESTADDR and DESTPORT mean; absent and 0 where not GIVEN */
    struct realip_address server;
    uint16_t client_port;
    uint16_t server_port;
};

/* Reads a command line, with or without its CRLF. 0 and *command_r, whose values point into `line`; or -1 and *reason_r.
 * `line` is written to. */
int realip_xclient_parse(char *line, size_t length, struct realip_xclient *command_r,
                         enum realip_xclient_reason *reason_r);

/* Writes a command line with its CRLF, in the order of the table. Of ADDR, PORT, DESTADDR and DESTPORT the meaning counts,
 * not the text. 0 and *length_r (no NUL is written); or -1 and *reason_r, with nothing certain in `out`. */
int realip_xclient_format(const struct realip_xclient *command, char *out, size_t room, size_t *length_r,
                          enum realip_xclient_reason *reason_r);

/* Reads a line of an EHLO reply, "250-XCLIENT NAME ADDR …" or from the keyword on. 0: *verb_r, and *attributes_r has the bit
 * 1 << attribute for each that is known and announced; *others_r: there are more. -1: the line announces neither. */
int realip_xclient_announcement(const char *line, size_t length, enum realip_xclient_verb *verb_r,
                                unsigned *attributes_r, bool *others_r);

/* xtext in place. 0 and *length shortened; or -1 and the text as it was. */
int realip_xclient_xtext_decode(char *text, size_t *length);

/* Appends `text` as xtext to a buffer that holds *used of its `room` bytes. 0; or -1 when it does not fit. */
int realip_xclient_xtext_encode(const char *text, size_t length, char *out, size_t room, size_t *used);

/* Constant texts. */
const char *realip_xclient_attribute_word(enum realip_xclient_attribute attribute);
const char *realip_xclient_reason_token(enum realip_xclient_reason reason);
const char *realip_xclient_reason_sentence(enum realip_xclient_reason reason);

#endif
