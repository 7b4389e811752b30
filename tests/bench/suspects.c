/* suspects - the table of suspects at its limits: how near the estimate is, how much memory a flood of addresses takes and what is still
 * found in it, how long an observation takes, and what a daemon's request pays for it, which allocates nothing.
 *
 * usage: suspects ADDRESSES
 *
 * A line for each promise; the last line is "N passed, N failed". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/shared_address.h"
#include "runtime/suspects.h"

#define TRIALS      300
#define MOST_MEMORY 32.0 /* MB, of the whole process */
#define MOST_ERROR  0.05
#define NATS        100
#define NAMES       50

static unsigned passed;
static unsigned failed;
static uint64_t random_state = 0x2545f4914f6cdd1dU;

/* The linker puts these in place of malloc() and its kin. */
static unsigned long allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    allocations++;
    return __real_realloc(memory, size);
}

static void told(bool good, const char *what, double value, const char *unit)
{
    passed += good ? 1 : 0;
    failed += good ? 0 : 1;
    printf("%-4s %-74s %10.3f %s\n", good ? "ok" : "FAIL", what, value, unit);
}

static double resident_megabytes(void)
{
    unsigned long pages = 0;
    unsigned long all = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%lu %lu", &all, &pages) != 2)
        bench_die("/proc/self/statm cannot be read");
    fclose(file);
    return (double)pages * 4096 / 1e6;
}

static struct realip_shared_address_table *new_table(void)
{
    struct realip_siphash_key key = { bench_random(&random_state), bench_random(&random_state) };
    struct realip_shared_address_table *table = realip_shared_address_new(&key);

    if (table == NULL)
        bench_die("no memory for the table");
    return table;
}

/* The worst of many thousands of clients, each time others, over all periods of a window. */
static void measure_error(void)
{
    struct realip_shared_address_limits limits = { .threshold = 20 };
    struct realip_shared_address_state state;
    double worst = 0;
    double squares = 0;

    for (unsigned trial = 0; trial < TRIALS; trial++) {
        struct realip_shared_address_table *table = new_table();
        struct realip_address address = { 0, 0x0a000009, REALIP_FAMILY_IPV4 };

        for (unsigned i = 0; i < 1000; i++) {
            limits.period = 1 + i / 250;
            realip_shared_address_observe(table, &address, bench_random(&random_state), &limits, &state);
        }
        double error = state.clients / 1000.0 - 1;
        worst = error > worst ? error : -error > worst ? -error : worst;
        squares += error * error;
        realip_shared_address_free(&table);
    }
    told(worst <= MOST_ERROR, "largest error of the estimate at 1,000 clients, of 300 trials", worst * 100, "%");
    told(squares / TRIALS <= 0.02 * 0.02, "its mean square", squares / TRIALS * 10000, "%^2");
}

/* Public IPv6 networks of one /32, or IPv4 addresses of everywhere. */
static struct realip_address stranger(bool ipv6)
{
    uint64_t number = bench_random(&random_state);

    if (ipv6)
        return (struct realip_address){ 0x20010db800000000U | (number & UINT32_MAX), number, REALIP_FAMILY_IPV6 };
    return (struct realip_address){ 0, number >> 32, REALIP_FAMILY_IPV4 };
}

/* NATs whose clients come one by one, evenly over the whole flood; thousands of strangers between two of them. */
static void flood(bool ipv6, unsigned long count)
{
    struct realip_shared_address_table *table = new_table();
    struct realip_shared_address_limits limits = { .threshold = 20, .period = 1 };
    struct realip_shared_address_counts counts;
    struct realip_shared_address_state state;
    unsigned long between = count / ((unsigned long)NATS * NAMES);
    unsigned found = 0;
    uint64_t begun = bench_now();

    for (unsigned long i = 0; i < count; i++) {
        struct realip_address address = stranger(ipv6);

        realip_shared_address_observe(table, &address, bench_random(&random_state), &limits, &state);
        if (i % between != 0)
            continue;
        address = (struct realip_address){ 0, 0xc0a80000 + i / between % NATS, REALIP_FAMILY_IPV4 };
        realip_shared_address_observe(table, &address, i / between / NATS * 0x9e3779b97f4a7c15U, &limits, &state);
    }
    double each = (double)(bench_now() - begun) / (double)count;
    for (unsigned i = 0; i < NATS; i++) {
        struct realip_address address = { 0, 0xc0a80000 + i, REALIP_FAMILY_IPV4 };

        realip_shared_address_find(table, &address, &limits, &state);
        found += state.is_suspect ? 1 : 0;
    }
    realip_shared_address_count(table, &counts);
    printf("     %lu %s, %llu made room, %llu refused, %zu places of %zu taken\n", count, ipv6 ? "networks of one IPv6 /32" : "addresses of all IPv4",
           counts.evictions, counts.refusals, counts.addresses, counts.address_room);
    told(resident_megabytes() <= MOST_MEMORY, "memory of the process", resident_megabytes(), "MB");
    if (ipv6)
        told(found == NATS, "slow NATs of elsewhere that are found in it, of 100", found, "");
    printf("     %-74s %10.3f ns\n", "an observation of a new address", each);
    realip_shared_address_free(&table);
}

/* What most observations are: an address and a name that came before. */
static void measure_time(unsigned addresses, const char *what)
{
    struct realip_shared_address_table *table = new_table();
    struct realip_shared_address_limits limits = { .threshold = 20, .period = 1 };
    struct realip_shared_address_state state;
    const struct realip_siphash_key key = { 1, 2 };
    static const char name[] = "Mail-Out-17.Example.Net";
    const unsigned count = 2000000;
    uint64_t begun = 0;

    for (unsigned i = 0; i < count + addresses * 4; i++) {
        struct realip_address address = { 0, 0x0a000000 + i % addresses, REALIP_FAMILY_IPV4 };

        if (i == addresses * 4)
            begun = bench_now();
        realip_shared_address_observe(table, &address, realip_siphash(&key, name, sizeof(name) - 1 - i % 3, true), &limits, &state);
    }
    printf("     %-74s %10.3f ns\n", what, (double)(bench_now() - begun) / count);
    realip_shared_address_free(&table);
}

/* All that a daemon does for a request, with its lock and its clock: for clients that came before, or each time for a new one, which also
 * finds no place, takes another's, or is the first of many. */
static void measure_requests(unsigned addresses, bool is_new, const char *what)
{
    const struct realip_suspicion suspicion = { .configured = true, .scope = REALIP_SUSPICION_ALL, .distinct_clients = 1000000, .window = 3600 };
    const unsigned count = 2000000;
    struct realip_suspects *suspects = realip_suspects_new();
    unsigned long before = 0;
    uint64_t begun = 0;
    char name[32] = "";

    if (suspects == NULL)
        bench_die("no memory for suspects");
    realip_suspects_configure(suspects, &suspicion);
    for (unsigned i = 0; i < count + addresses * 4; i++) {
        struct realip_facts facts = { .client = { 0, 0x0a000000 + i % addresses, REALIP_FAMILY_IPV4 }, .name_told = name };

        if (i == addresses * 4) {
            before = allocations;
            begun = bench_now();
        }
        /* Written by hand: snprintf() would take longer than what is measured. */
        for (unsigned digit = 0, rest = is_new ? i : i % addresses; digit < 8; digit++, rest >>= 4)
            name[digit] = "0123456789abcdef"[rest & 15];
        memcpy(name + 8, ".sender.example", 16);
        realip_suspects_judge(suspects, &facts);
    }
    uint64_t took = bench_now() - begun;
    printf("     %-74s %10.3f ns\n", what, (double)took / count);
    told(allocations == before, "allocations in two million of these", (double)(allocations - before), "");
    realip_suspects_free(&suspects);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        bench_die("usage: suspects ADDRESSES");
    unsigned long count = bench_number("ADDRESSES", argv[1], 1000000000);

    if (count < (unsigned long)NATS * NAMES)
        bench_die("at least %d addresses", NATS * NAMES);
    measure_error();
    flood(true, count);
    flood(false, count);
    measure_time(1, "an observation, its name hashed, one address");
    measure_time(1000, "a thousand addresses");
    measure_time(30000, "thirty thousand addresses");
    unsigned long at_start = allocations;
    measure_requests(4096, false, "a request, 4,096 clients that came before");
    measure_requests(4096, true, "a request, each of a new client, 4,096 addresses");
    measure_requests(100000, true, "a request, each of a new client, 100,000 addresses");
    told(allocations > at_start, "allocations are seen", (double)(allocations - at_start), "");
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
