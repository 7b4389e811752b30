/* realipctl check: reads the configuration and says what is wrong in it. */
#include <stdio.h>

#include "runtime/config.h"
#include "subcommand.h"
#include "usage.h"

static const char usage[]
    = "examples:\n"
      "  realipctl check\n"
      "  realipctl -c ./mail-realip.conf check && systemctl reload realip-policyd\n"
      "usage: realipctl [-c FILE] check\n"
      "Says how many listeners and networks there are, or every error with file, line and mend.\n"
      "Exit status: 0 right (warnings may be printed), 64 wrong arguments, 78 wrong configuration.\n";

static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

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
    int code;

    optind = 1;
    while ((code = realip_usage_option("check", argc, argv, options)) != -1) {
        fputs(code == 'h' ? usage : "", stdout);
        return code == 'h' ? 0 : REALIP_EXIT_USAGE;
    }
    if (optind < argc)
        return realip_usage_wrong("check", "'%.60s' is one word too many (another file is told with realipctl -c FILE check)",
                                  argv[optind]);
    int result = realip_subcommand_load(config_path, &config);

    if (result != 0)
        return result;
    print_counts(config);
    realip_config_free(&config);
    return 0;
}
