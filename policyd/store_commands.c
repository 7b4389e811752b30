#include "store_commands.h"

#include <inttypes.h>
#include <stdio.h>

#define QUARTERS    5 /* of a window, and the one that has just begun */
#define KEY_SIZE    160
#define NUMBER_SIZE 24

static void send_words(struct realip_redis_link *link, size_t tag, size_t count, const char **words)
{
    (void)realip_redis_link_send(link, tag, (int)count, words);
}

static void clients_key(const struct realip_store_commands_of *of, uint64_t quarter, char key[KEY_SIZE])
{
    char address[REALIP_ADDRESS_TEXT_SIZE];

    snprintf(key, KEY_SIZE, "mail-realip:clients:%" PRIu32 ":%" PRIu64 ":%s", of->window, quarter, realip_address_format(&of->address, address));
}

static void suspects_key(uint32_t window, uint64_t quarter, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "mail-realip:suspects:%" PRIu32 ":%" PRIu64, window, quarter);
}

/* The command, which makes words[1], and how long that is to live. */
static void send_transaction(struct realip_redis_link *link, struct realip_store_commands_tags tags, size_t count, const char **words, uint32_t seconds)
{
    char text[NUMBER_SIZE];
    const char *multi[] = { "MULTI" };
    const char *expire[] = { "EXPIRE", words[1], text };
    const char *exec[] = { "EXEC" };

    snprintf(text, sizeof(text), "%" PRIu32, seconds);
    send_words(link, tags.queued, 1, multi);
    send_words(link, tags.queued, count, words);
    send_words(link, tags.queued, 3, expire);
    send_words(link, tags.tag, 1, exec);
}

bool realip_store_commands_counts(uint64_t then, uint64_t now)
{
    return then + QUARTERS > now;
}

/* At least a quarter longer than it counts, as policyds' clocks differ: less for what is sent late. */
static uint32_t life_of(const struct realip_store_commands_of *of, uint64_t now)
{
    return of->window + of->window / 2 - (uint32_t)(now - of->quarter) * (of->window / 4);
}

void realip_store_commands_add(struct realip_redis_link *link, struct realip_store_commands_tags tags, const struct realip_store_commands_of *of,
                               uint64_t now, const uint64_t *clients, size_t count)
{
    char key[KEY_SIZE];
    char texts[REALIP_STORE_COMMANDS_CLIENTS][NUMBER_SIZE];
    const char *words[2 + REALIP_STORE_COMMANDS_CLIENTS] = { "PFADD", key };

    clients_key(of, of->quarter, key);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%016" PRIx64, clients[i]);
        words[2 + i] = texts[i];
    }
    send_transaction(link, tags, 2 + count, words, life_of(of, now));
}

void realip_store_commands_share(struct realip_redis_link *link, struct realip_store_commands_tags tags, const struct realip_store_commands_of *of,
                                 long long clients)
{
    char key[KEY_SIZE];
    char number[NUMBER_SIZE];
    char address[REALIP_ADDRESS_TEXT_SIZE];
    const char *words[] = { "ZADD", key, number, realip_address_format(&of->address, address) };

    suspects_key(of->window, of->quarter, key);
    snprintf(number, sizeof(number), "%lld", clients);
    send_transaction(link, tags, 4, words, of->window);
}

void realip_store_commands_count(struct realip_redis_link *link, size_t tag, const struct realip_store_commands_of *of)
{
    char keys[QUARTERS][KEY_SIZE];
    const char *words[1 + QUARTERS] = { "PFCOUNT" };

    for (unsigned i = 0; i < QUARTERS; i++) {
        clients_key(of, of->quarter - i, keys[i]);
        words[1 + i] = keys[i];
    }
    send_words(link, tag, 1 + QUARTERS, words);
}

void realip_store_commands_list(struct realip_redis_link *link, size_t tag, uint32_t window, uint64_t quarter)
{
    char key[KEY_SIZE];
    char last[NUMBER_SIZE];
    const char *words[] = { "ZREVRANGE", key, "0", last, "WITHSCORES" };

    suspects_key(window, quarter, key);
    snprintf(last, sizeof(last), "%u", REALIP_STORE_COMMANDS_LISTED - 1);
    send_words(link, tag, 5, words);
}

/* ---- Its answers. */

const char *realip_store_commands_why_not_queued(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STATUS)
        return NULL;
    return reply->type == REDIS_REPLY_ERROR ? reply->str : "it does not queue what belongs to a transaction";
}

/* Each of its two commands answers with a number. */
const char *realip_store_commands_why_not_done(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return reply->str;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return "EXEC's answer is none";
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return reply->element[i]->str;
        if (reply->element[i]->type != REDIS_REPLY_INTEGER)
            return "its answer is no number";
    }
    return NULL;
}
