/* realipctl: the operator's tool. Finds the subcommand and hands over. */
#include <stdio.h>
#include <string.h>

#include "realip-config.h"
#include "runtime/config.h"
#include "subcommand.h"
#include "usage.h"

struct subcommand {
    const char *name;
    int (*run)(const char *config_path, int argc, char **argv);
    const char *help;
};

static const struct subcommand subcommands[] = {
    { "check", realip_check_main, "is the configuration right? every error with file, line and mend" },
    { "doctor", realip_doctor_main, "what is wrong in this mail set-up, and how is it mended?" },
    { "export", realip_export_main, "tell other programs which addresses are not real; does what they were told still agree?" },
    { "audit", realip_audit_main, "reads mail logs: what would have been refused, relayed, banned; where PROXY failed" },
    { "networks", realip_networks_main, "what each set of networks holds, where from and how fresh; what a change would change" },
    { "compile", realip_compile_main, "publish the rules as one file, for hosts without realip-policyd" },
    { "explain", realip_explain_main, "how would a session be judged, and by which line?" },
    { "probe", realip_probe_main, "ask mail servers themselves: who wants PROXY headers, and who believes a stranger's?" },
    { "healthcheck", realip_healthcheck_main, "does a listener greet? for Kubernetes' exec probes and HAProxy's external-check" },
    { "proxy-header", realip_proxy_header_main, "reads and writes PROXY headers; what would each mail server do?" },
};

#define COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

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
    for (size_t i = 0; i < COUNT; i++)
        fprintf(out, "  %-12s %s\n", subcommands[i].name, subcommands[i].help);
}

static int run(const char *config_path, int argc, char **argv)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(subcommands[i].name, argv[0]) == 0)
            return subcommands[i].run(config_path, argc, argv);
    }
    const char *names[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        names[i] = subcommands[i].name;
    return realip_usage_unknown(NULL, "subcommand", argv[0], names, COUNT);
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
        } else if (strcmp(argv[i], "-c") == 0) {
            return realip_usage_wrong(NULL, "-c needs a file behind it");
        } else if (argv[i][0] == '-') {
            return realip_usage_wrong(NULL, "'%.60s' is not understood here", argv[i]);
        } else {
            return run(config_path, argc - i, argv + i);
        }
    }
    print_usage(stderr);
    return REALIP_EXIT_USAGE;
}
