/* rules - the operator's rules in the form in which decisions are made: sets of networks and listeners.
 *
 * Rules are made once by the configuration reader, then never changed; any number of threads may decide with them.
 */
#ifndef REALIP_RULES_H
#define REALIP_RULES_H

#include "facts.h"
#include "network_set.h"

/* X(NAME, token): the sets that a configuration can fill. */
#define REALIP_SET_TABLE(X)              \
    X(INFRASTRUCTURE, "infrastructure")  \
    X(PROXIES, "proxies")                \
    X(INTERNAL, "internal")              \
    X(PROBERS, "probers")                \
    X(RELAYS, "relays")

#define REALIP_ENUM_SET(name, token) REALIP_SET_##name,
enum realip_set {
    REALIP_SET_TABLE(REALIP_ENUM_SET)
    REALIP_SET_OWN,                   /* this host's own addresses, found by the runtime */
    REALIP_SET_LISTED_INFRASTRUCTURE, /* of INFRASTRUCTURE, what was listed on purpose and so counts for a local client too */
    REALIP_SET_COUNT
};
#undef REALIP_ENUM_SET
#define REALIP_SET_CONFIGURED_COUNT REALIP_SET_OWN

/* All listeners together name at most so many ports: attestation looks for each of them. */
#define REALIP_RULES_MAX_PORTS 64

/* Does a listener want a proxy in front of it? */
enum realip_proxy_need {
    REALIP_PROXY_UNDECIDED = 0,
    REALIP_PROXY_OPTIONAL,
    REALIP_PROXY_REQUIRED,
    REALIP_PROXY_FORBIDDEN
};

/* Must the TCP peer be known? */
enum realip_attest_need {
    REALIP_ATTEST_UNDECIDED = 0,
    REALIP_ATTEST_OFF,
    REALIP_ATTEST_AVAILABLE, /* excuses only that nobody could ask */
    REALIP_ATTEST_REQUIRED
};

struct realip_listener {
    const char *title;        /* NULL in the fallback */
    const char *const *names; /* name_count names besides the title */
    size_t name_count;
    const uint16_t *ports;
    size_t port_count;
    enum realip_proxy_need proxy;
    enum realip_attest_need attest;
    enum realip_mode mode;
    bool allow_internal;
    enum realip_action actions[REALIP_REASON_COUNT]; /* what is wanted for each reason */
    struct realip_origin proxy_origin;  /* where these two were said; file NULL: nowhere */
    struct realip_origin attest_origin;
};

/* A place as it stands in a file that is mapped: `file` is where in the texts its name begins, 0: nowhere. */
struct realip_packed_origin {
    uint32_t file;
    uint32_t line;
};

struct realip_rules {
    struct realip_network_set *sets[REALIP_SET_COUNT]; /* NULL is an empty set; labels are for realip_rules_origin() */
    const struct realip_origin *origins;               /* origin_count of them; or NULL, and they are packed */
    const struct realip_packed_origin *packed_origins;
    size_t origin_count;
    const char *texts; /* of packed origins: text_size bytes, the last of them NUL */
    size_t text_size;
    const struct realip_listener *listeners;
    size_t listener_count;
    struct realip_listener fallback;      /* the top level of the file: for sessions that match no listener */
    struct realip_origin suspicion_origin;
};

/* Fills a listener with what DESIGN says of one that nothing was said about: proxy optional, attest available, mode
 * monitor, no internal clients, the vocabulary's actions. */
void realip_listener_set_defaults(struct realip_listener *listener);

/* The listener that judges the session: by name (listener_name among titles and names), then by the port really
 * listened on, then by service as a name; else the fallback. Where no name matches and the port is unsure, any listener
 * with ports may be the one: it is the one that is hardest on an unknown peer. Never NULL. */
const struct realip_listener *realip_rules_listener(const struct realip_rules *rules, const struct realip_facts *facts);

/* Where the network with this label was listed; file NULL for a label that is none. */
struct realip_origin realip_rules_origin(const struct realip_rules *rules, uint32_t label);

/* Is this the title or one of the names of a listener (not of the fallback)? Does it name this port? */
bool realip_listener_has_name(const struct realip_listener *listener, const char *name);
bool realip_listener_has_port(const struct realip_listener *listener, uint16_t port);

/* "infrastructure", …, "own"; for messages. */
const char *realip_set_token(enum realip_set set);

#endif
