#include "queue_table.h"

#include <stdlib.h>
#include <string.h>

#include "bounded_table.h"

/* 2^14 buckets of eight: 131,072 letters, about 24 MB. */
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

size_t realip_queue_table_size(void)
{
    return (size_t)BUCKETS * WAYS;
}

static uint64_t key_of(const struct realip_queue_table *table, struct realip_log_text queue_id)
{
    uint64_t hash = realip_bounded_table_hash(queue_id.start, queue_id.length, table->seed);

    return hash != 0 ? hash : 1;
}

static uint32_t host_of(const struct realip_queue_table *table, struct realip_log_text host)
{
    return (uint32_t)realip_bounded_table_hash(host.start, host.length, table->seed);
}

static unsigned char tag_of(uint64_t key)
{
    return (unsigned char)(key >> 56 | 1);
}

static size_t bucket_of(uint64_t key)
{
    return (size_t)(key % BUCKETS) * WAYS;
}

struct realip_queued_letter *realip_queue_table_find(const struct realip_queue_table *table, struct realip_log_text host, struct realip_log_text queue_id)
{
    uint64_t key = key_of(table, queue_id);

    for (size_t i = bucket_of(key); i < bucket_of(key) + WAYS; i++) {
        if (table->tags[i] == tag_of(key) && table->places[i].key == key && table->places[i].host == host_of(table, host))
            return &table->places[i];
    }
    return NULL;
}

struct realip_queued_letter *realip_queue_table_find_origin(const struct realip_queue_table *table, struct realip_log_text queue_id,
                                                            const struct realip_address *origin)
{
    uint64_t key = key_of(table, queue_id);

    for (size_t i = bucket_of(key); i < bucket_of(key) + WAYS; i++) {
        if (table->tags[i] == tag_of(key) && table->places[i].key == key && realip_address_equal(&table->places[i].origin, origin))
            return &table->places[i];
    }
    return NULL;
}

static bool matters_less(const struct realip_queued_letter *letter, const struct realip_queued_letter *other)
{
    bool is_done = (letter->is_counted || letter->is_return) && !letter->is_hidden;
    bool other_is_done = (other->is_counted || other->is_return) && !other->is_hidden;

    return is_done != other_is_done ? is_done : letter->age < other->age;
}

struct realip_queued_letter *realip_queue_table_place(struct realip_queue_table *table, struct realip_log_text queue_id)
{
    size_t first = bucket_of(key_of(table, queue_id));
    struct realip_queued_letter *bucket = &table->places[first];
    struct realip_queued_letter *least = bucket;

    for (unsigned i = 0; i < WAYS; i++) {
        if (table->tags[first + i] == 0)
            return &bucket[i];
    }
    for (unsigned i = 1; i < WAYS; i++) {
        if (matters_less(&bucket[i], least))
            least = &bucket[i];
    }
    return least;
}

void realip_queue_table_put(struct realip_queue_table *table, struct realip_queued_letter *place, struct realip_log_text host, struct realip_log_text queue_id)
{
    memset(place, 0, sizeof(*place));
    place->key = key_of(table, queue_id);
    place->host = host_of(table, host);
    place->age = table->letters++;
    table->tags[place - table->places] = tag_of(place->key);
}

void realip_queue_table_remove(struct realip_queue_table *table, struct realip_queued_letter *letter)
{
    table->tags[letter - table->places] = 0; /* of a key it is never 0 */
    letter->key = 0;
}
