#include "export_arguments.h"

#include <ctype.h>
#include <string.h>

#include "usage.h"

static const char usage[]
    = "examples:\n"
      "  realipctl export nftables --to /etc/nftables.d/mail-realip.nft\n"
      "  realipctl export haproxy --to /etc/haproxy/mail-realip --server 10.0.20.50\n"
      "  realipctl export networkpolicy --selector app=mail --namespace mail --to - | kubectl apply -f -\n"
      "  realipctl export fail2ban --check /etc/fail2ban/jail.d/mail-realip.conf\n"
      "  doveconf haproxy_trusted_networks | realipctl export dovecot --check -\n"
      "usage: realipctl [-c FILE] export FORM --to FOLDER|FILE|- [OPTIONS]\n"
      "       realipctl [-c FILE] export FORM --check FOLDER|FILE|- [OPTIONS]\n"
      "forms:\n"
      "  haproxy        a list of addresses for each set; with --server backends for the ports that want a PROXY header\n"
      "  nftables       a table that lets proxies and probers alone reach these ports\n"
      "  networkpolicy  the same as a NetworkPolicy of Kubernetes\n"
      "  dovecot        haproxy_trusted_networks\n"
      "  postfix        what to take out of mynetworks, hosts for XCLIENT, tables for check_client_access and postscreen\n"
      "  fail2ban       ignoreip\n"
      "  crowdsec       a whitelist\n"
      "  rspamd         a map (rspamd reads it again by itself), and the settings that name it\n"
      "  spamassassin   mail-realip.cf\n"
      "options:\n"
      "  --to PLACE         write there (beside it, then renamed): a folder, which forms of several files need; a file; \"-\"\n"
      "  --check PLACE      does what is deployed still agree? \"-\": what doveconf, postconf, nft, kubectl or fail2ban-client print\n"
      "  --server HOST      haproxy: a mail server behind it (as often as wanted)\n"
      "  --selector LABELS  networkpolicy: the mail server's pods, as app=mail or app=mail,tier=front\n"
      "  --namespace NAME   networkpolicy: theirs (default: kubectl's)\n"
      "  --name NAME        networkpolicy: its own (default mail-realip)\n"
      "  --listener NAME    postfix: by whose actions clients.cidr refuses (default: those at the top of the file)\n"
      "  --login-trusted    dovecot: login_trusted_networks, too\n"
      "  --plugin FILE      spamassassin: where RealIP.pm is\n"
      "                     (default " REALIP_DATADIR "/spamassassin/RealIP.pm)\n"
      "Run it again when the networks change. Exit status: 0 written, or what is deployed agrees; 1 not written, or it differs;\n"
      "2 what is deployed can't be read; 64 wrong arguments; 78 wrong configuration.\n";

enum option_code { OPTION_TO = 1, OPTION_CHECK, OPTION_SERVER, OPTION_SELECTOR, OPTION_NAMESPACE, OPTION_NAME, OPTION_LISTENER,
                   OPTION_LOGIN_TRUSTED, OPTION_PLUGIN };

static const struct option options[] = {
    { "to", required_argument, NULL, OPTION_TO },
    { "check", required_argument, NULL, OPTION_CHECK },
    { "server", required_argument, NULL, OPTION_SERVER },
    { "selector", required_argument, NULL, OPTION_SELECTOR },
    { "namespace", required_argument, NULL, OPTION_NAMESPACE },
    { "name", required_argument, NULL, OPTION_NAME },
    { "listener", required_argument, NULL, OPTION_LISTENER },
    { "login-trusted", no_argument, NULL, OPTION_LOGIN_TRUSTED },
    { "plugin", required_argument, NULL, OPTION_PLUGIN },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const struct realip_export_form *const forms[] = {
    &realip_export_haproxy, &realip_export_nftables,  &realip_export_networkpolicy, &realip_export_dovecot,  &realip_export_postfix,
    &realip_export_fail2ban, &realip_export_crowdsec, &realip_export_rspamd,        &realip_export_spamassassin,
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* Which form an option is for; NULL: all. */
static const struct realip_export_form *form_of(int code)
{
    switch (code) {
    case OPTION_SERVER:
        return &realip_export_haproxy;
    case OPTION_SELECTOR:
    case OPTION_NAMESPACE:
    case OPTION_NAME:
        return &realip_export_networkpolicy;
    case OPTION_LISTENER:
        return &realip_export_postfix;
    case OPTION_LOGIN_TRUSTED:
        return &realip_export_dovecot;
    default: /* not an enum: getopt_long's number */
        return NULL;
    }
}

/* Letters, digits and a few signs, a letter or digit at both ends: what Kubernetes takes for names and labels, and no more than a host
 * name needs. */
static bool is_name(const char *text, size_t length, const char *signs, size_t most)
{
    if (length == 0 || length > most || !isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr(signs, text[i]) == NULL)
            return false;
    }
    return true;
}

static bool is_label(const struct realip_export_piece *label)
{
    const char *equals = memchr(label->at, '=', label->length);

    if (equals == NULL)
        return false;
    size_t key = (size_t)(equals - label->at);
    size_t value = label->length - key - 1;
    return is_name(label->at, key, "-_./", 317) && (value == 0 || is_name(equals + 1, value, "-_.", 63));
}

static int add_server(const char *text, struct realip_export *export)
{
    struct realip_address address;
    const char *reason;
    size_t count = 0;

    while (export->servers[count] != NULL)
        count++;
    if (count == REALIP_EXPORT_SERVERS)
        return realip_usage_wrong("export", "--server '%.60s': there are %d already", text, REALIP_EXPORT_SERVERS);
    if (realip_address_parse(text, strlen(text), &address, &reason) < 0 && !is_name(text, strlen(text), "-.", 253))
        return realip_usage_wrong("export", "--server '%.60s': is no address and no host name (the port is the listener's)", text);
    export->servers[count] = text;
    return 0;
}

static int read_selector(const char *text, struct realip_export *export)
{
    const struct realip_export_piece all = { text, strlen(text), 0 };
    struct realip_export_piece label = { 0 };

    export->selector = text;
    if (text[0] == '\0')
        return realip_usage_wrong("export", "--selector '' would select every pod; write it like app=mail");
    while (realip_export_piece_word(&all, ",", &label)) {
        if (!is_label(&label))
            return realip_usage_wrong("export", "--selector '%.60s': a label is KEY=VALUE, such as app=mail", text);
    }
    return 0;
}

static int read_name(const char *option, const char *text, const char **name_r)
{
    *name_r = text;
    for (const char *c = text; *c != '\0'; c++) {
        if (isupper((unsigned char)*c))
            return realip_usage_wrong("export", "%s '%.60s': a name in Kubernetes has no capitals", option, text);
    }
    return is_name(text, strlen(text), "-.", 253)
               ? 0
               : realip_usage_wrong("export", "%s '%.60s': a name in Kubernetes has letters, digits and '-' alone", option, text);
}

/* 0; 1 for --help; or the exit status for wrong arguments. */
static int read_option(int code, char *value, struct realip_export_arguments *arguments)
{
    struct realip_export *export = &arguments->export;

    switch (code) {
    case OPTION_TO:
        arguments->to = value;
        return 0;
    case OPTION_CHECK:
        arguments->check = value;
        return 0;
    case OPTION_SERVER:
        return add_server(value, export);
    case OPTION_SELECTOR:
        return read_selector(value, export);
    case OPTION_NAMESPACE:
        return read_name("--namespace", value, &export->namespace_);
    case OPTION_NAME:
        return read_name("--name", value, &export->name);
    case OPTION_LISTENER:
        export->listener = value;
        return 0;
    case OPTION_LOGIN_TRUSTED:
        export->login_trusted = true;
        return 0;
    case OPTION_PLUGIN:
        export->plugin = value;
        return 0;
    default:
        return code == 'h' ? 1 : -1;
    }
}

static int find_form(int argc, char **argv, struct realip_export_arguments *arguments)
{
    const char *names[FORMS];

    if (optind == argc)
        return realip_usage_wrong("export", "for whom? nftables, dovecot or another form is missing");
    for (size_t i = 0; i < FORMS; i++) {
        names[i] = forms[i]->name;
        if (strcmp(argv[optind], names[i]) == 0)
            arguments->form = forms[i];
    }
    if (arguments->form == NULL)
        return realip_usage_unknown("export", "form", argv[optind], names, FORMS);
    return optind + 1 < argc ? realip_usage_wrong("export", "'%.60s' is one word too many: one form at a time", argv[optind + 1]) : 0;
}

int realip_export_arguments_read(int argc, char **argv, struct realip_export_arguments *arguments_r)
{
    const struct realip_export_form *wanted = NULL;
    const char *wanted_by = NULL;
    int code;

    *arguments_r = (struct realip_export_arguments){ .export = { .plugin = REALIP_DATADIR "/spamassassin/RealIP.pm", .name = "mail-realip" } };
    optind = 1;
    while ((code = realip_usage_option("export", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, arguments_r);

        if (result == 1)
            fputs(usage, stdout);
        if (result != 0)
            return result == 1 ? 1 : -1;
        if (form_of(code) != NULL) {
            wanted = form_of(code);
            wanted_by = options[code - 1].name;
        }
    }
    if (find_form(argc, argv, arguments_r) != 0)
        return -1;
    if (wanted != NULL && wanted != arguments_r->form) {
        realip_usage_wrong("export", "--%s belongs to %s", wanted_by, wanted->name);
        return -1;
    }
    if ((arguments_r->to == NULL) == (arguments_r->check == NULL)) {
        realip_usage_wrong("export", arguments_r->to == NULL ? "--to or --check is missing" : "--to and --check: one at a time");
        return -1;
    }
    if (arguments_r->form == &realip_export_networkpolicy && arguments_r->export.selector == NULL && arguments_r->to != NULL) {
        realip_usage_wrong("export", "--selector is missing: which pods? write it like --selector app=mail");
        return -1;
    }
    return 0;
}
