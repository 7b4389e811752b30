/* realipctl probe: connects to listeners, with PROXY headers and without, and tells what each of them takes from this host. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "core/network_set.h"
#include "explained.h"
#include "options.h"
#include "report.h"
#include "runtime/config.h"
#include "session.h"
#include "subcommand.h"
#include "words.h"

#define EXIT_FINDING 1
#define EXIT_UNSEEN  2

struct probe {
    struct realip_probe_options options;
    long long deadline;
    struct realip_config *config; /* NULL: none was read */
    struct realip_terminal terminal;
    json_t *listeners;
    bool finding;
    bool unseen;
};

/* ---- one listener ------------------------------------------------------------------------------------------------- */

/* What the operator said, or what his configuration says of the address that this host connects with. */
static enum realip_probe_role role_of(const struct probe *probe, const struct realip_address *local)
{
    if (probe->options.role != REALIP_PROBE_ROLE_UNKNOWN || probe->config == NULL || local->family == REALIP_FAMILY_NONE)
        return probe->options.role;
    const struct realip_network_set *proxies = probe->config->rules.sets[REALIP_SET_PROXIES];
    if (proxies == NULL || realip_network_set_count(proxies) == 0)
        return REALIP_PROBE_ROLE_UNKNOWN; /* Dovecot's own list stands in for an empty one */
    return realip_network_set_contains(proxies, local) ? REALIP_PROBE_ROLE_PROXY : REALIP_PROBE_ROLE_STRANGER;
}

static void show_progress(const struct probe *probe, const struct realip_probe_target *target, enum realip_probe_opening opening)
{
    char address[REALIP_ADDRESS_TEXT_SIZE];

    if (isatty(STDERR_FILENO) != 1)
        return;
    if (opening == REALIP_PROBE_OPENING_UNKNOWN)
        fprintf(stderr, "\r\033[K");
    else
        fprintf(stderr, "\r\033[K... %s port %u: says %s, %lld s left", realip_address_format(&target->address, address), target->port,
                realip_probe_opening_text(opening), (probe->deadline - realip_probe_now()) / 1000000);
}

/* Once is enough. */
static void stop_asking(struct probe *probe, const char *error)
{
    fprintf(stderr, "realipctl probe: --explain: %s\n", error);
    probe->options.place.url = NULL;
    probe->unseen = true;
}

/* Only what reached the policy server can be explained. */
static void explain(struct probe *probe, struct realip_probe_observation *seen)
{
    char error[512];

    if (probe->options.place.url == NULL || seen->mail == REALIP_PROBE_MAIL_UNKNOWN)
        return;
    if (realip_probe_explain(&probe->options.place, seen, error, sizeof(error)) < 0)
        stop_asking(probe, error);
}

static void experiment(struct probe *probe, struct realip_probe_listener *listener)
{
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        enum realip_probe_opening opening = (enum realip_probe_opening)i;
        struct realip_probe_order order = probe->options.order;
        long long left = (probe->deadline - realip_probe_now()) / 1000;

        listener->seen[i].opening = opening;
        if (!probe->options.say[i])
            continue;
        if (left < 100) {
            listener->time_over = true;
            continue;
        }
        if (order.msecs > left)
            order.msecs = (int)left;
        show_progress(probe, listener->target, opening);
        realip_probe_session(&order, opening, &listener->seen[i]);
        explain(probe, &listener->seen[i]);
        if (listener->seen[i].fate == REALIP_PROBE_FATE_UNREACHABLE)
            break; /* the others would only wait as long again */
    }
    show_progress(probe, listener->target, REALIP_PROBE_OPENING_UNKNOWN);
}

static void tell(struct probe *probe, const struct realip_probe_listener *listener)
{
    enum realip_probe_verdict verdict = listener->judgement.verdict;
    bool asked = probe->options.expected[REALIP_PROBE_VERDICT_UNDECIDED];

    if (asked)
        probe->finding = probe->finding || verdict == REALIP_PROBE_VERDICT_UNDECIDED || !probe->options.expected[verdict];
    else if (verdict == REALIP_PROBE_VERDICT_UNDECIDED || verdict == REALIP_PROBE_VERDICT_UNREACHABLE)
        probe->unseen = true;
    else if (realip_probe_is_bad(&listener->judgement))
        probe->finding = true;
    else
        probe->unseen = probe->unseen || !realip_probe_is_sure(&listener->judgement);
    if (probe->options.json)
        json_array_append_new(probe->listeners, realip_probe_json(listener));
    else
        realip_probe_print(listener, &probe->terminal);
    fflush(stdout);
}

static void probe_target(struct probe *probe, const struct realip_probe_targets *targets, const struct realip_probe_target *target)
{
    struct realip_probe_listener listener = { .host = targets->host, .target = target };
    struct realip_address local = { 0 };
    bool tls;
    enum realip_probe_protocol protocol = realip_probe_protocol_of_port(target->port, &tls);
    enum realip_probe_protocol asked = probe->options.order.protocol;

    probe->options.order.target = target;
    probe->options.order.host_name = targets->is_name ? targets->host : NULL;
    probe->options.order.protocol = asked == REALIP_PROBE_PROTOCOL_UNKNOWN ? protocol : asked;
    probe->options.order.tls = probe->options.starttls ? REALIP_PROBE_TLS_START : probe->options.tls || tls ? REALIP_PROBE_TLS_AT_ONCE : REALIP_PROBE_TLS_NONE;
    experiment(probe, &listener);
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT && local.family == REALIP_FAMILY_NONE; i++)
        local = listener.seen[i].local;
    listener.role = role_of(probe, &local);
    realip_probe_judge(listener.seen, listener.role, &listener.judgement);
    tell(probe, &listener);
    probe->options.order.protocol = asked;
}

static void probe_text(struct probe *probe, const char *text)
{
    static struct realip_probe_targets targets;
    long long deadline = realip_probe_now() + probe->options.order.msecs * 1000LL;
    const char *reason;

    if (realip_probe_resolve(text, probe->options.family, deadline < probe->deadline ? deadline : probe->deadline, &targets, &reason) < 0) {
        fprintf(stderr, "realipctl probe: %s: %s\n", text, reason);
        probe->unseen = true;
        return;
    }
    for (size_t i = 0; i < targets.count; i++)
        probe_target(probe, &targets, &targets.all[i]);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static int finish(struct probe *probe, long long began)
{
    int written = 0;

    if (probe->options.json) {
        json_t *object = json_pack("{s:o, s:f}", "listeners", probe->listeners, "seconds", (double)(realip_probe_now() - began) / 1e6);

        written = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(object);
    }
    free(probe->options.token);
    realip_config_free(&probe->config);
    if (written != 0 || fflush(stdout) != 0)
        return EXIT_FAILURE;
    return probe->finding ? EXIT_FINDING : probe->unseen ? EXIT_UNSEEN : EXIT_SUCCESS;
}

int realip_probe_main(const char *config_path, int argc, char **argv)
{
    struct probe probe = { .config = NULL };
    char error[512];

    signal(SIGPIPE, SIG_IGN);
    int result = realip_probe_read_options(argc, argv, &probe.options);
    if (result != 0) {
        if (result > 0)
            realip_probe_print_usage();
        free(probe.options.token);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    /* Most hosts that probe from outside have none. */
    bool wanted = strcmp(config_path, REALIP_CONFIG_DEFAULT_PATH) != 0 || access(config_path, R_OK) == 0;
    if (probe.options.role == REALIP_PROBE_ROLE_UNKNOWN && wanted) {
        result = realip_subcommand_load(config_path, &probe.config);
        if (result != 0) {
            free(probe.options.token);
            return result;
        }
    }
    probe.terminal = realip_terminal_of(stdout);
    probe.listeners = probe.options.json ? json_array() : NULL;
    long long began = realip_probe_now();
    probe.deadline = began + probe.options.total_seconds * 1000000LL;
    if (probe.options.place.url != NULL && realip_probe_announce(&probe.options.place, error, sizeof(error)) < 0)
        stop_asking(&probe, error);
    for (int i = optind; i < argc; i++)
        probe_text(&probe, argv[i]);
    return finish(&probe, began);
}
