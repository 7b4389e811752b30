/* out_of_memory - every allocation of core and runtime fails in turn: no crash, nothing leaks, and whoever is refused is
 * told why.
 *
 * The linker puts our functions in the place of malloc() and its kin (--wrap) in our own objects; what libraries allocate
 * for themselves is their affair. A scenario is run again and again, with its first allocation failing, its second, and
 * so on, until it comes through without one left to fail. The last line is libcheck's, which tests/builds counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/decide.h"
#include "core/network_set.h"
#include "runtime/compiled.h"
#include "runtime/host_networks.h"
#include "runtime/kubernetes_nodes.h"
#include "runtime/metrics.h"
#include "runtime/name_pattern.h"
#include "runtime/network_source.h"
#include "runtime/snapshot.h"
#include "runtime/watch.h"

#define MOST_LIVE 65536
#define MOST_RUNS 100000

static void *live[MOST_LIVE]; /* what our objects allocated and did not free yet */
static size_t live_count;
static unsigned long allocations; /* since the scenario began */
static unsigned long failing;     /* the number of the one that fails; 0: none */
static unsigned long checks, failures;
static char folder[] = "/tmp/realip-oom-XXXXXX";
static char config_path[64], rules_path[64], lists_path[48], list_path[64], nodes_path[64], aside_path[64];
static char list_pattern[96]; /* finds list_path, by way of a folder with a wildcard, and nothing of another run's */

/* ---- in the place of the C library -------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
void __wrap_free(void *memory);

static bool fails(void)
{
    return ++allocations == failing;
}

static void *born(void *memory)
{
    if (memory == NULL || live_count == MOST_LIVE)
        abort(); /* real shortage, or a scenario too large for this test */
    live[live_count++] = memory;
    return memory;
}

/* What libraries allocated for us (a line, a list of files) is not in the table. */
static void dead(const void *memory)
{
    for (size_t i = live_count; i > 0; i--) {
        if (live[i - 1] == memory) {
            live[i - 1] = live[--live_count];
            return;
        }
    }
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : born(__real_malloc(size > 0 ? size : 1));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : born(__real_calloc(count > 0 ? count : 1, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    dead(memory);
    return born(__real_realloc(memory, size > 0 ? size : 1));
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : born(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t length)
{
    return fails() ? NULL : born(__real_strndup(text, length));
}

void __wrap_free(void *memory)
{
    dead(memory);
    __real_free(memory);
}

/* ---- scenarios: 0 done and right, -1 refused with a reason, -2 wrong ------------------------------------------------- */

static const char text[] = "mode = enforce\nlog-passes = true\nuser = nobody\n"
                           "networks infrastructure { cidr = { \"10.0.20.0/24\", \"10.0.0.0/8\", \"fd00:20::/64\" }\n"
                           "  files = { \"%s\" } kubernetes-nodes = \"%s\" client-names = { \"/^node[0-9]/i\", \"/gw/\" } discover = true preset = { \"k3s\", \"rootless\" } }\n"
                           "networks proxies { cidr = { \"10.0.20.13\", \"198.51.100.10\" } }\n"
                           "networks internal { cidr = { \"192.168.7.0/24\" } }\n"
                           "networks probers { cidr = { \"10.0.21.0/24\" } }\n"
                           "networks relays { cidr = { \"192.0.2.25\" } }\n"
                           "listener smtp { names = { \"a\", \"b\" } ports = { 25, 2525 } proxy = required mode = protect\n"
                           "  actions { proxy-missing = reject } }\n"
                           "listener webmail { allow-internal = true attest = required }\n"
                           "policyd { listen = { \"unix:/run/policy\", \"inet:9999@127.0.0.1\" } http = \"127.0.0.1:9168\" }\n"
                           "milter { listen = \"unix:/run/milter\" header = flagged }\n";

static const char wrong_text[] = "mode = loud\nnetworks proxies { cidr = { \"10.0.0.5/24\", \"x\" } }\n"
                                 "networks infrastructure { client-names = { \"/[/\" } files = { \"/nowhere/x\" } }\n"
                                 "listener a { names = { \"x\" } ports = { 0 } }\nlistener b { names = { \"x\" } }\n";

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || fputs(content, file) < 0 || fclose(file) != 0)
        abort();
}

/* A hundred nodes, one of them larger than a first buffer. */
static void write_nodes(void)
{
    static char content[32768];
    int used = sprintf(content, "{ \"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [");

    for (int i = 0; i < 100; i++)
        used += sprintf(content + used, "%s{ \"kind\": \"Node\", \"metadata\": { \"name\": \"node-%d\" },\n\"spec\": { \"podCIDR\": "
                        "\"198.19.%d.0/24\" }, %*s\"status\": { \"addresses\": [{ \"type\": \"InternalIP\", \"address\": \"198.18.0.%d\" }] } }",
                        i == 0 ? "" : ",\n", i, i, i == 50 ? 9000 : 1, "", i);
    sprintf(content + used, "] }\n");
    write_file(nodes_path, content);
}

static void write_config(void)
{
    char content[2048];

    snprintf(content, sizeof(content), text, list_path, nodes_path);
    write_file(config_path, content);
}

static struct realip_address address_of(const char *word)
{
    struct realip_address address;
    const char *reason;

    if (realip_address_parse(word, strlen(word), &address, &reason) < 0)
        abort();
    return address;
}

/* A node is still infrastructure and a stranger still real: rules that lost a part of themselves would say otherwise. */
static bool judges_right(const struct realip_rules *rules)
{
    static const struct {
        const char *client;
        enum realip_reason reason;
    } rows[] = { { "10.0.20.5", REALIP_REASON_INFRASTRUCTURE }, { "203.0.113.7", REALIP_REASON_REAL },
                 { "10.77.0.1", REALIP_REASON_INFRASTRUCTURE }, { "172.20.7.7", REALIP_REASON_INFRASTRUCTURE },
                 { "fd00:20::9", REALIP_REASON_INFRASTRUCTURE }, { "198.18.0.99", REALIP_REASON_INFRASTRUCTURE } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD, .stage = REALIP_STAGE_MAIL,
                                      .peer_state = REALIP_PEER_KNOWN, .client = address_of(rows[i].client),
                                      .peer = address_of(rows[i].client) };
        struct realip_verdict verdict;

        realip_decide(rules, &facts, &verdict);
        if (verdict.reason != rows[i].reason)
            return false;
    }
    return true;
}

/* A refusal counts its problems, also where there was no memory left for their text; what went wrong otherwise (-2) stays so. */
static int told(int result, struct realip_problems *problems)
{
    bool good = result == 0 ? problems->count == 0 : problems->count > 0;

    realip_problems_clear(problems);
    return good ? result : -2;
}

static int make_set(size_t count, bool ipv6)
{
    static struct realip_network_entry entries[5000];
    struct realip_network_set *set;
    const char *reason = NULL;

    for (size_t i = 0; i < count; i++) {
        struct realip_address address = { 0, 0x0a000000U + (uint32_t)i * 512, REALIP_FAMILY_IPV4 };

        if (ipv6)
            address = (struct realip_address){ 0x20010db800000000U + i * 2, 0, REALIP_FAMILY_IPV6 };
        entries[i] = (struct realip_network_entry){ { address, ipv6 ? 64U : 24U }, (uint32_t)i };
    }
    if (realip_network_set_build(entries, count, &set, &reason) < 0)
        return set == NULL && reason != NULL && reason[0] != '\0' ? -1 : -2;
    bool good = true;
    for (size_t i = 0; i < count; i += 7)
        good = good && realip_network_set_contains(set, &entries[i].network.address);
    struct realip_address other = address_of("203.0.113.7");
    good = good && !realip_network_set_contains(set, &other);
    realip_network_set_free(&set);
    return good ? 0 : -2;
}

static int small_set(void)
{
    return make_set(10, false);
}

static int large_set(void)
{
    return make_set(5000, false);
}

static int large_set6(void)
{
    return make_set(5000, true);
}

static int load_config(void)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config = NULL;
    int result = realip_config_load(config_path, &config, &problems);

    if (result == 0 && (config == NULL || !judges_right(&config->rules)
                        || realip_name_pattern_match(config->client_names, "node7.px.test") == NULL))
        result = -2;
    if (result == -1 && config != NULL)
        result = -2;
    realip_config_free(&config);
    return told(result, &problems);
}

/* Wrong in any case: never taken for right because there was no memory to say so. */
static int load_wrong_config(void)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config = NULL;

    if (realip_config_load(rules_path, &config, &problems) == 0) {
        realip_config_free(&config);
        realip_problems_clear(&problems);
        return -2;
    }
    return told(-1, &problems);
}

static int publish_and_map(void)
{
    struct realip_problems problems = { 0 };
    struct realip_compiled *compiled = NULL;
    struct realip_config *config = NULL;
    unsigned long kept = failing;

    failing = 0; /* another scenario's part */
    int result = realip_config_load(config_path, &config, &problems);
    failing = kept;
    allocations = 0;
    if (result == 0)
        result = realip_compiled_publish(config, rules_path, &problems);
    realip_config_free(&config);
    if (result == 0)
        result = realip_compiled_open(rules_path, &compiled, &problems);
    if (result == 0)
        result = realip_compiled_refresh(compiled, &config, &problems);
    if (result == 1 || (result == 0 && !judges_right(&config->rules)))
        result = -2;
    realip_config_free(&config);
    realip_compiled_close(&compiled);
    return told(result, &problems);
}

static int reload(void)
{
    struct realip_problems problems = { 0 };
    struct realip_metrics *metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    struct realip_snapshots *snapshots = NULL;

    if (metrics == NULL)
        return -1;
    int result = realip_snapshots_open(config_path, metrics, &snapshots, &problems);
    if (result == 0) {
        result = realip_snapshots_reload(snapshots, &problems);
        /* A reload that failed leaves the old rules in force. */
        struct realip_snapshot *snapshot = realip_snapshots_acquire(snapshots);
        if (!judges_right(&realip_snapshot_config(snapshot)->rules))
            result = -2;
        realip_snapshot_release(&snapshot);
    }
    realip_snapshots_free(&snapshots);
    realip_metrics_free(&metrics);
    return told(result, &problems);
}

/* The list and the nodes are gone: what is kept of them decides, or the old rules do. */
static int reload_without_sources(void)
{
    struct realip_problems problems = { 0 };
    struct realip_metrics *metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    struct realip_snapshots *snapshots = NULL;

    if (metrics == NULL)
        return -1;
    int result = realip_snapshots_open(config_path, metrics, &snapshots, &problems);
    if (result == 0) {
        if (rename(list_path, aside_path) != 0 || truncate(nodes_path, 100) != 0)
            abort();
        result = realip_snapshots_reload(snapshots, &problems);
        struct realip_snapshot *snapshot = realip_snapshots_acquire(snapshots);
        if (!judges_right(&realip_snapshot_config(snapshot)->rules)
            || realip_metrics_stale_sources(metrics) != (result == 0 ? 2 : 0))
            result = -2;
        realip_snapshot_release(&snapshot);
        if (rename(aside_path, list_path) != 0)
            abort();
        write_nodes();
    }
    realip_snapshots_free(&snapshots);
    realip_metrics_free(&metrics);
    return told(result, &problems);
}

/* A watch that misses a folder must say so. */
static int watch_sources(void)
{
    struct realip_problems problems = { 0 };
    struct realip_watch *watch = NULL;
    struct timespec since = { 0 };
    int result = realip_watch_new(REALIP_WATCH_MOST_FOLDERS, &watch, &problems);

    for (int round = 0; round < 2 && result == 0; round++) {
        realip_watch_begin(watch);
        realip_watch_add(watch, config_path, false);
        realip_watch_add(watch, list_pattern, true);
        realip_watch_add(watch, "/proc/self/cwd/nothing", false);
        result = realip_watch_end(watch, &since, &problems);
    }
    realip_watch_free(&watch);
    return told(result, &problems);
}

static int gather_networks(void)
{
    struct realip_problems problems = { 0 };
    struct realip_problems warnings = { 0 };
    struct realip_network_list list = { 0 };
    struct realip_arena arena = { 0 };
    const struct realip_origin origin = { "test", 1 };
    const struct realip_sources_target target = { &arena, &list, &problems, &warnings };
    int result = realip_sources_read_files(NULL, REALIP_SET_INTERNAL, list_path, origin, &target);

    if (result == 0 && list.count != 300)
        result = -2;
    if (result == 0)
        result = realip_host_networks_own(&list, &problems);
    if (result == 0)
        result = realip_host_networks_discover(origin, &arena, &list, &problems);
    realip_network_list_clear(&list);
    realip_arena_clear(&arena);
    realip_problems_clear(&warnings);
    return told(result, &problems);
}

static int gather_nodes(void)
{
    struct realip_problems problems = { 0 };
    struct realip_problems warnings = { 0 };
    struct realip_network_list list = { 0 };
    struct realip_arena arena = { 0 };
    const struct realip_origin origin = { "test", 1 };
    int result = realip_kubernetes_nodes_read("internal", nodes_path, origin, true, &arena, &list, &problems, &warnings);

    if (list.count != (result == 0 ? 200 : 0))
        result = -2;
    realip_network_list_clear(&list);
    realip_arena_clear(&arena);
    realip_problems_clear(&warnings);
    return told(result, &problems);
}

static int fill_arena(void)
{
    struct realip_arena arena = { 0 };
    int result = 0;

    for (int i = 0; i < 3000 && result == 0; i++) {
        const char *copy = realip_arena_copy(&arena, "a word of the configuration", 27);

        result = copy == NULL ? -1 : strcmp(copy, "a word of the configuration") == 0 ? 0 : -2;
    }
    realip_arena_clear(&arena);
    return result;
}

/* ---- all of them -------------------------------------------------------------------------------------------------- */

static void check(bool good, const char *scenario, const char *what)
{
    checks++;
    if (good)
        return;
    failures++;
    printf("FAIL %s, allocation %lu of it fails: %s\n", scenario, failing, what);
}

static void run(const char *name, int (*scenario)(void), int expected)
{
    unsigned long refused = 0;
    unsigned long survived = 0;

    for (failing = 1; failing < MOST_RUNS; failing++) {
        allocations = 0;
        int result = scenario();
        bool failed = allocations >= failing;

        check(result != -2, name, "the outcome is wrong, or has no reason");
        check(live_count == 0, name, "something is left");
        live_count = 0;
        if (!failed) {
            check(result == expected, name, "it does not end as it must when nothing fails");
            break;
        }
        refused += result == -1;
        survived += result == 0;
    }
    check(failing > 1, name, "it allocated nothing");
    printf("%s: %lu allocations failed in turn, %lu refused, %lu survived without that one\n", name, failing - 1, refused, survived);
    failing = 0; /* what is allocated between two scenarios, and at the program's end, does not fail */
}

int main(void)
{
    char networks[300 * 20] = "";

    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(config_path, sizeof(config_path), "%s/conf", folder);
    snprintf(rules_path, sizeof(rules_path), "%s/rules", folder);
    snprintf(lists_path, sizeof(lists_path), "%s/lists", folder);
    snprintf(list_path, sizeof(list_path), "%s/list.cidr", lists_path);
    snprintf(list_pattern, sizeof(list_pattern), "/tmp/../tmp/.%s/l*/*.cidr", folder + strlen("/tmp"));
    snprintf(nodes_path, sizeof(nodes_path), "%s/nodes.json", folder);
    snprintf(aside_path, sizeof(aside_path), "%s/aside", folder);
    if (mkdir(lists_path, 0700) != 0)
        abort();
    for (int i = 0; i < 300; i++)
        sprintf(networks + strlen(networks), "172.%d.%d.0/24\n", 16 + i % 16, i / 16);
    write_file(list_path, networks);
    write_nodes();
    write_config();
    write_file(rules_path, wrong_text);

    run("a small set", small_set, 0);
    run("a large set", large_set, 0);
    run("a large IPv6 set", large_set6, 0);
    run("an arena", fill_arena, 0);
    run("networks from files and interfaces", gather_networks, 0);
    run("nodes", gather_nodes, 0);
    run("a configuration", load_config, 0);
    run("a wrong configuration", load_wrong_config, -1);
    run("compiled rules", publish_and_map, 0);
    run("a reload", reload, 0);
    run("a reload without its sources", reload_without_sources, 0);
    run("a watch", watch_sources, 0);

    remove(config_path);
    remove(rules_path);
    remove(list_path);
    remove(nodes_path);
    remove(lists_path);
    check(remove(folder) == 0, "the end", "something is left in the test's folder");
    printf("%lu%%: Checks: %lu, Failures: %lu, Errors: 0\n", (checks - failures) * 100 / checks, checks, failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
