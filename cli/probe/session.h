/* session - one experiment: connects, says a PROXY header or none, reads the greeting, asks what is offered, goes with a clean QUIT. */
#ifndef REALIP_PROBE_SESSION_H
#define REALIP_PROBE_SESSION_H

#include "observation.h"
#include "target.h"

/* Nobody accepts mail for it: .invalid is no domain (RFC 2606 section 2). */
#define REALIP_PROBE_RECIPIENT "realip-probe@mail-realip.invalid"

enum realip_probe_tls { REALIP_PROBE_TLS_NONE = 0, REALIP_PROBE_TLS_START, REALIP_PROBE_TLS_AT_ONCE };

struct realip_probe_order {
    const struct realip_probe_target *target;
    const char *host_name; /* for TLS; NULL: none */
    enum realip_probe_protocol protocol; /* UNKNOWN: whatever answers */
    enum realip_probe_tls tls;
    struct realip_address as_ipv4; /* the clients that our headers name */
    struct realip_address as_ipv6;
    bool mail;      /* SMTP: also MAIL FROM:<> and RCPT TO, which is where the policy server is asked */
    int msecs;      /* for all of it but the farewell, which may take two seconds more */
};

/* Makes one experiment, within its time, and fills *seen_r. */
void realip_probe_session(const struct realip_probe_order *order, enum realip_probe_opening opening,
                          struct realip_probe_observation *seen_r);

#define REALIP_PROBE_HEADER_SIZE 128

/* The bytes of an opening on a connection between `local` and `remote`; *asserted_r is the client that they name. Returns their number;
 * 0 for PLAIN. */
size_t realip_probe_header(const struct realip_probe_order *order, enum realip_probe_opening opening,
                           const struct realip_address *local, unsigned local_port, const struct realip_address *remote,
                           unsigned char bytes[REALIP_PROBE_HEADER_SIZE], struct realip_address *asserted_r);

#endif
