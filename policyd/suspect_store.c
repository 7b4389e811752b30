#include "suspect_store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "redis_link.h"
#include "runtime/log.h"
#include "runtime/metrics_text.h"
#include "runtime/secret_file.h"
#include "store_commands.h"
#include "told_clients.h"

#define QUEUE         4096U /* a power of two */
#define SEEN          8192U /* a power of two */
#define BATCH         REALIP_STORE_COMMANDS_CLIENTS
#define LISTED        REALIP_STORE_COMMANDS_LISTED
#define LISTS         2 /* of a poll: of the last quarter, and of this one */
#define TICK_MSECS    50
#define TICKS_OF_POLL 20
#define MOST_CLIENTS  4000000000LL

/* What a reply is about: how many came, by the number of the batch's client that asked; or that what it told was added, by the same number and TAG_ADDED; or
 * one of the others. A poll asks for two lists, and this is the order of the answers. */
enum tag { TAG_ADDED = BATCH, TAG_QUEUED = 2 * BATCH, TAG_SHARED, TAG_SUSPECTS_BEFORE, TAG_SUSPECTS_NOW };

struct item {
    struct realip_address address;
    uint64_t client;
    uint64_t seconds; /* when it came: CLOCK_MONOTONIC_COARSE */
    uint32_t window;
    uint32_t threshold;
};

struct listed {
    struct realip_address address; /* as it is counted */
    uint32_t clients;
};

struct realip_suspect_store {
    const struct realip_store_place *place;
    struct realip_suspects *suspects;
    char *password; /* NULL: none */
    struct realip_siphash_key key;

    /* Of the thread that judges, and the thread below: one writes, one reads. */
    struct item queue[QUEUE];
    atomic_uint written;
    atomic_uint taken;
    uint64_t seen[SEEN]; /* of the thread that judges */

    pthread_t thread;
    bool is_started;
    int stop_fd;
    atomic_ullong sent, dropped, lost, told;
    struct realip_store_health *health;

    /* Of the thread. */
    struct event_base *base;
    struct realip_redis_link *link;
    struct item batch[BATCH]; /* the queue's first ones, while their replies are due */
    uint64_t quarters[BATCH]; /* in which each of them came, by the clock that all policyds share */
    unsigned batch_count;
    unsigned batch_lost; /* of them: that the server refused */
    bool is_refused;     /* the transaction of which replies come, and that is told */
    struct listed listed[LISTS * LISTED]; /* by the poll that is on */
    size_t listed_count;
    struct realip_told_clients *most;
    unsigned ticks;
    uint32_t window; /* that was last counted by; 0: nobody has come yet */
};

/* ---- The thread that judges. */

static uint64_t mix(const struct realip_suspects_sighting *sighting, uint64_t quarter)
{
    return sighting->hash ^ (sighting->address.hi * 0x9e3779b97f4a7c15U) ^ (sighting->address.lo * 0xc2b2ae3d27d4eb4fU) ^ (quarter << 48) ^ 1;
}

/* Was it put in already, in this quarter? Known for certain while few clients are behind the address; beyond, as far as memory goes. */
static bool was_put(struct realip_suspect_store *store, const struct realip_suspects_sighting *sighting)
{
    struct timespec now;

    if (sighting->is_few)
        return !sighting->is_fresh;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    uint64_t hash = mix(sighting, (uint64_t)now.tv_sec * 4 / sighting->window);
    uint64_t *place = &store->seen[(hash ^ hash >> 32) % SEEN];
    if (*place == hash)
        return true;
    *place = hash;
    return false;
}

static void on_sighting(void *context, const struct realip_suspects_sighting *sighting)
{
    struct realip_suspect_store *store = context;
    struct realip_siphash_key key = store->key;
    unsigned written = atomic_load_explicit(&store->written, memory_order_relaxed);

    if (was_put(store, sighting))
        return;
    if (written - atomic_load_explicit(&store->taken, memory_order_acquire) >= QUEUE) {
        atomic_fetch_add_explicit(&store->dropped, 1, memory_order_relaxed);
        return;
    }
    key.k0 ^= sighting->is_user ? 1 : 0;
    store->queue[written % QUEUE] = (struct item){
        .address = sighting->address,
        .client = realip_siphash(&key, sighting->name, sighting->length, true),
        .seconds = sighting->seconds,
        .window = sighting->window,
        .threshold = sighting->threshold,
    };
    atomic_store_explicit(&store->written, written + 1, memory_order_release);
}

/* ---- The store's thread: the connection. */

static void on_ready(void *context)
{
    struct realip_suspect_store *store = context;

    realip_store_health_ready(store->health);
}

/* What was not answered is still in the queue, and is sent again. */
static void on_down(void *context, const char *why)
{
    struct realip_suspect_store *store = context;

    store->batch_count = 0;
    store->batch_lost = 0;
    store->is_refused = false;
    realip_store_health_down(store->health, why);
}

/* ---- Quarters of a window, by their numbers since 1970. */

static uint64_t quarter_of(uint64_t seconds, uint32_t window)
{
    return seconds * 4 / window;
}

static uint64_t quarter_now(uint32_t window)
{
    return quarter_of((uint64_t)time(NULL), window);
}

/* Now, by the clock that all policyds share and by the one that clients came by. */
struct clocks {
    uint64_t shared;
    uint64_t steady;
};

static struct clocks clocks_now(void)
{
    struct timespec steady;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &steady);
    return (struct clocks){ .shared = (uint64_t)time(NULL), .steady = (uint64_t)steady.tv_sec };
}

/* In which it came: it may have waited since, for as long as the store was away. */
static uint64_t quarter_then(const struct item *item, const struct clocks *now)
{
    return quarter_of(now->shared - (now->steady - item->seconds), item->window);
}

static bool still_counts(const struct item *item, const struct clocks *now)
{
    return realip_store_commands_counts(quarter_then(item, now), quarter_of(now->shared, item->window));
}

/* ---- Clients of one batch that came from one address in one quarter. */

static bool is_together(const struct realip_suspect_store *store, unsigned a, unsigned b)
{
    return store->batch[a].window == store->batch[b].window && store->quarters[a] == store->quarters[b]
           && realip_address_equal(&store->batch[a].address, &store->batch[b].address);
}

/* How many there are, from the first one on; clients_r may be NULL. */
static unsigned gather(const struct realip_suspect_store *store, unsigned first, uint64_t clients_r[BATCH])
{
    unsigned count = 0;

    for (unsigned i = first; i < store->batch_count; i++) {
        if (!is_together(store, i, first))
            continue;
        if (clients_r != NULL)
            clients_r[count] = store->batch[i].client;
        count++;
    }
    return count;
}

/* ---- What it answers. */

/* Never fewer than were told before in this quarter: who becomes a suspect by it stays one, and is logged once. NULL; or what is wrong. */
static const char *tell(struct realip_suspect_store *store, const struct realip_address *address, uint32_t clients)
{
    uint32_t most = realip_told_clients_most(store->most, address, clients);

    if (most == 0)
        return "it names more suspects in a quarter of the window than there is room for";
    atomic_fetch_add_explicit(&store->told, 1, memory_order_relaxed);
    realip_suspects_tell(store->suspects, address, most);
    return NULL;
}

static struct realip_store_commands_of of_item(const struct item *item, uint64_t quarter)
{
    return (struct realip_store_commands_of){ .address = item->address, .window = item->window, .quarter = quarter };
}

static void take_count(struct realip_suspect_store *store, const struct item *item, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 || reply->integer > MOST_CLIENTS) {
        realip_store_health_fault(store->health, REALIP_STORE_COUNTS,
                                  reply->type == REDIS_REPLY_ERROR ? reply->str : "PFCOUNT's answer is no count");
        return;
    }
    if (reply->integer < item->threshold)
        return;
    const struct realip_store_commands_of of = of_item(item, quarter_now(item->window));
    realip_told_clients_begin(store->most, of.window, of.quarter);
    const char *why = tell(store, &item->address, (uint32_t)reply->integer);
    if (why != NULL)
        realip_store_health_fault(store->health, REALIP_STORE_COUNTS, why);
    /* For the other policyds, which ask for them each second. */
    realip_store_commands_share(store->link, (struct realip_store_commands_tags){ TAG_QUEUED, TAG_SHARED }, &of, reply->integer);
}

/* Only the first complaint is told: that a transaction of which a part was refused is none says less. */
static void take_queued(struct realip_suspect_store *store, const redisReply *reply)
{
    const char *why = realip_store_commands_why_not_queued(reply);

    if (why != NULL && !store->is_refused) {
        realip_store_health_fault(store->health, REALIP_STORE_COUNTS, why);
        store->is_refused = true;
    }
}

/* Was the transaction done? */
static bool take_done(struct realip_suspect_store *store, const redisReply *reply)
{
    const char *why = realip_store_commands_why_not_done(reply);
    bool was_refused = store->is_refused;

    store->is_refused = false;
    if (why != NULL && !was_refused)
        realip_store_health_fault(store->health, REALIP_STORE_COUNTS, why);
    return why == NULL && !was_refused;
}

/* One address, and how many are behind it, as texts. 0, or -1. */
static int read_listed(const redisReply *member, const redisReply *score, struct listed *listed_r)
{
    struct realip_address address;
    const char *reason;
    char *end;

    if (member->type != REDIS_REPLY_STRING || score->type != REDIS_REPLY_STRING
        || realip_address_parse(member->str, (size_t)member->len, &address, &reason) < 0)
        return -1;
    long long clients = strtoll(score->str, &end, 10);
    if (end == score->str || clients < 2 || clients > MOST_CLIENTS)
        return -1;
    *listed_r = (struct listed){ realip_shared_address_of(&address), (uint32_t)clients };
    return 0;
}

static int compare_listed(const void *a, const void *b)
{
    const struct listed *left = a;
    const struct listed *right = b;

    return realip_address_compare(&left->address, &right->address);
}

/* One of the poll's lists: all of it, or nothing. A sorted set of the server's has each member once. NULL; or what is wrong with it. */
static const char *read_list(struct realip_suspect_store *store, const redisReply *reply)
{
    struct listed *list = &store->listed[store->listed_count];
    size_t count = reply->elements / 2;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0 || count > LISTED)
        return "its list of suspects is none";
    for (size_t i = 0; i < count; i++) {
        if (read_listed(reply->element[2 * i], reply->element[2 * i + 1], &list[i]) < 0)
            return "its list of suspects is none";
    }
    if (count > 0)
        qsort(list, count, sizeof(*list), compare_listed);
    for (size_t i = 1; i < count; i++) {
        if (compare_listed(&list[i - 1], &list[i]) == 0)
            return "its list of suspects names an address twice";
    }
    store->listed_count += count;
    return NULL;
}

/* The larger of both lists' counts is what is told: first all are noted. NULL; or what is wrong. */
static const char *tell_listed(struct realip_suspect_store *store)
{
    const char *why = NULL;

    realip_told_clients_begin(store->most, store->window, quarter_now(store->window));
    for (size_t i = 0; i < store->listed_count; i++)
        (void)realip_told_clients_most(store->most, &store->listed[i].address, store->listed[i].clients);
    for (size_t i = 0; i < store->listed_count; i++) {
        const char *why_not = tell(store, &store->listed[i].address, store->listed[i].clients);

        why = why_not != NULL ? why_not : why;
    }
    return why;
}

static void take_suspects(struct realip_suspect_store *store, enum tag tag, const redisReply *reply)
{
    const char *why = read_list(store, reply);

    if (why != NULL)
        realip_store_health_fault(store->health, REALIP_STORE_LIST, reply->type == REDIS_REPLY_ERROR ? reply->str : why);
    why = tag == TAG_SUSPECTS_NOW ? tell_listed(store) : NULL;
    if (why != NULL)
        realip_store_health_fault(store->health, REALIP_STORE_LIST, why);
}

static void on_reply(void *context, size_t tag, const redisReply *reply)
{
    struct realip_suspect_store *store = context;

    if (tag < TAG_ADDED) {
        take_count(store, &store->batch[tag], reply);
    } else if (tag < TAG_QUEUED) {
        if (!take_done(store, reply))
            store->batch_lost += gather(store, (unsigned)tag - TAG_ADDED, NULL);
    } else if (tag == TAG_QUEUED) {
        take_queued(store, reply);
    } else if (tag == TAG_SHARED) {
        (void)take_done(store, reply);
    } else {
        take_suspects(store, (enum tag)tag, reply);
    }
}

/* ---- What it is asked. */

static bool is_first(const struct realip_suspect_store *store, unsigned number)
{
    for (unsigned i = 0; i < number; i++) {
        if (is_together(store, i, number))
            return false;
    }
    return true;
}

/* All that came from one address in one quarter; and how many came there by all policyds, in the window that ends now. */
static void send_clients(struct realip_suspect_store *store, unsigned first)
{
    const struct item *item = &store->batch[first];
    const struct realip_store_commands_of then = of_item(item, store->quarters[first]);
    const struct realip_store_commands_of now = of_item(item, quarter_now(item->window));
    const struct realip_store_commands_tags tags = { TAG_QUEUED, TAG_ADDED + first };
    uint64_t clients[BATCH];
    unsigned count = gather(store, first, clients);

    realip_store_commands_add(store->link, tags, &then, now.quarter, clients, count);
    realip_store_commands_count(store->link, first, &now);
}

/* Those at the head of the queue who have waited until they count no more; while the store is away, too: they make room for those who come. */
static void drop_old(struct realip_suspect_store *store)
{
    unsigned taken = atomic_load_explicit(&store->taken, memory_order_relaxed);
    unsigned waiting = atomic_load_explicit(&store->written, memory_order_acquire) - taken;
    const struct clocks now = clocks_now();
    unsigned count = 0;

    if (store->batch_count > 0) /* they are at the head */
        return;
    while (count < waiting && !still_counts(&store->queue[(taken + count) % QUEUE], &now))
        count++;
    if (count == 0)
        return;
    atomic_fetch_add_explicit(&store->dropped, count, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->taken, count, memory_order_release);
}

/* From the queue's head up to one that counts no more, which is dropped as soon as it is the head. */
static void fill_batch(struct realip_suspect_store *store)
{
    unsigned taken = atomic_load_explicit(&store->taken, memory_order_relaxed);
    unsigned waiting = atomic_load_explicit(&store->written, memory_order_acquire) - taken;
    const struct clocks now = clocks_now();

    while (store->batch_count < waiting && store->batch_count < BATCH) {
        const struct item *item = &store->queue[(taken + store->batch_count) % QUEUE];

        if (!still_counts(item, &now))
            return;
        store->batch[store->batch_count] = *item;
        store->quarters[store->batch_count++] = quarter_then(item, &now);
    }
}

/* One batch at a time: its replies are the measure of how fast the server is. It leaves the queue when all of them are there. */
static void send_batch(struct realip_suspect_store *store)
{
    fill_batch(store);
    if (store->batch_count == 0)
        return;
    store->window = store->batch[store->batch_count - 1].window;
    for (unsigned i = 0; i < store->batch_count; i++) {
        if (is_first(store, i))
            send_clients(store, i);
    }
    realip_store_health_asked(store->health, REALIP_STORE_COUNTS);
}

static void settle_batch(struct realip_suspect_store *store)
{
    atomic_fetch_add_explicit(&store->sent, store->batch_count - store->batch_lost, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->lost, store->batch_lost, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->taken, store->batch_count, memory_order_release);
    store->batch_count = 0;
    store->batch_lost = 0;
}

static void ask_suspects(struct realip_suspect_store *store)
{
    uint64_t quarter = quarter_now(store->window);

    store->listed_count = 0;
    realip_store_commands_list(store->link, TAG_SUSPECTS_BEFORE, store->window, quarter - 1);
    realip_store_commands_list(store->link, TAG_SUSPECTS_NOW, store->window, quarter);
    realip_store_health_asked(store->health, REALIP_STORE_LIST);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct realip_suspect_store *store = context;

    (void)fd;
    (void)what;
    store->ticks++;
    drop_old(store);
    if (!realip_redis_link_is_ready(store->link) || realip_redis_link_due(store->link) > 0)
        return;
    realip_store_health_answered(store->health);
    settle_batch(store);
    send_batch(store);
    if (store->window != 0 && store->ticks >= TICKS_OF_POLL) {
        store->ticks = 0;
        ask_suspects(store);
    }
}

static void on_stop(evutil_socket_t fd, short what, void *context)
{
    struct realip_suspect_store *store = context;

    (void)fd;
    (void)what;
    event_base_loopbreak(store->base);
}

static void *run(void *context)
{
    static const struct timeval tick = { 0, TICK_MSECS * 1000 };
    struct realip_suspect_store *store = context;
    struct event *ticks = event_new(store->base, -1, EV_PERSIST, on_tick, store);
    struct event *stop = event_new(store->base, store->stop_fd, EV_READ, on_stop, store);

    if (ticks != NULL && stop != NULL && event_add(ticks, &tick) == 0 && event_add(stop, NULL) == 0)
        event_base_dispatch(store->base);
    if (ticks != NULL)
        event_free(ticks);
    if (stop != NULL)
        event_free(stop);
    return NULL;
}

/* ---- Begin and end. */

/* 0 and *password_r; or -1 and one problem added. */
static int read_password(const struct realip_store_place *place, char **password_r, struct realip_problems *problems)
{
    if (realip_secret_file_read(place->password_file, "store-password-file", place->password_origin, password_r, problems) < 0)
        return -1;
    if ((*password_r)[0] != '\0')
        return 0;
    realip_problems_add(problems, place->password_origin, "store-password-file '%s' is empty: its first line is the password", place->password_file);
    free(*password_r);
    *password_r = NULL;
    return -1;
}

/* The same in all policyds of a fleet; who reads the store's traffic and does not know the password can't try names. */
static struct realip_siphash_key fleet_key(const char *password)
{
    const struct realip_siphash_key fixed = { 0x6d61696c2d726561, 0x6c69702d666c6565 };
    const struct realip_siphash_key other = { fixed.k1, fixed.k0 };
    const char *text = password == NULL ? "" : password;

    return (struct realip_siphash_key){ realip_siphash(&fixed, text, strlen(text), false), realip_siphash(&other, text, strlen(text), false) };
}

static void free_store(struct realip_suspect_store *store)
{
    realip_redis_link_free(&store->link);
    realip_store_health_free(&store->health);
    realip_told_clients_free(&store->most);
    if (store->base != NULL)
        event_base_free(store->base);
    if (store->stop_fd >= 0)
        close(store->stop_fd);
    if (store->password != NULL)
        explicit_bzero(store->password, strlen(store->password));
    free(store->password);
    free(store);
}

int realip_suspect_store_new(const struct realip_store_place *place, struct realip_suspects *suspects, struct realip_suspect_store **store_r,
                             struct realip_problems *problems)
{
    struct realip_suspect_store *store = calloc(1, sizeof(*store));
    const struct realip_redis_link_handler handler = { on_ready, on_down, on_reply, store };
    const char *reason = "out of memory";

    *store_r = NULL;
    if (store == NULL) {
        realip_problems_add(problems, place->origin, "out of memory");
        return -1;
    }
    store->place = place;
    store->suspects = suspects;
    store->stop_fd = -1;
    if (place->password_file != NULL && read_password(place, &store->password, problems) < 0) {
        free_store(store);
        return -1;
    }
    store->key = fleet_key(store->password);
    store->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    store->base = event_base_new();
    store->health = realip_store_health_new(place->text);
    store->most = realip_told_clients_new();
    if (store->base != NULL && store->health != NULL && store->most != NULL)
        store->link = realip_redis_link_new(store->base, place, store->password, &handler, &reason);
    if (store->stop_fd < 0 || store->link == NULL) {
        realip_problems_add(problems, place->origin, "store = '%s': %s", place->text, reason);
        free_store(store);
        return -1;
    }
    *store_r = store;
    return 0;
}

int realip_suspect_store_start(struct realip_suspect_store *store)
{
    sigset_t all;
    sigset_t mask;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int error = pthread_create(&store->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (error != 0) {
        realip_log(LOG_ERR, "store = %s: no thread for it: %s", store->place->text, strerror(error));
        return -1;
    }
    store->is_started = true;
    realip_suspects_set_watcher(store->suspects, on_sighting, store);
    return 0;
}

void realip_suspect_store_free(struct realip_suspect_store **store)
{
    static const uint64_t one = 1;

    if (*store == NULL)
        return;
    realip_suspects_set_watcher((*store)->suspects, NULL, NULL);
    if ((*store)->is_started) {
        ssize_t ignored = write((*store)->stop_fd, &one, sizeof(one));

        (void)ignored;
        pthread_join((*store)->thread, NULL); /* it never waits */
    }
    free_store(*store);
    *store = NULL;
}

void realip_suspect_store_get(const struct realip_suspect_store *store, struct realip_suspect_store_report *report_r)
{
    realip_store_health_get(store->health, &report_r->health);
    report_r->place = store->place->text;
    report_r->waiting = atomic_load(&store->written) - atomic_load(&store->taken);
    report_r->room = QUEUE;
    report_r->sent = atomic_load(&store->sent);
    report_r->dropped = atomic_load(&store->dropped);
    report_r->lost = atomic_load(&store->lost);
    report_r->told = atomic_load(&store->told);
}

void realip_suspect_store_write_metrics(const struct realip_suspect_store *store, FILE *out)
{
    struct realip_suspect_store_report report;

    realip_suspect_store_get(store, &report);
    realip_metrics_text_gauge("realip_store_up", "1 while the shared store is connected and has answered.", report.health.is_connected ? 1 : 0, out);
    realip_metrics_text_gauge("realip_store_works", "1 while the shared store is connected and its last answers were right.",
                              report.health.state == REALIP_STORE_WORKS ? 1 : 0, out);
    realip_metrics_text_gauge("realip_store_queue_length", "Clients that wait for being sent.", report.waiting, out);
    realip_metrics_text_gauge("realip_store_queue_limit", "Clients that can wait.", report.room, out);
    realip_metrics_text_counter("realip_store_sent_total", "Clients that the shared store took.", report.sent, out);
    realip_metrics_text_counter("realip_store_dropped_total", "Clients that were not sent to it, as the queue was full or they waited too long.", report.dropped, out);
    realip_metrics_text_counter("realip_store_lost_total", "Clients that were sent to it, and that it refused.", report.lost, out);
    realip_metrics_text_counter("realip_store_errors_total", "Failures: connections that failed or ended, wrong and missing answers.",
                                report.health.errors, out);
    realip_metrics_text_counter("realip_store_outages_total", "Times that the store went away.", report.health.outages, out);
    realip_metrics_text_counter("realip_store_told_total", "Suspects as the store told them, each time.", report.told, out);
}
