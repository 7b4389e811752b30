/* proxy_header_host - what the mail servers themselves do with the first bytes of a connection on a port that expects a
 * PROXY header: their own readings, milder and harsher than the specification.
 *
 * Told is what happens when all the bytes arrive at once and nothing more follows. Sources: Postfix 3.7 and 3.10
 * (haproxy_srvr, the same in both), Dovecot 2.3.19 and 2.4.1 (master-service-haproxy); tests/differential sends the bytes
 * of tests/vectors to the real ones. inet_protocols = all is taken for granted, and for Dovecot imap-login and a
 * peer in haproxy_trusted_networks. Pure: no allocation.
 */
#ifndef REALIP_PROXY_HEADER_HOST_H
#define REALIP_PROXY_HEADER_HOST_H

#include "address.h"

enum realip_proxy_host {
    REALIP_PROXY_HOST_UNKNOWN = 0,
    REALIP_PROXY_HOST_POSTFIX,    /* smtpd itself */
    REALIP_PROXY_HOST_POSTSCREEN, /* the same reading, and then the smtpd behind it */
    REALIP_PROXY_HOST_DOVECOT_2_3,
    REALIP_PROXY_HOST_DOVECOT_2_4,
    REALIP_PROXY_HOST_COUNT
};

enum realip_proxy_fate {
    REALIP_PROXY_FATE_UNKNOWN = 0,
    REALIP_PROXY_FATE_WAITS,   /* for the first byte, until its time is over, and hangs up */
    REALIP_PROXY_FATE_REFUSES, /* hangs up (Postfix after a 421) */
    REALIP_PROXY_FATE_CRASHES, /* the process ends with an assertion */
    REALIP_PROXY_FATE_CLIENT,  /* the session goes on with the header's addresses */
    REALIP_PROXY_FATE_PEER     /* the session goes on with the proxy's own address */
};

struct realip_proxy_outcome {
    enum realip_proxy_fate fate;
    const char *reason; /* the host's words in its log, constant; "" when it logs nothing about it */
    struct realip_address source; /* absent unless fate is CLIENT */
    struct realip_address destination;
    uint16_t source_port;
    uint16_t destination_port;
    size_t size; /* how many bytes the host took for the header; the session begins behind them. 0 unless it goes on */
};

/* Fills *outcome_r; its fate is UNKNOWN for a host that is none. */
void realip_proxy_header_host(enum realip_proxy_host host, const unsigned char *data, size_t length,
                              struct realip_proxy_outcome *outcome_r);

/* "postfix", "postscreen", "dovecot-2.3", "dovecot-2.4"; and "waits", "refuses", "crashes", "client", "peer". "unknown" for others. */
const char *realip_proxy_host_token(enum realip_proxy_host host);
const char *realip_proxy_fate_token(enum realip_proxy_fate fate);

#endif
