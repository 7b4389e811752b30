#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "endpoint.h"
#include "host_networks.h"
#include "name_pattern.h"
#include "network_preset.h"
#include "network_source.h"
#include "sources.h"
#include "stamp.h"

/* One file while it is given its meaning. */
struct reader {
    struct realip_config *config;
    const struct realip_config_file *file;
    struct realip_problems *problems;
    struct realip_sources *sources; /* NULL: nothing is kept of them */
    struct realip_network_list networks[REALIP_SET_COUNT];
};

static void problem_out_of_memory(struct reader *reader)
{
    realip_problems_add(reader->problems, (struct realip_origin){ reader->config->path, 0 }, "out of memory");
}

/* Memory of the configuration's lifetime; says so itself when there is none. */
static void *allocate(struct reader *reader, size_t count, size_t size)
{
    void *memory = realip_arena_alloc(&reader->config->arena, (count == 0 ? 1 : count) * size);

    if (memory == NULL)
        problem_out_of_memory(reader);
    return memory;
}

struct word {
    const char *token;
    int value;
};

/* Reads one of a few words; leaves *value_r alone when the key is not there. Returns the value's place or NULL. */
static const struct realip_config_value *read_word(struct reader *reader, const struct realip_config_block *block,
                                                   const char *key, const struct word *words, int *value_r)
{
    const struct realip_config_value *value = realip_config_value_at(block, key, 0);
    char known[256] = "";

    if (value == NULL)
        return NULL;
    for (const struct word *word = words; word->token != NULL; word++) {
        if (strcmp(word->token, value->text) == 0) {
            *value_r = word->value;
            return value;
        }
        if (word != words)
            strncat(known, word[1].token == NULL ? " or " : ", ", sizeof(known) - strlen(known) - 1);
        strncat(known, word->token, sizeof(known) - strlen(known) - 1);
    }
    realip_problems_add(reader->problems, value->origin, "%s = '%s': it is %s", key, value->text, known);
    return NULL;
}

static bool read_bool(struct reader *reader, const struct realip_config_block *block, const char *key, bool otherwise)
{
    static const struct word words[] = { { "true", 1 }, { "false", 0 }, { "yes", 1 },  { "no", 0 },
                                         { "on", 1 },   { "off", 0 },   { NULL, 0 } };
    int value = otherwise ? 1 : 0;

    read_word(reader, block, key, words, &value);
    return value != 0;
}

static unsigned read_number(struct reader *reader, const struct realip_config_block *block, const char *key,
                            unsigned otherwise, unsigned least, unsigned most)
{
    const struct realip_config_value *value = realip_config_value_at(block, key, 0);
    char *end;

    if (value == NULL)
        return otherwise;
    errno = 0;
    unsigned long number = strtoul(value->text, &end, 10);
    if (errno != 0 || *end != '\0' || value->text[0] < '0' || value->text[0] > '9' || number < least || number > most) {
        realip_problems_add(reader->problems, value->origin, "%s = '%s': it is a number of %u to %u", key, value->text,
                            least, most);
        return otherwise;
    }
    return (unsigned)number;
}

static void read_actions(struct reader *reader, const struct realip_config_block *block,
                         enum realip_action actions[REALIP_REASON_COUNT])
{
    static const struct word words[] = { { "pass", REALIP_ACTION_PASS },
                                         { "flag", REALIP_ACTION_FLAG },
                                         { "no-relay", REALIP_ACTION_NO_RELAY },
                                         { "quarantine", REALIP_ACTION_QUARANTINE },
                                         { "defer", REALIP_ACTION_DEFER },
                                         { "reject", REALIP_ACTION_REJECT },
                                         { NULL, 0 } };

    if (block == NULL)
        return;
    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++) {
        enum realip_reason reason = (enum realip_reason)i;
        const char *token = realip_reason_token(reason);
        const struct realip_config_value *value = realip_config_value_at(block, token, 0);
        int action = (int)actions[i];

        if (value == NULL)
            continue;
        if (!realip_reason_is_problem(reason))
            realip_problems_add(reader->problems, value->origin,
                                "'%s' always passes and takes no action; only problem reasons do: take the line out",
                                token);
        else if (read_word(reader, block, token, words, &action) != NULL)
            actions[i] = (enum realip_action)action;
    }
}

/* What a listener block and the top level have in common. */
static void read_listener_settings(struct reader *reader, const struct realip_config_block *block,
                                   struct realip_listener *listener)
{
    static const struct word proxy_words[] = { { "required", REALIP_PROXY_REQUIRED },
                                               { "optional", REALIP_PROXY_OPTIONAL },
                                               { "forbidden", REALIP_PROXY_FORBIDDEN },
                                               { NULL, 0 } };
    static const struct word attest_words[] = { { "off", REALIP_ATTEST_OFF },
                                                { "available", REALIP_ATTEST_AVAILABLE },
                                                { "required", REALIP_ATTEST_REQUIRED },
                                                { NULL, 0 } };
    static const struct word mode_words[] = { { "monitor", REALIP_MODE_MONITOR },
                                              { "protect", REALIP_MODE_PROTECT },
                                              { "enforce", REALIP_MODE_ENFORCE },
                                              { NULL, 0 } };
    const struct realip_config_value *value;
    int proxy = (int)listener->proxy;
    int attest = (int)listener->attest;
    int mode = (int)listener->mode;

    if ((value = read_word(reader, block, "proxy", proxy_words, &proxy)) != NULL)
        listener->proxy_origin = value->origin;
    if ((value = read_word(reader, block, "attest", attest_words, &attest)) != NULL)
        listener->attest_origin = value->origin;
    read_word(reader, block, "mode", mode_words, &mode);
    listener->proxy = (enum realip_proxy_need)proxy;
    listener->attest = (enum realip_attest_need)attest;
    listener->mode = (enum realip_mode)mode;
    listener->allow_internal = read_bool(reader, block, "allow-internal", listener->allow_internal);
    read_actions(reader, realip_config_block_at(block, "actions", 0), listener->actions);
}

static unsigned count_values(const struct realip_config_block *block, const char *key)
{
    unsigned count = 0;

    while (realip_config_value_at(block, key, count) != NULL)
        count++;
    return count;
}

/* Names are compared with what Postfix and Dovecot were told, and are labels of metrics. */
static void check_name(struct reader *reader, const char *name, struct realip_origin origin)
{
    bool good = name[0] != '\0';

    for (const char *c = name; *c != '\0'; c++)
        good = good && *c >= ' ' && *c <= '~';
    if (!good)
        realip_problems_add(reader->problems, origin, "'%s' is no name for a listener: use letters, digits and signs of ASCII",
                            name);
}

static void read_listener_names(struct reader *reader, const struct realip_config_block *block,
                                struct realip_listener *listener)
{
    unsigned count = count_values(block, "names");
    const char **names = allocate(reader, count, sizeof(*names));

    for (unsigned i = 0; names != NULL && i < count; i++) {
        const struct realip_config_value *value = realip_config_value_at(block, "names", i);

        check_name(reader, value->text, value->origin);
        names[i] = value->text;
    }
    listener->names = names;
    listener->name_count = names == NULL ? 0 : count;
}

static void read_listener_ports(struct reader *reader, const struct realip_config_block *block,
                                struct realip_listener *listener)
{
    unsigned count = count_values(block, "ports");
    uint16_t *ports = allocate(reader, count, sizeof(*ports));

    for (unsigned i = 0; ports != NULL && i < count; i++) {
        const struct realip_config_value *value = realip_config_value_at(block, "ports", i);
        char *end;
        unsigned long port = strtoul(value->text, &end, 10);

        if (*end != '\0' || value->text[0] < '0' || value->text[0] > '9' || port == 0 || port > 65535)
            realip_problems_add(reader->problems, value->origin, "ports: '%s': a port is a number of 1 to 65535",
                                value->text);
        else
            ports[i] = (uint16_t)port;
    }
    listener->ports = ports;
    listener->port_count = ports == NULL ? 0 : count;
}

/* Two blocks for one session: nobody could say which one judges it. */
static void check_listener_pair(struct reader *reader, const struct realip_listener *earlier,
                                const struct realip_listener *later, const struct realip_config_block *block)
{
    struct realip_origin origin = realip_config_block_origin(reader->file, "listener", block);

    if (realip_listener_has_name(earlier, later->title))
        realip_problems_add(reader->problems, origin,
                            "listener %s: its title is already a name of listener %s: rename one", later->title,
                            earlier->title);
    for (unsigned i = 0; i < later->name_count; i++) {
        if (realip_listener_has_name(earlier, later->names[i]))
            realip_problems_add(reader->problems, realip_config_value_at(block, "names", i)->origin,
                                "listener %s: the name '%s' already belongs to listener %s: keep it in one of them",
                                later->title, later->names[i], earlier->title);
    }
    for (unsigned i = 0; i < later->port_count; i++) {
        if (later->ports[i] != 0 && realip_listener_has_port(earlier, later->ports[i]))
            realip_problems_add(reader->problems, realip_config_value_at(block, "ports", i)->origin,
                                "listener %s: port %u already belongs to listener %s: keep it in one of them",
                                later->title, later->ports[i], earlier->title);
    }
}

static void check_port_count(struct reader *reader, const struct realip_listener *listeners, unsigned count)
{
    size_t ports = 0;

    for (unsigned i = 0; i < count; i++)
        ports += listeners[i].port_count;
    if (ports > REALIP_RULES_MAX_PORTS)
        realip_problems_add(reader->problems, (struct realip_origin){ reader->config->path, 0 },
                            "all listeners together name %zu ports: at most %d can be told apart; use names", ports,
                            REALIP_RULES_MAX_PORTS);
}

static void read_listeners(struct reader *reader, const struct realip_config_block *root)
{
    struct realip_rules *rules = &reader->config->rules;
    unsigned count = 0;

    while (realip_config_block_at(root, "listener", count) != NULL)
        count++;
    struct realip_listener *listeners = allocate(reader, count, sizeof(*listeners));
    for (unsigned i = 0; listeners != NULL && i < count; i++) {
        const struct realip_config_block *block = realip_config_block_at(root, "listener", i);
        const char *title = realip_config_block_title(block);

        listeners[i] = rules->fallback;
        listeners[i].title = realip_arena_copy(&reader->config->arena, title, strlen(title));
        if (listeners[i].title == NULL) {
            problem_out_of_memory(reader);
            return;
        }
        check_name(reader, title, realip_config_block_origin(reader->file, "listener", block));
        read_listener_names(reader, block, &listeners[i]);
        read_listener_ports(reader, block, &listeners[i]);
        read_listener_settings(reader, block, &listeners[i]);
        for (unsigned k = 0; k < i; k++)
            check_listener_pair(reader, &listeners[k], &listeners[i], block);
    }
    rules->listeners = listeners;
    rules->listener_count = listeners == NULL ? 0 : count;
    check_port_count(reader, listeners, listeners == NULL ? 0 : count);
}

/* Whatever a file lists on purpose counts for clients on this host too; `discover` and most presets do not. */
static void list_on_purpose(struct reader *reader, enum realip_set set, size_t from)
{
    const struct realip_network_list *list = &reader->networks[set];

    if (set != REALIP_SET_INFRASTRUCTURE)
        return;
    for (size_t i = from; i < list->count; i++) {
        if (realip_network_list_add(&reader->networks[REALIP_SET_LISTED_INFRASTRUCTURE], &list->entries[i].network,
                                    list->origins[i]) < 0)
            problem_out_of_memory(reader);
    }
}

static void read_presets(struct reader *reader, enum realip_set set, const struct realip_config_block *block)
{
    struct realip_network_list *list = &reader->networks[set];
    const struct realip_config_value *value;
    const struct realip_network_preset *preset;

    for (unsigned i = 0; (value = realip_config_value_at(block, "preset", i)) != NULL; i++) {
        size_t from = list->count;

        if (realip_network_preset_add(set, value->text, value->origin, &reader->config->arena, list, reader->problems, &preset) == 0
            && preset->on_purpose)
            list_on_purpose(reader, set, from);
    }
}

static void read_network_block(struct reader *reader, enum realip_set set, const struct realip_config_block *block)
{
    struct realip_network_list *list = &reader->networks[set];
    const char *name = realip_set_token(set);
    const struct realip_config_value *value;
    const struct realip_sources_target target = { &reader->config->arena, list, reader->problems, &reader->config->warnings };

    for (unsigned i = 0; (value = realip_config_value_at(block, "cidr", i)) != NULL; i++)
        realip_network_source_text(name, value->text, strlen(value->text), value->origin, list, reader->problems);
    for (unsigned i = 0; (value = realip_config_value_at(block, "files", i)) != NULL; i++)
        realip_sources_read_files(reader->sources, set, value->text, value->origin, &target);
    for (unsigned i = 0; (value = realip_config_value_at(block, "kubernetes-nodes", i)) != NULL; i++)
        realip_sources_read_nodes(reader->sources, set, value->text, value->origin, &target);
    list_on_purpose(reader, set, 0);
    if (read_bool(reader, block, "discover", false))
        realip_host_networks_discover(realip_config_value_at(block, "discover", 0)->origin, &reader->config->arena, list,
                                      reader->problems);
    read_presets(reader, set, block);
    for (unsigned i = 0; (value = realip_config_value_at(block, "client-names", i)) != NULL; i++) {
        if (set != REALIP_SET_INFRASTRUCTURE)
            realip_problems_add(reader->problems, value->origin,
                                "client-names belongs into networks infrastructure: a name is no ground for trust");
        else
            realip_name_pattern_add(&reader->config->client_names, value->text, value->origin, reader->problems);
    }
}

static void read_networks(struct reader *reader, const struct realip_config_block *root)
{
    const struct realip_config_block *block;

    for (unsigned i = 0; (block = realip_config_block_at(root, "networks", i)) != NULL; i++) {
        const char *title = realip_config_block_title(block);
        unsigned set = 0;

        while (set < REALIP_SET_CONFIGURED_COUNT && strcmp(realip_set_token((enum realip_set)set), title) != 0)
            set++;
        if (set == REALIP_SET_CONFIGURED_COUNT)
            realip_problems_add(reader->problems, realip_config_block_origin(reader->file, "networks", block),
                                "networks %s: no such set; there are infrastructure, proxies, internal, probers and relays",
                                title);
        else
            read_network_block(reader, (enum realip_set)set, block);
    }
}

static void check_catch_all(struct reader *reader, enum realip_set set)
{
    const struct realip_network_list *list = &reader->networks[set];

    for (size_t i = 0; i < list->count; i++) {
        char text[REALIP_NETWORK_TEXT_SIZE];

        if (list->entries[i].network.prefix <= (list->entries[i].network.address.family == REALIP_FAMILY_IPV4 ? 1 : 3))
            realip_problems_add(reader->problems, list->origins[i],
                                "networks %s: %s is (nearly) every address: anybody would be believed; list the hosts "
                                "themselves",
                                realip_set_token(set), realip_network_format(&list->entries[i].network, text));
    }
}

/* A client on this host is internal also when it forgot its header: a proxy here needs to be told apart. */
static void warn_of_local_proxies(struct reader *reader)
{
    const struct realip_network_list *proxies = &reader->networks[REALIP_SET_PROXIES];
    const struct realip_rules *rules = &reader->config->rules;

    for (size_t i = 0; i < proxies->count; i++) {
        const struct realip_address *address = &proxies->entries[i].network.address;
        char text[REALIP_NETWORK_TEXT_SIZE];

        if ((!realip_address_is_loopback(address) && !realip_network_set_contains(rules->sets[REALIP_SET_OWN], address))
            || realip_network_set_contains(rules->sets[REALIP_SET_LISTED_INFRASTRUCTURE], address))
            continue;
        realip_problems_add(&reader->config->warnings, proxies->origins[i],
                            "networks proxies: %s is this host: a session of its that forgot the PROXY header is internal; "
                            "list it in networks infrastructure too when only proxied sessions come from there",
                            realip_network_format(&proxies->entries[i].network, text));
    }
}

/* A host that speaks for others is no client, and the reverse: the same network can't be both. */
static void check_contradictions(struct reader *reader)
{
    const struct realip_network_list *proxies = &reader->networks[REALIP_SET_PROXIES];
    const struct realip_network_set *internal = reader->config->rules.sets[REALIP_SET_INTERNAL];

    check_catch_all(reader, REALIP_SET_PROXIES);
    check_catch_all(reader, REALIP_SET_INTERNAL);
    for (size_t i = 0; i < proxies->count; i++) {
        const struct realip_network *network = &proxies->entries[i].network;
        char text[REALIP_NETWORK_TEXT_SIZE];

        const struct realip_network_entry *entry = realip_network_set_find_exact(internal, network);
        if (entry == NULL)
            continue;
        const struct realip_origin *other = &reader->config->rules.origins[entry->label];
        realip_problems_add(reader->problems, proxies->origins[i],
                            "networks proxies: %s is also in networks internal (%s:%u): a host speaks for others or is a "
                            "client, take it out of one",
                            realip_network_format(network, text), other->file, other->line);
    }
}

/* Whoever comes through a NAT shows its address: a relay at the same one could be anybody, and its Received header too. */
static void check_relays(struct reader *reader)
{
    const struct realip_network_list *relays = &reader->networks[REALIP_SET_RELAYS];
    const struct realip_network_set *infrastructure = reader->config->rules.sets[REALIP_SET_INFRASTRUCTURE];

    check_catch_all(reader, REALIP_SET_RELAYS);
    for (size_t i = 0; i < relays->count; i++) {
        const struct realip_network *network = &relays->entries[i].network;
        const struct realip_network_entry *entry = realip_network_set_find_exact(infrastructure, network);
        char text[REALIP_NETWORK_TEXT_SIZE];

        if (entry == NULL)
            continue;
        const struct realip_origin *other = &reader->config->rules.origins[entry->label];
        realip_problems_add(reader->problems, relays->origins[i],
                            "networks relays: %s is also in networks infrastructure (%s:%u): behind a NAT's address anybody "
                            "could be the relay, take it out of one",
                            realip_network_format(network, text), other->file, other->line);
    }
}

/* Makes the sets; each label becomes an index into one list of origins. */
static void build_sets(struct reader *reader)
{
    struct realip_rules *rules = &reader->config->rules;
    size_t total = 0;

    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        total += reader->networks[set].count;
    struct realip_origin *origins = allocate(reader, total, sizeof(*origins));
    if (origins == NULL)
        return;
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++) {
        struct realip_network_list *list = &reader->networks[set];
        struct realip_origin at = { reader->config->path, 0 };
        const char *reason = "";

        reader->config->stamp = realip_stamp_networks(reader->config->stamp, list);
        for (size_t i = 0; i < list->count; i++) {
            list->entries[i].label = (uint32_t)rules->origin_count;
            origins[rules->origin_count++] = list->origins[i];
        }
        if (realip_network_set_build(list->entries, list->count, &rules->sets[set], &reason) < 0)
            realip_problems_add(reader->problems, at, "networks %s: %s", realip_set_token((enum realip_set)set), reason);
    }
    rules->origins = origins;
}

static void read_endpoint(struct reader *reader, const struct realip_config_value *value,
                          struct realip_endpoint *endpoint_r)
{
    const char *reason = "";

    if (realip_endpoint_parse(value->text, &reader->config->arena, endpoint_r, &reason) < 0)
        realip_problems_add(reader->problems, value->origin, "'%s' is no place to listen: %s", value->text, reason);
    endpoint_r->origin = value->origin;
}

static mode_t read_mode(struct reader *reader, const struct realip_config_block *block)
{
    const struct realip_config_value *value = realip_config_value_at(block, "socket-mode", 0);
    char *end;

    if (value == NULL)
        return 0660;
    unsigned long mode = strtoul(value->text, &end, 8);
    if (*end != '\0' || value->text[0] == '\0' || value->text[0] == '-' || mode > 0777) {
        realip_problems_add(reader->problems, value->origin, "socket-mode = '%s': it is an octal mode such as 0660",
                            value->text);
        return 0660;
    }
    return (mode_t)mode;
}

static void read_service(struct reader *reader, const struct realip_config_block *block, struct realip_service *service)
{
    unsigned count = count_values(block, "listen");
    struct realip_endpoint *listen = allocate(reader, count, sizeof(*listen));
    const struct realip_config_value *http = realip_config_value_at(block, "http", 0);
    const struct realip_config_value *group = realip_config_value_at(block, "socket-group", 0);

    for (unsigned i = 0; listen != NULL && i < count; i++)
        read_endpoint(reader, realip_config_value_at(block, "listen", i), &listen[i]);
    service->listen = listen;
    service->listen_count = listen == NULL ? 0 : count;
    if (http != NULL) {
        struct realip_endpoint *endpoint = allocate(reader, 1, sizeof(*endpoint));

        if (endpoint != NULL)
            read_endpoint(reader, http, endpoint);
        service->http = endpoint;
    }
    if (group != NULL) {
        service->socket_group = group->text;
        service->socket_group_origin = group->origin;
    }
    service->socket_mode = read_mode(reader, block);
}

/* It tells whether an address and a user may log in: for others than this host only with a token. */
static void read_auth_policy(struct reader *reader, const struct realip_config_block *policyd)
{
    const struct realip_config_value *value = realip_config_value_at(policyd, "auth-policy", 0);
    struct realip_config *config = reader->config;

    config->auth_policy_token = realip_config_value_at(policyd, "auth-policy-token", 0);
    if (value == NULL)
        return;
    struct realip_endpoint *endpoint = allocate(reader, 1, sizeof(*endpoint));
    if (endpoint == NULL)
        return;
    read_endpoint(reader, value, endpoint);
    config->auth_policy = endpoint;
    if (!realip_endpoint_is_local(endpoint) && config->auth_policy_token == NULL)
        realip_problems_add(reader->problems, value->origin,
                            "auth-policy = '%s' is open to other hosts: listen at 127.0.0.1 or a unix socket, or add "
                            "auth-policy-token = FILE",
                            value->text);
}

static void read_programs(struct reader *reader, const struct realip_config_block *root)
{
    static const struct word header_words[] = { { "all", REALIP_HEADER_ALL },
                                                { "flagged", REALIP_HEADER_FLAGGED },
                                                { "none", REALIP_HEADER_NONE },
                                                { NULL, 0 } };
    const struct realip_config_block *policyd = realip_config_block_at(root, "policyd", 0);
    const struct realip_config_block *milter = realip_config_block_at(root, "milter", 0);
    const struct realip_config_value *value;
    int header = REALIP_HEADER_ALL;

    reader->config->client_user = "postfix";
    if (policyd != NULL) {
        read_service(reader, policyd, &reader->config->policyd);
        read_auth_policy(reader, policyd);
        if ((value = realip_config_value_at(policyd, "client-user", 0)) != NULL)
            reader->config->client_user = value->text;
    }
    if (milter != NULL) {
        read_service(reader, milter, &reader->config->milter);
        read_word(reader, milter, "header", header_words, &header);
    }
    reader->config->milter_header = (enum realip_milter_header)header;
}

/* A file beside the store's place: of no use without it. */
static const char *read_store_file(struct reader *reader, const struct realip_config_block *block, const char *key, bool is_of_use,
                                   const char *why)
{
    const struct realip_config_value *value = realip_config_value_at(block, key, 0);

    if (value == NULL)
        return NULL;
    if (!is_of_use)
        realip_problems_add(reader->problems, value->origin, "%s is of no use: %s", key, why);
    else if (value->text[0] != '/')
        realip_problems_add(reader->problems, value->origin, "%s = '%s': write the file's whole path, from /", key, value->text);
    return value->text;
}

static void read_store(struct reader *reader, const struct realip_config_block *block, struct realip_suspicion *suspicion)
{
    const struct realip_config_value *value = realip_config_value_at(block, "store", 0);
    bool is_shared = value != NULL && strcmp(value->text, "memory") != 0;
    struct realip_store_place *place = allocate(reader, 1, sizeof(*place));
    const char *reason = "";

    if (place == NULL)
        return;
    *place = (struct realip_store_place){ .text = NULL };
    if (is_shared && realip_store_place_parse(value->text, &reader->config->arena, place, &reason) < 0)
        realip_problems_add(reader->problems, value->origin, "store = '%s': %s", value->text, reason);
    place->password_file = read_store_file(reader, block, "store-password-file", is_shared, "add store = \"redis://HOST:PORT/DATABASE\"");
    place->ca_file = read_store_file(reader, block, "store-ca-file", place->tls, "it is for store = \"rediss://HOST:PORT/DATABASE\"");
    if (place->user != NULL && place->password_file == NULL)
        realip_problems_add(reader->problems, value->origin, "store = '%s': a user needs a password: add store-password-file = FILE", value->text);
    if (is_shared) {
        place->origin = value->origin;
        suspicion->store = place;
    }
}

static void read_suspicion(struct reader *reader, const struct realip_config_block *root)
{
    static const struct word scope_words[] = { { "private", REALIP_SUSPICION_PRIVATE }, { "all", REALIP_SUSPICION_ALL }, { NULL, 0 } };
    const struct realip_config_block *block = realip_config_block_at(root, "suspicion", 0);
    struct realip_suspicion *suspicion = &reader->config->suspicion;
    int scope = REALIP_SUSPICION_PRIVATE;

    if (block == NULL)
        return;
    suspicion->configured = true;
    suspicion->origin = realip_config_block_origin(reader->file, "suspicion", block);
    suspicion->distinct_clients = read_number(reader, block, "distinct-clients", 20, 2, 1000000);
    suspicion->window = read_number(reader, block, "window", 3600, 60, 604800);
    read_word(reader, block, "scope", scope_words, &scope);
    suspicion->scope = (enum realip_suspicion_scope)scope;
    read_store(reader, block, suspicion);
    reader->config->rules.suspicion_origin = suspicion->origin;
}

static void read_top_level(struct reader *reader, const struct realip_config_block *root)
{
    static const struct word log_words[] = { { "stderr", REALIP_LOG_STDERR },
                                             { "journal", REALIP_LOG_STDERR }, /* journald reads standard error */
                                             { "syslog", REALIP_LOG_SYSLOG },
                                             { NULL, 0 } };
    const struct realip_config_value *user = realip_config_value_at(root, "user", 0);
    int log = REALIP_LOG_STDERR;

    read_listener_settings(reader, root, &reader->config->rules.fallback);
    read_word(reader, root, "log", log_words, &log);
    reader->config->log = (enum realip_log_target)log;
    reader->config->log_passes = read_bool(reader, root, "log-passes", false);
    const struct realip_config_value *compiled = realip_config_value_at(root, "compiled", 0);
    if (compiled != NULL) {
        reader->config->compiled = compiled->text;
        if (compiled->text[0] != '/')
            realip_problems_add(reader->problems, compiled->origin, "compiled = '%s': write the file's whole path, from /",
                                compiled->text);
    }
    if (user != NULL) {
        reader->config->user = user->text;
        reader->config->user_origin = user->origin;
    }
}

static void read_config(struct reader *reader)
{
    const struct realip_config_block *root = realip_config_file_root(reader->file);

    realip_listener_set_defaults(&reader->config->rules.fallback);
    read_top_level(reader, root);
    read_listeners(reader, root);
    read_networks(reader, root);
    realip_host_networks_own(&reader->networks[REALIP_SET_OWN], reader->problems);
    build_sets(reader);
    check_contradictions(reader);
    check_relays(reader);
    warn_of_local_proxies(reader);
    read_programs(reader, root);
    read_suspicion(reader, root);
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        realip_network_list_clear(&reader->networks[set]);
}

int realip_config_load(const char *path, struct realip_config **config_r, struct realip_problems *problems)
{
    return realip_config_load_sources(path, NULL, config_r, problems);
}

int realip_config_load_sources(const char *path, struct realip_sources *sources, struct realip_config **config_r,
                               struct realip_problems *problems)
{
    struct realip_config *config = calloc(1, sizeof(*config));
    struct realip_config_file *file = NULL;
    size_t before = problems->count;

    *config_r = NULL;
    if (config == NULL) {
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
        return -1;
    }
    config->free_client_names = realip_name_pattern_free;
    config->path = realip_arena_copy(&config->arena, path, strlen(path));
    if (config->path == NULL)
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
    else if (realip_config_file_read(path, &config->arena, problems, &file) == 0) {
        struct reader reader = { .config = config, .file = file, .problems = problems, .sources = sources };

        config->stamp = realip_stamp_text(0, realip_config_file_text(file));
        read_config(&reader);
        realip_config_file_free(&file);
    }
    if (problems->count > before) {
        realip_config_free(&config);
        return -1;
    }
    *config_r = config;
    return 0;
}
