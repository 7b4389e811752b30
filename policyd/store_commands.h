/* store_commands - what the shared store is asked and told, in Redis' words, and whether it did what it was told.
 *
 * The keys are in suspect_store.h. What makes a key and what lets it expire are one transaction (https://redis.io/docs/latest/develop/using-commands/transactions/):
 * a connection that ends in between, or a policyd that is killed, would leave a key for ever.
 * Nothing fails here: what can't be sent takes the connection down, which is told by itself.
 */
#ifndef REALIP_STORE_COMMANDS_H
#define REALIP_STORE_COMMANDS_H

#include "core/address.h"
#include "redis_link.h"

#define REALIP_STORE_COMMANDS_CLIENTS 256U  /* most clients of one transaction */
#define REALIP_STORE_COMMANDS_LISTED  1000U /* most suspects of a list */

/* Each transaction has as many replies as it has commands; those before the last one come with the tag `queued`, the last one with `tag`. */
struct realip_store_commands_tags {
    size_t queued;
    size_t tag;
};

/* Of which address, and in which quarter (a number since 1970, not after the one that it is) of which window (seconds). */
struct realip_store_commands_of {
    struct realip_address address;
    uint32_t window;
    uint64_t quarter;
};

/* Do clients of the quarter `then` still count in the window that ends with the quarter `now`? */
bool realip_store_commands_counts(uint64_t then, uint64_t now);

/* A transaction: these clients (hashes; 1 to REALIP_STORE_COMMANDS_CLIENTS of them) came in the quarter, which still counts in the quarter `now`. */
void realip_store_commands_add(struct realip_redis_link *link, struct realip_store_commands_tags tags, const struct realip_store_commands_of *of,
                               uint64_t now, const uint64_t *clients, size_t count);

/* A transaction: so many clients stand behind the address, for the other policyds. */
void realip_store_commands_share(struct realip_redis_link *link, struct realip_store_commands_tags tags, const struct realip_store_commands_of *of,
                                 long long clients);

/* A question: how many came in the window that ends with the quarter? An integer is the answer. */
void realip_store_commands_count(struct realip_redis_link *link, size_t tag, const struct realip_store_commands_of *of);

/* A question: the largest suspects of a quarter. Addresses and counts in turn, as texts, are the answer. */
void realip_store_commands_list(struct realip_redis_link *link, size_t tag, uint32_t window, uint64_t quarter);

/* Is a reply of a transaction right, one before the last, or the last? NULL; or why not: a text of the reply's, or a constant one. */
const char *realip_store_commands_why_not_queued(const redisReply *reply);
const char *realip_store_commands_why_not_done(const redisReply *reply);

#endif
