/* queue_table - letters that smtpd began to take, until they leave the queue: joins its client= line with what cleanup, qmgr and the delivery agents
 * say of the same queue id. Holds a bounded number of letters; those that matter least are forgotten first.
 */
#ifndef REALIP_QUEUE_TABLE_H
#define REALIP_QUEUE_TABLE_H

#include "core/address.h"
#include "log_line.h"

#define REALIP_QUEUE_SENDER_SIZE 80

/* Who sent a letter: had they logged in? */
enum realip_letter_login {
    REALIP_LETTER_LOGIN_UNKNOWN = 0, /* it came from a filter, and how that got it stands in no line */
    REALIP_LETTER_LOGIN_NONE,
    REALIP_LETTER_LOGIN_DONE
};

struct realip_queued_letter {
    uint64_t key; /* of its id; 0: this place is free */
    uint64_t age; /* the number of its coming */
    int64_t when; /* smtpd began to take it */
    struct realip_address client; /* whose session it was at this smtpd */
    struct realip_address origin; /* whose letter it is: behind a filter, who gave it to that */
    uint32_t host;
    uint16_t service;
    uint16_t reason; /* of the client, at this service */
    enum realip_letter_login login;
    bool is_local;    /* this host itself gave it to this smtpd */
    bool is_counted;  /* as accepted */
    bool is_return;   /* it came back from a filter and was counted when it came first */
    bool is_kept;     /* held or thrown away: accepted, when nothing contradicts */
    bool is_hidden;   /* its origin is none of a client's addresses */
    bool is_relayed;  /* counted as such */
    char sender[REALIP_QUEUE_SENDER_SIZE]; /* of a hidden one, cut to fit; empty: not told yet */
};

struct realip_queue_table {
    struct realip_queued_letter *places;
    unsigned char *tags;  /* a byte of each letter's key, so that most of those not here are told without touching it */
    uint64_t seed;
    uint64_t letters;     /* that ever came */
};

/* 0; or -1 when memory is short. */
int realip_queue_table_init(struct realip_queue_table *table, uint64_t seed);
void realip_queue_table_clear(struct realip_queue_table *table);

/* The letter of this id on this host, or NULL: it is none of these. */
struct realip_queued_letter *realip_queue_table_find(const struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id);

/* A letter of this id and origin on any host, or NULL. */
struct realip_queued_letter *realip_queue_table_find_origin(const struct realip_queue_table *table, struct realip_log_text queue_id,
                                                            const struct realip_address *origin);

/* Where a letter of this id, which is not there yet, may be put: a free place, or that of the letter which matters least: the oldest
 * of those that were counted and are not hidden; the oldest of all. Whoever asks takes leave of that letter, and calls put. */
struct realip_queued_letter *realip_queue_table_place(struct realip_queue_table *table, struct realip_log_text queue_id);

/* Makes the place this id's; all else in it is zero. */
void realip_queue_table_put(struct realip_queue_table *table, struct realip_queued_letter *place, struct realip_log_text host, struct realip_log_text queue_id);

void realip_queue_table_remove(struct realip_queue_table *table, struct realip_queued_letter *letter);

/* The number of places; free ones have the key 0. */
size_t realip_queue_table_size(void);

#endif
