/* attest_wire - what realip-policyd and its attestation helper say to each other: fixed-size messages over one
 * SOCK_SEQPACKET pair. Both ends are of one build; nothing here is read from a stranger. */
#ifndef REALIP_ATTEST_WIRE_H
#define REALIP_ATTEST_WIRE_H

#include <stdint.h>

#include "core/rules.h"

/* Connections that can be attested at once; a number above it gives REALIP_CAUSE_NO_HELPER. */
#define REALIP_ATTEST_SLOTS 65536U
#define REALIP_ATTEST_PORTS REALIP_RULES_MAX_PORTS

/* X(NAME, metric label): how an attestation ended. Everything but KNOWN leaves the peer unknown. */
#define REALIP_CAUSE_TABLE(X)                                                                    \
    X(UNDECIDED, "undecided")                                                                           \
    X(KNOWN, "known")                                                                                   \
    X(NO_CAPABILITY, "no-capability")     /* the kernel does not let us look: nobody can ask */         \
    X(NO_CREDENTIALS, "no-credentials")   /* a TCP policy socket: nobody can ask */                     \
    X(NO_SOCKET, "no-socket")             /* the process has no TCP connection on such a port */        \
    X(DEAD_SOCKET, "dead-socket")         /* it has one, whose other end is gone */                     \
    X(NO_PROCESS, "no-process")           /* the process has ended, or its number is another's by now */ \
    X(NO_PORT, "no-port")                 /* no port is configured and the process listens on none */   \
    X(OTHER_USER, "other-user")           /* a process of another user than client-user */              \
    X(NO_HELPER, "no-helper")             /* the helper is dead, late, or full */

#define REALIP_CAUSE_ENUM(name, label) REALIP_CAUSE_##name,
enum realip_attest_cause { REALIP_CAUSE_TABLE(REALIP_CAUSE_ENUM) REALIP_CAUSE_COUNT };
#undef REALIP_CAUSE_ENUM

enum realip_attest_kind {
    REALIP_ATTEST_KIND_NONE = 0,
    REALIP_ATTEST_ASK,    /* to the helper: who is connected? With a descriptor: this is the slot's connection now */
    REALIP_ATTEST_FORGET, /* to the helper: the slot's connection is closed */
    REALIP_ATTEST_HELLO,  /* from the helper: new, knows no slot; `cause` tells whether it can look at all */
    REALIP_ATTEST_ANSWER  /* from the helper */
};

struct realip_attest_request {
    uint32_t kind;
    uint32_t slot;
    uint32_t serial;        /* comes back in the answer */
    uint8_t has_connection; /* a descriptor comes along: it is the slot's connection from now on */
    uint8_t own_listening;  /* a port on which the process itself listens will do */
    uint8_t port_count;     /* and so will one of these */
    uint16_t ports[REALIP_ATTEST_PORTS];
};

struct realip_attest_answer {
    uint32_t kind;
    uint32_t slot;
    uint32_t serial;
    uint32_t cause;
    uint32_t error;         /* errno behind NO_CAPABILITY, else 0 */
    uint16_t local_port;
    uint8_t family;         /* 4 or 6 when KNOWN */
    uint8_t peer[16];       /* 4 or 16 bytes in network order */
};

#endif
