/* realipctl export: tells spam filters which addresses are not real, so that they judge nobody by them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/config.h"
#include "subcommand.h"
#include "usage.h"

static const char usage[]
    = "examples:\n"
      "  realipctl export rspamd --to /etc/rspamd/mail-realip\n"
      "  realipctl export spamassassin --to /etc/spamassassin\n"
      "usage: realipctl [-c FILE] export rspamd|spamassassin --to FOLDER [--plugin FILE]\n"
      "  rspamd         writes mail-realip.map (networks, one a line; rspamd reads it again by itself) and mail-realip.conf\n"
      "  spamassassin   writes mail-realip.cf; --plugin tells where RealIP.pm is\n"
      "                 (default " REALIP_DATADIR "/spamassassin/RealIP.pm)\n"
      "Run it again when the networks change. Exit status: 0 written, 1 not written, 64 wrong arguments, 78 wrong configuration.\n";

struct request {
    bool spamassassin;
    const char *folder;
    const char *plugin;
};

static const struct option options[] = {
    { "to", required_argument, NULL, 't' },
    { "plugin", required_argument, NULL, 'p' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* 0 to go on; 1 for --help; -1 for wrong arguments. */
static int read_options(int argc, char **argv, struct request *request_r)
{
    static const char *const forms[] = { "rspamd", "spamassassin" };
    int code;

    *request_r = (struct request){ .plugin = REALIP_DATADIR "/spamassassin/RealIP.pm" };
    optind = 1;
    while ((code = realip_usage_option("export", argc, argv, options)) != -1) {
        if (code == 't')
            request_r->folder = optarg;
        else if (code == 'p')
            request_r->plugin = optarg;
        else
            return code == 'h' ? 1 : -1;
    }
    if (optind == argc) {
        realip_usage_wrong("export", "for whom? rspamd or spamassassin");
        return -1;
    }
    request_r->spamassassin = strcmp(argv[optind], forms[1]) == 0;
    if (!request_r->spamassassin && strcmp(argv[optind], forms[0]) != 0) {
        realip_usage_unknown("export", "form", argv[optind], forms, 2);
        return -1;
    }
    if (optind + 1 < argc || request_r->folder == NULL) {
        realip_usage_wrong("export", optind + 1 < argc ? "one form at a time" : "--to FOLDER is missing");
        return -1;
    }
    return 0;
}

/* A network of the rules. */
struct item {
    struct realip_network network;
    bool relay;
};

struct items {
    struct item *rows;
    size_t count;
};

/* The longest networks first: whoever takes the first that fits takes the longest then. Relays before others of the same
 * network. */
static int compare_items(const void *a, const void *b)
{
    const struct item *one = a;
    const struct item *other = b;
    const struct realip_address *x = &one->network.address;
    const struct realip_address *y = &other->network.address;

    if (x->family != y->family)
        return x->family < y->family ? -1 : 1;
    if (one->network.prefix != other->network.prefix)
        return one->network.prefix > other->network.prefix ? -1 : 1;
    if (x->hi != y->hi)
        return x->hi < y->hi ? -1 : 1;
    if (x->lo != y->lo)
        return x->lo < y->lo ? -1 : 1;
    return (int)other->relay - (int)one->relay;
}

static void drop_repetitions(struct items *items)
{
    size_t kept = 0;

    for (size_t i = 0; i < items->count; i++) {
        if (kept == 0 || !realip_network_equal(&items->rows[kept - 1].network, &items->rows[i].network))
            items->rows[kept++] = items->rows[i];
    }
    items->count = kept;
}

static int collect(const struct realip_rules *rules, struct items *items_r)
{
    /* A prober that sends is no prober any more: where it is not infrastructure as well it is a client. */
    static const enum realip_set sets[]
        = { REALIP_SET_INFRASTRUCTURE, REALIP_SET_PROXIES, REALIP_SET_INTERNAL, REALIP_SET_RELAYS };
    size_t total = 0;

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        total += realip_network_set_count(rules->sets[sets[i]]);
    *items_r = (struct items){ .rows = calloc(total + 1, sizeof(struct item)) };
    if (items_r->rows == NULL)
        return -1;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        const struct realip_network_set *set = rules->sets[sets[i]];

        for (size_t k = 0; k < realip_network_set_count(set); k++)
            items_r->rows[items_r->count++]
                = (struct item){ realip_network_set_entry(set, k)->network, sets[i] == REALIP_SET_RELAYS };
    }
    qsort(items_r->rows, items_r->count, sizeof(struct item), compare_items);
    drop_repetitions(items_r);
    return 0;
}

/* A file that is written beside its place and moved there when it is whole. */
struct output {
    char path[PATH_MAX];
    char fresh[PATH_MAX + 8];
    FILE *stream;
};

static int open_output(struct output *output, const char *folder, const char *name)
{
    output->stream = NULL;
    if (snprintf(output->path, sizeof(output->path), "%s/%s", folder, name) >= (int)sizeof(output->path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(output->fresh, sizeof(output->fresh), "%s.new", output->path);
    output->stream = fopen(output->fresh, "we");
    if (output->stream == NULL)
        return -1;
    fputs("# Written by realipctl export. Changes here are lost: change mail-realip.conf and run it again.\n", output->stream);
    return 0;
}

static int close_output(struct output *output)
{
    bool failed = ferror(output->stream) != 0 || fchmod(fileno(output->stream), 0644) < 0;

    failed = fclose(output->stream) != 0 || failed;
    if (!failed && rename(output->fresh, output->path) == 0)
        return 0;
    int error = errno;
    unlink(output->fresh);
    errno = error;
    return -1;
}

static int write_rspamd_map(const char *folder, const struct items *items)
{
    char network[REALIP_NETWORK_TEXT_SIZE];
    struct output output;

    if (open_output(&output, folder, "mail-realip.map") < 0)
        return -1;
    for (size_t i = 0; i < items->count; i++)
        fprintf(output.stream, "%s\n", realip_network_format(&items->rows[i].network, network));
    return close_output(&output);
}

static int write_rspamd(const char *folder, const struct items *items)
{
    struct output output;

    if (write_rspamd_map(folder, items) < 0 || open_output(&output, folder, "mail-realip.conf") < 0)
        return -1;
    fprintf(output.stream,
            "# Load it with this line in rspamd.conf.local:\n"
            "#   .include(priority=1,duplicate=merge) \"%s\"\n"
            "# The session's address decides, as the mail server tells it; no header of a message does.\n"
            "spf { whitelist = \"%s/mail-realip.map\"; }\n"
            "rbl { local_exclude_ip_map = \"%s/mail-realip.map\"; }\n"
            "greylist { whitelisted_ip = \"%s/mail-realip.map\"; }\n",
            output.path, folder, folder, folder);
    return close_output(&output);
}

static void write_each(FILE *stream, const char *key, const struct items *items, bool relays_alone)
{
    char network[REALIP_NETWORK_TEXT_SIZE];

    for (size_t i = 0; i < items->count; i++) {
        const struct item *item = &items->rows[i];

        if (item->relay || !relays_alone)
            fprintf(stream, "%s %s%s\n", key, item->relay && !relays_alone ? "!" : "",
                    realip_network_format(&item->network, network));
    }
}

static int write_spamassassin(const char *folder, const char *plugin, const struct items *items)
{
    struct output output;

    if (open_output(&output, folder, "mail-realip.cf") < 0)
        return -1;
    fprintf(output.stream,
            "loadplugin Mail::SpamAssassin::Plugin::RealIP %s\n"
            "# Own relays: SpamAssassin looks behind them by itself.\n",
            plugin);
    write_each(output.stream, "trusted_networks", items, true);
    write_each(output.stream, "internal_networks", items, true);
    fputs("# No client's addresses: what stands behind them is the client's own to write.\n", output.stream);
    write_each(output.stream, "realip_networks", items, false);
    return close_output(&output);
}

static int export(const struct realip_config *config, const struct request *request)
{
    char folder[PATH_MAX];
    struct items items = { 0 };
    int result = -1;

    if (config->client_names != NULL)
        fputs("realipctl export: client-names can't be told to a filter: list those networks, too\n", stderr);
    if (realpath(request->folder, folder) != NULL && collect(&config->rules, &items) == 0)
        result = request->spamassassin ? write_spamassassin(folder, request->plugin, &items) : write_rspamd(folder, &items);
    if (result < 0)
        fprintf(stderr, "realipctl export: %s: %s; is the folder there, may it be written?\n", request->folder, strerror(errno));
    else
        printf("%s: %zu networks; %s\n", folder, items.count,
               request->spamassassin ? "restart spamd" : "the head of mail-realip.conf tells how to load it");
    free(items.rows);
    return result;
}

int realip_export_main(const char *config_path, int argc, char **argv)
{
    struct realip_config *config;
    struct request request;
    int result = read_options(argc, argv, &request);

    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    result = realip_subcommand_load(config_path, &config);
    if (result != 0)
        return result;
    result = export(config, &request);
    realip_config_free(&config);
    return result < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : 0;
}
