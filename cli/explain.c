/* realipctl explain: judges a session that the operator describes, and names the line that decided. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decide.h"
#include "message.h"
#include "recent.h"
#include "runtime/config.h"
#include "runtime/name_pattern.h"
#include "subcommand.h"
#include "usage.h"

enum option_code {
    OPTION_CLIENT = 1,
    OPTION_PEER,
    OPTION_LISTENER,
    OPTION_SERVICE,
    OPTION_PORT,
    OPTION_USER,
    OPTION_AT,
    OPTION_AS,
    OPTION_NAME,
    OPTION_SUSPECTED,
    OPTION_MESSAGE,
    OPTION_RECENT,
    OPTION_SESSION,
    OPTION_HTTP,
    OPTION_TOKEN_FILE,
    OPTION_JSON
};

static const struct option options[] = {
    { "client", required_argument, NULL, OPTION_CLIENT },
    { "peer", required_argument, NULL, OPTION_PEER },
    { "listener", required_argument, NULL, OPTION_LISTENER },
    { "service", required_argument, NULL, OPTION_SERVICE },
    { "port", required_argument, NULL, OPTION_PORT },
    { "user", required_argument, NULL, OPTION_USER },
    { "at", required_argument, NULL, OPTION_AT },
    { "as", required_argument, NULL, OPTION_AS },
    { "client-name", required_argument, NULL, OPTION_NAME },
    { "suspected", no_argument, NULL, OPTION_SUSPECTED },
    { "message", required_argument, NULL, OPTION_MESSAGE },
    { "recent", required_argument, NULL, OPTION_RECENT },
    { "session", required_argument, NULL, OPTION_SESSION },
    { "http", required_argument, NULL, OPTION_HTTP },
    { "token-file", required_argument, NULL, OPTION_TOKEN_FILE },
    { "json", no_argument, NULL, OPTION_JSON },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char usage[]
    = "examples:\n"
      "  realipctl explain --client 203.0.113.7 --peer 10.0.20.13 --listener smtp\n"
      "  realipctl explain --client 10.0.20.13 --at connect\n"
      "  realipctl explain --client 127.0.0.1 --peer gone --json\n"
      "  realipctl explain --client 192.0.2.25 --message mail.eml\n"
      "  realipctl explain --recent 203.0.113.7\n"
      "usage: realipctl [-c FILE] explain --client ADDRESS [OPTIONS]\n"
      "  --client A       the client that the mail server shows; \"none\": it shows no address\n"
      "  --peer B         the other end of the TCP connection; \"gone\": it vanished; left out: it was not attested\n"
      "  --listener L     policy_context, milter_macro_daemon_name or Dovecot's listener name\n"
      "  --service S      the host's service, such as imap\n"
      "  --port N         the port that the server really listens on\n"
      "  --user U         the user, logged in with a password\n"
      "  --at WHEN        connect, mail (default) or auth\n"
      "  --as PROGRAM     policyd (default), milter or dovecot (default with --at auth)\n"
      "  --client-name N  the client's verified host name\n"
      "  --suspected      the address behaves as a NAT\n"
      "  --message FILE   a message that the client hands over (\"-\": standard input): behind a listed relay its Received\n"
      "                   headers tell the client, as the milter reads them\n"
      "  --json           one JSON object\n"
      "usage: realipctl [-c FILE] explain --recent ADDRESS | --session ID [OPTIONS]\n"
      "What a running realip-policyd did with sessions of late:\n"
      "  --recent A       those whose client or TCP peer is this address\n"
      "  --session ID     those with this id: Postfix's instance, Dovecot's session\n"
      "  --http URL       where to ask: http://HOST:PORT or unix:/path (default: policyd { http } of the configuration)\n"
      "  --token-file F   with the token of this file (default: auth-policy-token of the configuration)\n"
      "Exit status: 0 judged or found, 1 no such session is remembered, 64 wrong arguments, 69 realip-policyd could not be asked,\n"
      "78 wrong configuration.\n";

struct question {
    struct realip_facts facts;
    const char *client_name;
    const char *message; /* NULL: none */
    struct realip_received_walk walk;
    struct realip_message_claims claims;
    struct realip_recent_question recent;
    bool has_client;
    bool json;
};

static int wrong(const char *option, const char *value, const char *mend)
{
    fprintf(stderr, "realipctl explain: %s '%s': %s\n", option, value, mend);
    return -1;
}

static int read_address(const char *option, const char *text, struct realip_address *address_r)
{
    const char *reason = "";

    return realip_address_parse(text, strlen(text), address_r, &reason) == 0 ? 0 : wrong(option, text, reason);
}

static int read_client(const char *text, struct question *question)
{
    question->has_client = true;
    if (text[0] == '\0' || strcmp(text, "none") == 0 || strcmp(text, "unknown") == 0)
        return 0;
    return read_address("--client", text, &question->facts.client);
}

static int read_peer(const char *text, struct realip_facts *facts)
{
    if (strcmp(text, "gone") == 0) {
        facts->peer_state = REALIP_PEER_GONE;
        return 0;
    }
    facts->peer_state = REALIP_PEER_KNOWN;
    return read_address("--peer", text, &facts->peer);
}

static int read_port(const char *text, uint16_t *port_r)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*end != '\0' || text[0] < '0' || text[0] > '9' || port == 0 || port > 65535)
        return wrong("--port", text, "a port is a number of 1 to 65535");
    *port_r = (uint16_t)port;
    return 0;
}

static int read_stage(const char *text, enum realip_stage *stage_r)
{
    if (strcmp(text, "connect") == 0)
        *stage_r = REALIP_STAGE_CONNECT;
    else if (strcmp(text, "mail") == 0)
        *stage_r = REALIP_STAGE_MAIL;
    else if (strcmp(text, "auth") == 0)
        *stage_r = REALIP_STAGE_AUTH;
    else
        return wrong("--at", text, "it is connect, mail or auth");
    return 0;
}

static int read_source(const char *text, enum realip_source *source_r)
{
    if (strcmp(text, "policyd") == 0)
        *source_r = REALIP_SOURCE_POLICYD;
    else if (strcmp(text, "milter") == 0)
        *source_r = REALIP_SOURCE_MILTER;
    else if (strcmp(text, "dovecot") == 0)
        *source_r = REALIP_SOURCE_DOVECOT_AUTH;
    else
        return wrong("--as", text, "it is policyd, milter or dovecot");
    return 0;
}

/* 0; 1 for --help; or -1. */
static int read_option(int code, const char *value, struct question *question)
{
    struct realip_facts *facts = &question->facts;
    struct realip_address address;

    switch (code) {
    case OPTION_CLIENT:
        return read_client(value, question);
    case OPTION_PEER:
        return read_peer(value, facts);
    case OPTION_LISTENER:
        facts->listener_name = value;
        return 0;
    case OPTION_SERVICE:
        facts->service = value;
        return 0;
    case OPTION_PORT:
        return read_port(value, &facts->listener_port);
    case OPTION_USER:
        facts->user = value;
        facts->password_login = true;
        return 0;
    case OPTION_AT:
        return read_stage(value, &facts->stage);
    case OPTION_AS:
        return read_source(value, &facts->source);
    case OPTION_NAME:
        question->client_name = value;
        return 0;
    case OPTION_SUSPECTED:
        facts->suspected = true;
        return 0;
    case OPTION_MESSAGE:
        question->message = value;
        return 0;
    case OPTION_RECENT:
        question->recent.address = value;
        return read_address("--recent", value, &address);
    case OPTION_SESSION:
        question->recent.session = value;
        return 0;
    case OPTION_HTTP:
        question->recent.http = value;
        return 0;
    case OPTION_TOKEN_FILE:
        question->recent.token_file = value;
        return 0;
    case OPTION_JSON:
        question->json = true;
        return 0;
    case 'h':
        return 1;
    default:
        return -1;
    }
}

static bool asks_daemon(const struct question *question)
{
    return question->recent.address != NULL || question->recent.session != NULL;
}

static int read_options(int argc, char **argv, struct question *question)
{
    int code;

    optind = 1;
    while ((code = realip_usage_option("explain", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, question);

        if (result != 0)
            return result;
    }
    if (optind < argc)
        return wrong("argument", argv[optind], "options begin with --");
    if (asks_daemon(question)) {
        question->recent.json = question->json;
        if (!question->has_client)
            return 0;
        realip_usage_wrong("explain", "--recent and --session ask what was, --client what would be: say one of them");
        return -1;
    }
    if (question->recent.http != NULL || question->recent.token_file != NULL) {
        realip_usage_wrong("explain", "--http and --token-file go with --recent or --session");
        return -1;
    }
    if (!question->has_client) {
        realip_usage_wrong("explain", "--client ADDRESS is missing (\"none\" where the server shows no address)");
        return -1;
    }
    /* A message is the milter's affair. */
    if (question->message != NULL && question->facts.source == REALIP_SOURCE_UNDECIDED)
        question->facts.source = REALIP_SOURCE_MILTER;
    if (question->message != NULL
        && (question->facts.source != REALIP_SOURCE_MILTER || question->facts.stage != REALIP_STAGE_MAIL))
        return wrong("--message", question->message, "only the milter reads messages, at the end of MAIL");
    /* As the milter and the mail plugin do: whoever can't ask for the peer leaves him to policyd. */
    if (question->facts.source == REALIP_SOURCE_MILTER && question->facts.peer_state == REALIP_PEER_UNATTESTED)
        question->facts.peer_state = REALIP_PEER_LEFT;
    if (question->facts.source == REALIP_SOURCE_UNDECIDED)
        question->facts.source
            = question->facts.stage == REALIP_STAGE_AUTH ? REALIP_SOURCE_DOVECOT_AUTH : REALIP_SOURCE_POLICYD;
    return 0;
}

static const char *rule_text(const struct realip_verdict *verdict, char *text, size_t size)
{
    if (verdict->rule.file == NULL)
        return NULL;
    snprintf(text, size, "%s:%u", verdict->rule.file, verdict->rule.line);
    return text;
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static const char *address_or_null(const struct realip_address *address, char text[REALIP_ADDRESS_TEXT_SIZE])
{
    return address->family == REALIP_FAMILY_NONE ? NULL : realip_address_format(address, text);
}

/* Only with --message. What is claimed may be anybody's word. */
static void add_message(json_t *object, const struct question *question)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    json_object_set_new(object, "relay", text_or_null(address_or_null(&question->facts.relay, text)));
    json_object_set_new(object, "why-no-client", text_or_null(question->walk.reason));
    json_object_set_new(object, "claimed-originating-ip", text_or_null(address_or_null(&question->claims.originating, text)));
    json_object_set_new(object, "claimed-forwarded-for", text_or_null(address_or_null(&question->claims.forwarded_for, text)));
    json_object_set_new(object, "claimed-forwarded", text_or_null(address_or_null(&question->claims.forwarded, text)));
}

static int print_json(const struct question *question, const struct realip_verdict *verdict)
{
    const struct realip_facts *facts = &question->facts;
    char client[REALIP_ADDRESS_TEXT_SIZE];
    char peer[REALIP_ADDRESS_TEXT_SIZE];
    char network[REALIP_NETWORK_TEXT_SIZE];
    char rule[4096 + 16];
    bool by_network = verdict->network.address.family != REALIP_FAMILY_NONE;
    json_t *object = json_object();

    json_object_set_new(object, "reason", json_string(realip_reason_token(verdict->reason)));
    json_object_set_new(object, "wanted", json_string(realip_action_token(verdict->wanted)));
    json_object_set_new(object, "action", json_string(realip_action_token(verdict->action)));
    json_object_set_new(object, "rule", text_or_null(rule_text(verdict, rule, sizeof(rule))));
    json_object_set_new(object, "network",
                        text_or_null(by_network ? realip_network_format(&verdict->network, network) : NULL));
    json_object_set_new(object, "listener", text_or_null(verdict->listener->title));
    json_object_set_new(object, "mode", json_string(realip_mode_token(verdict->mode)));
    json_object_set_new(object, "client",
                        text_or_null(facts->client.family != REALIP_FAMILY_NONE
                                         ? realip_address_format(&facts->client, client)
                                         : NULL));
    json_object_set_new(object, "peer",
                        text_or_null(facts->peer_state == REALIP_PEER_KNOWN ? realip_address_format(&facts->peer, peer)
                                     : facts->peer_state == REALIP_PEER_GONE ? "gone"
                                                                             : NULL));
    if (question->message != NULL)
        add_message(object, question);
    json_object_set_new(object, "sentence", json_string(realip_reason_sentence(verdict->reason)));
    int result = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
    return result;
}

static void print_claim(const char *header, const struct realip_address *address)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    if (address->family != REALIP_FAMILY_NONE)
        printf("claimed:  %s (%s: anybody can write it)\n", realip_address_format(address, text), header);
}

static void print_message(const struct question *question)
{
    char client[REALIP_ADDRESS_TEXT_SIZE];
    char relay[REALIP_ADDRESS_TEXT_SIZE];
    bool told = question->facts.relay.family != REALIP_FAMILY_NONE;

    printf("client:   %s (%s%s)\n", realip_address_format(&question->facts.client, client),
           told ? "told by relay " : "the session's",
           told ? realip_address_format(&question->facts.relay, relay) : "");
    if (question->walk.reason != NULL)
        printf("because:  %s\n", question->walk.reason);
    print_claim("X-Originating-IP", &question->claims.originating);
    print_claim("X-Forwarded-For", &question->claims.forwarded_for);
    print_claim("Forwarded", &question->claims.forwarded);
}

static void print_text(const struct realip_verdict *verdict)
{
    char network[REALIP_NETWORK_TEXT_SIZE];
    char rule[4096 + 16];
    const char *rule_at = rule_text(verdict, rule, sizeof(rule));

    printf("reason:   %s (%s)\n", realip_reason_token(verdict->reason), realip_reason_sentence(verdict->reason));
    printf("wanted:   %s\n", realip_action_token(verdict->wanted));
    printf("action:   %s (mode %s)\n", realip_action_token(verdict->action), realip_mode_token(verdict->mode));
    printf("network:  %s\n", realip_network_format(&verdict->network, network));
    printf("rule:     %s\n", rule_at == NULL ? "- (built in)" : rule_at);
    printf("listener: %s\n", verdict->listener->title == NULL ? "- (the top level of the file)" : verdict->listener->title);
}

static int read_message(const struct realip_rules *rules, struct question *question)
{
    realip_received_walk_start(&question->walk, rules, &question->facts.client);
    if (realip_message_read(question->message, &question->walk, &question->claims) < 0)
        return wrong("--message", question->message, strerror(errno));
    realip_received_walk_apply(&question->walk, &question->facts);
    return 0;
}

static int judge(const struct realip_config *config, struct question *question)
{
    struct realip_verdict verdict;
    int result = 0;

    question->facts.client_name_rule = realip_name_pattern_match(config->client_names, question->client_name);
    if (question->message != NULL && read_message(&config->rules, question) < 0)
        return REALIP_EXIT_USAGE;
    realip_decide(&config->rules, &question->facts, &verdict);
    if (question->json)
        result = print_json(question, &verdict);
    else
        print_text(&verdict);
    if (question->message != NULL && !question->json)
        print_message(question);
    return result == 0 && fflush(stdout) == 0 ? 0 : EXIT_FAILURE;
}

int realip_explain_main(const char *config_path, int argc, char **argv)
{
    struct question question = { .facts = { .stage = REALIP_STAGE_MAIL, .peer_state = REALIP_PEER_UNATTESTED } };
    struct realip_config *config;
    int result = read_options(argc, argv, &question);

    if (result != 0) {
        fputs(result > 0 ? usage : "", stdout);
        return result > 0 ? 0 : REALIP_EXIT_USAGE;
    }
    if (asks_daemon(&question))
        return realip_recent_ask(config_path, &question.recent);
    result = realip_subcommand_load(config_path, &config);
    if (result != 0)
        return result;
    result = judge(config, &question);
    realip_config_free(&config);
    return result;
}
