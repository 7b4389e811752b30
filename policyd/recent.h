/* recent - the last verdicts, kept in memory for the question "why was this letter deferred at 10:42?".
 *
 * Two rings of fixed size, so that many sessions that pass push no refusal out: problems, and what passed. One thread alone (policyd's
 * loop) adds and reads, so there is no lock. What passed is kept from the first question on: a write to memory for each request costs
 * some hundredths of their rate, and most servers are never asked. Texts of clients are kept as they came, cut to fit: escape them before they are told.
 */
#ifndef REALIP_RECENT_H
#define REALIP_RECENT_H

#include "core/facts.h"

#define REALIP_RECENT_PROBLEMS 2048
#define REALIP_RECENT_PASSES   512

/* Longest texts that are kept, with their NUL. */
#define REALIP_RECENT_SESSION_SIZE 48
#define REALIP_RECENT_HELO_SIZE    80
#define REALIP_RECENT_FILE_SIZE    96

struct realip_recent;

/* A verdict as it was kept. Texts are never NULL, "" where there was none, and point into the ring: good until the next one is added. */
struct realip_recent_verdict {
    long long msecs; /* wall clock */
    enum realip_source source;
    enum realip_stage stage;
    enum realip_reason reason;
    enum realip_action wanted;
    enum realip_action action;
    enum realip_mode mode;
    enum realip_peer_state peer_state;
    struct realip_address client;
    struct realip_address peer;
    struct realip_network network; /* what decided; family NONE where no network did */
    unsigned line;                 /* of the rule, in `file` */
    unsigned clients;              /* of a suspect's address, about; 0: it is none */
    const char *file;              /* of a long path its end */
    const char *listener;
    const char *service;
    const char *session;
    const char *helo;
    const char *user;
};

/* NULL when memory is short. */
struct realip_recent *realip_recent_new(void);
void realip_recent_free(struct realip_recent **recent);

/* Keeps a verdict in the place of the oldest of its ring. `helo` may be NULL. */
void realip_recent_add(struct realip_recent *recent, const struct realip_facts *facts, const struct realip_verdict *verdict, const char *helo);

/* How to look: an absent address or a NULL text asks for nothing. */
struct realip_recent_query {
    struct realip_address address; /* the client's or the peer's */
    const char *session;           /* whole, as the next; what was cut when it was kept is compared as far as it goes */
    const char *helo;              /* the name that the client gave itself */
    bool only_problems;            /* what passed is left out */
};

/* Somebody asks: from now on what passes is kept, too. */
void realip_recent_ask(struct realip_recent *recent);

/* Fills up to `room` verdicts that fit, the newest first; returns how many. */
size_t realip_recent_find(const struct realip_recent *recent, const struct realip_recent_query *query,
                          struct realip_recent_verdict *found, size_t room);

/* How far back the rings reach, in milliseconds of the wall clock: since when nothing has been forgotten; 0: since the start. */
long long realip_recent_problems_since(const struct realip_recent *recent);
long long realip_recent_passes_since(const struct realip_recent *recent);

#endif
