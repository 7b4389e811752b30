#include "recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_get.h"
#include "runtime/config_file.h"
#include "subcommand.h"
#include "terminal.h"

#define ASK_MSECS        5000
#define EXIT_NONE        1
#define EXIT_UNAVAILABLE 69 /* EX_UNAVAILABLE of sysexits.h */

/* ---- where to ask ------------------------------------------------------------------------------------------------- */

struct place {
    char url[512];
    char token_path[512]; /* "": none */
    char *token;
};

/* What the configuration knows. 0, or the exit status. */
static int read_config(const char *config_path, struct place *place)
{
    struct realip_config *config;
    int result = realip_subcommand_load(config_path, &config);

    if (result != 0)
        return result;
    if (config->policyd.http != NULL)
        realip_http_url(config->policyd.http, place->url, sizeof(place->url));
    else
        fprintf(stderr, "realipctl explain: %s has no policyd { http = \"127.0.0.1:9168\" }, where sessions are told: add it, or say --http URL\n", config_path);
    if (config->auth_policy_token != NULL)
        snprintf(place->token_path, sizeof(place->token_path), "%s", config->auth_policy_token->text);
    realip_config_free(&config);
    return place->url[0] == '\0' ? REALIP_EXIT_CONFIG : 0;
}

static int find_place(const char *config_path, const struct realip_recent_question *question, struct place *place)
{
    char error[1024];

    if (question->http != NULL) {
        snprintf(place->url, sizeof(place->url), "%s", question->http);
    } else {
        int result = read_config(config_path, place);

        if (result != 0)
            return result;
    }
    if (question->token_file != NULL)
        snprintf(place->token_path, sizeof(place->token_path), "%s", question->token_file);
    if (place->token_path[0] == '\0' || realip_http_token(place->token_path, &place->token, error, sizeof(error)) == 0)
        return 0;
    fprintf(stderr, "realipctl explain: %s\n", error);
    return EXIT_UNAVAILABLE;
}

/* ---- what is told ------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? otherwise : text;
}

static const char *time_text(double seconds, char text[32])
{
    time_t whole = (time_t)seconds;
    struct tm local;

    if (localtime_r(&whole, &local) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(text, 32, "-");
    return text;
}

/* As the daemon sends them, texts are visible ASCII; what else answers at that place may send what a terminal obeys. */
static void print_text(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c >= ' ' && *c <= '~')
            putchar(*c);
        else
            printf("\\x%02x", *c);
    }
}

static void print_field(const char *name, const json_t *verdict, const char *key)
{
    const char *text = text_of(verdict, key, NULL);

    if (text == NULL)
        return;
    printf("; %s ", name);
    print_text(text);
}

static void print_verdict(const json_t *verdict, const struct realip_terminal *terminal)
{
    const char *action = text_of(verdict, "action", "-");
    const char *wanted = text_of(verdict, "wanted", "-");
    bool passes = strcmp(action, "pass") == 0;
    const json_t *clients = json_object_get(verdict, "clients");
    char when[32];

    printf("%s  %s", time_text(json_number_value(json_object_get(verdict, "time")), when),
           realip_terminal_style(terminal, passes ? REALIP_STYLE_GOOD : REALIP_STYLE_BAD));
    print_text(action);
    printf("%s%*s ", realip_terminal_style(terminal, REALIP_STYLE_NONE), strlen(action) < 10 ? (int)(10 - strlen(action)) : 0, "");
    print_text(text_of(verdict, "reason", "-"));
    printf(", client ");
    print_text(text_of(verdict, "client", "not shown"));
    printf(", peer ");
    print_text(text_of(verdict, "peer", "not known"));
    printf("\n    ");
    print_text(text_of(verdict, "sentence", "-"));
    if (json_is_integer(clients))
        printf(" (about %lld)", (long long)json_integer_value(clients));
    if (strcmp(action, wanted) != 0) {
        printf("; ");
        print_text(wanted);
        printf(" was wanted, mode ");
        print_text(text_of(verdict, "mode", "-"));
    }
    print_field("network", verdict, "network");
    print_field("rule", verdict, "rule");
    print_field("listener", verdict, "listener");
    print_field("HELO", verdict, "helo");
    print_field("user", verdict, "user");
    print_field("session", verdict, "session");
    print_field("asked by", verdict, "source");
    putchar('\n');
}

/* Nobody should take "nothing found" for "nothing happened". */
static void print_reach(const json_t *answer, const char *key, const char *what)
{
    const json_t *since = json_object_get(answer, key);
    char when[32];

    if (json_is_number(since))
        printf("(%s are remembered since %s)\n", what, time_text(json_number_value(since), when));
}

static int print_answer(const json_t *answer, const struct realip_recent_question *question)
{
    const json_t *verdicts = json_object_get(answer, "verdicts");
    struct realip_terminal terminal = realip_terminal_of(stdout);
    size_t count = json_array_size(verdicts);

    if (question->json) {
        json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        for (size_t i = count; i > 0; i--)
            print_verdict(json_array_get(verdicts, i - 1), &terminal);
        if (count == 0)
            printf("realip-policyd remembers no such session (Dovecot's modules and the milter write theirs to the log alone)\n");
        print_reach(answer, "problems-since", "problems");
        print_reach(answer, "passes-since", "sessions that passed");
    }
    if (fflush(stdout) != 0)
        return EXIT_FAILURE;
    return count > 0 ? EXIT_SUCCESS : EXIT_NONE;
}

static int path_of(const struct realip_recent_question *question, char *path, size_t size)
{
    char address[256] = "";
    char session[1024] = "";

    if ((question->address != NULL && realip_http_escape(question->address, address, sizeof(address)) < 0)
        || (question->session != NULL && realip_http_escape(question->session, session, sizeof(session)) < 0))
        return -1;
    snprintf(path, size, "/explain?%s%s%s%s%s", question->address == NULL ? "" : "recent=", address,
             question->address != NULL && question->session != NULL ? "&" : "", question->session == NULL ? "" : "session=", session);
    return 0;
}

int realip_recent_ask(const char *config_path, const struct realip_recent_question *question)
{
    struct place place = { .url = "" };
    struct realip_http_place http;
    char path[1400];
    char error[1024] = "the address or the session is too long";
    json_t *answer = NULL;
    int result = find_place(config_path, question, &place);

    if (result == 0) {
        http = (struct realip_http_place){ .url = place.url, .token = place.token };
        result = EXIT_UNAVAILABLE;
        if (path_of(question, path, sizeof(path)) == 0 && realip_http_get(&http, path, ASK_MSECS, &answer, error, sizeof(error)) == 0)
            result = print_answer(answer, question);
        else
            fprintf(stderr, "realipctl explain: %s\n", error);
    }
    json_decref(answer);
    free(place.token);
    return result;
}
