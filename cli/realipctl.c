/* realipctl: the operator's tool. Finds the subcommand and hands over. */
#include <stdio.h>
#include <string.h>

#include "realip-config.h"
#include "runtime/config.h"
#include "subcommand.h"

struct subcommand {
    const char *name;
    int (*run)(const char *config_path, int argc, char **argv);
    const char *help;
};

static const struct subcommand subcommands[] = {
    { "check", realip_check_main, "is the configuration right? every error with file, line and mend" },
    { "export", realip_export_main, "tell rspamd or SpamAssassin which addresses are not real" },
    { "compile", realip_compile_main, "publish the rules as one file, for hosts without realip-policyd" },
    { "explain", realip_explain_main, "how would a session be judged, and by which line?" },
    { "proxy-header", realip_proxy_header_main, "reads and writes PROXY headers; what would each mail server do?" },
};

static void print_usage(FILE *out)
{
    fputs("examples:\n"
          "  realipctl check\n"
          "  realipctl explain --client 10.0.20.13 --listener smtp\n"
          "  realipctl -c ./mail-realip.conf explain --client 203.0.113.7 --peer 10.0.20.13 --json\n"
          "usage: realipctl [-c FILE] SUBCOMMAND [OPTIONS]\n"
          "  -c FILE        the configuration (default " REALIP_CONFIG_DEFAULT_PATH ")\n"
          "  -h, --help     this text; SUBCOMMAND --help tells more\n"
          "  -V, --version  the version\n"
          "subcommands:\n",
          out);
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
        fprintf(out, "  %-12s %s\n", subcommands[i].name, subcommands[i].help);
}

/* How many letters must be changed, added or dropped to make one word of the other (Levenshtein). Longer words than 31 letters
 * are far from all of ours. */
static size_t distance(const char *one, const char *other)
{
    size_t row[32];
    size_t length = strlen(other);

    if (strlen(one) >= 32 || length >= 32)
        return 32;
    for (size_t k = 0; k <= length; k++)
        row[k] = k;
    for (size_t i = 0; one[i] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t k = 0; k < length; k++) {
            size_t changed = corner + (one[i] != other[k]);
            size_t dropped = (row[k] < row[k + 1] ? row[k] : row[k + 1]) + 1;

            corner = row[k + 1];
            row[k + 1] = changed < dropped ? changed : dropped;
        }
    }
    return row[length];
}

/* The subcommand that was likely meant: two slips at most, and fewer than half of its letters. NULL: none. */
static const char *nearest(const char *word)
{
    const char *found = NULL;
    size_t least = 3;

    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        size_t slips = distance(word, subcommands[i].name);

        if (slips < least && slips * 2 < strlen(subcommands[i].name)) {
            least = slips;
            found = subcommands[i].name;
        }
    }
    return found;
}

static int run(const char *config_path, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        if (strcmp(subcommands[i].name, argv[0]) == 0)
            return subcommands[i].run(config_path, argc, argv);
    }
    const char *meant = nearest(argv[0]);
    fprintf(stderr, "realipctl: there is no subcommand '%s'; %s%s%s\n", argv[0],
            meant != NULL ? "did you mean: realipctl " : "realipctl --help lists them", meant != NULL ? meant : "",
            meant != NULL ? "?" : "");
    return REALIP_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *config_path = REALIP_CONFIG_DEFAULT_PATH;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
            config_path = argv[++i];
        } else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            print_usage(stdout);
            return 0;
        } else if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
            puts("realipctl " PACKAGE_VERSION);
            return 0;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "realipctl: '%s' is not understood here; realipctl --help shows how\n", argv[i]);
            return REALIP_EXIT_USAGE;
        } else {
            return run(config_path, argc - i, argv + i);
        }
    }
    print_usage(stderr);
    return REALIP_EXIT_USAGE;
}
