/* realipctl networks: what each set holds, where from and how fresh; what a change of it would change. */
#include "networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http_get.h"
#include "runtime/compiled.h"
#include "subcommand.h"
#include "usage.h"

#define EXIT_NO_INPUT 66 /* EX_NOINPUT of sysexits.h */
#define EXIT_CANNOT_LOOK 2

static const char usage[]
    = "examples:\n"
      "  realipctl networks\n"
      "  realipctl networks --set proxies --json\n"
      "  realipctl networks --compiled /run/mail-realip/rules\n"
      "  realipctl networks --presets\n"
      "  realipctl networks diff\n"
      "  realipctl networks diff /etc/mail-realip/mail-realip.conf ./mail-realip.conf\n"
      "usage: realipctl [-c FILE] networks [OPTIONS]\n"
      "What each set holds and from which line, preset, interface or node; how old each source is, and what the running daemons say of it.\n"
      "  --set NAME       this set alone: infrastructure, proxies, internal, probers, relays or own (this host's addresses)\n"
      "  --sources        the sources alone\n"
      "  --compiled FILE  what these compiled rules hold, in place of the configuration: they are in force\n"
      "  --http URL       ask the daemon there: http://HOST:PORT or unix:/path (default: policyd { http } and milter { http })\n"
      "  --presets        what each preset holds, and which page says so\n"
      "  --json           one JSON object\n"
      "usage: realipctl [-c FILE] networks diff [--compiled FILE] [--json] [BEFORE [AFTER]]\n"
      "What AFTER adds, takes away and has from elsewhere. Each is a configuration or compiled rules. With one file BEFORE is the\n"
      "configuration; with none, what its compiled rules hold is compared with what it says now.\n"
      "Exit status: 0 shown (diff: the same), 1 diff: they differ, 2 diff: one of them can't be read, 64 wrong arguments,\n"
      "66 the compiled rules can't be read, 78 wrong configuration.\n";

static const struct option options[] = { { "set", required_argument, NULL, 's' },   { "sources", no_argument, NULL, 'o' },
                                         { "compiled", required_argument, NULL, 'C' }, { "http", required_argument, NULL, 'H' },
                                         { "presets", no_argument, NULL, 'p' },     { "json", no_argument, NULL, 'j' },
                                         { "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 } };

struct arguments {
    struct realip_networks_question question;
    const char *compiled;
    const char *http;
    bool presets;
    bool is_diff;
    const char *files[2];
    int file_count;
};

/* ---- arguments ------------------------------------------------------------------------------------------------------- */

static int read_set(const char *text, struct realip_networks_question *question)
{
    const char *names[REALIP_SET_OWN + 1];

    for (unsigned set = 0; set <= REALIP_SET_OWN; set++) {
        names[set] = realip_set_token((enum realip_set)set);
        if (strcmp(names[set], text) != 0)
            continue;
        question->is_one_set = true;
        question->set = (enum realip_set)set;
        return 0;
    }
    realip_usage_unknown("networks", "set", text, names, REALIP_SET_OWN + 1);
    return -1;
}

static int read_option(int code, struct arguments *arguments)
{
    switch (code) {
    case 's':
        return read_set(optarg, &arguments->question);
    case 'o':
        arguments->question.sources_only = true;
        return 0;
    case 'C':
        arguments->compiled = optarg;
        return 0;
    case 'H':
        arguments->http = optarg;
        return 0;
    case 'p':
        arguments->presets = true;
        return 0;
    case 'j':
        arguments->question.json = true;
        return 0;
    default:
        return -1;
    }
}

static int read_words(int argc, char **argv, struct arguments *arguments)
{
    static const char *const words[] = { "diff" };

    if (optind < argc && strcmp(argv[optind], "diff") != 0) {
        realip_usage_unknown("networks", "word", argv[optind], words, 1);
        return -1;
    }
    arguments->is_diff = optind < argc;
    for (int i = optind + 1; i < argc; i++) {
        if (arguments->file_count == 2) {
            realip_usage_wrong("networks", "'%.60s' is one word too many: two files are compared", argv[i]);
            return -1;
        }
        arguments->files[arguments->file_count++] = argv[i];
    }
    if (arguments->file_count == 2 && arguments->compiled != NULL) {
        realip_usage_wrong("networks", "--compiled stands for one of the two files that are compared: leave one out");
        return -1;
    }
    return 0;
}

/* 0 to go on; 1 for --help; -1 for wrong arguments, which were told. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    int code;

    optind = 1;
    while ((code = realip_usage_option("networks", argc, argv, options)) != -1) {
        if (code == 'h')
            return 1;
        if (read_option(code, arguments) < 0)
            return -1;
    }
    return read_words(argc, argv, arguments);
}

/* ---- showing --------------------------------------------------------------------------------------------------------- */

/* What is wrong in it, or what it warns of, to standard error. */
static int read_listing(const char *path, struct realip_listing **listing_r)
{
    struct realip_problems problems = { 0 };
    int result = realip_listing_read(path, listing_r, &problems);

    if (result < 0)
        fputs(problems.text != NULL ? problems.text : "out of memory\n", stderr);
    else if ((*listing_r)->config->warnings.text != NULL)
        fputs((*listing_r)->config->warnings.text, stderr);
    realip_problems_clear(&problems);
    return result;
}

static size_t ask_daemons(const struct realip_config *config, const struct arguments *arguments,
                          struct realip_in_force daemons[REALIP_NETWORKS_MOST_DAEMONS])
{
    const struct {
        const char *daemon;
        const struct realip_endpoint *http;
    } all[REALIP_NETWORKS_MOST_DAEMONS] = { { "realip-policyd", config->policyd.http }, { "realip-milter", config->milter.http } };
    size_t count = 0;
    char url[512];

    if (arguments->http != NULL) {
        realip_in_force_ask("daemon", arguments->http, &daemons[0]);
        return 1;
    }
    for (size_t i = 0; i < REALIP_NETWORKS_MOST_DAEMONS; i++) {
        if (all[i].http == NULL)
            continue;
        realip_http_url(all[i].http, url, sizeof(url));
        realip_in_force_ask(all[i].daemon, url, &daemons[count++]);
    }
    return count;
}

/* The configuration may be broken just now; what is in force is not. */
static void tell_of_compiled(void)
{
    if (access(REALIP_COMPILED_DEFAULT_PATH, R_OK) == 0)
        fputs("realipctl networks: what is in force: realipctl networks --compiled " REALIP_COMPILED_DEFAULT_PATH "\n", stderr);
}

static int show(const char *config_path, const struct arguments *arguments)
{
    struct realip_in_force daemons[REALIP_NETWORKS_MOST_DAEMONS];
    struct realip_listing *listing;
    int result = EXIT_SUCCESS;

    if (arguments->compiled != NULL && !realip_listing_is_compiled(arguments->compiled)) {
        fprintf(stderr, "realipctl networks: %s: these are no compiled rules: name what `compiled` of the configuration names\n",
                arguments->compiled);
        return EXIT_NO_INPUT;
    }
    if (read_listing(arguments->compiled != NULL ? arguments->compiled : config_path, &listing) < 0) {
        if (arguments->compiled == NULL)
            tell_of_compiled();
        return arguments->compiled != NULL ? EXIT_NO_INPUT : REALIP_EXIT_CONFIG;
    }
    size_t count = ask_daemons(listing->config, arguments, daemons);
    if (arguments->question.json)
        result = realip_networks_print_json(realip_networks_json(listing, daemons, count, &arguments->question));
    else
        realip_networks_print(listing, daemons, count, &arguments->question);
    for (size_t i = 0; i < count; i++)
        realip_in_force_clear(&daemons[i]);
    realip_listing_free(&listing);
    return fflush(stdout) != 0 ? EXIT_FAILURE : result;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------- */

static int read_compiled(const char *path, struct realip_listing **listing_r)
{
    if (access(path, R_OK) == 0 && realip_listing_is_compiled(path))
        return read_listing(path, listing_r);
    fprintf(stderr, "realipctl networks: %s: here are no compiled rules: set compiled = FILE and start realip-policyd, or name two files\n", path);
    return -1;
}

static int compare(const char *config_path, const struct arguments *arguments)
{
    struct realip_listing *before = NULL;
    struct realip_listing *after = NULL;
    const char *compiled = arguments->compiled;
    int result = EXIT_CANNOT_LOOK;

    const char *later = arguments->file_count == 0 ? config_path : arguments->files[arguments->file_count - 1];
    if (read_listing(later, &after) == 0) {
        if (arguments->file_count == 0 && compiled == NULL)
            compiled = after->config->compiled != NULL ? after->config->compiled : REALIP_COMPILED_DEFAULT_PATH;
        const char *earlier = arguments->file_count == 2 ? arguments->files[0] : config_path;
        if ((compiled != NULL ? read_compiled(compiled, &before) : read_listing(earlier, &before)) == 0)
            result = realip_networks_print_difference(before, after, arguments->question.json);
    }
    realip_listing_free(&before);
    realip_listing_free(&after);
    return result;
}

int realip_networks_main(const char *config_path, int argc, char **argv)
{
    struct arguments arguments = { .question = { .now = (long long)time(NULL) } };
    int result = read_arguments(argc, argv, &arguments);

    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    if (arguments.presets)
        return realip_networks_print_presets(arguments.question.json);
    return arguments.is_diff ? compare(config_path, &arguments) : show(config_path, &arguments);
}
