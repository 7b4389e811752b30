#include "suspects.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "log.h"

#define PERIODS_OF_WINDOW 4
#define LONGEST_NAME 255 /* longer ones are no host names (RFC 1035 section 2.3.4) */

struct realip_suspects {
    pthread_mutex_t lock;
    atomic_bool configured; /* may be looked at without the lock */
    unsigned window;
    unsigned threshold;
    enum realip_suspicion_scope scope;
    struct realip_shared_address_table *table; /* NULL before the first session that counts */
    struct realip_siphash_key name_key;
    bool out_of_memory; /* told once */
    void (*saw)(void *context, const struct realip_suspects_sighting *sighting);
    void *saw_context;
};

struct realip_suspects *realip_suspects_new(void)
{
    struct realip_suspects *suspects = calloc(1, sizeof(*suspects));

    if (suspects == NULL)
        return NULL;
    pthread_mutex_init(&suspects->lock, NULL);
    return suspects;
}

void realip_suspects_free(struct realip_suspects **suspects)
{
    if (*suspects == NULL)
        return;
    realip_shared_address_free(&(*suspects)->table);
    pthread_mutex_destroy(&(*suspects)->lock);
    free(*suspects);
    *suspects = NULL;
}

void realip_suspects_configure(struct realip_suspects *suspects, const struct realip_suspicion *suspicion)
{
    pthread_mutex_lock(&suspects->lock);
    if (!suspicion->configured || suspicion->window != suspects->window || suspicion->scope != suspects->scope)
        realip_shared_address_free(&suspects->table);
    suspects->window = suspicion->window;
    suspects->threshold = suspicion->distinct_clients;
    suspects->scope = suspicion->scope;
    suspects->out_of_memory = false;
    atomic_store(&suspects->configured, suspicion->configured);
    pthread_mutex_unlock(&suspects->lock);
}

/* ---- Of a thread that has the lock. */

static uint64_t seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec;
}

static struct realip_shared_address_limits limits_at(const struct realip_suspects *suspects, uint64_t seconds)
{
    return (struct realip_shared_address_limits){ .threshold = suspects->threshold,
                                                  .period = (uint32_t)(seconds * PERIODS_OF_WINDOW / suspects->window) + 1 };
}

static struct realip_shared_address_limits limits_now(const struct realip_suspects *suspects)
{
    return limits_at(suspects, seconds_now());
}

static bool is_in_scope(const struct realip_suspects *suspects, const struct realip_address *address)
{
    return suspects->scope == REALIP_SUSPICION_ALL || realip_address_is_private(address);
}

/* Makes the table where there is none yet. */
static bool has_table(struct realip_suspects *suspects)
{
    struct realip_siphash_key table_key;

    if (suspects->table != NULL)
        return true;
    if (getrandom(&table_key, sizeof(table_key), 0) == sizeof(table_key)
        && getrandom(&suspects->name_key, sizeof(suspects->name_key), 0) == sizeof(suspects->name_key))
        suspects->table = realip_shared_address_new(&table_key);
    if (suspects->table == NULL && !suspects->out_of_memory)
        realip_log(LOG_ERR, "no memory to count the clients of an address: none becomes a suspect");
    suspects->out_of_memory = suspects->table == NULL;
    return suspects->table != NULL;
}

/* Letter case tells no clients apart; a user who is called as a host is another one. */
static uint64_t hash_name(const struct realip_suspects *suspects, const struct realip_facts *facts, size_t length)
{
    struct realip_siphash_key key = suspects->name_key;

    key.k0 ^= facts->name_is_user ? 1 : 0;
    return realip_siphash(&key, facts->name_told, length, true);
}

/* ---- What is told. */

static void tell_of(const struct realip_address *address, uint32_t clients, unsigned window)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    realip_log(LOG_WARNING,
               "%s behaves as a NAT: about %u different clients within %u s; if it is one, list it in networks infrastructure; if all of "
               "them are yours, in networks internal",
               realip_address_format(address, text), clients, window);
}

uint32_t realip_suspects_judge(struct realip_suspects *suspects, const struct realip_facts *facts)
{
    struct realip_shared_address_state state = { 0 };
    struct realip_suspects_sighting sighting;
    bool is_named = facts->name_told != NULL && facts->name_told[0] != '\0';

    if (!atomic_load_explicit(&suspects->configured, memory_order_relaxed) || facts->client.family == REALIP_FAMILY_NONE)
        return 0;
    size_t length = is_named ? strnlen(facts->name_told, LONGEST_NAME) : 0;
    pthread_mutex_lock(&suspects->lock);
    bool counts = is_in_scope(suspects, &facts->client) && suspects->window > 0 && (is_named ? has_table(suspects) : suspects->table != NULL);
    if (counts) {
        uint64_t seconds = seconds_now();
        struct realip_shared_address_limits limits = limits_at(suspects, seconds);

        sighting = (struct realip_suspects_sighting){
            .name = facts->name_told,
            .length = length,
            .is_user = facts->name_is_user,
            .hash = is_named ? hash_name(suspects, facts, length) : 0,
            .seconds = seconds,
            .window = suspects->window,
            .threshold = suspects->threshold,
        };
        if (is_named)
            realip_shared_address_observe(suspects->table, &facts->client, sighting.hash, &limits, &state);
        else
            realip_shared_address_find(suspects->table, &facts->client, &limits, &state);
    }
    pthread_mutex_unlock(&suspects->lock);
    if (!counts)
        return 0;
    if (state.has_become)
        tell_of(&facts->client, state.clients, sighting.window);
    if (is_named && suspects->saw != NULL) {
        sighting.address = realip_shared_address_of(&facts->client);
        sighting.is_fresh = state.is_fresh;
        sighting.is_few = state.clients <= REALIP_SHARED_ADDRESS_EXACT;
        suspects->saw(suspects->saw_context, &sighting);
    }
    return state.is_suspect ? state.clients : 0;
}

void realip_suspects_set_watcher(struct realip_suspects *suspects, void (*saw)(void *context, const struct realip_suspects_sighting *sighting),
                                 void *context)
{
    suspects->saw = saw;
    suspects->saw_context = context;
}

void realip_suspects_tell(struct realip_suspects *suspects, const struct realip_address *address, uint32_t clients)
{
    struct realip_shared_address_state state = { 0 };
    unsigned window = 0;

    pthread_mutex_lock(&suspects->lock);
    if (suspects->table != NULL && is_in_scope(suspects, address)) {
        struct realip_shared_address_limits limits = limits_now(suspects);

        realip_shared_address_tell(suspects->table, address, clients, &limits, &state);
        window = suspects->window;
    }
    pthread_mutex_unlock(&suspects->lock);
    if (state.has_become)
        tell_of(address, state.clients, window);
}

static int compare(const void *a, const void *b)
{
    const struct realip_shared_address_suspect *left = a;
    const struct realip_shared_address_suspect *right = b;

    if (left->clients != right->clients)
        return left->clients > right->clients ? -1 : 1;
    return realip_address_compare(&left->address, &right->address);
}

/* All of them, sorted; *all_r is to be freed, and NULL where there are none or memory is short. */
static size_t sorted(struct realip_suspects *suspects, struct realip_shared_address_suspect **all_r, unsigned *window_r)
{
    size_t count = 0;

    *all_r = NULL;
    pthread_mutex_lock(&suspects->lock);
    *window_r = suspects->window;
    if (suspects->table != NULL) {
        struct realip_shared_address_limits limits = limits_now(suspects);

        count = realip_shared_address_suspects(suspects->table, &limits, NULL, 0);
        *all_r = count == 0 ? NULL : malloc(count * sizeof(**all_r));
        if (*all_r != NULL)
            realip_shared_address_suspects(suspects->table, &limits, *all_r, count);
    }
    pthread_mutex_unlock(&suspects->lock);
    if (*all_r != NULL)
        qsort(*all_r, count, sizeof(**all_r), compare);
    return count;
}

size_t realip_suspects_list(struct realip_suspects *suspects, struct realip_suspects_entry *found, size_t room)
{
    struct realip_shared_address_suspect *all;
    unsigned window;
    size_t count = sorted(suspects, &all, &window);

    for (size_t i = 0; all != NULL && i < count && i < room; i++)
        found[i] = (struct realip_suspects_entry){
            .network = { all[i].address, all[i].prefix },
            .clients = all[i].clients,
            .seconds_ago = all[i].periods_ago * window / PERIODS_OF_WINDOW,
            .is_told = all[i].is_told,
        };
    if (all == NULL)
        count = 0;
    free(all);
    return count;
}

static void write_one(const char *name, const char *type, const char *help, unsigned long long value, FILE *out)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, value);
}

void realip_suspects_write_metrics(struct realip_suspects *suspects, FILE *out)
{
    struct realip_shared_address_counts counts = { 0 };
    size_t now = 0;

    pthread_mutex_lock(&suspects->lock);
    if (suspects->table != NULL) {
        struct realip_shared_address_limits limits = limits_now(suspects);

        now = realip_shared_address_suspects(suspects->table, &limits, NULL, 0);
        realip_shared_address_count(suspects->table, &counts);
    }
    pthread_mutex_unlock(&suspects->lock);
    write_one("realip_suspects", "gauge", "Addresses that behave as a NAT now.", now, out);
    write_one("realip_suspicion_observations_total", "counter", "Sessions whose client was counted for its address.", counts.observations, out);
    write_one("realip_suspicion_addresses", "gauge", "Addresses in the table, some perhaps out of use.", counts.addresses, out);
    write_one("realip_suspicion_addresses_limit", "gauge", "Addresses for which there is room.", counts.address_room, out);
    write_one("realip_suspicion_large_counters", "gauge", "Addresses with more than a few clients.", counts.large_counters, out);
    write_one("realip_suspicion_large_counters_limit", "gauge", "Such addresses for which there is room.", counts.large_counter_room, out);
    write_one("realip_suspicion_evictions_total", "counter", "Addresses with few clients that made room for others.", counts.evictions, out);
    write_one("realip_suspicion_refusals_total", "counter", "Addresses for which there was no room.", counts.refusals, out);
    write_one("realip_suspicion_saturations_total", "counter", "Clients that could not be counted: no large counter was free.",
              counts.saturations, out);
}
