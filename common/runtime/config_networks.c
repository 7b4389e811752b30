#include "config_networks.h"

#include <string.h>

#include "host_networks.h"
#include "name_pattern.h"
#include "network_preset.h"
#include "network_source.h"
#include "sources.h"
#include "stamp.h"

/* Whatever a file lists on purpose counts for clients on this host too; `discover` and most presets do not. */
static void list_on_purpose(struct realip_config_reader *reader, enum realip_set set, size_t from)
{
    const struct realip_network_list *list = &reader->networks[set];

    if (set != REALIP_SET_INFRASTRUCTURE)
        return;
    for (size_t i = from; i < list->count; i++) {
        if (realip_network_list_add(&reader->networks[REALIP_SET_LISTED_INFRASTRUCTURE], &list->entries[i].network,
                                    list->origins[i]) < 0)
            realip_config_reader_out_of_memory(reader);
    }
}

static void read_presets(struct realip_config_reader *reader, enum realip_set set,
                         const struct realip_config_block *block)
{
    struct realip_network_list *list = &reader->networks[set];
    const struct realip_config_value *value;
    const struct realip_network_preset *preset;

    for (unsigned i = 0; (value = realip_config_value_at(block, "preset", i)) != NULL; i++) {
        size_t from = list->count;

        if (realip_network_preset_add(set, value->text, value->origin, &reader->config->arena, list, reader->problems,
                                      &preset) == 0 &&
            preset->on_purpose)
            list_on_purpose(reader, set, from);
    }
}

static void read_network_block(struct realip_config_reader *reader, enum realip_set set,
                               const struct realip_config_block *block)
{
    struct realip_network_list *list = &reader->networks[set];
    const char *name = realip_set_token(set);
    const struct realip_config_value *value;
    const struct realip_sources_target target = { &reader->config->arena, list, reader->problems,
                                                  &reader->config->warnings };

    for (unsigned i = 0; (value = realip_config_value_at(block, "cidr", i)) != NULL; i++)
        realip_network_source_text(name, value->text, strlen(value->text), value->origin, list, reader->problems);
    for (unsigned i = 0; (value = realip_config_value_at(block, "files", i)) != NULL; i++)
        realip_sources_read_files(reader->sources, set, value->text, value->origin, &target);
    for (unsigned i = 0; (value = realip_config_value_at(block, "kubernetes-nodes", i)) != NULL; i++)
        realip_sources_read_nodes(reader->sources, set, value->text, value->origin, &target);
    list_on_purpose(reader, set, 0);
    if (realip_config_reader_bool(reader, block, "discover", false))
        realip_host_networks_discover(realip_config_value_at(block, "discover", 0)->origin, &reader->config->arena,
                                      list, reader->problems);
    read_presets(reader, set, block);
    for (unsigned i = 0; (value = realip_config_value_at(block, "client-names", i)) != NULL; i++) {
        if (set != REALIP_SET_INFRASTRUCTURE)
            realip_problems_add(reader->problems, value->origin,
                                "client-names belongs into networks infrastructure: a name is no ground for trust");
        else
            realip_name_pattern_add(&reader->config->client_names, value->text, value->origin, reader->problems);
    }
}

static void read_blocks(struct realip_config_reader *reader, const struct realip_config_block *root)
{
    const struct realip_config_block *block;

    for (unsigned i = 0; (block = realip_config_block_at(root, "networks", i)) != NULL; i++) {
        const char *title = realip_config_block_title(block);
        unsigned set = 0;

        while (set < REALIP_SET_CONFIGURED_COUNT && strcmp(realip_set_token((enum realip_set)set), title) != 0)
            set++;
        if (set == REALIP_SET_CONFIGURED_COUNT)
            realip_problems_add(
                reader->problems, realip_config_block_origin(reader->file, "networks", block),
                "networks %s: no such set; there are infrastructure, proxies, internal, probers and relays", title);
        else
            read_network_block(reader, (enum realip_set)set, block);
    }
}

/* The problem that was just added, which begins at `from`, is of a network at an index of a set: may a list have brought it? Beyond the first hundred, which
 * are told, nobody asks. */
static void blame(struct realip_config_reader *reader, enum realip_set set, size_t index, const struct realip_network *network, size_t from)
{
    if (reader->problems->length > from)
        realip_sources_blame(reader->sources, set, index, network, reader->problems->text + from);
}

/* Labels count through all sets, in their order. */
static size_t first_label(const struct realip_config_reader *reader, enum realip_set set)
{
    size_t first = 0;

    for (unsigned before = 0; before < (unsigned)set; before++)
        first += reader->networks[before].count;
    return first;
}

static void check_catch_all(struct realip_config_reader *reader, enum realip_set set)
{
    const struct realip_network_list *list = &reader->networks[set];

    for (size_t i = 0; i < list->count; i++) {
        const struct realip_network *network = &list->entries[i].network;
        size_t from = reader->problems->length;
        char text[REALIP_NETWORK_TEXT_SIZE];

        if (network->prefix > (network->address.family == REALIP_FAMILY_IPV4 ? 1 : 3))
            continue;
        realip_problems_add(reader->problems, list->origins[i],
                            "networks %s: %s is (nearly) every address: anybody would be believed; list the hosts "
                            "themselves",
                            realip_set_token(set), realip_network_format(network, text));
        blame(reader, set, i, network, from);
    }
}

/* A client on this host is internal also when it forgot its header: a proxy here needs to be told apart. */
static void warn_of_local_proxies(struct realip_config_reader *reader)
{
    const struct realip_network_list *proxies = &reader->networks[REALIP_SET_PROXIES];
    const struct realip_rules *rules = &reader->config->rules;

    for (size_t i = 0; i < proxies->count; i++) {
        const struct realip_address *address = &proxies->entries[i].network.address;
        char text[REALIP_NETWORK_TEXT_SIZE];

        if ((!realip_address_is_loopback(address) &&
             !realip_network_set_contains(rules->sets[REALIP_SET_OWN], address)) ||
            realip_network_set_contains(rules->sets[REALIP_SET_LISTED_INFRASTRUCTURE], address))
            continue;
        realip_problems_add(
            &reader->config->warnings, proxies->origins[i],
            "networks proxies: %s is this host: a session of its that forgot the PROXY header is internal; "
            "list it in networks infrastructure too when only proxied sessions come from there",
            realip_network_format(&proxies->entries[i].network, text));
    }
}

/* A host that speaks for others is no client, and the reverse: the same network can't be both. */
static void check_contradictions(struct realip_config_reader *reader)
{
    const struct realip_network_list *proxies = &reader->networks[REALIP_SET_PROXIES];
    const struct realip_network_set *internal = reader->config->rules.sets[REALIP_SET_INTERNAL];

    check_catch_all(reader, REALIP_SET_PROXIES);
    check_catch_all(reader, REALIP_SET_INTERNAL);
    for (size_t i = 0; i < proxies->count; i++) {
        const struct realip_network *network = &proxies->entries[i].network;
        size_t from = reader->problems->length;
        char text[REALIP_NETWORK_TEXT_SIZE];

        const struct realip_network_entry *entry = realip_network_set_find_exact(internal, network);
        if (entry == NULL)
            continue;
        const struct realip_origin *other = &reader->config->rules.origins[entry->label];
        realip_problems_add(
            reader->problems, proxies->origins[i],
            "networks proxies: %s is also in networks internal (%s:%u): a host speaks for others or is a "
            "client, take it out of one",
            realip_network_format(network, text), other->file, other->line);
        blame(reader, REALIP_SET_PROXIES, i, network, from);
        blame(reader, REALIP_SET_INTERNAL, entry->label - first_label(reader, REALIP_SET_INTERNAL), network, from);
    }
}

/* Whoever comes through a NAT shows its address: a relay at the same one could be anybody, and its Received header too.
 */
static void check_relays(struct realip_config_reader *reader)
{
    const struct realip_network_list *relays = &reader->networks[REALIP_SET_RELAYS];
    const struct realip_network_set *infrastructure = reader->config->rules.sets[REALIP_SET_INFRASTRUCTURE];

    check_catch_all(reader, REALIP_SET_RELAYS);
    for (size_t i = 0; i < relays->count; i++) {
        const struct realip_network *network = &relays->entries[i].network;
        const struct realip_network_entry *entry = realip_network_set_find_exact(infrastructure, network);
        size_t from = reader->problems->length;
        char text[REALIP_NETWORK_TEXT_SIZE];

        if (entry == NULL)
            continue;
        const struct realip_origin *other = &reader->config->rules.origins[entry->label];
        realip_problems_add(
            reader->problems, relays->origins[i],
            "networks relays: %s is also in networks infrastructure (%s:%u): behind a NAT's address anybody "
            "could be the relay, take it out of one",
            realip_network_format(network, text), other->file, other->line);
        blame(reader, REALIP_SET_RELAYS, i, network, from);
        blame(reader, REALIP_SET_INFRASTRUCTURE, entry->label - first_label(reader, REALIP_SET_INFRASTRUCTURE), network, from);
    }
}

/* Makes the sets; each label becomes an index into one list of origins. */
static void build_sets(struct realip_config_reader *reader)
{
    struct realip_rules *rules = &reader->config->rules;
    size_t total = 0;

    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        total += reader->networks[set].count;
    struct realip_origin *origins = realip_config_reader_allocate(reader, total, sizeof(*origins));
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
            realip_problems_add(reader->problems, at, "networks %s: %s", realip_set_token((enum realip_set)set),
                                reason);
    }
    rules->origins = origins;
}

void realip_config_networks_read(struct realip_config_reader *reader, const struct realip_config_block *root)
{
    read_blocks(reader, root);
    realip_host_networks_own(&reader->networks[REALIP_SET_OWN], reader->problems);
    build_sets(reader);
    check_contradictions(reader);
    check_relays(reader);
    warn_of_local_proxies(reader);
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        realip_network_list_clear(&reader->networks[set]);
}
