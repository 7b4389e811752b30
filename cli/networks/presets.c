#include <stdlib.h>

#include "networks.h"
#include "runtime/network_preset.h"
#include "terminal.h"

static json_t *pools_json(const struct realip_network_preset *preset)
{
    json_t *pools = json_array();

    for (unsigned i = 0; i < REALIP_NETWORK_PRESET_MOST_POOLS && preset->pools[i].cidr != NULL; i++) {
        char text[REALIP_NETWORK_PRESET_POOL_SIZE];

        json_array_append_new(pools, json_string(realip_network_preset_pool_text(&preset->pools[i], text)));
    }
    return pools;
}

static json_t *presets_json(void)
{
    json_t *all = json_array();
    const struct realip_network_preset *preset;

    for (size_t i = 0; (preset = realip_network_preset_at(i)) != NULL; i++)
        json_array_append_new(all, json_pack("{s:s, s:o, s:s, s:s?, s:s, s:s?, s:b, s:b}", "name", preset->name, "networks", pools_json(preset),
                                             "what", preset->what, "beware", preset->beware, "documented", preset->source, "instead",
                                             preset->instead, "probers", preset->has_probes, "local-clients", preset->on_purpose));
    return all;
}

static void print_preset(const struct realip_network_preset *preset, const struct realip_terminal *terminal)
{
    char text[REALIP_NETWORK_PRESET_POOL_SIZE];

    printf("%s%s%s\n", realip_terminal_style(terminal, REALIP_STYLE_STRONG), preset->name, realip_terminal_style(terminal, REALIP_STYLE_NONE));
    for (unsigned i = 0; i < REALIP_NETWORK_PRESET_MOST_POOLS && preset->pools[i].cidr != NULL; i++)
        printf("%s%s", i == 0 ? "  holds:      " : ", ", realip_network_preset_pool_text(&preset->pools[i], text));
    if (preset->instead == NULL)
        putchar('\n');
    printf("  what:       %s\n", preset->what);
    if (preset->beware != NULL)
        printf("  beware:     %s\n", preset->beware);
    if (preset->instead != NULL)
        printf("  no preset:  %s\n", preset->instead);
    if (preset->has_probes)
        printf("  also in:    networks probers\n");
    printf("  documented: %s\n", preset->source);
}

int realip_networks_print_presets(bool json)
{
    struct realip_terminal terminal = realip_terminal_of(stdout);
    const struct realip_network_preset *preset;

    if (json)
        return realip_networks_print_json(presets_json());
    for (size_t i = 0; (preset = realip_network_preset_at(i)) != NULL; i++)
        print_preset(preset, &terminal);
    return fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
