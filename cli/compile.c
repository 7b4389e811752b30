/* realipctl compile: publishes the rules as one file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/compiled.h"
#include "subcommand.h"
#include "usage.h"

static const char usage[]
    = "examples:\n"
      "  realipctl compile\n"
      "  realipctl -c ./mail-realip.conf compile -o /run/mail-realip/rules\n"
      "usage: realipctl [-c FILE] compile [-o FILE]\n"
      "  -o FILE   the file to replace (default: compiled = FILE of the configuration, else " REALIP_COMPILED_DEFAULT_PATH ")\n"
      "Exit status: 0 written, 1 not written, 64 wrong arguments, 78 wrong configuration.\n";

/* 0 to go on; 1 for --help; -1 for wrong arguments. Its one option is a short one, which the others have not. */
static int read_options(int argc, char **argv, const char **path_r)
{
    static const char *const words[] = { "-o FILE", "--help" };

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return 1;
        if (strcmp(argv[i], "-o") != 0) {
            realip_usage_unknown("compile", "option", argv[i], words, sizeof(words) / sizeof(words[0]));
            return -1;
        }
        if (i + 1 == argc) {
            realip_usage_wrong("compile", "-o needs a file behind it");
            return -1;
        }
        *path_r = argv[++i];
    }
    return 0;
}

int realip_compile_main(const char *config_path, int argc, char **argv)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config;
    const char *path = NULL;
    int result = read_options(argc, argv, &path);

    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    result = realip_subcommand_load(config_path, &config);
    if (result != 0)
        return result;
    if (path == NULL)
        path = config->compiled != NULL ? config->compiled : REALIP_COMPILED_DEFAULT_PATH;
    if (realip_compiled_publish(config, path, &problems) < 0) {
        fputs(problems.text != NULL ? problems.text : "out of memory\n", stderr);
        result = EXIT_FAILURE;
    }
    realip_problems_clear(&problems);
    realip_config_free(&config);
    return result;
}
