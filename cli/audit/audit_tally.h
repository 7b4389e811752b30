/* audit_tally - what is known of the logs so far: counters of bounded size. One thread at a time writes, in the order of the log.
 */
#ifndef REALIP_AUDIT_TALLY_H
#define REALIP_AUDIT_TALLY_H

#include "audit_rules.h"
#include "bounded_table.h"
#include "crowd_table.h"
#include "log_clock.h"
#include "queue_table.h"

#define REALIP_AUDIT_SERVICES  64   /* the last one is "others" */
#define REALIP_AUDIT_NAME_SIZE 48
#define REALIP_AUDIT_MOST_CELLS 20000U /* 480 bytes each */
#define REALIP_AUDIT_TEXT_SIZE 80

/* What a session did. */
enum realip_audit_deed {
    REALIP_AUDIT_CONNECTIONS = 0, /* connected */
    REALIP_AUDIT_MAILS,           /* a letter of it was accepted: it came into the queue */
    REALIP_AUDIT_LOGINS,          /* somebody logged in: what Dovecot says of IMAP, POP3, … */
    REALIP_AUDIT_REJECTED,        /* the server refused a command of it, for reasons of its own */
    REALIP_AUDIT_FAILED_LOGINS,
    REALIP_AUDIT_DEED_COUNT
};

/* One day at one service. */
struct realip_audit_cell {
    uint64_t deeds[REALIP_REASON_COUNT][REALIP_AUDIT_DEED_COUNT];
};

struct realip_audit_day {
    int64_t day; /* since 1970-01-01; the key */
    uint32_t cells[REALIP_AUDIT_SERVICES]; /* an index and one; 0: nothing happened there */
    uint64_t failures[REALIP_PROXY_FAILURE_COUNT];
    uint64_t relayed;
};

struct realip_audit_service {
    char name[REALIP_AUDIT_NAME_SIZE];
    const char *listener; /* the configuration's title for it; NULL: the top level */
    enum realip_action wanted[REALIP_REASON_COUNT]; /* UNDECIDED: no such verdict yet */
    uint64_t deeds[REALIP_REASON_COUNT][REALIP_AUDIT_DEED_COUNT]; /* of all days, those that found no room included */
    uint64_t failures[REALIP_PROXY_FAILURE_COUNT];
};

/* An address as part of a key: without padding. */
struct realip_audit_address {
    uint64_t hi;
    uint64_t lo;
    uint32_t family;
    uint32_t unused;
};

struct realip_audit_client {
    struct realip_audit_address address; /* address, service and reason are the key */
    uint16_t service;
    uint16_t reason;
    uint32_t unused;
    uint64_t deeds[REALIP_AUDIT_DEED_COUNT];
    int64_t first;
    int64_t last;
};

struct realip_audit_relay {
    struct realip_audit_address address; /* address and domain are the key */
    char domain[REALIP_AUDIT_TEXT_SIZE];
    uint64_t count;       /* deliveries (one for each recipient) of letters from nobody who had logged in */
    uint64_t with_login;
    uint64_t unknown;     /* a filter gave the letter, and how that got it stands in no line */
    int64_t first;
    int64_t last;
    char sender[REALIP_AUDIT_TEXT_SIZE]; /* of the first */
    char recipient[REALIP_AUDIT_TEXT_SIZE];
};

struct realip_audit_ban {
    struct realip_audit_address address; /* address and jail are the key */
    char jail[REALIP_AUDIT_NAME_SIZE];
    uint64_t count;
    int64_t first;
    int64_t last;
};

struct realip_audit_verdict {
    char source[REALIP_AUDIT_NAME_SIZE]; /* source, listener, reason, wanted and action are the key */
    char listener[REALIP_AUDIT_NAME_SIZE];
    uint32_t reason;
    uint32_t wanted;
    uint32_t action;
    uint32_t unused;
    uint64_t count;
};

/* Who met trouble with PROXY, where the log tells it. */
struct realip_audit_peer {
    struct realip_audit_address address; /* address and failure are the key */
    uint32_t failure;
    uint32_t unused;
    uint64_t count;
};

struct realip_audit_totals {
    uint64_t lines;
    uint64_t no_log;     /* lines that are none of a log's */
    uint64_t events[REALIP_LOG_EVENT_COUNT];
    uint64_t families[REALIP_LOG_FAMILY_COUNT]; /* lines */
    uint64_t sent;       /* deliveries by status */
    uint64_t deferred;
    uint64_t bounced;
    uint64_t relayed;    /* deliveries to other hosts of letters from such addresses, without a login */
    uint64_t relayed_with_login;
    uint64_t relayed_unknown; /* with or without */
    uint64_t relayed_letters[3]; /* by realip_letter_login */
    uint64_t letters_begun;      /* that smtpd began to take; those that came back from a filter are not counted again */
    uint64_t letters_refused;    /* whole letters, at their end */
    uint64_t letters_returned;   /* from a filter */
    uint64_t letters_forgotten;  /* before it was known what became of them */
    uint64_t bans_of_ours;
    uint64_t days_left_out;
    int64_t first;
    int64_t last;
};

struct realip_audit_tally {
    const struct realip_audit_rules *rules;
    struct realip_audit_totals totals;
    struct realip_log_clock clock;
    struct realip_audit_service services[REALIP_AUDIT_SERVICES];
    unsigned service_count;
    struct realip_audit_day *today;
    struct realip_audit_cell *cells;
    uint32_t cell_count;
    struct realip_bounded_table days;
    struct realip_bounded_table clients;  /* with a problem */
    struct realip_bounded_table insiders; /* private addresses that no rule names */
    struct realip_bounded_table relays;
    struct realip_bounded_table bans;     /* of our own addresses */
    struct realip_bounded_table verdicts;
    struct realip_bounded_table peers;
    struct realip_queue_table queue;
    bool has_processes; /* the queue table holds letters that go by their process */
    struct realip_crowd_table crowds;
};

/* An event and what the rules say of it; made by any thread. */
struct realip_audit_finding {
    struct realip_log_event event;
    enum realip_reason reason; /* UNDECIDED: nothing to judge */
    enum realip_action wanted;
    const char *listener;
    bool is_inside; /* of a delivery: to this host, or to a host of our networks */
};

/* Judges an event. Pure. */
void realip_audit_judge(const struct realip_audit_rules *rules, struct realip_audit_finding *finding);

/* Distinct names from which an address is told as suspect: what `suspicion { distinct-clients }` says, within what a crowd_table counts. */
unsigned realip_audit_threshold(const struct realip_audit_rules *rules);

/* 0; or -1 when memory is short. */
int realip_audit_tally_init(struct realip_audit_tally *tally, const struct realip_audit_rules *rules);
void realip_audit_tally_clear(struct realip_audit_tally *tally);

/* Adds one finding, behind all that stood before it in the logs. */
void realip_audit_tally_add(struct realip_audit_tally *tally, const struct realip_audit_finding *finding);

/* All was read: counts letters that were held or thrown away, of which no later line speaks. */
void realip_audit_tally_finish(struct realip_audit_tally *tally);

/* Is this an address that is never a client, by the rules: infrastructure, a proxy, or this host's own? The network that says so, and the set;
 * NULL: no. */
const struct realip_network_entry *realip_audit_is_ours(const struct realip_rules *rules, const struct realip_address *address,
                                                        enum realip_set *set_r);

struct realip_address realip_audit_address_of(const struct realip_audit_address *address);

#endif
