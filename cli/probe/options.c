#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usage.h"

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
      "  realipctl probe --expect refuses-strangers,hangs-up 10.244.2.25:10143 && echo shut\n"
      "usage: realipctl [-c FILE] probe [OPTIONS] HOST:PORT...\n"
      "  HOST:PORT        a listener; each address of a name is probed. IPv6 stands in brackets\n"
      "  -4, --ipv4       IPv4 alone\n"
      "  -6, --ipv6       IPv6 alone\n"
      "  --protocol P     smtp, submission, lmtp, imap, pop3 or sieve (default: by the port, or by what answers)\n"
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
      "  --expect LIST    exit 0 when each listener's verdict is one of these, else 1: forbids-proxy, takes-both, wants-proxy,\n"
      "                   takes-strangers, may-take-strangers, refuses-strangers, hangs-up, unreachable, silent, no-mail-server\n"
      "                   (without blanks between them)\n"
      "  --json           one JSON object\n"
      "No letter is ever sent: MAIL FROM:<>, RCPT TO:<" REALIP_PROBE_RECIPIENT ">, RSET, QUIT. docs/PROBE.md says what the\n"
      "server's log shows of it.\n"
      "Exit status: 0 nothing to mend, 1 something is, 2 a listener could not be judged, 64 wrong arguments, 78 wrong configuration.\n";

static int wrong(const char *option, const char *value, const char *mend)
{
    return -realip_usage_wrong("probe", "%s '%.100s': %s", option, value, mend);
}

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

static int read_token(const char *path, struct realip_probe_options *options_r)
{
    char error[512];

    free(options_r->token);
    if (realip_http_token(path, &options_r->token, error, sizeof(error)) < 0) {
        fprintf(stderr, "realipctl probe: %s\n", error);
        return -1;
    }
    options_r->place.token = options_r->token;
    return 0;
}

static int read_protocol(const char *text, struct realip_probe_order *order)
{
    order->protocol = realip_probe_protocol_from_token(text);
    return order->protocol != REALIP_PROBE_PROTOCOL_UNKNOWN ? 0 : wrong("--protocol", text, "it is smtp, submission, lmtp, imap, pop3 or sieve");
}

static int read_expected(const char *text, bool expected[REALIP_PROBE_VERDICT_COUNT])
{
    memset(expected, 0, REALIP_PROBE_VERDICT_COUNT * sizeof(*expected));
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        enum realip_probe_verdict verdict = realip_probe_verdict_from_token(at, length);

        if (verdict == REALIP_PROBE_VERDICT_UNDECIDED)
            return wrong("--expect", text, "it is a list, with commas, of forbids-proxy, takes-both, wants-proxy, takes-strangers, may-take-strangers, "
                                           "refuses-strangers, hangs-up, unreachable, silent and no-mail-server");
        expected[verdict] = true;
        at += length;
        if (*at == '\0')
            break;
    }
    expected[REALIP_PROBE_VERDICT_UNDECIDED] = true;
    return 0;
}

/* 0; 1 for --help; or less than 0. */
static int read_option(int code, const char *value, struct realip_probe_options *options_r)
{
    switch (code) {
    case OPTION_IPV4:
    case OPTION_IPV6:
        options_r->family = code == OPTION_IPV4 ? AF_INET : AF_INET6;
        return 0;
    case OPTION_PROTOCOL:
        return read_protocol(value, &options_r->order);
    case OPTION_TLS:
        options_r->tls = true;
        return 0;
    case OPTION_STARTTLS:
        options_r->starttls = true;
        return 0;
    case OPTION_AS:
        return read_as(value, &options_r->order);
    case OPTION_ROLE:
        return read_role(value, &options_r->role);
    case OPTION_SAY:
        return read_say(value, options_r->say);
    case OPTION_NO_MAIL:
        options_r->order.mail = false;
        return 0;
    case OPTION_TIMEOUT:
        if (read_seconds("--timeout", value, 300, &options_r->order.msecs) < 0)
            return -1;
        options_r->order.msecs *= 1000;
        return 0;
    case OPTION_TOTAL:
        return read_seconds("--total", value, 3600, &options_r->total_seconds);
    case OPTION_EXPLAIN:
        options_r->place.url = value;
        return 0;
    case OPTION_TOKEN_FILE:
        return read_token(value, options_r);
    case OPTION_EXPECT:
        return read_expected(value, options_r->expected);
    case OPTION_JSON:
        options_r->json = true;
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

static struct realip_address documentation_address(const char *text)
{
    struct realip_address address;
    const char *reason;

    (void)realip_address_parse(text, strlen(text), &address, &reason);
    return address;
}

static void set_defaults(struct realip_probe_options *options_r)
{
    *options_r = (struct realip_probe_options){ .family = AF_UNSPEC,
                                                .total_seconds = DEFAULT_TOTAL_SECONDS,
                                                .order = { .mail = true, .msecs = DEFAULT_SECONDS * 1000 } };
    options_r->order.as_ipv4 = documentation_address("203.0.113.113"); /* RFC 5737 */
    options_r->order.as_ipv6 = documentation_address("2001:db8::113"); /* RFC 3849 */
    memset(options_r->say, 1, sizeof(options_r->say));
}

int realip_probe_read_options(int argc, char **argv, struct realip_probe_options *options_r)
{
    int code;

    set_defaults(options_r);
    spell_out(argc, argv);
    optind = 1;
    while ((code = realip_usage_option("probe", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, options_r);

        if (result != 0)
            return result;
    }
    if (optind == argc)
        return -realip_usage_wrong("probe", "HOST:PORT is missing, as mx.example.org:25");
    if (options_r->tls && options_r->starttls)
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

void realip_probe_print_usage(void)
{
    fputs(usage, stdout);
}
