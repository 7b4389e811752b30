/* queue_table - which letters in the queue came from an address that is none of a client: joins smtpd's client= line with the delivery
 * lines of the same queue id. Holds a bounded number of letters; the oldest are forgotten first.
 */
#ifndef REALIP_QUEUE_TABLE_H
#define REALIP_QUEUE_TABLE_H

#include "core/address.h"
#include "log_line.h"

#define REALIP_QUEUE_SENDER_SIZE 80

struct realip_queued_letter {
    uint64_t key; /* 0: this place is free */
    uint64_t age; /* the number of its coming */
    struct realip_address client;
    bool has_login; /* who sent it had logged in */
    char sender[REALIP_QUEUE_SENDER_SIZE]; /* cut to fit; empty: not told yet */
};

struct realip_queue_table {
    struct realip_queued_letter *places;
    unsigned char *tags;  /* a byte of each letter's key, so that most of those not here are told without touching it */
    uint64_t seed;
    uint64_t letters;     /* that ever came */
    uint64_t forgotten;   /* before they were removed from the queue */
    uint32_t present;
};

/* 0; or -1 when memory is short. */
int realip_queue_table_init(struct realip_queue_table *table, uint64_t seed);
void realip_queue_table_clear(struct realip_queue_table *table);

/* Remembers a letter of a host. The same id again is a new letter: Postfix uses short ones again. */
struct realip_queued_letter *realip_queue_table_add(struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id);

/* The letter, or NULL: it is not one of these. */
struct realip_queued_letter *realip_queue_table_find(struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id);

void realip_queue_table_remove(struct realip_queue_table *table, struct realip_queued_letter *letter);

#endif
