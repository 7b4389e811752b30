#include "kubernetes_nodes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json_stream.h"

#define PRINT_ANEW "print it anew with `kubectl get nodes -o json`"
#define MOST_BYTES (1LL << 30) /* 5,000 nodes with all their images make a tenth of it */
#define MOST_NODES 100000U
#define MOST_NETWORKS 256U /* of one node */
#define NAME_SIZE 254      /* RFC 1123 section 2.1, and what Kubernetes makes of it */

/* One file while it is read. */
struct reader {
    const char *set;
    const char *path; /* in the arena */
    bool pods;
    struct realip_arena *arena;
    struct realip_problems *problems;
    struct realip_problems *warnings;
    struct realip_json_stream json;
    struct realip_network_list found;
    struct realip_origin *nodes; /* of all that were read */
    unsigned node_count;
    unsigned node_room;
    bool has_items;
    char kind[64];
    char version[16];
    unsigned kindless_line; /* of a node that says nothing of its kind, as those of a NodeList; 0: there is none */
    /* The node at hand. */
    const json_t *node;
    char name[NAME_SIZE];
    struct realip_origin origin;
    unsigned line;
    size_t networks;
};

static int __attribute__((format(printf, 3, 4))) add_problem(struct reader *reader, unsigned line, const char *format, ...)
{
    char what[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    realip_problems_add(reader->problems, (struct realip_origin){ reader->path, line }, "networks %s: %s", reader->set, what);
    return -1;
}

static int add_out_of_memory(struct reader *reader)
{
    return add_problem(reader, 0, "out of memory");
}

static int add_json_problem(struct reader *reader)
{
    return add_problem(reader, reader->json.line, "%s; " PRINT_ANEW " into another file, and rename it",
                       reader->json.problem);
}

/* ---- one value ------------------------------------------------------------------------------------------------------ */

static int add_network(struct reader *reader, const struct realip_network *network)
{
    if (reader->networks++ == MOST_NETWORKS)
        return add_problem(reader, reader->line, "node %s: more than %u addresses and networks: no node has as many; " PRINT_ANEW,
                           reader->name, MOST_NETWORKS);
    if (realip_network_list_add(&reader->found, network, reader->origin) < 0)
        return add_out_of_memory(reader);
    return 0;
}

/* `where` names the value: "status.addresses[0].address". */
static int add_bad_value(struct reader *reader, const char *where, const char *text, const char *reason, const char *wanted)
{
    return add_problem(reader, reader->line, "node %s: %s '%.80s': %s; %s is wanted, mend the node", reader->name, where,
                       text, reason, wanted);
}

static int add_address(struct reader *reader, const char *where, const char *text, size_t length)
{
    static const char wanted[] = "an address such as 10.0.20.11";
    struct realip_network network = { .prefix = 32 };
    const char *reason = "";

    if (realip_address_parse(text, length, &network.address, &reason) < 0)
        return add_bad_value(reader, where, text, reason, wanted);
    if (realip_address_is_loopback(&network.address) || realip_address_is_unusable(&network.address))
        return add_bad_value(reader, where, text, "an address that no node can have", wanted);
    if (network.address.family == REALIP_FAMILY_IPV6)
        network.prefix = 128;
    return add_network(reader, &network);
}

static int add_one_address(struct reader *reader, const char *where, const char *text)
{
    return add_address(reader, where, text, strlen(text));
}

/* "10.0.20.11,fd00:20::11" */
static int add_addresses(struct reader *reader, const char *where, const char *text)
{
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");

        if (add_address(reader, where, at, length) < 0)
            return -1;
        at += length;
        if (*at == '\0')
            return 0;
    }
}

/* Kubernetes lets a node's network have bits behind its prefix (10.244.1.7/24); what it means is clear. */
static int parse_network(const char *text, struct realip_network *network_r, const char **reason_r)
{
    if (realip_network_parse(text, strlen(text), network_r, reason_r) == 0)
        return 0;
    return network_r->address.family == REALIP_FAMILY_NONE ? -1 : 0;
}

/* A node's address, written with the prefix of the network that it lies in. */
static int add_host(struct reader *reader, const char *where, const char *text)
{
    struct realip_network network;
    const char *reason = "";

    if (parse_network(text, &network, &reason) < 0)
        return add_bad_value(reader, where, text, reason, "an address such as 10.0.20.11/24");
    return add_address(reader, where, text, strcspn(text, "/"));
}

static int add_pods(struct reader *reader, const char *where, const char *text)
{
    static const char wanted[] = "a network such as 10.244.1.0/24";
    struct realip_network network;
    const char *reason = "";

    if (parse_network(text, &network, &reason) < 0)
        return add_bad_value(reader, where, text, reason, wanted);
    if (network.prefix < (network.address.family == REALIP_FAMILY_IPV4 ? 8 : 32))
        return add_bad_value(reader, where, text, "too wide for one node's pods", wanted);
    if (realip_address_is_loopback(&network.address) || realip_address_is_unusable(&network.address))
        return add_bad_value(reader, where, text, "a network that no pod can have", wanted);
    return reader->pods ? add_network(reader, &network) : 0;
}

/* ---- one node ------------------------------------------------------------------------------------------------------- */

/* Of the three types that are asked for. */
static const char *type_name(json_type type)
{
    return type == JSON_OBJECT ? "object" : type == JSON_ARRAY ? "array" : "text";
}

static int check_type(struct reader *reader, const json_t *value, const char *where, json_type type)
{
    if (json_typeof(value) == type)
        return 0;
    return add_problem(reader, reader->line, "node %s: %s is no %s; " PRINT_ANEW, reader->name, where, type_name(type));
}

/* A member that may be left out: 0 and *value_r, which is NULL then; or -1 where it has another type. */
static int get_member(struct reader *reader, const json_t *object, const char *where, const char *key, json_type type,
                      json_t **value_r)
{
    char place[160];

    *value_r = json_object_get(object, key);
    if (*value_r == NULL)
        return 0;
    snprintf(place, sizeof(place), "%s%s", where, key);
    return check_type(reader, *value_r, place, type);
}

/* Is it the address of a NAT in front of the node, which clients may share? */
static bool is_external(const json_t *node, const struct realip_address *address)
{
    const json_t *all = json_object_get(json_object_get(node, "status"), "addresses");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *type = json_object_get(json_array_get(all, i), "type");
        const json_t *value = json_object_get(json_array_get(all, i), "address");
        struct realip_address external;
        const char *reason;

        if (json_is_string(type) && json_is_string(value) && strcmp(json_string_value(type), "ExternalIP") == 0
            && realip_address_parse(json_string_value(value), json_string_length(value), &external, &reason) == 0
            && realip_address_equal(&external, address))
            return true;
    }
    return false;
}

/* By what address other nodes find this one: its own; or, where an administrator has said so, that of a NAT. */
static int add_tunnel_end(struct reader *reader, const char *where, const char *text)
{
    const json_t *annotated = json_object_get(json_object_get(reader->node, "metadata"), "annotations");
    struct realip_address address;
    const char *reason;
    char key[64];

    snprintf(key, sizeof(key), "%s-overwrite", strrchr(where, ' ') + 1);
    if (realip_address_parse(text, strlen(text), &address, &reason) == 0
        && (json_object_get(annotated, key) != NULL || is_external(reader->node, &address)))
        return 0;
    return add_one_address(reader, where, text);
}

static const struct annotation {
    const char *key;
    int (*add)(struct reader *reader, const char *where, const char *text);
} annotations[] = {
    { "flannel.alpha.coreos.com/public-ip", add_tunnel_end },
    { "flannel.alpha.coreos.com/public-ipv6", add_tunnel_end },
    { "projectcalico.org/IPv4Address", add_host },
    { "projectcalico.org/IPv6Address", add_host },
    { "projectcalico.org/IPv4IPIPTunnelAddr", add_one_address },
    { "projectcalico.org/IPv4VXLANTunnelAddr", add_one_address },
    { "projectcalico.org/IPv6VXLANTunnelAddr", add_one_address },
    { "projectcalico.org/IPv4WireguardInterfaceAddr", add_one_address },
    { "projectcalico.org/IPv6WireguardInterfaceAddr", add_one_address },
    /* Cilium up to 1.12, and since then */
    { "io.cilium.network.ipv4-cilium-host", add_one_address },
    { "io.cilium.network.ipv6-cilium-host", add_one_address },
    { "io.cilium.network.ipv4-Ingress-ip", add_one_address },
    { "io.cilium.network.ipv6-Ingress-ip", add_one_address },
    { "io.cilium.network.ipv4-pod-cidr", add_pods },
    { "io.cilium.network.ipv6-pod-cidr", add_pods },
    { "network.cilium.io/ipv4-cilium-host", add_one_address },
    { "network.cilium.io/ipv6-cilium-host", add_one_address },
    { "network.cilium.io/ipv4-Ingress-ip", add_one_address },
    { "network.cilium.io/ipv6-Ingress-ip", add_one_address },
    { "network.cilium.io/ipv4-pod-cidr", add_pods },
    { "network.cilium.io/ipv6-pod-cidr", add_pods },
    { "k3s.io/internal-ip", add_addresses },
    { "rke2.io/internal-ip", add_addresses },
};

static int read_annotation(struct reader *reader, const struct annotation *annotation, const char *text)
{
    char where[160];

    if (text[0] == '\0')
        return 0; /* a plugin that has no such address any more */
    snprintf(where, sizeof(where), "annotation %s", annotation->key);
    return annotation->add(reader, where, text);
}

static int read_annotations(struct reader *reader, const json_t *metadata)
{
    json_t *all;
    int result = 0;

    if (get_member(reader, metadata, "metadata.", "annotations", JSON_OBJECT, &all) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(annotations) / sizeof(annotations[0]); i++) {
        json_t *value;

        if (get_member(reader, all, "annotation ", annotations[i].key, JSON_STRING, &value) < 0
            || (value != NULL && read_annotation(reader, &annotations[i], json_string_value(value)) < 0))
            result = -1;
    }
    return result;
}

static int read_pod_networks(struct reader *reader, const json_t *node)
{
    json_t *spec;
    json_t *one;
    json_t *all;

    if (get_member(reader, node, "", "spec", JSON_OBJECT, &spec) < 0
        || get_member(reader, spec, "spec.", "podCIDR", JSON_STRING, &one) < 0
        || get_member(reader, spec, "spec.", "podCIDRs", JSON_ARRAY, &all) < 0)
        return -1;
    if (one != NULL && add_pods(reader, "spec.podCIDR", json_string_value(one)) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *value = json_array_get(all, i);
        char where[64];

        snprintf(where, sizeof(where), "spec.podCIDRs[%zu]", i);
        if (check_type(reader, value, where, JSON_STRING) < 0 || add_pods(reader, where, json_string_value(value)) < 0)
            return -1;
    }
    return 0;
}

/* One of status.addresses: 1 where it is an InternalIP. */
static int read_node_address(struct reader *reader, const json_t *value, size_t index)
{
    json_t *type;
    json_t *address;
    char where[64];
    char place[80];

    snprintf(place, sizeof(place), "status.addresses[%zu]", index);
    if (check_type(reader, value, place, JSON_OBJECT) < 0)
        return -1;
    snprintf(where, sizeof(where), "status.addresses[%zu].", index);
    if (get_member(reader, value, where, "type", JSON_STRING, &type) < 0
        || get_member(reader, value, where, "address", JSON_STRING, &address) < 0)
        return -1;
    if (type == NULL || address == NULL)
        return add_problem(reader, reader->line, "node %s: %s has no type or no address; " PRINT_ANEW, reader->name, place);
    if (strcmp(json_string_value(type), "InternalIP") != 0)
        return 0;
    snprintf(place, sizeof(place), "%saddress", where);
    return add_address(reader, place, json_string_value(address), json_string_length(address)) < 0 ? -1 : 1;
}

static int read_node_addresses(struct reader *reader, const json_t *node)
{
    json_t *status;
    json_t *all;
    bool any = false;

    if (get_member(reader, node, "", "status", JSON_OBJECT, &status) < 0
        || get_member(reader, status, "status.", "addresses", JSON_ARRAY, &all) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(all); i++) {
        int result = read_node_address(reader, json_array_get(all, i), i);

        if (result < 0)
            return -1;
        any = any || result > 0;
    }
    if (!any)
        realip_problems_add(reader->warnings, (struct realip_origin){ reader->path, reader->line },
                            "networks %s: node %s tells no InternalIP (yet)", reader->set, reader->name);
    return 0;
}

/* A DNS subdomain (RFC 1123): what is shown with it needs no quotes. */
static bool is_node_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.");

    return length > 0 && length < NAME_SIZE && name[length] == '\0';
}

static int note_node(struct reader *reader)
{
    if (reader->node_count == reader->node_room) {
        unsigned room = reader->node_room == 0 ? 64 : reader->node_room * 2;
        struct realip_origin *nodes = realloc(reader->nodes, room * sizeof(*nodes));

        if (nodes == NULL)
            return add_out_of_memory(reader);
        reader->nodes = nodes;
        reader->node_room = room;
    }
    reader->nodes[reader->node_count++] = reader->origin;
    return 0;
}

/* Makes `name` and `origin`, by which all else is told. */
static int name_node(struct reader *reader, const json_t *metadata)
{
    const json_t *name = json_object_get(metadata, "name");
    char text[4096 + NAME_SIZE];

    if (name == NULL || !json_is_string(name) || !is_node_name(json_string_value(name)))
        return add_problem(reader, reader->line, "a node whose metadata.name is no name of a node; " PRINT_ANEW);
    snprintf(reader->name, sizeof(reader->name), "%s", json_string_value(name));
    int length = snprintf(text, sizeof(text), "%s[%s]", reader->path, reader->name);
    reader->origin.file = realip_arena_copy(reader->arena, text,
                                            (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
    reader->origin.line = reader->line;
    return reader->origin.file == NULL ? add_out_of_memory(reader) : note_node(reader);
}

static int check_node_kind(struct reader *reader, const json_t *node)
{
    const json_t *kind = json_object_get(node, "kind");

    if (kind == NULL) {
        reader->kindless_line = reader->line;
        return 0;
    }
    if (json_is_string(kind) && strcmp(json_string_value(kind), "Node") == 0)
        return 0;
    return add_problem(reader, reader->line, "an item of kind '%.60s': only nodes are read here; " PRINT_ANEW,
                       json_is_string(kind) ? json_string_value(kind) : "?");
}

/* 0, also where a value of the node was wrong, which is noted: others may be, too. -1 where going on makes no sense. */
static int read_node(struct reader *reader, const json_t *node)
{
    const json_t *metadata;

    reader->line = reader->json.value_line;
    reader->node = node;
    reader->networks = 0;
    if (reader->node_count == MOST_NODES)
        return add_problem(reader, reader->line, "more than %u nodes: no cluster has as many; " PRINT_ANEW, MOST_NODES);
    if (!json_is_object(node))
        return add_problem(reader, reader->line, "an item that is no node; " PRINT_ANEW);
    if (check_node_kind(reader, node) < 0)
        return -1;
    metadata = json_object_get(node, "metadata");
    if (name_node(reader, metadata) < 0)
        return -1;
    (void)read_node_addresses(reader, node);
    (void)read_pod_networks(reader, node);
    (void)read_annotations(reader, metadata);
    return 0;
}

/* ---- the list ------------------------------------------------------------------------------------------------------- */

static int read_items(struct reader *reader)
{
    int result;

    if (reader->has_items)
        return add_problem(reader, reader->json.line, "a second 'items'; " PRINT_ANEW);
    reader->has_items = true;
    if (realip_json_stream_begin_array(&reader->json) < 0)
        return add_json_problem(reader);
    while ((result = realip_json_stream_item(&reader->json)) > 0) {
        json_t *node;

        if (realip_json_stream_value(&reader->json, &node) < 0)
            return add_json_problem(reader);
        result = read_node(reader, node);
        json_decref(node);
        if (result < 0)
            return -1;
    }
    return result < 0 ? add_json_problem(reader) : 0;
}

/* Reads the text of a member that may be there once. */
static int read_word(struct reader *reader, const char *member, char *word, size_t size)
{
    json_t *value;
    int result = 0;

    if (realip_json_stream_value(&reader->json, &value) < 0)
        return add_json_problem(reader);
    if (word[0] != '\0')
        result = add_problem(reader, reader->json.value_line, "a second '%s'; " PRINT_ANEW, member);
    else if (!json_is_string(value) || json_string_length(value) == 0)
        result = add_problem(reader, reader->json.value_line, "'%s' is no text; " PRINT_ANEW, member);
    else
        snprintf(word, size, "%s", json_string_value(value));
    json_decref(value);
    return result;
}

/* A page of a list, as the API gives it when it is asked for a limit, would hide the other nodes. */
static int check_whole(struct reader *reader, const json_t *metadata)
{
    const json_t *token = json_object_get(metadata, "continue");
    const json_t *rest = json_object_get(metadata, "remainingItemCount");

    if ((token == NULL || json_string_length(token) == 0) && (rest == NULL || json_integer_value(rest) == 0))
        return 0;
    return add_problem(reader, reader->json.value_line, "one page of a list, more nodes are to come; " PRINT_ANEW);
}

static int read_member(struct reader *reader, const char *name)
{
    json_t *value;
    int result;

    if (strcmp(name, "items") == 0)
        return read_items(reader);
    if (strcmp(name, "kind") == 0)
        return read_word(reader, name, reader->kind, sizeof(reader->kind));
    if (strcmp(name, "apiVersion") == 0)
        return read_word(reader, name, reader->version, sizeof(reader->version));
    if (realip_json_stream_value(&reader->json, &value) < 0)
        return add_json_problem(reader);
    result = strcmp(name, "metadata") == 0 ? check_whole(reader, value) : 0;
    json_decref(value);
    return result;
}

static int read_members(struct reader *reader)
{
    char name[32];
    int result;

    if (realip_json_stream_begin_object(&reader->json) < 0)
        return add_json_problem(reader);
    while ((result = realip_json_stream_member(&reader->json, name, sizeof(name))) > 0) {
        if (read_member(reader, name) < 0)
            return -1;
    }
    if (result < 0 || realip_json_stream_end(&reader->json) < 0)
        return add_json_problem(reader);
    return 0;
}

static int compare_origins(const void *a_void, const void *b_void)
{
    const struct realip_origin *a = a_void;
    const struct realip_origin *b = b_void;
    int order = strcmp(a->file, b->file);

    return order != 0 ? order : a->line < b->line ? -1 : a->line > b->line;
}

static int check_twins(struct reader *reader)
{
    int result = 0;

    if (reader->node_count > 0)
        qsort(reader->nodes, reader->node_count, sizeof(reader->nodes[0]), compare_origins);
    for (unsigned i = 1; i < reader->node_count; i++) {
        const struct realip_origin *earlier = &reader->nodes[i - 1];

        if (strcmp(earlier->file, reader->nodes[i].file) == 0)
            result = add_problem(reader, reader->nodes[i].line, "%s stands in line %u, too; " PRINT_ANEW, earlier->file,
                                 earlier->line);
    }
    return result;
}

/* kubectl prints `kind` behind the items, so that it is known last. */
static int check_list(struct reader *reader)
{
    bool is_node_list = strcmp(reader->kind, "NodeList") == 0;

    if (strcmp(reader->kind, "List") != 0 && !is_node_list)
        return add_problem(reader, 0, "its kind is '%s', a list of nodes is wanted; " PRINT_ANEW, reader->kind);
    if (strcmp(reader->version, "v1") != 0)
        return add_problem(reader, 0, "its apiVersion is '%s', only v1 is known; " PRINT_ANEW, reader->version);
    if (reader->kindless_line > 0 && !is_node_list)
        return add_problem(reader, reader->kindless_line, "an item that does not say of which kind it is; " PRINT_ANEW);
    if (reader->node_count == 0)
        return add_problem(reader, 0, "it lists no node: a cluster has some; " PRINT_ANEW ", with the right to list nodes");
    return check_twins(reader);
}

static int check_size(struct reader *reader, FILE *file)
{
    struct stat status;

    if (fstat(fileno(file), &status) == 0 && status.st_size > MOST_BYTES)
        return add_problem(reader, 0, "is larger than 1 GiB: no list of nodes is; " PRINT_ANEW);
    return 0;
}

/* All or nothing. */
static int hand_over(struct reader *reader, struct realip_network_list *list)
{
    size_t before = list->count;

    for (size_t i = 0; i < reader->found.count; i++) {
        if (realip_network_list_add(list, &reader->found.entries[i].network, reader->found.origins[i]) < 0) {
            list->count = before;
            return add_out_of_memory(reader);
        }
    }
    return 0;
}

int realip_kubernetes_nodes_read(const char *set, const char *path, struct realip_origin named_at, bool pods,
                                 struct realip_arena *arena, struct realip_network_list *list,
                                 struct realip_problems *problems, struct realip_problems *warnings)
{
    struct reader reader = { .set = set, .pods = pods, .arena = arena, .problems = problems, .warnings = warnings };
    size_t before = problems->count;
    FILE *file = realip_network_source_open(path);

    if (file == NULL) {
        realip_problems_add(problems, named_at,
                            "networks %s: cannot read '%s': %s; write it with `kubectl get nodes -o json`, or take it out of "
                            "kubernetes-nodes",
                            set, path, strerror(errno));
        return -1;
    }
    reader.path = realip_arena_copy(arena, path, strlen(path));
    if (reader.path == NULL) {
        realip_problems_add(problems, named_at, "networks %s: out of memory", set);
    } else {
        realip_json_stream_init(&reader.json, file);
        if (check_size(&reader, file) == 0 && read_members(&reader) == 0 && check_list(&reader) == 0 && problems->count == before)
            (void)hand_over(&reader, list);
        realip_json_stream_clear(&reader.json);
    }
    realip_network_list_clear(&reader.found);
    free(reader.nodes);
    fclose(file);
    return problems->count == before ? 0 : -1;
}
