/* realipctl check: reads the configuration and says what is wrong in it. */
#include <stdio.h>
#include <string.h>

#include "runtime/config.h"
#include "subcommand.h"

static void print_counts(const struct realip_config *config)
{
    const struct realip_rules *rules = &config->rules;

    printf("%s: ok: %zu listeners, networks:", config->path, rules->listener_count);
    for (unsigned set = 0; set < REALIP_SET_CONFIGURED_COUNT; set++)
        printf(" %s %zu", realip_set_token((enum realip_set)set), realip_network_set_count(rules->sets[set]));
    printf(", mode %s\n", realip_mode_token(rules->fallback.mode));
}

int realip_check_main(const char *config_path, int argc, char **argv)
{
    struct realip_config *config;

    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;

        fputs("usage: realipctl [-c FILE] check\n"
              "Exit status: 0 right (warnings may be printed), 78 wrong.\n",
              help ? stdout : stderr);
        return help ? 0 : REALIP_EXIT_USAGE;
    }
    int result = realip_subcommand_load(config_path, &config);

    if (result != 0)
        return result;
    print_counts(config);
    realip_config_free(&config);
    return 0;
}
