/* observation - what one experiment of the probe saw: something was said to a listener first, and this is what it did.
 *
 * Filled by session.c from a real connection and by hand in the judge's test; judge.c makes a verdict of several. The zero of
 * every field is "not known".
 */
#ifndef REALIP_PROBE_OBSERVATION_H
#define REALIP_PROBE_OBSERVATION_H

#include "core/address.h"
#include "core/verdict.h"

/* What is said before anything else. X(NAME, token, what a person reads) */
#define REALIP_PROBE_OPENING_TABLE(X)                \
    X(PLAIN, "plain", "nothing")                     \
    X(V1, "v1", "PROXY v1")                          \
    X(V2, "v2", "PROXY v2")                          \
    X(LOCAL, "local", "PROXY v2 LOCAL")              \
    X(OTHER_FAMILY, "other-family", "PROXY v2, other family")

#define REALIP_PROBE_ENUM(name, token, text) REALIP_PROBE_##name,
enum realip_probe_opening { REALIP_PROBE_OPENING_UNKNOWN = 0, REALIP_PROBE_OPENING_TABLE(REALIP_PROBE_ENUM) REALIP_PROBE_OPENING_COUNT };
#undef REALIP_PROBE_ENUM

enum realip_probe_protocol {
    REALIP_PROBE_PROTOCOL_UNKNOWN = 0,
    REALIP_PROBE_SMTP,
    REALIP_PROBE_IMAP,
    REALIP_PROBE_POP3,
    REALIP_PROBE_SIEVE,
    REALIP_PROBE_LMTP,
    REALIP_PROBE_PROTOCOL_COUNT
};

/* How far a connection came. X(NAME, token) */
#define REALIP_PROBE_FATE_TABLE(X)                                                                  \
    X(UNREACHABLE, "unreachable") /* no TCP connection */                                           \
    X(SILENT, "silent")           /* connected, and nothing came in time */                         \
    X(HUNG_UP, "hung-up")         /* closed or reset by the other side without a word */            \
    X(REFUSED, "refused")         /* a goodbye in place of a greeting */                            \
    X(NO_TLS, "no-tls")           /* the TLS handshake failed */                                    \
    X(STRANGE, "strange")         /* words of no mail protocol, or of another one than was asked */ \
    X(MISREAD, "misread")         /* greeted, and then took the PROXY header for commands */        \
    X(GREETED, "greeted")         /* a session began */

#define REALIP_PROBE_ENUM(name, token) REALIP_PROBE_FATE_##name,
enum realip_probe_fate { REALIP_PROBE_FATE_UNKNOWN = 0, REALIP_PROBE_FATE_TABLE(REALIP_PROBE_ENUM) REALIP_PROBE_FATE_COUNT };
#undef REALIP_PROBE_ENUM

/* What became of MAIL FROM:<> and RCPT TO: an address nobody accepts mail for. */
enum realip_probe_mail {
    REALIP_PROBE_MAIL_UNKNOWN = 0, /* not asked */
    REALIP_PROBE_MAIL_NOT_REACHED, /* MAIL was not granted, and RCPT never said: the policy server may not have been asked */
    REALIP_PROBE_MAIL_DENIED,      /* at RCPT, as it should be: no such domain here */
    REALIP_PROBE_MAIL_ACCEPTED     /* this client may send anywhere: a relay */
};

#define REALIP_PROBE_WORDS_SIZE 256
#define REALIP_PROBE_HELO_SIZE  48

struct realip_probe_observation {
    enum realip_probe_opening opening;
    enum realip_probe_fate fate;
    enum realip_probe_protocol protocol; /* as its words show; UNKNOWN: none came */
    bool reset;                          /* the other side ended with RST */
    bool starttls;                       /* offered */
    bool xclient;                        /* offered, to the client that the server takes us for */
    bool xforward;
    enum realip_probe_mail mail;
    enum realip_reason refused_for;  /* in mail-realip's words, anywhere in the session; UNDECIDED: not by it */
    enum realip_reason judged;       /* as its daemon tells (--explain); UNDECIDED: not told */
    enum realip_action done;         /* with `judged` */
    struct realip_address local;     /* this host's end of the TCP connection */
    struct realip_address asserted;  /* the client that our header named; absent where it names none */
    struct realip_address shown;     /* the client that the server told us it saw; absent: it told none */
    struct realip_address peer;      /* the TCP peer that mail-realip attested (--explain) */
    long connect_usecs;              /* -1: not come to it; for all three */
    long tls_usecs;
    long greeting_usecs;             /* from the last byte of what was said first (or the handshake) to the greeting or the end */
    char helo[REALIP_PROBE_HELO_SIZE];   /* the name that it gave itself, which no other session has */
    char id[REALIP_PROBE_HELO_SIZE];     /* the session's, in mail-realip's log, with `judged`; "": none */
    char words[REALIP_PROBE_WORDS_SIZE]; /* the line that tells most: a refusal, else the greeting; printable ASCII */
    char tls[REALIP_PROBE_WORDS_SIZE];   /* version, cipher and certificate; "" without TLS */
};

/* Constant texts; "unknown" for what is none. */
const char *realip_probe_opening_token(enum realip_probe_opening opening);
const char *realip_probe_opening_text(enum realip_probe_opening opening);
const char *realip_probe_fate_token(enum realip_probe_fate fate);
const char *realip_probe_protocol_token(enum realip_probe_protocol protocol);

/* From token to value; UNKNOWN for what is none. "submission" is SMTP. */
enum realip_probe_opening realip_probe_opening_from_token(const char *token, size_t length);
enum realip_probe_protocol realip_probe_protocol_from_token(const char *token);

#endif
