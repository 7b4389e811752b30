/* received_walk - from the newest Received header through listed relays to the client that the first of them saw.
 *
 * Each header is believed for one reason alone: a listed relay wrote it. The newest one was written by the host that
 * connected, the next by the host that this one saw, and so on. The walk ends at the first address that is no relay; what
 * stands below was that client's to write, and is not looked at. It also ends, with nothing known, where a header can't be
 * believed. It is what nginx's real_ip_recursive does for its lists.
 *
 * Proxies are not walked through: they write no Received header, so that the next one is already the client's own.
 */
#ifndef REALIP_RECEIVED_WALK_H
#define REALIP_RECEIVED_WALK_H

#include "received.h"
#include "rules.h"

/* More headers than any MTA lets through without calling it a loop (Postfix 50, Sendmail 25, Exim 30). */
#define REALIP_RECEIVED_MAX_HOPS 100

enum realip_received_end {
    REALIP_RECEIVED_END_UNDECIDED = 0, /* the next header is needed */
    REALIP_RECEIVED_END_SESSION,       /* the host that connected is no relay: it is the client, no header counts */
    REALIP_RECEIVED_END_CLIENT,        /* a relay saw `client` */
    REALIP_RECEIVED_END_RELAY,         /* the message began on a relay: that one is the client */
    REALIP_RECEIVED_END_BROKEN         /* not known: `reason` says why, `client` is absent */
};

struct realip_received_walk {
    enum realip_received_end end;
    struct realip_address client; /* valid where `end` says so; else family NONE */
    struct realip_address relay;  /* the one whose word counts: the writer of the next, or of the last header */
    const char *reason;           /* constant, of BROKEN */
    const struct realip_rules *rules;
    unsigned headers;
};

/* Is this host an own relay? It is in `networks relays`, and no network that is as long or longer lists it as
 * infrastructure: behind a NAT's address anybody can be the writer. */
bool realip_received_is_relay(const struct realip_rules *rules, const struct realip_address *address);

/* Begins with the host that connected. `rules` are borrowed as long as the walk. */
void realip_received_walk_start(struct realip_received_walk *walk, const struct realip_rules *rules,
                                const struct realip_address *connected);

/* The next Received header of the message from above. What comes after the end changes nothing. */
void realip_received_walk_next(struct realip_received_walk *walk, const char *value, size_t length);

/* There are no more headers: a walk without an end is broken now. */
void realip_received_walk_finish(struct realip_received_walk *walk);

/* Puts the outcome into facts whose client is the host that connected: the client that a relay told, and that relay. */
void realip_received_walk_apply(const struct realip_received_walk *walk, struct realip_facts *facts);

#endif
