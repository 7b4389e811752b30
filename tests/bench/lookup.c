/* lookup - nanoseconds for one look-up in a network_set, and in libmaxminddb for the same networks and addresses.
 *
 * usage: lookup FOLDER PASSES
 *
 * Half of the addresses lie in a listed network, the others are random; both libraries must find the same ones. Passes
 * alternate, the median counts. Before each measured pass the same addresses are looked up once, as in a server that does
 * nothing else for long; `cold` is that first pass, when the other library has just used the processor's caches. A JSON line
 * for each row; `mmdb` is null where libmaxminddb or its header is absent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/network_set.h"
#include "mmdb_file.h"

#if __has_include(<maxminddb.h>)
#include <dlfcn.h>
#include <maxminddb.h>
#define HAVE_MAXMINDDB 1
#else
#define HAVE_MAXMINDDB 0
#endif

#define MANY (1U << 16)
#define FEW  (1U << 10)
#define MAX_PASSES 101

struct bench {
    const char *name;
    enum realip_family family;
    size_t networks;
    bool in_one_slash32; /* all networks in 2001:db8::/32 */
    size_t queries;      /* different addresses; a thousand stay in the processor's caches */
};

struct query {
    struct realip_address address;
    struct sockaddr_storage name; /* the same for libmaxminddb */
};

static uint64_t random_state = 0x2545f4914f6cdd1dU;

static struct realip_address random_address(const struct bench *bench)
{
    struct realip_address address = { .family = bench->family };
    uint64_t random = bench_random(&random_state);

    if (bench->family == REALIP_FAMILY_IPV4) {
        address.lo = 0x01000000 + random % 0xdf000000; /* 1.0.0.0 and on, no multicast */
        return address;
    }
    address.hi = bench->in_one_slash32 ? 0x20010db800000000U | (random >> 32) : 0x2000000000000000U | (random >> 3);
    address.lo = bench_random(&random_state);
    return address;
}

static struct realip_network random_network(const struct bench *bench)
{
    struct realip_network network = { .address = random_address(bench) };
    uint64_t random = bench_random(&random_state);

    if (bench->family == REALIP_FAMILY_IPV4) {
        network.prefix = 20 + (unsigned)(random % 13);
        network.address.lo = network.address.lo >> (32 - network.prefix) << (32 - network.prefix);
    } else {
        network.prefix = bench->in_one_slash32 ? 48 + (unsigned)(random % 17) : 32 + (unsigned)(random % 33);
        network.address.hi = network.address.hi >> (64 - network.prefix) << (64 - network.prefix);
        network.address.lo = 0;
    }
    return network;
}

static struct realip_network_entry *make_networks(const struct bench *bench)
{
    struct realip_network_entry *entries = calloc(bench->networks, sizeof(*entries));

    if (entries == NULL)
        bench_die("out of memory");
    for (size_t i = 0; i < bench->networks; i++)
        entries[i] = (struct realip_network_entry){ random_network(bench), (uint32_t)i };
    return entries;
}

static void fill_name(struct query *query)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&query->name;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&query->name;

    if (query->address.family == REALIP_FAMILY_IPV4) {
        ipv4->sin_family = AF_INET;
        ipv4->sin_addr.s_addr = __builtin_bswap32((uint32_t)query->address.lo);
        return;
    }
    uint64_t wire[2] = { __builtin_bswap64(query->address.hi), __builtin_bswap64(query->address.lo) };
    ipv6->sin6_family = AF_INET6;
    memcpy(&ipv6->sin6_addr, wire, sizeof(wire));
}

static struct query *make_queries(const struct bench *bench, const struct realip_network_entry *entries)
{
    struct query *queries = calloc(bench->queries, sizeof(*queries));

    if (queries == NULL)
        bench_die("out of memory");
    for (size_t i = 0; i < bench->queries; i++) {
        uint64_t random = bench_random(&random_state);

        queries[i].address = random_address(bench);
        if (random % 2 == 0) {
            const struct realip_network *network = &entries[(random >> 8) % bench->networks].network;
            struct realip_address last = realip_network_last(network);

            queries[i].address = (random >> 1) % 2 == 0 ? network->address : last;
        }
        fill_name(&queries[i]);
    }
    return queries;
}

/* The addresses alone, packed, as an adapter has them at hand. */
static struct realip_address *copy_addresses(const struct query *queries, size_t count)
{
    struct realip_address *addresses = calloc(count, sizeof(*addresses));

    if (addresses == NULL)
        bench_die("out of memory");
    for (size_t i = 0; i < count; i++)
        addresses[i] = queries[i].address;
    return addresses;
}

static double time_set(const struct realip_network_set *set, const struct realip_address *addresses, size_t count,
                       size_t *found_r)
{
    uint64_t start = bench_now();

    *found_r = 0;
    for (size_t i = 0; i < count; i++)
        *found_r += realip_network_set_contains(set, &addresses[i]) ? 1 : 0;
    return (double)(bench_now() - start) / (double)count;
}

#if HAVE_MAXMINDDB
struct mmdb {
    void *library;
    MMDB_s database;
    int (*open)(const char *, uint32_t, MMDB_s *);
    void (*close)(MMDB_s *);
    MMDB_lookup_result_s (*find)(const MMDB_s *, const struct sockaddr *, int *);
};

/* By dlopen(): a bench is no reason to depend on a library. */
static bool open_mmdb(struct mmdb *mmdb, const char *path)
{
    *mmdb = (struct mmdb){ .library = dlopen("libmaxminddb.so.0", RTLD_NOW) };
    if (mmdb->library == NULL)
        return false;
    *(void **)&mmdb->open = dlsym(mmdb->library, "MMDB_open");
    *(void **)&mmdb->close = dlsym(mmdb->library, "MMDB_close");
    *(void **)&mmdb->find = dlsym(mmdb->library, "MMDB_lookup_sockaddr");
    if (mmdb->open == NULL || mmdb->close == NULL || mmdb->find == NULL)
        bench_die("libmaxminddb has other names than expected");
    int error = mmdb->open(path, MMDB_MODE_MMAP, &mmdb->database);
    if (error != MMDB_SUCCESS)
        bench_die("libmaxminddb does not take the database: error %d", error);
    return true;
}

static void close_mmdb(struct mmdb *mmdb)
{
    mmdb->close(&mmdb->database);
    dlclose(mmdb->library);
}

static double time_mmdb(const struct mmdb *mmdb, const struct query *queries, size_t count, size_t *found_r)
{
    uint64_t start = bench_now();

    *found_r = 0;
    for (size_t i = 0; i < count; i++) {
        int error;

        *found_r += mmdb->find(&mmdb->database, (const struct sockaddr *)&queries[i].name, &error).found_entry ? 1 : 0;
    }
    return (double)(bench_now() - start) / (double)count;
}
#else
struct mmdb {
    char unused;
};

static bool open_mmdb(struct mmdb *mmdb, const char *path)
{
    (void)mmdb;
    (void)path;
    return false;
}

static void close_mmdb(struct mmdb *mmdb)
{
    (void)mmdb;
}

static double time_mmdb(const struct mmdb *mmdb, const struct query *queries, size_t count, size_t *found_r)
{
    (void)mmdb;
    (void)queries;
    (void)count;
    *found_r = 0;
    return 0;
}
#endif

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

static void measure(const struct bench *bench, const struct realip_network_set *set, const struct query *queries,
                    const struct mmdb *mmdb, size_t passes)
{
    struct realip_address *addresses = copy_addresses(queries, bench->queries);
    double cold[MAX_PASSES];
    double ours[MAX_PASSES];
    double theirs[MAX_PASSES];
    size_t found = 0;
    size_t also_found = 0;

    for (size_t i = 0; i < passes; i++) {
        cold[i] = time_set(set, addresses, bench->queries, &found);
        ours[i] = time_set(set, addresses, bench->queries, &found);
        theirs[i] = 0;
        for (int round = 0; mmdb != NULL && round < 2; round++) /* the second counts */
            theirs[i] = time_mmdb(mmdb, queries, bench->queries, &also_found);
    }
    if (mmdb != NULL && found != also_found)
        bench_die("%s: network_set found %zu addresses, libmaxminddb %zu", bench->name, found, also_found);
    printf("{\"name\": \"%s\", \"set\": %.2f, \"cold\": %.2f, ", bench->name, median(ours, passes), median(cold, passes));
    printf(mmdb == NULL ? "\"mmdb\": null, " : "\"mmdb\": %.2f, ", median(theirs, passes));
    printf("\"found\": %zu, \"of\": %zu}\n", found, bench->queries);
    free(addresses);
}

static void run(const struct bench *bench, const char *folder, size_t passes)
{
    struct realip_network_entry *entries = make_networks(bench);
    struct query *queries = make_queries(bench, entries);
    struct realip_network_set *set;
    struct mmdb mmdb;
    const char *reason;
    char path[4096];

    snprintf(path, sizeof(path), "%s/bench.mmdb", folder);
    if (realip_network_set_build(entries, bench->networks, &set, &reason) < 0)
        bench_die("%s: %s", bench->name, reason);
    bench_mmdb_write(path, entries, bench->networks, bench->family);
    bool compared = open_mmdb(&mmdb, path);
    measure(bench, set, queries, compared ? &mmdb : NULL, passes);
    if (compared)
        close_mmdb(&mmdb);
    remove(path);
    realip_network_set_free(&set);
    free(queries);
    free(entries);
}

int main(int argc, char **argv)
{
    static const struct bench benches[] = {
        { "ipv4", REALIP_FAMILY_IPV4, 100000, false, MANY },       { "ipv6", REALIP_FAMILY_IPV6, 100000, false, MANY },
        { "ipv6-one-32", REALIP_FAMILY_IPV6, 100000, true, MANY }, { "ipv4-few", REALIP_FAMILY_IPV4, 100000, false, FEW },
        { "ipv6-few", REALIP_FAMILY_IPV6, 100000, false, FEW },    { "ipv4-10", REALIP_FAMILY_IPV4, 10, false, MANY },
        { "ipv6-10", REALIP_FAMILY_IPV6, 10, false, MANY },
    };

    if (argc != 3)
        bench_die("usage: lookup FOLDER PASSES");
    size_t passes = bench_number("PASSES", argv[2], MAX_PASSES);
    for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]) && passes > 0; i++)
        run(&benches[i], argv[1], passes);
    return EXIT_SUCCESS;
}
