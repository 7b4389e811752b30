/* realipctl probe: connects to listeners, with PROXY headers and without, and tells what each of them takes from this host. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "core/network_set.h"
#include "explained.h"
#include "report.h"
#include "runtime/config.h"
#include "session.h"
#include "subcommand.h"
#include "usage.h"
#include "words.h"

#define DEFAULT_SECONDS       12 /* postscreen waits 6 s before it greets, smtpd 5 s for a header */
#define DEFAULT_TOTAL_SECONDS 120

enum option_code {
    OPTION_IPV4 = 1,
    OPTION_IPV6,
    OPTION_PROTOCOL,
    OPTION_TLS,
    OPTION_STARTTLS,
    OPTION_AS,
    OPTION_ROLE,
    OPTION_SAY,
    OPTION_NO_MAIL,
    OPTION_TIMEOUT,
    OPTION_TOTAL,
    OPTION_EXPLAIN,
    OPTION_TOKEN_FILE,
    OPTION_EXPECT,
    OPTION_JSON
};

static const struct option options[] = {
    { "ipv4", no_argument, NULL, OPTION_IPV4 },
    { "ipv6", no_argument, NULL, OPTION_IPV6 },
    { "protocol", required_argument, NULL, OPTION_PROTOCOL },
    { "tls", no_argument, NULL, OPTION_TLS },
    { "starttls", no_argument, NULL, OPTION_STARTTLS },
    { "as", required_argument, NULL, OPTION_AS },
    { "role", required_argument, NULL, OPTION_ROLE },
    { "say", required_argument, NULL, OPTION_SAY },
    { "no-mail", no_argument, NULL, OPTION_NO_MAIL },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "total", required_argument, NULL, OPTION_TOTAL },
    { "explain", required_argument, NULL, OPTION_EXPLAIN },
    { "token-file", required_argument, NULL, OPTION_TOKEN_FILE },
    { "expect", required_argument, NULL, OPTION_EXPECT },
    { "json", no_argument, NULL, OPTION_JSON },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char usage[]
    = "examples:\n"
      "  realipctl probe mx.example.org:25 mx.example.org:143\n"
      "  realipctl probe --role stranger 10.244.2.25:2525\n"
      "  realipctl probe --role proxy --explain http://127.0.0.1:9168 '[fd00:244:2::25]:2525'\n"
      "  realipctl probe --expect refuses-strangers 10.244.2.25:10143 && echo shut\n"
      "usage: realipctl [-c FILE] probe [OPTIONS] HOST:PORT...\n"
      "  HOST:PORT        a listener; each address of a name is probed. IPv6 stands in brackets\n"
      "  -4, --ipv4       IPv4 alone\n"
      "  -6, --ipv6       IPv6 alone\n"
      "  --protocol P     smtp, submission, imap, pop3 or sieve (default: by the port, or by what answers)\n"
      "  --tls            TLS at once (default on ports 465, 993 and 995); certificates are told, not verified\n"
      "  --starttls       STARTTLS where it is offered\n"
      "  --as ADDRESS     the client that our own PROXY headers name; once for each family\n"
      "                   (default: 203.0.113.113 and 2001:db8::113, which are nobody's)\n"
      "  --role R         what this host is to the server: stranger or proxy (default: by networks proxies of\n"
      "                   mail-realip.conf, where that can be read)\n"
      "  --say LIST       what to say first, of plain,v1,v2,local,other-family (default: all of them)\n"
      "  --no-mail        no MAIL FROM and RCPT TO: then nothing is known of the policy server\n"
      "  --explain URL    also ask realip-policyd which address it saw: http://HOST:PORT or unix:/path\n"
      "  --token-file F   with the token of this file\n"
      "  --timeout S      seconds for one experiment (default 12)\n"
      "  --total S        seconds for all of it (default 120)\n"
      "  --expect V       exit 0 when each listener's verdict is V, else 1\n"
      "  --json           one JSON object\n"
      "No letter is ever sent: MAIL FROM:<>, RCPT TO:<" REALIP_PROBE_RECIPIENT ">, RSET, QUIT. docs/PROBE.md says what the\n"
      "server's log shows of it.\n"
      "Exit status: 0 nothing to mend, 1 something is, 2 a listener could not be judged, 64 wrong arguments, 78 wrong configuration.\n";

#define EXIT_FINDING 1
#define EXIT_UNSEEN  2

struct probe {
    struct realip_probe_order order;
    int family;
    bool tls;
    bool starttls;
    bool mail;
    bool json;
    bool say[REALIP_PROBE_OPENING_COUNT];
    enum realip_probe_role role;
    enum realip_probe_verdict expected;
    struct realip_http_place place; /* url NULL: don't ask */
    char *token;
    int total_seconds;
    long long deadline;
    struct realip_config *config; /* NULL: none was read */
    struct realip_terminal terminal;
    json_t *listeners;
    bool finding;
    bool unseen;
};

static int wrong(const char *option, const char *value, const char *mend)
{
    return -realip_usage_wrong("probe", "%s '%.100s': %s", option, value, mend);
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static int read_seconds(const char *option, const char *text, int most, int *seconds_r)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);

    if (*end != '\0' || text[0] < '0' || text[0] > '9' || seconds == 0 || seconds > (unsigned long)most)
        return wrong(option, text, most == 300 ? "it is a number of 1 to 300 seconds" : "it is a number of 1 to 3600 seconds");
    *seconds_r = (int)seconds;
    return 0;
}

static int read_as(const char *text, struct realip_probe_order *order)
{
    struct realip_address address;
    const char *reason = "";

    if (realip_address_parse(text, strlen(text), &address, &reason) < 0)
        return wrong("--as", text, reason);
    if (address.family == REALIP_FAMILY_IPV4)
        order->as_ipv4 = address;
    else
        order->as_ipv6 = address;
    return 0;
}

static int read_say(const char *text, bool say[REALIP_PROBE_OPENING_COUNT])
{
    memset(say, 0, REALIP_PROBE_OPENING_COUNT * sizeof(*say));
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");
        enum realip_probe_opening opening = realip_probe_opening_from_token(at, length);

        if (opening == REALIP_PROBE_OPENING_UNKNOWN)
            return wrong("--say", text, "it is a list of plain, v1, v2, local and other-family, with commas");
        say[opening] = true;
        if (at[length] == '\0')
            return 0;
        at += length + 1;
    }
}

static int read_role(const char *text, enum realip_probe_role *role_r)
{
    if (strcmp(text, "stranger") == 0)
        *role_r = REALIP_PROBE_ROLE_STRANGER;
    else if (strcmp(text, "proxy") == 0)
        *role_r = REALIP_PROBE_ROLE_PROXY;
    else
        return wrong("--role", text, "it is stranger or proxy");
    return 0;
}

static int read_token(const char *path, struct probe *probe)
{
    char error[512];

    free(probe->token);
    if (realip_http_token(path, &probe->token, error, sizeof(error)) < 0) {
        fprintf(stderr, "realipctl probe: %s\n", error);
        return -1;
    }
    probe->place.token = probe->token;
    return 0;
}

static int read_protocol(const char *text, struct realip_probe_order *order)
{
    order->protocol = realip_probe_protocol_from_token(text);
    return order->protocol != REALIP_PROBE_PROTOCOL_UNKNOWN ? 0 : wrong("--protocol", text, "it is smtp, submission, imap, pop3 or sieve");
}

static int read_expected(const char *text, enum realip_probe_verdict *verdict_r)
{
    *verdict_r = realip_probe_verdict_from_token(text);
    return *verdict_r != REALIP_PROBE_VERDICT_UNDECIDED
               ? 0
               : wrong("--expect", text, "it is forbids-proxy, takes-both, wants-proxy, takes-strangers, refuses-strangers, unreachable, silent "
                                         "or no-mail-server");
}

/* 0; 1 for --help; or less than 0. */
static int read_option(int code, const char *value, struct probe *probe)
{
    switch (code) {
    case OPTION_IPV4:
    case OPTION_IPV6:
        probe->family = code == OPTION_IPV4 ? AF_INET : AF_INET6;
        return 0;
    case OPTION_PROTOCOL:
        return read_protocol(value, &probe->order);
    case OPTION_TLS:
        probe->tls = true;
        return 0;
    case OPTION_STARTTLS:
        probe->starttls = true;
        return 0;
    case OPTION_AS:
        return read_as(value, &probe->order);
    case OPTION_ROLE:
        return read_role(value, &probe->role);
    case OPTION_SAY:
        return read_say(value, probe->say);
    case OPTION_NO_MAIL:
        probe->order.mail = false;
        return 0;
    case OPTION_TIMEOUT:
        if (read_seconds("--timeout", value, 300, &probe->order.msecs) < 0)
            return -1;
        probe->order.msecs *= 1000;
        return 0;
    case OPTION_TOTAL:
        return read_seconds("--total", value, 3600, &probe->total_seconds);
    case OPTION_EXPLAIN:
        probe->place.url = value;
        return 0;
    case OPTION_TOKEN_FILE:
        return read_token(value, probe);
    case OPTION_EXPECT:
        return read_expected(value, &probe->expected);
    case OPTION_JSON:
        probe->json = true;
        return 0;
    case 'h':
        return 1;
    default:
        return -1;
    }
}

/* As other programs spell it. */
static void spell_out(int argc, char **argv)
{
    static char ipv4[] = "--ipv4";
    static char ipv6[] = "--ipv6";

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-4") == 0)
            argv[i] = ipv4;
        else if (strcmp(argv[i], "-6") == 0)
            argv[i] = ipv6;
    }
}

static int read_options(int argc, char **argv, struct probe *probe)
{
    int code;

    spell_out(argc, argv);
    optind = 1;
    while ((code = realip_usage_option("probe", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, probe);

        if (result != 0)
            return result;
    }
    if (optind == argc)
        return -realip_usage_wrong("probe", "HOST:PORT is missing, as mx.example.org:25");
    if (probe->tls && probe->starttls)
        return -realip_usage_wrong("probe", "--tls means TLS at once, --starttls after the greeting: say one of them");
    for (int i = optind; i < argc; i++) {
        const char *reason;
        const char *port;
        char host[256];

        if (realip_probe_split(argv[i], host, sizeof(host), &port, &reason) < 0)
            return wrong("target", argv[i], reason);
    }
    return 0;
}

/* ---- one listener ------------------------------------------------------------------------------------------------- */

/* What the operator said, or what his configuration says of the address that this host connects with. */
static enum realip_probe_role role_of(const struct probe *probe, const struct realip_address *local)
{
    if (probe->role != REALIP_PROBE_ROLE_UNKNOWN || probe->config == NULL || local->family == REALIP_FAMILY_NONE)
        return probe->role;
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

/* Only what reached the policy server can be explained. */
static void explain(struct probe *probe, struct realip_probe_observation *seen)
{
    char error[512];

    if (probe->place.url == NULL || seen->mail == REALIP_PROBE_MAIL_UNKNOWN)
        return;
    if (realip_probe_explain(&probe->place, seen, error, sizeof(error)) == 0)
        return;
    fprintf(stderr, "realipctl probe: --explain: %s\n", error);
    probe->place.url = NULL; /* once is enough */
    probe->unseen = true;
}

static void experiment(struct probe *probe, struct realip_probe_listener *listener)
{
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        enum realip_probe_opening opening = (enum realip_probe_opening)i;
        struct realip_probe_order order = probe->order;
        long long left = (probe->deadline - realip_probe_now()) / 1000;

        listener->seen[i].opening = opening;
        if (!probe->say[i])
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
    bool expected = listener->judgement.verdict == probe->expected;

    if (probe->expected != REALIP_PROBE_VERDICT_UNDECIDED)
        probe->finding = probe->finding || !expected;
    else if (listener->judgement.verdict == REALIP_PROBE_VERDICT_UNDECIDED || listener->judgement.verdict == REALIP_PROBE_VERDICT_UNREACHABLE)
        probe->unseen = true;
    else
        probe->finding = probe->finding || realip_probe_is_bad(&listener->judgement);
    if (probe->json)
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
    enum realip_probe_protocol asked = probe->order.protocol;

    probe->order.target = target;
    probe->order.host_name = targets->is_name ? targets->host : NULL;
    probe->order.protocol = asked == REALIP_PROBE_PROTOCOL_UNKNOWN ? protocol : asked;
    probe->order.tls = probe->starttls ? REALIP_PROBE_TLS_START : probe->tls || tls ? REALIP_PROBE_TLS_AT_ONCE : REALIP_PROBE_TLS_NONE;
    experiment(probe, &listener);
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT && local.family == REALIP_FAMILY_NONE; i++)
        local = listener.seen[i].local;
    listener.role = role_of(probe, &local);
    realip_probe_judge(listener.seen, listener.role, &listener.judgement);
    tell(probe, &listener);
    probe->order.protocol = asked;
}

static void probe_text(struct probe *probe, const char *text)
{
    static struct realip_probe_targets targets;
    const char *reason;

    if (realip_probe_resolve(text, probe->family, &targets, &reason) < 0) {
        wrong("target", text, reason);
        probe->unseen = true;
        return;
    }
    for (size_t i = 0; i < targets.count; i++)
        probe_target(probe, &targets, &targets.all[i]);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static struct realip_address documentation_address(const char *text)
{
    struct realip_address address;
    const char *reason;

    (void)realip_address_parse(text, strlen(text), &address, &reason);
    return address;
}

static int finish(struct probe *probe, long long began)
{
    int written = 0;

    if (probe->json) {
        json_t *object = json_pack("{s:o, s:f}", "listeners", probe->listeners, "seconds", (double)(realip_probe_now() - began) / 1e6);

        written = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(object);
    }
    free(probe->token);
    realip_config_free(&probe->config);
    if (written != 0 || fflush(stdout) != 0)
        return EXIT_FAILURE;
    return probe->finding ? EXIT_FINDING : probe->unseen ? EXIT_UNSEEN : EXIT_SUCCESS;
}

int realip_probe_main(const char *config_path, int argc, char **argv)
{
    struct probe probe = { .family = AF_UNSPEC, .total_seconds = DEFAULT_TOTAL_SECONDS, .order.mail = true, .order.msecs = DEFAULT_SECONDS * 1000 };

    signal(SIGPIPE, SIG_IGN);
    probe.order.as_ipv4 = documentation_address("203.0.113.113"); /* RFC 5737 */
    probe.order.as_ipv6 = documentation_address("2001:db8::113"); /* RFC 3849 */
    memset(probe.say, 1, sizeof(probe.say));
    int result = read_options(argc, argv, &probe);
    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        free(probe.token);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    /* Most hosts that probe from outside have none. */
    bool wanted = strcmp(config_path, REALIP_CONFIG_DEFAULT_PATH) != 0 || access(config_path, R_OK) == 0;
    if (probe.role == REALIP_PROBE_ROLE_UNKNOWN && wanted) {
        result = realip_subcommand_load(config_path, &probe.config);
        if (result != 0) {
            free(probe.token);
            return result;
        }
    }
    probe.terminal = realip_terminal_of(stdout);
    probe.listeners = probe.json ? json_array() : NULL;
    long long began = realip_probe_now();
    probe.deadline = began + probe.total_seconds * 1000000LL;
    for (int i = optind; i < argc; i++)
        probe_text(&probe, argv[i]);
    return finish(&probe, began);
}
