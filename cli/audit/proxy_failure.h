/* proxy_failure - the kinds of trouble with PROXY headers that Postfix and Dovecot write into their logs, and what each means.
 *
 * The words are public: they are keys of `realipctl audit --json`, and may be added to, never changed.
 */
#ifndef REALIP_PROXY_FAILURE_H
#define REALIP_PROXY_FAILURE_H

#include "log_line.h"

/* X(NAME, token, what it means and what mends it) */
#define REALIP_PROXY_FAILURE_TABLE(X)                                                                                        \
    X(NONE, "none", "no trouble")                                                                                            \
    X(SILENT, "no-header", "a PROXY header was expected and nothing came: who connects does not say PROXY; switch it on there "\
      "(send-proxy-v2), or send these clients to a port without PROXY")                                                     \
    X(SPOKE, "client-spoke", "a PROXY header was expected and the client spoke its own protocol: it reached the port directly, "\
      "or the proxy does not say PROXY")                                                                                    \
    X(CLOSED, "closed", "the connection was closed before a PROXY header: mostly a health check that only connects; let it send "\
      "one (check-send-proxy, or `send-proxy-v2 check`)")                                                                   \
    X(NO_HEADER, "not-a-header", "what came was no whole PROXY header: the client's own protocol, a header in pieces, or a check that "\
      "only connects; Dovecot doesn't tell which")                                                                          \
    X(SHORT, "header-cut", "the header came in pieces or was too short: a proxy must send it in one segment")               \
    X(MALFORMED, "header-malformed", "the bytes are no valid PROXY header: another version, a broken proxy, or a forgery")    \
    X(ADDRESS, "bad-address", "the header holds no valid client or server address or port")                                 \
    X(FAMILY, "family-off", "the header names an address family that the server has switched off: set inet_protocols = all") \
    X(UNSUPPORTED, "no-address", "the header is UNKNOWN, UNSPEC or no TCP: the proxy hides the client, or checks its health") \
    X(UNTRUSTED, "not-trusted", "Dovecot refused a peer that is not in haproxy_trusted_networks: a proxy that is missing there, "\
      "or a stranger")                                                                                                      \
    X(BAD_LIST, "bad-list", "haproxy_trusted_networks holds an entry that Dovecot can't read; it ignores all behind it")      \
    X(PLAIN_PORT, "header-on-plain-port", "a PROXY header came to a port that wants none: the session goes on with the proxy's "\
      "address; switch PROXY on at this port, or off at the proxy")                                                         \
    X(BEHIND_SCREEN, "set-behind-postscreen", "smtpd_upstream_proxy_protocol is set for an smtpd behind postscreen and has no "\
      "effect: set postscreen_upstream_proxy_protocol instead")                                                             \
    X(OTHER, "other", "the server names another trouble with PROXY")

#define REALIP_ENUM_PROXY_FAILURE(name, token, sentence) REALIP_PROXY_FAILURE_##name,
enum realip_proxy_failure { REALIP_PROXY_FAILURE_TABLE(REALIP_ENUM_PROXY_FAILURE) REALIP_PROXY_FAILURE_COUNT };
#undef REALIP_ENUM_PROXY_FAILURE

/* The kind of what stands behind "haproxy read: " in a log of Postfix. Never NONE. */
enum realip_proxy_failure realip_proxy_failure_of_postfix(struct realip_log_text text);

/* The kind of what stands behind "haproxy: ", "haproxy(v1): " or "haproxy(v2): " in a log of Dovecot. Never NONE. */
enum realip_proxy_failure realip_proxy_failure_of_dovecot(struct realip_log_text text);

/* Constant texts; "none" for a value outside the enum. */
const char *realip_proxy_failure_token(enum realip_proxy_failure failure);
const char *realip_proxy_failure_sentence(enum realip_proxy_failure failure);

#endif
