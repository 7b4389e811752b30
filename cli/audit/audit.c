/* realipctl audit: reads logs and tells what is wrong with the addresses in them, and what enforcing would have refused. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_run.h"
#include "audit_summary.h"
#include "subcommand.h"
#include "terminal.h"
#include "usage.h"

#define EXIT_FOUND       1
#define EXIT_UNREADABLE  2
#define EXIT_INTERRUPTED 130
#define EXIT_BROKEN      71 /* EX_OSERR */

enum option_code { OPTION_INFRASTRUCTURE = 1, OPTION_PROXIES, OPTION_INTERNAL, OPTION_JSON, OPTION_HTML, OPTION_JOBS, OPTION_HELP };

static const struct option options[] = {
    { "infrastructure", required_argument, NULL, OPTION_INFRASTRUCTURE },
    { "proxies", required_argument, NULL, OPTION_PROXIES },
    { "internal", required_argument, NULL, OPTION_INTERNAL },
    { "json", no_argument, NULL, OPTION_JSON },
    { "html", required_argument, NULL, OPTION_HTML },
    { "jobs", required_argument, NULL, OPTION_JOBS },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static const char usage[]
    = "examples:\n"
      "  realipctl audit /var/log/mail.log*\n"
      "  realipctl audit --infrastructure 10.0.20.0/24 --proxies 10.0.20.13 /var/log/mail.log\n"
      "  journalctl -o export --facility=mail --since -7d | realipctl audit -\n"
      "  realipctl audit --html report.html /var/log/mail.log* /var/log/fail2ban.log\n"
      "  realipctl audit --json /var/log/mail.log | jq .refused.mails\n"
      "usage: realipctl [-c FILE] audit [OPTIONS] LOG...\n"
      "  LOG                    logs of Postfix, Dovecot, fail2ban: syslog or ISO stamps, journalctl -o export or json,\n"
      "                         also packed with gzip, zstd or xz; \"-\": standard input\n"
      "  --infrastructure CIDR  also these addresses are nodes, bridges, NATs: never a client\n"
      "  --proxies CIDR         also these are proxies\n"
      "  --internal CIDR        also these are clients inside: webmail, fetchmail\n"
      "  --json                 as JSON (docs/AUDIT.md has the keys)\n"
      "  --html FILE            also as a page for the browser\n"
      "  --jobs N               read on so many processors, 1 to 8 (else on all that this process may use)\n"
      "What would have been refused, had every listener enforced; which mail was relayed for addresses that are no clients;\n"
      "what went wrong with PROXY; who behaves like a NAT; which of your own addresses fail2ban banned.\n"
      "Without a configuration the gateways and bridges of this host count as infrastructure.\n"
      "Exit status: 0 nothing found, 1 something found, 2 a log could not be read (or holds nothing of a mail server),\n"
      "64 wrong arguments, 78 wrong configuration, 130 interrupted (what was known by then is told).\n";

struct request {
    bool json;
    const char *html;
    unsigned jobs; /* 0: nobody said */
    struct realip_audit_rules rules;
};

/* Where Ctrl-C says that it is enough. */
static atomic_bool *stop_place;
static volatile sig_atomic_t was_interrupted;

static void interrupt(int number)
{
    (void)number;
    was_interrupted = 1;
    atomic_store(stop_place, true);
}

static void catch_interrupt(atomic_bool *stop)
{
    /* A second Ctrl-C ends the program at once. */
    struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

    stop_place = stop;
    sigaction(SIGINT, &action, NULL);
}

static int read_jobs(const char *text, unsigned *jobs_r)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > REALIP_AUDIT_MOST_JOBS) {
        realip_usage_wrong("audit", "--jobs wants a number from 1 to 8");
        return -1;
    }
    *jobs_r = (unsigned)value;
    return 0;
}

/* 0; 1: help was wanted; -1: the complaint was printed. */
static int read_options(int argc, char **argv, struct request *request)
{
    int code;

    optind = 1;
    while ((code = realip_usage_option("audit", argc, argv, options)) != -1) {
        int result = 0;

        if (code == OPTION_INFRASTRUCTURE)
            result = realip_audit_rules_add(&request->rules, REALIP_SET_INFRASTRUCTURE, "--infrastructure", optarg);
        else if (code == OPTION_PROXIES)
            result = realip_audit_rules_add(&request->rules, REALIP_SET_PROXIES, "--proxies", optarg);
        else if (code == OPTION_INTERNAL)
            result = realip_audit_rules_add(&request->rules, REALIP_SET_INTERNAL, "--internal", optarg);
        else if (code == OPTION_JSON)
            request->json = true;
        else if (code == OPTION_HTML)
            request->html = optarg;
        else if (code == OPTION_JOBS)
            result = read_jobs(optarg, &request->jobs);
        else
            return code == OPTION_HELP || code == 'h' ? 1 : -1;
        if (result < 0)
            return -1;
    }
    if (optind == argc) {
        realip_usage_wrong("audit", "which log? for example /var/log/mail.log, or \"-\" for standard input");
        return -1;
    }
    return 0;
}

static int report(const struct realip_audit_summary *summary, const struct request *request)
{
    struct realip_terminal terminal = realip_terminal_of(stdout);
    int result = request->json ? realip_audit_json(summary) : realip_audit_text(summary, &terminal);

    if (result < 0 || fflush(stdout) != 0) {
        fprintf(stderr, "realipctl audit: standard output: %s\n", strerror(errno));
        return EXIT_BROKEN;
    }
    if (request->html != NULL && realip_audit_html(summary, request->html) < 0) {
        fprintf(stderr, "realipctl audit: %s can't be written: %s\n", request->html, strerror(errno));
        return 73; /* EX_CANTCREAT */
    }
    return 0;
}

static void complain(const struct realip_audit_summary *summary)
{
    for (size_t i = 0; i < summary->input->file_count; i++) {
        const struct realip_log_file *file = &summary->input->files[i];

        if (file->problem != NULL)
            fprintf(stderr, "realipctl audit: %s: %s\n", file->path, file->problem);
    }
    if (summary->is_no_mail_log)
        fprintf(stderr, "realipctl audit: no line of these %llu is of Postfix, Dovecot, fail2ban or mail-realip; try /var/log/mail.log, or: "
                        "journalctl -o export | realipctl audit -\n",
                (unsigned long long)summary->tally->totals.lines);
}

static int conclude(struct realip_audit_tally *tally, struct realip_log_input *input, const struct request *request)
{
    struct realip_audit_summary summary;
    int result = EXIT_BROKEN;

    if (realip_audit_summary_make(&summary, tally, input, was_interrupted != 0) < 0) {
        fputs("realipctl audit: out of memory\n", stderr);
    } else {
        result = report(&summary, request);
        complain(&summary);
        if (result == 0 && summary.was_interrupted)
            result = EXIT_INTERRUPTED;
        else if (result == 0 && (summary.is_unreadable || summary.is_no_mail_log))
            result = EXIT_UNREADABLE;
        else if (result == 0)
            result = realip_audit_summary_has_findings(&summary) ? EXIT_FOUND : 0;
    }
    realip_audit_summary_clear(&summary);
    return result;
}

static int audit(const struct request *request, char **paths, size_t count)
{
    struct realip_log_patterns *patterns = NULL;
    struct realip_log_input input;
    struct realip_audit_tally *tally = malloc(sizeof(*tally));
    const char *reason = "out of memory";
    int result = EXIT_BROKEN;

    if (tally == NULL || realip_log_input_open(&input, paths, count) < 0) {
        fprintf(stderr, "realipctl audit: %s\n", reason);
        free(tally);
        return EXIT_BROKEN;
    }
    catch_interrupt(&input.stop);
    if (realip_audit_tally_init(tally, &request->rules) < 0 || realip_log_patterns_make(&patterns, &reason) < 0
        || realip_audit_run(&input, tally, patterns, request->jobs) < 0)
        fprintf(stderr, "realipctl audit: %s\n", reason);
    else
        result = conclude(tally, &input, request);
    realip_log_patterns_free(&patterns);
    realip_audit_tally_clear(tally);
    free(tally);
    realip_log_input_close(&input);
    return result;
}

int realip_audit_main(const char *config_path, int argc, char **argv)
{
    struct request request = { 0 };
    int result = read_options(argc, argv, &request);

    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        result = result > 0 ? 0 : REALIP_EXIT_USAGE;
    } else {
        /* Only the place where nobody has to say -c may be empty. */
        bool may_be_missing = strcmp(config_path, REALIP_CONFIG_DEFAULT_PATH) == 0;

        result = realip_audit_rules_load(&request.rules, config_path, may_be_missing);
        if (result == 0)
            result = audit(&request, argv + optind, (size_t)(argc - optind));
    }
    realip_audit_rules_clear(&request.rules);
    return result;
}
