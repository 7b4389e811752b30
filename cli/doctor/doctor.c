/* realipctl doctor: reads a mail set-up, the running one or one in a folder, and tells what is wrong in it and how to
 * mend it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "postfix_patterns.h"
#include "report.h"
#include "subcommand.h"
#include "usage.h"

#define EXIT_CLEAN          0
#define EXIT_FOUND          1
#define EXIT_COULD_NOT_LOOK 2

enum option_code {
    OPTION_POSTFIX = 1,
    OPTION_DOVECOT,
    OPTION_HAPROXY,
    OPTION_NGINX,
    OPTION_SETUP,
    OPTION_ONLY,
    OPTION_JSON,
    OPTION_LIST
};

static const struct option options[] = {
    { "postfix", required_argument, NULL, OPTION_POSTFIX },
    { "dovecot", required_argument, NULL, OPTION_DOVECOT },
    { "haproxy", required_argument, NULL, OPTION_HAPROXY },
    { "nginx", required_argument, NULL, OPTION_NGINX },
    { "setup", required_argument, NULL, OPTION_SETUP },
    { "only", required_argument, NULL, OPTION_ONLY },
    { "json", no_argument, NULL, OPTION_JSON },
    { "list", no_argument, NULL, OPTION_LIST },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char usage[] =
    "examples:\n"
    "  realipctl doctor\n"
    "  realipctl doctor --haproxy /etc/haproxy/haproxy.cfg\n"
    "  realipctl doctor --setup ./mail-configuration --json\n"
    "  realipctl doctor --only policy-lost\n"
    "usage: realipctl [-c FILE] doctor [OPTIONS]\n"
    "  --postfix DIR    Postfix's configuration, where it is not the usual one\n"
    "  --dovecot FILE   Dovecot's, likewise\n"
    "  --haproxy FILE   an haproxy.cfg that passes mail on to this server, or a folder of them (*.cfg); can be given more\n"
    "                   than once, in the order in which HAProxy reads them\n"
    "  --nginx FILE     an nginx.conf, likewise\n"
    "  --setup FOLDER   judges what is written down there, and asks nothing of this host: any of main.cf and master.cf "
    "(or\n"
    "                   postconf-n, postconf-M, postconf-P), doveconf-n, haproxy.cfg, nginx.conf, mail-realip.conf, "
    "nftables, host\n"
    "  --only ID        tells this finding alone; can be given more than once\n"
    "  --json           one JSON object\n"
    "  --list           every finding that there is, and why it matters\n"
    "Root is not needed, unless Dovecot's configuration names files that only root may read.\n"
    "Exit status: 0 nothing found (or notes alone), 1 found, 2 could not look, 64 wrong arguments.\n";

struct request {
    const char *postfix;
    const char *dovecot;
    const char *folder;
    const char **haproxy; /* argc of each, at most */
    size_t haproxy_count;
    const char **nginx;
    size_t nginx_count;
    bool only[REALIP_FINDING_COUNT];
    bool is_narrow; /* --only was given */
    bool is_json;
};

static int read_only(const char *text, struct request *request)
{
    enum realip_finding_id id = realip_finding_from_token(text);
    const char *names[REALIP_FINDING_COUNT - 1];

    for (unsigned i = 1; i < REALIP_FINDING_COUNT; i++)
        names[i - 1] = realip_finding_token((enum realip_finding_id)i);
    if (id == REALIP_FINDING_NONE) {
        realip_usage_unknown("doctor", "finding", text, names, REALIP_FINDING_COUNT - 1);
        return -1;
    }
    request->only[id] = true;
    request->is_narrow = true;
    return 0;
}

/* 0 to go on; 1: all is said; -1: wrong. */
static int read_option(int code, const char *value, struct request *request)
{
    switch (code) {
    case OPTION_POSTFIX:
        request->postfix = value;
        return 0;
    case OPTION_DOVECOT:
        request->dovecot = value;
        return 0;
    case OPTION_HAPROXY:
        request->haproxy[request->haproxy_count++] = value;
        return 0;
    case OPTION_NGINX:
        request->nginx[request->nginx_count++] = value;
        return 0;
    case OPTION_SETUP:
        request->folder = value;
        return 0;
    case OPTION_ONLY:
        return read_only(value, request);
    case OPTION_JSON:
        request->is_json = true;
        return 0;
    case OPTION_LIST:
        realip_report_table();
        return 1;
    case 'h':
        fputs(usage, stdout);
        return 1;
    default: /* told already */
        return -1;
    }
}

static int read_options(int argc, char **argv, struct request *request)
{
    int code;

    optind = 1;
    while ((code = realip_usage_option("doctor", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, request);

        if (result != 0)
            return result;
    }
    if (optind < argc) {
        realip_usage_wrong("doctor", "'%s' is no option: a folder is given as --setup %s", argv[optind], argv[optind]);
        return -1;
    }
    if (request->folder != NULL
        && (request->postfix != NULL || request->dovecot != NULL || request->haproxy_count > 0
            || request->nginx_count > 0)) {
        realip_usage_wrong("doctor", "--setup judges one folder alone: put the other files into it, or leave it out");
        return -1;
    }
    return 0;
}

/* A part of the folder, where it is there. */
static void read_part(struct realip_setup *setup, const char *folder, const char *name,
                      void (*read)(struct realip_setup *setup, const char *file))
{
    const char *file = realip_text_format(&setup->arena, "%s/%s", folder, name);

    if (access(file, F_OK) == 0)
        read(setup, file);
}

static void gather_folder(struct realip_setup *setup, const char *folder)
{
    struct stat status;

    setup->is_folder = true;
    if (stat(folder, &status) < 0 || !S_ISDIR(status.st_mode)) {
        realip_setup_fail(setup, folder,
                          errno == ENOENT ? "there is no such folder" : "it is no folder, or it may not be read");
        return;
    }
    read_part(setup, folder, "mail-realip.conf", realip_own_rules_read);
    read_part(setup, folder, "host", realip_host_read_file);
    read_part(setup, folder, "nftables", realip_host_read_firewall);
    realip_postfix_read_folder(setup, folder);
    read_part(setup, folder, "doveconf-n", realip_dovecot_read_output);
    read_part(setup, folder, "haproxy.cfg", realip_haproxy_read);
    read_part(setup, folder, "nginx.conf", realip_nginx_read);
    if (setup->looked_at.count == 0 && setup->failures.count == 0)
        realip_setup_fail(setup, folder, "it has none of the files that are read; realipctl doctor --help names them");
}

static void gather_host(struct realip_setup *setup, const struct request *request, const char *config_path)
{
    /* The usual place may be empty: then there is no mail-realip yet. */
    if (access(config_path, F_OK) == 0 || strcmp(config_path, REALIP_CONFIG_DEFAULT_PATH) != 0)
        realip_own_rules_read(setup, config_path);
    realip_host_read_own(setup);
    realip_postfix_read_host(setup, request->postfix, request->postfix != NULL);
    realip_dovecot_read_host(setup, request->dovecot);
    realip_haproxy_read_files(setup, request->haproxy, request->haproxy_count);
    for (size_t i = 0; i < request->nginx_count; i++)
        realip_nginx_read(setup, request->nginx[i]);
    if (!setup->postfix.is_known && !setup->dovecot.is_known && !setup->proxies.is_known && setup->failures.count == 0)
        realip_setup_fail(setup, "this host",
                          "there is neither Postfix nor Dovecot here; judge a folder: --setup FOLDER");
}

static void gather(struct realip_setup *setup, const struct request *request, const char *config_path)
{
    if (request->folder != NULL)
        gather_folder(setup, request->folder);
    else
        gather_host(setup, request, config_path);
    if (setup->postfix.is_known)
        realip_postfix_patterns_gather(setup);
}

static void judge(struct realip_setup *setup, const struct request *request, struct realip_findings *findings)
{
    struct realip_findings all = { 0 };

    realip_check_host(setup, &all);
    realip_check_networks(setup, &all);
    realip_check_proxy_ports(setup, &all);
    realip_check_guard(setup, &all);
    realip_check_access(setup, &all);
    realip_check_chain(setup, &all);
    realip_check_dovecot(setup, &all);
    realip_check_nginx(setup, &all);
    realip_check_rules(setup, &all);
    realip_findings_sort(&all);
    *findings = (struct realip_findings){ .items = all.items };
    for (size_t i = 0; i < all.count; i++) {
        if (!request->is_narrow || request->only[all.items[i].id])
            findings->items[findings->count++] = all.items[i];
    }
}

static int examine(const struct request *request, const char *config_path)
{
    struct realip_setup setup = { 0 };
    struct realip_findings findings = { 0 };

    gather(&setup, request, config_path);
    judge(&setup, request, &findings);
    int written = request->is_json ? realip_report_json(&setup, &findings) : realip_report_text(&setup, &findings);
    struct realip_report_counts counts = realip_report_count(&findings);
    bool has_failed = setup.failures.count > 0 || written < 0;
    bool has_found = counts.of[REALIP_SEVERITY_BAD] > 0 || counts.of[REALIP_SEVERITY_WARN] > 0;
    realip_setup_free(&setup);
    return has_failed ? EXIT_COULD_NOT_LOOK : has_found ? EXIT_FOUND : EXIT_CLEAN;
}

int realip_doctor_main(const char *config_path, int argc, char **argv)
{
    struct request request = { 0 };

    request.haproxy = calloc((size_t)argc, sizeof(*request.haproxy));
    request.nginx = calloc((size_t)argc, sizeof(*request.nginx));
    if (request.haproxy == NULL || request.nginx == NULL) {
        fputs("realipctl doctor: out of memory\n", stderr);
        free(request.haproxy);
        free(request.nginx);
        return REALIP_EXIT_NO_MEMORY;
    }
    int result = read_options(argc, argv, &request);
    if (result == 0)
        result = examine(&request, config_path);
    else
        result = result > 0 ? EXIT_CLEAN : REALIP_EXIT_USAGE;
    free(request.haproxy);
    free(request.nginx);
    return result;
}
