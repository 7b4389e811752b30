/* policy_adapter - from a policy request to facts, and from the verdict to the reply. */
#ifndef REALIP_POLICY_ADAPTER_H
#define REALIP_POLICY_ADAPTER_H

#include "core/facts.h"
#include "policy_protocol.h"
#include "recent.h"
#include "runtime/snapshot.h"

/* What is known of the smtpd's TCP connection. */
struct realip_policy_peer {
    enum realip_peer_state state;
    struct realip_address address;
    uint16_t listener_port; /* 0: not known */
};

/* On which ports the session behind a request can stand. */
struct realip_policy_ports {
    uint16_t ports[REALIP_RULES_MAX_PORTS];
    size_t count;
    bool own_listening; /* or on one that the asking process listens on itself */
};

/* Does the request's listener want its peer attested? A listener that is named is known at once; one that is found by its
 * port only when the port is attested, so every port of the file comes into question. */
bool realip_policy_wants_peer(const struct realip_snapshot *snapshot, const struct realip_policy_request *request,
                              struct realip_policy_ports *ports_r);

/* Fills the facts from a request; texts go on pointing into it. The address's port and the request's server_port are the
 * PROXY header's to choose and decide nothing. */
void realip_policy_facts(const struct realip_snapshot *snapshot, const struct realip_policy_request *request,
                         const struct realip_policy_peer *peer, struct realip_facts *facts_r);

/* Judges a request, keeps the verdict in `recent` (NULL: nowhere) and writes the reply; returns the reply's length. */
size_t realip_policy_answer(const struct realip_snapshot *snapshot, const struct realip_policy_request *request,
                            const struct realip_policy_peer *peer, struct realip_recent *recent,
                            char reply[REALIP_POLICY_REPLY_SIZE]);

#endif
