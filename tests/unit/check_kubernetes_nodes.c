/* What is read of a cluster's nodes: whole lists as kubectl prints them, wrong ones, and rules made of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/decide.h"
#include "runtime/json_stream.h"
#include "runtime/kubernetes_nodes.h"
#include "runtime/snapshot.h"
#include "scratch.h"
#include "suites.h"

static char folder[] = "/tmp/realip-nodes-XXXXXX";
static char nodes_path[64];
static char config_path[64];
static const struct realip_origin named_at = { "mail-realip.conf", 7 };

static void make_folder(void)
{
    realip_scratch_make(folder);
    snprintf(nodes_path, sizeof(nodes_path), "%s/nodes.json", folder);
    snprintf(config_path, sizeof(config_path), "%s/conf", folder);
}

static void remove_folder(void)
{
    unlink(nodes_path);
    unlink(config_path);
    realip_scratch_remove(folder);
}

static char *read_file(const char *path, size_t *size_r)
{
    FILE *file = fopen(path, "r");
    char *bytes = malloc(1U << 16);

    ck_assert_msg(file != NULL && bytes != NULL, "%s is not there", path);
    *size_r = fread(bytes, 1, (1U << 16) - 1, file);
    bytes[*size_r] = '\0';
    fclose(file);
    return bytes;
}

/* What one reading of a file gave. */
struct reading {
    int result;
    struct realip_network_list list;
    struct realip_problems problems;
    struct realip_problems warnings;
    struct realip_arena arena;
};

static struct reading read_nodes(const char *path, bool pods)
{
    struct reading reading = { .result = 0 };

    reading.result = realip_kubernetes_nodes_read("infrastructure", path, named_at, pods, &reading.arena, &reading.list,
                                                  &reading.problems, &reading.warnings);
    ck_assert_int_eq(reading.result == 0, reading.problems.count == 0);
    ck_assert(reading.result == 0 || reading.list.count == 0);
    return reading;
}

static void free_reading(struct reading *reading)
{
    realip_network_list_clear(&reading->list);
    realip_problems_clear(&reading->problems);
    realip_problems_clear(&reading->warnings);
    realip_arena_clear(&reading->arena);
}

/* ---- lists as they are printed -------------------------------------------------------------------------------------- */

static const char *const lists[] = { "kubeadm-calico", "k3s-flannel", "dual-stack", "cilium", "api-node-list" };
#define LISTS (int)(sizeof(lists) / sizeof(lists[0]))

static void vector_path(char *path, size_t size, const char *name, const char *ending)
{
    snprintf(path, size, "%s/kubernetes_nodes/%s.%s", REALIP_VECTORS, name, ending);
}

/* The line of `expected` that a network and its origin make, or NULL. */
static const char *find_line(const char *expected, const char *path, const struct realip_network *network,
                             const struct realip_origin *origin)
{
    char text[REALIP_NETWORK_TEXT_SIZE];
    char line[512];

    ck_assert_int_eq(strncmp(origin->file, path, strlen(path)), 0);
    ck_assert_int_eq(origin->file[strlen(path)], '[');
    const char *name = origin->file + strlen(path) + 1;
    snprintf(line, sizeof(line), "\n%.*s %s\n", (int)strcspn(name, "]"), name, realip_network_format(network, text));
    return strstr(expected, line);
}

START_TEST(lists_are_read_whole)
{
    char path[4096];
    char expected[4096] = "\n";
    bool seen[64] = { false };
    unsigned wanted = 0;
    unsigned found = 0;
    size_t size;

    vector_path(path, sizeof(path), lists[_i], "networks");
    char *text = read_file(path, &size);
    snprintf(expected + 1, sizeof(expected) - 1, "%s", text);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        wanted++;
    free(text);
    vector_path(path, sizeof(path), lists[_i], "json");
    struct reading reading = read_nodes(path, true);
    ck_assert_msg(reading.result == 0, "%s", reading.problems.text);
    for (size_t i = 0; i < reading.list.count; i++) {
        const char *line = find_line(expected, path, &reading.list.entries[i].network, &reading.list.origins[i]);
        unsigned number = 0;

        ck_assert_msg(line != NULL, "%s: network %zu of %s is not expected", lists[_i], i, reading.list.origins[i].file);
        ck_assert_uint_eq(reading.list.entries[i].label, i);
        for (const char *at = expected; at < line; at++)
            number += *at == '\n';
        found += !seen[number];
        seen[number] = true;
    }
    ck_assert_msg(found == wanted, "%s: %u of %u networks", lists[_i], found, wanted);
    free_reading(&reading);
}
END_TEST

START_TEST(an_origin_is_where_its_node_begins)
{
    char path[4096];
    size_t size;

    vector_path(path, sizeof(path), "k3s-flannel", "json");
    char *text = read_file(path, &size);
    struct reading reading = read_nodes(path, true);
    for (size_t i = 0; i < reading.list.count; i++) {
        const char *at = text;

        for (unsigned line = 1; line < reading.list.origins[i].line; line++)
            at = strchr(at, '\n') + 1;
        ck_assert_int_eq(strncmp(at, "        {\n", 10), 0);
        /* the node's own name comes before the next node's */
        const char *name = strchr(reading.list.origins[i].file + strlen(path), '[') + 1;
        const char *there = strstr(at, "\"name\": \"");
        ck_assert_int_eq(strncmp(there + 9, name, strcspn(name, "]")), 0);
    }
    free(text);
    free_reading(&reading);
}
END_TEST

START_TEST(pods_are_left_out_where_trust_is_given)
{
    char path[4096];

    for (int list = 0; list < LISTS; list++) {
        vector_path(path, sizeof(path), lists[list], "json");
        struct reading reading = read_nodes(path, false);
        ck_assert_int_eq(reading.result, 0);
        ck_assert_uint_gt(reading.list.count, 0);
        for (size_t i = 0; i < reading.list.count; i++) {
            const struct realip_network *network = &reading.list.entries[i].network;

            ck_assert_uint_eq(network->prefix, network->address.family == REALIP_FAMILY_IPV4 ? 32 : 128);
        }
        free_reading(&reading);
    }
}
END_TEST

START_TEST(a_node_that_is_joining_is_told)
{
    char path[4096];

    vector_path(path, sizeof(path), "api-node-list", "json");
    struct reading reading = read_nodes(path, true);
    ck_assert_uint_eq(reading.warnings.count, 1);
    ck_assert_ptr_nonnull(strstr(reading.warnings.text, "node joining tells no InternalIP"));
    free_reading(&reading);
}
END_TEST

/* ---- wrong ones ----------------------------------------------------------------------------------------------------- */

#define LIST(items) "{\"apiVersion\":\"v1\",\"items\":[" items "],\"kind\":\"List\",\"metadata\":{}}"
#define PAGE(metadata) "{\"apiVersion\":\"v1\",\"items\":[" NODE("a", "") "],\"kind\":\"NodeList\",\"metadata\":" metadata "}"
#define NODE(name, rest) "\n{\"kind\":\"Node\",\"metadata\":{\"name\":\"" name "\"}" rest "}"
#define ADDRESS(text) ",\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"" text "\"}]}"
#define ANNOTATED(annotations) "\n{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\",\"annotations\":" annotations "}}"

static const struct wrong {
    const char *text;
    const char *place; /* behind the file's name */
    const char *words;
} wrong[] = {
    { "", ":1: ", "the file is empty" },
    { " \n", ":2: ", "the file ends in the middle" },
    { "\xef\xbb\xbf{}", ":1: ", "no JSON object" },
    { "[]", ":1: ", "no JSON object" },
    { "{}", ": ", "its kind is ''" },
    { "{\"kind\":\"List\",\"apiVersion\":\"v1\"}", ": ", "lists no node" },
    { LIST(""), ": ", "lists no node" },
    { LIST(NODE("a", "")) "\n{}", ":3: ", "something follows" },
    { LIST(NODE("a", "")) ",", ":2: ", "something follows" },
    { "{\"items\":[" NODE("a", "") "]}", ": ", "its kind is ''" },
    { "{\"items\":[" NODE("a", "") "],\"kind\":\"PodList\",\"apiVersion\":\"v1\"}", ": ", "its kind is 'PodList'" },
    { "{\"items\":[" NODE("a", "") "],\"kind\":\"List\"}", ": ", "its apiVersion is ''" },
    { "{\"items\":[" NODE("a", "") "],\"kind\":\"List\",\"apiVersion\":\"v2\"}", ": ", "its apiVersion is 'v2'" },
    { "{\"items\":[" NODE("a", "") "],\"kind\":\"List\",\n\"kind\":\"List\"}", ":3: ", "a second 'kind'" },
    { "{\"items\":[" NODE("a", "") "],\n\"items\":[]}", ":3: ", "a second 'items'" },
    { "{\"items\":[" NODE("a", "") "],\"kind\":7}", ":2: ", "'kind' is no text" },
    { "{\"items\":[" NODE("a", "") "],\"apiVersion\":\"\"}", ":2: ", "'apiVersion' is no text" },
    { "{\"items\":{}}", ":1: ", "no JSON array" },
    { "{\"items\":null}", ":1: ", "no JSON array" },
    { "{\"items\" []}", ":1: ", "a colon is missing" },
    { "{\"items\":[] \"kind\"}", ":1: ", "a comma is missing" },
    { "{items:[]}", ":1: ", "a member's name is missing" },
    { "{\"kind\":\"List\",}", ":1: ", "a member's name is missing" },
    { "{\"\\ud800\":1}", ":1: ", "it is no JSON" },
    { "{\"metadata\":nul}", ":1: ", "it is no JSON" },
    { "{\"metadata\":]}", ":1: ", "it is no JSON" },
    { "{\"metadata\":{\"a\":1,\n\"a\":2}}", ":2: ", "it is no JSON: duplicate" },
    { "{\"items\":[" NODE("a", "") " " NODE("b", "") "]}", ":3: ", "a comma is missing" },
    { "{\"items\":[" NODE("a", "") ",]}", ":2: ", "it is no JSON" },
    { "{\"items\":[\n{\"kind\":\n\"Node\",\n,}]}", ":4: ", "it is no JSON" },
    { "{\"items\":[\n{\"kind\":\"Node\"", ":2: ", "the file ends in the middle" },
    { "{\"items\":[", ":1: ", "the file ends in the middle" },
    { "{\"items\":[\"\\", ":1: ", "the file ends in the middle" },
    { LIST("\n{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}"), ":2: ", "an item of kind 'Pod'" },
    { LIST("\n{\"kind\":[],\"metadata\":{\"name\":\"a\"}}"), ":2: ", "an item of kind '?'" },
    { LIST("\n7"), ":2: ", "an item that is no node" },
    { PAGE("{\"continue\":\"eyJ2\"}"), ":2: ", "one page of a list" },
    { PAGE("{\"remainingItemCount\":3}"), ":2: ", "one page of a list" },
    { LIST("\n{\"metadata\":{\"name\":\"a\"}}"), ":2: ", "does not say of which kind" },
    { LIST("\n{\"kind\":\"Node\"}"), ":2: ", "metadata.name is no name" },
    { LIST("\n{\"kind\":\"Node\",\"metadata\":[]}"), ":2: ", "metadata.name is no name" },
    { LIST("\n{\"kind\":\"Node\",\"metadata\":{\"name\":null}}"), ":2: ", "metadata.name is no name" },
    { LIST(NODE("", "")), ":2: ", "metadata.name is no name" },
    { LIST(NODE("a b", "")), ":2: ", "metadata.name is no name" },
    { LIST(NODE("a]", "")), ":2: ", "metadata.name is no name" },
    { LIST(NODE("a\\n", "")), ":2: ", "metadata.name is no name" },
    { LIST(NODE("b", "") "," NODE("a", "") "," NODE("b", "")), ":4: ", "[b] stands in line 2" },
    { LIST(NODE("a", ",\"status\":[]")), ":2: ", "node a: status is no object" },
    { LIST(NODE("a", ",\"status\":null")), ":2: ", "node a: status is no object" },
    { LIST(NODE("a", ",\"status\":{\"addresses\":{}}")), ":2: ", "node a: status.addresses is no array" },
    { LIST(NODE("a", ",\"status\":{\"addresses\":[7]}")), ":2: ", "node a: status.addresses[0] is no object" },
    { LIST(NODE("a", ",\"status\":{\"addresses\":[{}]}")), ":2: ", "status.addresses[0] has no type or no address" },
    { LIST(NODE("a", ",\"status\":{\"addresses\":[{\"type\":1,\"address\":\"10.0.0.1\"}]}")), ":2: ", "status.addresses[0].type is no text" },
    { LIST(NODE("a", ",\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":false}]}")), ":2: ", "status.addresses[0].address is no text" },
    { LIST(NODE("a", ADDRESS("10.0.0.300"))), ":2: ", "node a: status.addresses[0].address '10.0.0.300': " },
    { LIST(NODE("a", ADDRESS("10.0.0.1/24"))), ":2: ", "status.addresses[0].address '10.0.0.1/24': " },
    { LIST(NODE("a", ADDRESS(""))), ":2: ", "status.addresses[0].address '': " },
    { LIST(NODE("a", ADDRESS("fe80::1%eth0"))), ":2: ", "status.addresses[0].address 'fe80::1%eth0': " },
    { LIST(NODE("a", ADDRESS("127.0.0.1"))), ":2: ", "an address that no node can have" },
    { LIST(NODE("a", ADDRESS("::ffff:127.0.0.1"))), ":2: ", "an address that no node can have" },
    { LIST(NODE("a", ADDRESS("0.0.0.0"))), ":2: ", "an address that no node can have" },
    { LIST(NODE("a", ADDRESS("ff02::1"))), ":2: ", "an address that no node can have" },
    { LIST(NODE("a", ",\"spec\":7")), ":2: ", "node a: spec is no object" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDR\":[]}")), ":2: ", "node a: spec.podCIDR is no text" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDR\":\"\"}")), ":2: ", "node a: spec.podCIDR '': " },
    { LIST(NODE("a", ",\"spec\":{\"podCIDR\":\"10.0.0.0/7\"}")), ":2: ", "too wide" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDRs\":\"10.0.0.0/24\"}")), ":2: ", "node a: spec.podCIDRs is no array" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\",7]}")), ":2: ", "node a: spec.podCIDRs[1] is no text" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\",\"fd00::/31\"]}")), ":2: ", "node a: spec.podCIDRs[1] 'fd00::/31': too wide" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDRs\":[\"0.0.0.0/0\"]}")), ":2: ", "too wide" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDRs\":[\"127.1.0.0/16\"]}")), ":2: ", "a network that no pod can have" },
    { LIST(NODE("a", ",\"spec\":{\"podCIDRs\":[\"10.0.0.0/33\"]}")), ":2: ", "node a: spec.podCIDRs[0] '10.0.0.0/33': " },
    { LIST(ANNOTATED("[]")), ":2: ", "node a: metadata.annotations is no object" },
    { LIST(ANNOTATED("{\"flannel.alpha.coreos.com/public-ip\":7}")), ":2: ", "annotation flannel.alpha.coreos.com/public-ip is no text" },
    { LIST(ANNOTATED("{\"flannel.alpha.coreos.com/public-ip\":\"x\"}")), ":2: ", "annotation flannel.alpha.coreos.com/public-ip 'x': " },
    { LIST(ANNOTATED("{\"projectcalico.org/IPv4IPIPTunnelAddr\":\"10.0.0.1/32\"}")), ":2: ", "IPv4IPIPTunnelAddr '10.0.0.1/32': " },
    { LIST(ANNOTATED("{\"projectcalico.org/IPv4VXLANTunnelAddr\":\"::\"}")), ":2: ", "an address that no node can have" },
    { LIST(ANNOTATED("{\"projectcalico.org/IPv4Address\":\"10.0.0.1/33\"}")), ":2: ", "IPv4Address '10.0.0.1/33': " },
    { LIST(ANNOTATED("{\"projectcalico.org/IPv6Address\":\"10.0.0.1/x\"}")), ":2: ", "IPv6Address '10.0.0.1/x': " },
    { LIST(ANNOTATED("{\"network.cilium.io/ipv4-cilium-host\":\"10.0.0\"}")), ":2: ", "ipv4-cilium-host '10.0.0': " },
    { LIST(ANNOTATED("{\"io.cilium.network.ipv4-pod-cidr\":\"10.0.0.0/4\"}")), ":2: ", "ipv4-pod-cidr '10.0.0.0/4': too wide" },
    { LIST(ANNOTATED("{\"k3s.io/internal-ip\":\"10.0.0.1,\"}")), ":2: ", "annotation k3s.io/internal-ip '': " },
    { LIST(ANNOTATED("{\"k3s.io/internal-ip\":\"10.0.0.1, 10.0.0.2\"}")), ":2: ", "annotation k3s.io/internal-ip ' 10.0.0.2': " },
};

static void check_refused(const char *text, size_t size, const char *place, const char *words)
{
    char at[96];

    realip_scratch_write(nodes_path, text, size);
    struct reading reading = read_nodes(nodes_path, true);
    ck_assert_msg(reading.result == -1, "taken: %.200s", text);
    snprintf(at, sizeof(at), "%s%s", nodes_path, place);
    ck_assert_msg(strncmp(reading.problems.text, at, strlen(at)) == 0, "%.200s: %s", text, reading.problems.text);
    ck_assert_msg(strstr(reading.problems.text, words) != NULL, "%.200s: %s", text, reading.problems.text);
    /* ... and what would be right */
    ck_assert_msg(strstr(reading.problems.text, "; ") != NULL, "%s", reading.problems.text);
    free_reading(&reading);
}

START_TEST(what_is_wrong_is_told)
{
    check_refused(wrong[_i].text, strlen(wrong[_i].text), wrong[_i].place, wrong[_i].words);
}
END_TEST

START_TEST(no_part_of_a_list_is_taken_for_it)
{
    char path[4096];
    size_t size;

    vector_path(path, sizeof(path), "k3s-flannel", "json");
    char *text = read_file(path, &size);
    size_t whole = size - 1; /* the last byte ends the last line */
    for (size_t length = 0; length < whole; length++)
        check_refused(text, length, ":", length == 0 ? "the file is empty" : "the file ends in the middle");
    realip_scratch_write(nodes_path, text, whole);
    struct reading reading = read_nodes(nodes_path, true);
    ck_assert_int_eq(reading.result, 0);
    free_reading(&reading);
    free(text);
}
END_TEST

START_TEST(every_wrong_value_is_told_and_nothing_is_added)
{
    static const char text[] = LIST(NODE("a", ADDRESS("x")) "," NODE("b", ADDRESS("10.0.0.1")) "," NODE("c", ADDRESS("y")));
    const struct realip_network other = { { 0, 0x0a000001, REALIP_FAMILY_IPV4 }, 32 };
    struct realip_network_list list = { 0 };
    struct realip_problems problems = { 0 };
    struct realip_problems warnings = { 0 };
    struct realip_arena arena = { 0 };

    realip_scratch_write(nodes_path, text, strlen(text));
    ck_assert_int_eq(realip_network_list_add(&list, &other, named_at), 0);
    ck_assert_int_eq(realip_kubernetes_nodes_read("infrastructure", nodes_path, named_at, true, &arena, &list, &problems,
                                                  &warnings), -1);
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_uint_eq(list.count, 1);
    realip_network_list_clear(&list);
    realip_problems_clear(&problems);
    realip_problems_clear(&warnings);
    realip_arena_clear(&arena);
}
END_TEST

START_TEST(texts_may_hold_quotes_and_brackets)
{
    static const char *const texts[] = {
        LIST(ANNOTATED("{\"note\":\"\\\"}]\",\"k3s.io/internal-ip\":\"10.0.0.1\"}")),
        LIST(ANNOTATED("{\"note\":\"[{\\\\\",\"k3s.io/internal-ip\":\"10.0.0.1\"}")),
        ("{\"metadata\":\"\\\",\",\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"a\"},"
         "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"}]}}]}"),
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        realip_scratch_write(nodes_path, texts[i], strlen(texts[i]));
        struct reading reading = read_nodes(nodes_path, true);

        ck_assert_msg(reading.result == 0, "%s: %s", texts[i], reading.problems.text);
        ck_assert_uint_eq(reading.list.count, 1);
        free_reading(&reading);
    }
}
END_TEST

START_TEST(an_address_that_clients_may_share_is_not_taken)
{
    static const struct {
        const char *annotations;
        unsigned count;
    } rows[] = {
        { "\"flannel.alpha.coreos.com/public-ip\":\"10.0.0.2\"", 2 },
        { "\"flannel.alpha.coreos.com/public-ip\":\"198.51.100.7\"", 1 },
        { "\"flannel.alpha.coreos.com/public-ipv6\":\"2001:db8:0::7\"", 1 },
        { "\"flannel.alpha.coreos.com/public-ip\":\"198.51.100.8\",\"flannel.alpha.coreos.com/public-ip-overwrite\":\"198.51.100.8\"", 1 },
        { "\"flannel.alpha.coreos.com/public-ipv6\":\"2001:db8::8\",\"flannel.alpha.coreos.com/public-ip-overwrite\":\"198.51.100.8\"", 2 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];

        snprintf(text, sizeof(text), LIST("{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\",\"annotations\":{%s}},\"status\":{\"addresses\":["
                 "{\"type\":\"ExternalIP\",\"address\":\"198.51.100.7\"},{\"type\":\"ExternalIP\",\"address\":\"2001:db8::7\"},"
                 "{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"}]}}"), rows[i].annotations);
        realip_scratch_write(nodes_path, text, strlen(text));
        struct reading reading = read_nodes(nodes_path, true);

        ck_assert_msg(reading.result == 0, "%s: %s", text, reading.problems.text);
        ck_assert_msg(reading.list.count == rows[i].count, "%s: %zu", rows[i].annotations, reading.list.count);
        free_reading(&reading);
    }
}
END_TEST

START_TEST(files_that_are_none_are_told_where_they_are_named)
{
    static const char *const paths[] = { "/nowhere/nodes.json", "/dev/zero", "/tmp" };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct reading reading = read_nodes(paths[i], true);

        ck_assert_int_eq(reading.result, -1);
        ck_assert_int_eq(strncmp(reading.problems.text, "mail-realip.conf:7: networks infrastructure: cannot read '", 58), 0);
        free_reading(&reading);
    }
}
END_TEST

/* ---- sizes ---------------------------------------------------------------------------------------------------------- */

static struct reading read_many(unsigned count)
{
    FILE *file = fopen(nodes_path, "w");

    ck_assert_ptr_nonnull(file);
    fputs("{\"apiVersion\":\"v1\",\"items\":[", file);
    for (unsigned i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ",", file);
        fprintf(file, "{\"kind\":\"Node\",\"metadata\":{\"name\":\"node-%u\"}", i);
        if (i < 10000)
            fprintf(file, ",\"spec\":{\"podCIDR\":\"10.%u.%u.0/24\"}" ADDRESS("172.16.%u.%u"), i / 250, i % 250, i / 250, i % 250);
        fputs("}\n", file);
    }
    fputs("],\"kind\":\"List\"}", file);
    fclose(file);
    return read_nodes(nodes_path, true);
}

START_TEST(five_thousand_nodes_are_read)
{
    struct reading reading = read_many(5000);

    ck_assert_msg(reading.result == 0, "%s", reading.problems.text);
    ck_assert_uint_eq(reading.list.count, 10000);
    ck_assert_uint_eq(reading.list.origins[9999].line, 5000);
    free_reading(&reading);
}
END_TEST

static void check_size(const char *begin, const char *part, unsigned times, const char *end, const char *words)
{
    size_t size = strlen(begin) + strlen(part) * times + strlen(end);
    char *text = malloc(size + 1);

    ck_assert_ptr_nonnull(text);
    char *at = text + sprintf(text, "%s", begin);
    for (unsigned i = 0; i < times; i++) {
        memcpy(at, part, strlen(part));
        at += strlen(part);
    }
    strcpy(at, end);
    realip_scratch_write(nodes_path, text, size);
    free(text);
    struct reading reading = read_nodes(nodes_path, true);
    if (words == NULL)
        ck_assert_msg(reading.result == 0, "%s", reading.problems.text);
    else
        ck_assert_msg(reading.result == -1 && strstr(reading.problems.text, words) != NULL, "%s", reading.problems.text);
    free_reading(&reading);
}

START_TEST(absurd_sizes_are_refused)
{
    static const char begin[] = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"},"
                                "\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\"";
    static const char deep[] = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"},\"x\":";
    static const char named[] = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"";

    check_size(begin, ",\"10.0.1.0/24\"", 255, "]}}]}", NULL);
    check_size(begin, ",\"10.0.1.0/24\"", 256, "]}}]}", "more than 256 addresses");
    check_size(deep, " ", REALIP_JSON_STREAM_MOST_VALUE - 47, "7}]}", NULL);
    check_size(deep, " ", REALIP_JSON_STREAM_MOST_VALUE, "7}]}", "a value of more than 2 MiB");
    check_size(deep, "[", 100000, "", "the file ends in the middle");
    check_size(deep, "[", REALIP_JSON_STREAM_MOST_VALUE, "", "a value of more than 2 MiB");
    check_size(named, "a", 253, "\"}}]}", NULL);
    check_size(named, "a", 254, "\"}}]}", "is no name of a node");
}
END_TEST

START_TEST(a_file_of_a_disks_size_is_not_even_begun)
{
    realip_scratch_write(nodes_path, " ", 1);
    ck_assert_int_eq(truncate(nodes_path, (1LL << 30) + 1), 0);
    struct reading reading = read_nodes(nodes_path, true);
    ck_assert_int_eq(reading.result, -1);
    ck_assert_ptr_nonnull(strstr(reading.problems.text, "is larger than 1 GiB"));
    free_reading(&reading);
}
END_TEST

START_TEST(more_nodes_than_a_cluster_has_are_refused)
{
    struct reading reading = read_many(100001);

    ck_assert_int_eq(reading.result, -1);
    ck_assert_ptr_nonnull(strstr(reading.problems.text, "more than 100000 nodes"));
    free_reading(&reading);
}
END_TEST

/* ---- in a configuration --------------------------------------------------------------------------------------------- */

static void write_config(const char *set)
{
    char text[256];

    snprintf(text, sizeof(text), "mode = enforce\nnetworks %s { kubernetes-nodes = \"%s\" }\n", set, nodes_path);
    realip_scratch_write(config_path, text, strlen(text));
}

static struct realip_verdict judge(struct realip_snapshots *snapshots, uint32_t client)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(snapshots);
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD, .stage = REALIP_STAGE_MAIL,
                                  .peer_state = REALIP_PEER_UNATTESTED, .client = { 0, client, REALIP_FAMILY_IPV4 } };
    struct realip_verdict verdict;

    realip_decide(&realip_snapshot_config(snapshot)->rules, &facts, &verdict);
    verdict.rule.file = NULL; /* it lives as long as the snapshot */
    realip_snapshot_release(&snapshot);
    return verdict;
}

START_TEST(a_reload_takes_the_new_nodes_and_keeps_the_last_good_ones)
{
    static const char old[] = LIST(NODE("a", ADDRESS("172.16.0.1")));
    static const char fresh[] = LIST(NODE("a", ADDRESS("172.16.0.1")) "," NODE("b", ADDRESS("172.16.0.2")));
    struct realip_metrics *metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    struct realip_snapshots *snapshots;
    struct realip_problems problems = { 0 };

    write_config("infrastructure");
    ck_assert_int_eq(realip_snapshots_open(config_path, metrics, &snapshots, &problems), -1);
    realip_problems_clear(&problems);
    realip_scratch_write(nodes_path, old, strlen(old));
    ck_assert_int_eq(realip_snapshots_open(config_path, metrics, &snapshots, &problems), 0);
    ck_assert_int_eq(judge(snapshots, 0xac100001).reason, REALIP_REASON_INFRASTRUCTURE);
    ck_assert_int_eq(judge(snapshots, 0xac100002).reason, REALIP_REASON_REAL);
    realip_scratch_write(nodes_path, fresh, strlen(fresh));
    ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), 0);
    ck_assert_int_eq(judge(snapshots, 0xac100002).reason, REALIP_REASON_INFRASTRUCTURE);
    for (int kind = 0; kind < 4; kind++) {
        static const char *const broken[] = { "", LIST(""), LIST(NODE("a", ADDRESS("x"))), NULL };

        if (broken[kind] == NULL)
            unlink(nodes_path);
        else
            realip_scratch_write(nodes_path, broken[kind], strlen(broken[kind]));
        ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), 0);
        ck_assert_uint_eq(problems.count, 0);
        ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 1);
        ck_assert_int_eq(judge(snapshots, 0xac100001).reason, REALIP_REASON_INFRASTRUCTURE);
        ck_assert_int_eq(judge(snapshots, 0xac100002).reason, REALIP_REASON_INFRASTRUCTURE);
        ck_assert_int_eq(judge(snapshots, 0xac100003).reason, REALIP_REASON_REAL);
    }
    realip_scratch_write(nodes_path, old, strlen(old));
    ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), 0);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
    ck_assert_int_eq(judge(snapshots, 0xac100001).reason, REALIP_REASON_INFRASTRUCTURE);
    ck_assert_int_eq(judge(snapshots, 0xac100002).reason, REALIP_REASON_REAL);
    realip_snapshots_free(&snapshots);
    realip_metrics_free(&metrics);
}
END_TEST

START_TEST(nodes_are_listed_on_purpose)
{
    static const char text[] = LIST(NODE("a", ADDRESS("172.16.0.1") ",\"spec\":{\"podCIDR\":\"10.42.0.0/24\"}"));
    const struct realip_address node = { 0, 0xac100001, REALIP_FAMILY_IPV4 };
    const struct realip_address pod = { 0, 0x0a2a0001, REALIP_FAMILY_IPV4 };
    struct realip_problems problems = { 0 };
    struct realip_config *config;

    realip_scratch_write(nodes_path, text, strlen(text));
    write_config("infrastructure");
    ck_assert_msg(realip_config_load(config_path, &config, &problems) == 0, "%s", problems.text);
    ck_assert(realip_network_set_contains(config->rules.sets[REALIP_SET_LISTED_INFRASTRUCTURE], &node));
    ck_assert(realip_network_set_contains(config->rules.sets[REALIP_SET_INFRASTRUCTURE], &pod));
    realip_config_free(&config);
    write_config("proxies");
    ck_assert_msg(realip_config_load(config_path, &config, &problems) == 0, "%s", problems.text);
    ck_assert(realip_network_set_contains(config->rules.sets[REALIP_SET_PROXIES], &node));
    ck_assert(!realip_network_set_contains(config->rules.sets[REALIP_SET_PROXIES], &pod));
    realip_config_free(&config);
}
END_TEST

Suite *realip_kubernetes_nodes_suite(void)
{
    Suite *suite = suite_create("kubernetes nodes");
    TCase *tests = tcase_create("kubernetes nodes");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_loop_test(tests, lists_are_read_whole, 0, LISTS);
    tcase_add_test(tests, an_origin_is_where_its_node_begins);
    tcase_add_test(tests, pods_are_left_out_where_trust_is_given);
    tcase_add_test(tests, a_node_that_is_joining_is_told);
    tcase_add_loop_test(tests, what_is_wrong_is_told, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(tests, no_part_of_a_list_is_taken_for_it);
    tcase_add_test(tests, every_wrong_value_is_told_and_nothing_is_added);
    tcase_add_test(tests, texts_may_hold_quotes_and_brackets);
    tcase_add_test(tests, an_address_that_clients_may_share_is_not_taken);
    tcase_add_test(tests, files_that_are_none_are_told_where_they_are_named);
    tcase_add_test(tests, five_thousand_nodes_are_read);
    tcase_add_test(tests, absurd_sizes_are_refused);
    tcase_add_test(tests, a_file_of_a_disks_size_is_not_even_begun);
    tcase_add_test(tests, more_nodes_than_a_cluster_has_are_refused);
    tcase_add_test(tests, a_reload_takes_the_new_nodes_and_keeps_the_last_good_ones);
    tcase_add_test(tests, nodes_are_listed_on_purpose);
    suite_add_tcase(suite, tests);
    return suite;
}
