#include "export_networks.h"

#include <errno.h>

int realip_export_networks(const struct realip_rules *rules, unsigned sets, struct realip_ranges *ranges_r)
{
    *ranges_r = (struct realip_ranges){ 0 };
    for (unsigned number = 0; number < REALIP_SET_CONFIGURED_COUNT; number++) {
        const struct realip_network_set *set = rules->sets[number];

        for (size_t i = 0; (sets & 1U << number) != 0 && i < realip_network_set_count(set); i++) {
            if (realip_ranges_add(ranges_r, &realip_network_set_entry(set, i)->network) < 0) {
                realip_ranges_clear(ranges_r);
                errno = ENOMEM;
                return -1;
            }
        }
    }
    realip_ranges_merge(ranges_r);
    return 0;
}

int realip_export_networks_without(const struct realip_rules *rules, unsigned sets, unsigned other_sets, struct realip_ranges *ranges_r)
{
    struct realip_ranges all;
    struct realip_ranges others = { 0 };

    *ranges_r = (struct realip_ranges){ 0 };
    if (realip_export_networks(rules, sets, &all) < 0)
        return -1;
    int result = realip_export_networks(rules, other_sets, &others);
    if (result == 0)
        result = realip_ranges_subtract(&all, &others, ranges_r);
    realip_ranges_clear(&all);
    realip_ranges_clear(&others);
    return result;
}

int realip_export_networks_print(const struct realip_rules *rules, unsigned sets, FILE *out,
                                 void (*print)(FILE *out, const struct realip_network *network))
{
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    struct realip_ranges ranges;

    if (realip_export_networks(rules, sets, &ranges) < 0)
        return -1;
    while (realip_ranges_next(&ranges, &cursor, &network))
        print(out, &network);
    realip_ranges_clear(&ranges);
    return 0;
}

void realip_export_networks_line(FILE *out, const struct realip_network *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];

    fprintf(out, "%s\n", realip_network_format(network, text));
}

static bool is_everybody(const struct realip_range *range)
{
    const struct realip_address *last = &range->last;

    if (range->first.hi != 0 || range->first.lo != 0)
        return false;
    return last->family == REALIP_FAMILY_IPV4 ? last->lo == UINT32_MAX : last->hi == UINT64_MAX && last->lo == UINT64_MAX;
}

int realip_export_networks_refuse_everybody(const struct realip_config *config, unsigned sets, const char *effect)
{
    struct realip_ranges ranges;
    bool found = false;

    if (realip_export_networks(&config->rules, sets, &ranges) < 0)
        return 0; /* whoever writes it meets the same */
    for (size_t i = 0; i < ranges.count && !found; i++) {
        found = is_everybody(&ranges.rows[i]);
        if (found)
            fprintf(stderr, "%s: the networks to be written hold every %s address: %s; list the hosts that are meant\n", config->path,
                    ranges.rows[i].first.family == REALIP_FAMILY_IPV4 ? "IPv4" : "IPv6", effect);
    }
    realip_ranges_clear(&ranges);
    return found ? REALIP_EXIT_CONFIG : 0;
}
