/* xclient_id - IMAP's way to tell a server about another client: the ID command (RFC 2971) with the fields that Dovecot's
 * proxies send and its login process believes from login_trusted_networks.
 *
 * Dovecot ignores a value that it can't read and keeps the address that it had; here that is malformed. Pure: no allocation;
 * texts are decoded in place. */
#ifndef REALIP_XCLIENT_ID_H
#define REALIP_XCLIENT_ID_H

#include "address.h"

#define REALIP_XCLIENT_ID_MAX_PAIRS 30   /* RFC 2971 section 3.3 */
#define REALIP_XCLIENT_ID_MAX_KEY   30
#define REALIP_XCLIENT_ID_MAX_VALUE 1024
#define REALIP_XCLIENT_ID_MAX_SESSION 64 /* Dovecot's LOGIN_MAX_SESSION_ID_LEN */

/* X(NAME, key). The last is a prefix: x-forward-NAME. */
#define REALIP_XCLIENT_ID_FIELD_TABLE(X)          \
    X(ORIGINATING_IP, "x-originating-ip")         \
    X(ORIGINATING_PORT, "x-originating-port")     \
    X(CONNECTED_IP, "x-connected-ip")             \
    X(CONNECTED_PORT, "x-connected-port")         \
    X(PROXY_TTL, "x-proxy-ttl")                   \
    X(SESSION_ID, "x-session-id")                 \
    X(SESSION_EXT_ID, "x-session-ext-id")         \
    X(FORWARD, "x-forward-")

#define REALIP_XCLIENT_ENUM(name, key) REALIP_XCLIENT_ID_##name,
enum realip_xclient_id_field { REALIP_XCLIENT_ID_FIELD_TABLE(REALIP_XCLIENT_ENUM) REALIP_XCLIENT_ID_FIELD_COUNT };
#undef REALIP_XCLIENT_ENUM

/* X(NAME, token, sentence) */
#define REALIP_XCLIENT_ID_REASON_TABLE(X)                                                              \
    X(NONE, "none", "nothing is wrong")                                                                \
    X(LIST, "list", "ID takes NIL or a list of strings in parentheses")                                \
    X(STRING, "string", "a key or value is no quoted string, literal or NIL")                          \
    X(PAIR, "pair", "a key has no value")                                                              \
    X(TOO_MANY, "too-many", "there are more than 30 pairs")                                            \
    X(KEY_TOO_LONG, "key-too-long", "a key is longer than 30 bytes")                                   \
    X(VALUE_TOO_LONG, "value-too-long", "a value is longer than 1024 bytes")                           \
    X(TWICE, "twice", "a field stands twice")                                                          \
    X(ADDRESS, "address", "an address is none")                                                        \
    X(PORT, "port", "a port is no number of 1 to 65535")                                               \
    X(TTL, "ttl", "x-proxy-ttl is no number of 32 bits")                                               \
    X(SESSION, "session", "a session id is empty or longer than 64 bytes")                             \
    X(EXTRA, "extra", "something follows the list")

#define REALIP_XCLIENT_ENUM(name, token, sentence) REALIP_XCLIENT_ID_REASON_##name,
enum realip_xclient_id_reason { REALIP_XCLIENT_ID_REASON_TABLE(REALIP_XCLIENT_ENUM) REALIP_XCLIENT_ID_REASON_COUNT };
#undef REALIP_XCLIENT_ENUM

struct realip_xclient_id {
    unsigned fields; /* 1 << field for each that has a value (a NIL is none) */
    struct realip_address client;
    struct realip_address server;
    uint16_t client_port;
    uint16_t server_port;
    uint32_t ttl;
    const char *session; /* without a NUL behind it; NULL when there is none */
    size_t session_length;
    unsigned pairs; /* all of them, ours or not */
};

/* Reads what follows "ID " in the command, with or without its CRLF: NIL, or ("key" "value" …), strings quoted or literals
 * ({3}CRLFabc). Other keys are skipped. 0 and *id_r, its text in `text`; or -1 and *reason_r. `text` is written to. */
int realip_xclient_id_parse(char *text, size_t length, struct realip_xclient_id *id_r,
                            enum realip_xclient_id_reason *reason_r);

/* Constant texts. */
const char *realip_xclient_id_field_key(enum realip_xclient_id_field field);
const char *realip_xclient_id_reason_token(enum realip_xclient_id_reason reason);
const char *realip_xclient_id_reason_sentence(enum realip_xclient_id_reason reason);

#endif
