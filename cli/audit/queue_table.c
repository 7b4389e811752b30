#include "queue_table.h"

#include <stdlib.h>
#include <string.h>

#include "bounded_table.h"

/* 2^14 buckets of eight: 131,072 letters, about 18 MB. */
#define BUCKETS (1U << 14)
#define WAYS    8U

int realip_queue_table_init(struct realip_queue_table *table, uint64_t seed)
{
    *table = (struct realip_queue_table){ .seed = seed };
    table->places = calloc((size_t)BUCKETS * WAYS, sizeof(*table->places));
    table->tags = calloc((size_t)BUCKETS * WAYS, 1);
    return table->places != NULL && table->tags != NULL ? 0 : -1;
}

void realip_queue_table_clear(struct realip_queue_table *table)
{
    free(table->places);
    free(table->tags);
    *table = (struct realip_queue_table){ 0 };
}

static uint64_t key_of(const struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id)
{
    uint64_t hash = realip_bounded_table_hash(host.start, host.length, table->seed);

    hash = realip_bounded_table_hash(queue_id.start, queue_id.length, hash);
    return hash != 0 ? hash : 1;
}

static unsigned char tag_of(uint64_t key)
{
    return (unsigned char)(key >> 56 | 1);
}

static struct realip_queued_letter *find(struct realip_queue_table *table, uint64_t key)
{
    size_t first = (size_t)(key % BUCKETS) * WAYS;

    for (size_t i = first; i < first + WAYS; i++) {
        if (table->tags[i] == tag_of(key) && table->places[i].key == key)
            return &table->places[i];
    }
    return NULL;
}

struct realip_queued_letter *realip_queue_table_find(struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id)
{
    return table->present == 0 ? NULL : find(table, key_of(table, host, queue_id));
}

/* A free place of the bucket, or that of its oldest letter. */
static struct realip_queued_letter *place_for(struct realip_queue_table *table, uint64_t key)
{
    struct realip_queued_letter *bucket = &table->places[(size_t)(key % BUCKETS) * WAYS];
    struct realip_queued_letter *oldest = bucket;

    for (unsigned i = 0; i < WAYS; i++) {
        if (bucket[i].key == 0)
            return &bucket[i];
        if (bucket[i].age < oldest->age)
            oldest = &bucket[i];
    }
    table->forgotten++;
    realip_queue_table_remove(table, oldest);
    return oldest;
}

struct realip_queued_letter *realip_queue_table_add(struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id)
{
    uint64_t key = key_of(table, host, queue_id);
    struct realip_queued_letter *letter = find(table, key);

    if (letter != NULL)
        realip_queue_table_remove(table, letter);
    letter = place_for(table, key);
    letter->key = key;
    letter->age = table->letters++;
    table->tags[letter - table->places] = tag_of(key);
    table->present++;
    return letter;
}

void realip_queue_table_remove(struct realip_queue_table *table, struct realip_queued_letter *letter)
{
    table->tags[letter - table->places] = 0;
    memset(letter, 0, sizeof(*letter));
    table->present--;
}
