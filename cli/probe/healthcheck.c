/* realipctl healthcheck: one listener, one line, one exit status; for Kubernetes' exec probes and HAProxy's external-check. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "http_get.h"
#include "race.h"
#include "session.h"
#include "subcommand.h"
#include "usage.h"
#include "words.h"

#define EXIT_BAD       1
#define DEFAULT_MSECS  5000
#define FAREWELL_MSECS 2000
#define EXTERNAL_MSECS 60000 /* HAProxy ends its checks itself, and gives them no options */

enum option_code { OPTION_PROXY = 1, OPTION_PROTOCOL, OPTION_TLS, OPTION_TIMEOUT };

static const struct option options[] = {
    { "proxy", required_argument, NULL, OPTION_PROXY },
    { "protocol", required_argument, NULL, OPTION_PROTOCOL },
    { "tls", no_argument, NULL, OPTION_TLS },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char usage[]
    = "examples:\n"
      "  realipctl healthcheck 127.0.0.1:2525\n"
      "  realipctl healthcheck --proxy none --timeout 9 127.0.0.1:25        # postscreen greets after 6 s\n"
      "  realipctl healthcheck --tls --protocol imap '[::1]:10993'\n"
      "  realipctl healthcheck http://127.0.0.1:9168                        # realip-policyd itself, where its http listens\n"
      "usage: realipctl healthcheck [OPTIONS] HOST:PORT\n"
      "       realipctl healthcheck [--timeout S] http://HOST:PORT | unix:/PATH\n"
      "       realipctl healthcheck [OPTIONS] PROXY_ADDRESS PROXY_PORT SERVER_ADDRESS SERVER_PORT\n"
      "  The second form asks /healthz of realip-policyd or realip-milter, for an image that has no curl.\n"
      "  The third form is how HAProxy's external-check calls a command. It gives no options and no PATH: point it to\n"
      "  realip-healthcheck, or to a script that says: exec /usr/bin/realip-healthcheck --proxy none --timeout 9 \"$@\"\n"
      "  --proxy WHAT     what is said first: local (PROXY v2 LOCAL, the default), v1 or v2 (with this host as client), none\n"
      "  --protocol P     smtp, submission, lmtp, imap, pop3 or sieve (default: by the port, or whatever greets)\n"
      "  --tls            TLS at once (default on ports 465, 993 and 995)\n"
      "  --timeout S      seconds for all of it, looking up the name included (default 5; behind HAProxy's four words 60, as HAProxy ends\n"
      "                   a check itself: timeout check, or inter)\n"
      "It connects, waits for the greeting, says QUIT or LOGOUT and waits for the end: no reset, no error in the server's log.\n"
      "Exit status: 0 it greets (a daemon: it is well), 1 it does not, 64 wrong arguments.\n";

struct check {
    struct realip_probe_order order;
    enum realip_probe_opening opening; /* PLAIN, V1, V2 or LOCAL */
    struct realip_probe_targets targets;
    long long deadline; /* of all of it */
    const char *daemon;  /* where a daemon of ours has its HTTP, in place of a listener; or NULL */
};

/* The connection that there is, for the signal's handler, which is there only with it. */
static struct realip_probe_connection *volatile current;

/* HAProxy's time is over. To die at once would send a reset to a server that is about to greet; it gets an end, and may end its side in turn. */
static void handle_end(int number)
{
    (void)number;
    realip_probe_hang_up(current);
}

static int wrong(const char *option, const char *value, const char *mend)
{
    return -realip_usage_wrong("healthcheck", "%s '%.100s': %s", option, value, mend);
}

static int read_proxy(const char *text, enum realip_probe_opening *opening_r)
{
    *opening_r = strcmp(text, "none") == 0 ? REALIP_PROBE_PLAIN : realip_probe_opening_from_token(text, strlen(text));
    if (*opening_r == REALIP_PROBE_OPENING_UNKNOWN || *opening_r == REALIP_PROBE_OTHER_FAMILY)
        return wrong("--proxy", text, "it is local, v1, v2 or none");
    return 0;
}

static int read_timeout(const char *text, int *msecs_r)
{
    char *end;
    double seconds = strtod(text, &end);

    if (*end != '\0' || text[0] < '0' || text[0] > '9' || !(seconds >= 0.01 && seconds <= 300))
        return wrong("--timeout", text, "it is a number of seconds, as 5 or 0.5, and 300 at most");
    *msecs_r = (int)(seconds * 1000);
    return 0;
}

/* 0; 1 for --help; or less than 0. */
static int read_option(int code, const char *value, struct check *check)
{
    switch (code) {
    case OPTION_PROXY:
        return read_proxy(value, &check->opening);
    case OPTION_PROTOCOL:
        check->order.protocol = realip_probe_protocol_from_token(value);
        return check->order.protocol != REALIP_PROBE_PROTOCOL_UNKNOWN ? 0 : wrong("--protocol", value, "it is smtp, submission, lmtp, imap, pop3 or sieve");
    case OPTION_TLS:
        check->order.tls = REALIP_PROBE_TLS_AT_ONCE;
        return 0;
    case OPTION_TIMEOUT:
        return read_timeout(value, &check->order.msecs);
    case 'h':
        return 1;
    default:
        return -1;
    }
}

static bool is_daemon(const char *target)
{
    return strncmp(target, "http://", 7) == 0 || strncmp(target, "unix:", 5) == 0;
}

/* The path may be left out, and there is but one. */
static int read_daemon(const char *target, struct check *check)
{
    const char *path = strncmp(target, "unix:", 5) == 0 ? NULL : strchr(target + 7, '/');

    if (path != NULL && strcmp(path, "/") != 0 && strcmp(path, "/healthz") != 0)
        return wrong("target", target, "a daemon is asked for its health alone: http://HOST:PORT");
    if (check->opening != REALIP_PROBE_LOCAL || check->order.protocol != REALIP_PROBE_PROTOCOL_UNKNOWN
        || check->order.tls != REALIP_PROBE_TLS_NONE)
        return wrong("target", target, "a daemon is asked without --proxy, --protocol and --tls: take them away");
    check->daemon = target;
    return 0;
}

/* What stands behind the options. A name that nobody knows is a wrong word; one that nobody tells of in time is a finding (*late_r, its reason). */
static int read_target(int count, char **words, struct check *check, const char **late_r)
{
    const char *host = count == 4 ? words[2] : words[0];
    const char *reason = "";
    int result = 0;

    if (count != 1 && count != 4)
        return -realip_usage_wrong("healthcheck", "it takes HOST:PORT, or the four words of HAProxy's external-check");
    if (check->order.msecs == 0)
        check->order.msecs = count == 4 ? EXTERNAL_MSECS : DEFAULT_MSECS;
    check->deadline = realip_probe_now() + check->order.msecs * 1000LL;
    if (count == 1 && is_daemon(host))
        return read_daemon(host, check);
    if (count == 1)
        result = realip_probe_resolve(host, AF_UNSPEC, check->deadline, &check->targets, &reason);
    else
        result = realip_probe_resolve_pair(host, words[3], AF_UNSPEC, check->deadline, &check->targets, &reason);
    *late_r = result < 0 && realip_probe_now() >= check->deadline ? reason : NULL;
    return result == 0 || *late_r != NULL ? 0 : wrong(count == 4 ? "server" : "target", host, reason);
}

static int read_options(int argc, char **argv, struct check *check, const char **late_r)
{
    int code;

    optind = 1;
    while ((code = realip_usage_option("healthcheck", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, check);

        if (result != 0)
            return result;
    }
    return read_target(argc - optind, argv + optind, check, late_r);
}

/* Reads up to the greeting's last line. True: it greets. `line` is the last line in any case. */
static bool read_greeting(struct realip_probe_connection *connection, enum realip_probe_protocol wanted,
                          enum realip_probe_protocol *protocol_r, char *line, size_t size)
{
    for (int i = 0; i < 100; i++) {
        if (realip_probe_read_line(connection, line, size) != REALIP_PROBE_READING_LINE)
            return false;
        enum realip_probe_line kind = realip_probe_greeting(line, protocol_r);
        bool may_be_lmtp = wanted == REALIP_PROBE_LMTP && *protocol_r == REALIP_PROBE_SMTP; /* which greets alike */
        if (wanted != REALIP_PROBE_PROTOCOL_UNKNOWN && *protocol_r != wanted && !may_be_lmtp)
            return false;
        if (kind != REALIP_PROBE_LINE_MORE)
            return kind == REALIP_PROBE_LINE_GOOD;
    }
    return false;
}

static bool send_header(const struct check *check, struct realip_probe_connection *connection)
{
    struct realip_probe_order order = check->order;
    unsigned char bytes[REALIP_PROBE_HEADER_SIZE];
    struct realip_address local, remote, asserted;
    unsigned port;

    /* The client that v1 and v2 name is this host: a check says nothing but the truth. */
    realip_probe_ends(connection, &local, &port, &remote);
    order.as_ipv4 = order.as_ipv6 = local;
    size_t size = realip_probe_header(&order, check->opening, &local, port, &remote, bytes, &asserted);
    return realip_probe_send(connection, bytes, size) == 0;
}

/* Until when to wait for the other side's end, now that all is known. */
static long long farewell_of(const struct check *check)
{
    long long until = realip_probe_now() + FAREWELL_MSECS * 1000LL;

    return until < check->deadline ? until : check->deadline;
}

/* True: it greets. `told` is what to say about it. */
static bool converse(const struct check *check, struct realip_probe_connection *connection, char told[REALIP_PROBE_WORDS_SIZE])
{
    enum realip_probe_protocol protocol = REALIP_PROBE_PROTOCOL_UNKNOWN;
    char line[1024] = "";
    char tls[REALIP_PROBE_WORDS_SIZE];

    if (!send_header(check, connection)) {
        snprintf(told, REALIP_PROBE_WORDS_SIZE, "hangs up at once");
        return false;
    }
    if (check->order.tls == REALIP_PROBE_TLS_AT_ONCE
        && realip_probe_start_tls(connection, check->order.host_name, tls, sizeof(tls)) != REALIP_PROBE_READING_LINE) {
        snprintf(told, REALIP_PROBE_WORDS_SIZE, "no TLS");
        return false;
    }
    bool good = read_greeting(connection, check->order.protocol, &protocol, line, sizeof(line));
    realip_probe_copy_words(line[0] == '\0' ? "no greeting" : line, told);
    const char *quit = realip_probe_quit(protocol);
    realip_probe_set_deadline(connection, farewell_of(check));
    if (good && realip_probe_send(connection, quit, strlen(quit)) == 0)
        (void)realip_probe_read_line(connection, line, sizeof(line));
    return good;
}

/* Whichever address of a name takes the connection first. */
static bool run(struct check *check, char told[REALIP_PROBE_WORDS_SIZE])
{
    struct realip_probe_connection *connection;
    size_t index;
    int error;
    int result = realip_probe_race(&check->targets, check->deadline, &connection, &index, &error);

    check->order.target = &check->targets.all[index];
    if (result < 0) {
        snprintf(told, REALIP_PROBE_WORDS_SIZE, "%s", strerror(error));
        return false;
    }
    current = connection;
    signal(SIGTERM, handle_end);
    bool good = converse(check, connection, told);
    long long left = (farewell_of(check) - realip_probe_now()) / 1000;
    signal(SIGTERM, SIG_IGN); /* it ends now, and the close below is bounded */
    current = NULL;
    realip_probe_close(&connection, left < 200 ? 200 : (int)left);
    return good;
}

/* A daemon that goes on with older rules says so and is well: to start it anew would lose them. */
static int ask_daemon(const struct check *check)
{
    struct realip_http_place place = { .url = check->daemon };
    long long began = realip_probe_now();
    char error[600] = "";
    char *text = NULL;
    bool answers = realip_http_get_text(&place, "/healthz", check->order.msecs, &text, error, sizeof(error)) == 0;
    bool good = answers && strncmp(text, "ok", 2) == 0;
    char told[REALIP_PROBE_WORDS_SIZE];

    if (answers)
        text[strcspn(text, "\r\n")] = '\0';
    realip_probe_copy_words(answers ? text : error, told);
    printf("%s %s, %.1f ms: %s\n", good ? "ok" : "bad", check->daemon, (double)(realip_probe_now() - began) / 1000, told);
    free(text);
    return fflush(stdout) == 0 && good ? EXIT_SUCCESS : EXIT_BAD;
}

int realip_healthcheck_main(const char *config_path, int argc, char **argv)
{
    static struct check check;
    char told[REALIP_PROBE_WORDS_SIZE] = "";
    char address[REALIP_ADDRESS_TEXT_SIZE];
    const char *late = NULL;
    bool tls;

    (void)config_path; /* it needs none, and reading one would cost more than all else here */
    signal(SIGPIPE, SIG_IGN);
    check = (struct check){ .opening = REALIP_PROBE_LOCAL };
    int result = read_options(argc, argv, &check, &late);
    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    if (check.daemon != NULL)
        return ask_daemon(&check);
    if (late != NULL) {
        printf("bad %s, %.1f ms: %s\n", check.targets.host, check.order.msecs + 0.0, late);
        return EXIT_BAD;
    }
    enum realip_probe_protocol protocol = realip_probe_protocol_of_port(check.targets.all[0].port, &tls);
    if (check.order.protocol == REALIP_PROBE_PROTOCOL_UNKNOWN)
        check.order.protocol = protocol;
    if (tls)
        check.order.tls = REALIP_PROBE_TLS_AT_ONCE;
    check.order.host_name = check.targets.is_name ? check.targets.host : NULL;
    long long began = realip_probe_now();
    bool good = run(&check, told);
    printf("%s %s port %u, %.1f ms: %s\n", good ? "ok" : "bad", realip_address_format(&check.order.target->address, address),
           check.order.target->port, (double)(realip_probe_now() - began) / 1000, told);
    return fflush(stdout) == 0 && good ? EXIT_SUCCESS : EXIT_BAD;
}
