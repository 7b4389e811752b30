/* realip-policyd: Postfix asks, this answers. Usage: realip-policyd [-c FILE] */
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "attest.h"
#include "auth_policy_http.h"
#include "explain_http.h"
#include "publication.h"
#include "runtime/config_file.h"
#include "runtime/daemon.h"
#include "runtime/endpoint.h"
#include "runtime/log.h"
#include "runtime/metrics_http.h"
#include "runtime/signs_of_life.h"
#include "runtime/snapshot.h"
#include "runtime/status_http.h"
#include "runtime/suspects.h"
#include "server.h"
#include "status.h"
#include "suspect_store.h"
#include "suspects_http.h"

struct program {
    struct event_base *base;
    struct realip_service_manager manager;
    struct realip_metrics *metrics;
    struct realip_attest *attest; /* NULL: no listener wanted attestation at the start */
    bool attests;                 /* it worked at the start */
    struct realip_snapshots *snapshots;
    struct realip_snapshot *started; /* the rules of the start: what a reload can't change is compared with them */
    struct realip_server *server;
    struct realip_metrics_http *http;
    struct realip_auth_policy_http *auth_policy;
    struct realip_recent *recent; /* NULL: there is no HTTP to ask over */
    struct realip_explain_http explain;
    struct realip_policyd_status told; /* at the status page */
    struct realip_status_http *status; /* NULL: there is no HTTP */
    struct realip_suspects_http suspects;
    struct realip_suspect_store *store; /* NULL: this policyd counts for itself */
    struct realip_publication *publication; /* for the programs that decide with the same rules and must not read the configuration (Dovecot's) */
    char *token;
    struct event *signals[3];
    struct event *alive;    /* signs of life for the service manager; NULL: it does not watch */
    struct event *reloaded; /* readable when a reload has ended */
    int reloaded_pipe[2];
    struct realip_watch *watch; /* NULL: it can't be had */
    struct event *watched;
    pthread_t reloader;
    bool reloading;
    bool reload_again;
    bool asked_again;  /* that one by SIGHUP: an answer is wanted, also where nothing has changed */
    bool asked;        /* the one that goes on */
    struct realip_problems reload_problems;
    int reload_result; /* 0, -1, or 1 for nothing new */
};

static void start_reload(struct program *program, bool asked);

/* What the reloading thread tells the loop. */
#define RULES_IN_FORCE 'R'
#define RELOAD_ENDED 'E'

static void tell_loop(const struct program *program, char what)
{
    ssize_t ignored = write(program->reloaded_pipe[1], &what, 1);

    (void)ignored;
}

/* In a thread of its own: reading a large configuration, and writing it to a disk, must keep no
 * request waiting. */
static void *reload(void *context)
{
    struct program *program = context;

    program->reload_result = program->asked ? realip_snapshots_reload(program->snapshots, &program->reload_problems)
                                            : realip_snapshots_refresh(program->snapshots, &program->reload_problems);
    if (program->reload_result == 0) {
        tell_loop(program, RULES_IN_FORCE);
        realip_publication_put(program->publication);
    } else {
        realip_publication_mend(program->publication);
    }
    realip_daemon_watch(program->snapshots, program->watch);
    tell_loop(program, RELOAD_ENDED);
    return NULL;
}

static void use_new_rules(struct program *program)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(program->snapshots);
    const struct realip_config *started = realip_snapshot_config(program->started);
    const struct realip_config *fresh = realip_snapshot_config(snapshot);

    realip_metrics_set_reload(program->metrics, true, (long long)time(NULL));
    realip_status_http_note_reload(program->status, NULL);
    realip_daemon_report(LOG_WARNING, &fresh->warnings);
    realip_daemon_warn_of_restart(started, &started->policyd, fresh, &fresh->policyd);
    realip_log(LOG_NOTICE, "new rules are in force");
    realip_server_set_snapshot(program->server, snapshot);
}

static void go_on_watching(const struct program *program)
{
    if (program->watch != NULL && event_add(program->watched, NULL) < 0)
        realip_log(LOG_ERR, "files are not watched any more: out of memory; send SIGHUP after each change");
}

static void end_reload(struct program *program)
{
    pthread_join(program->reloader, NULL);
    program->reloading = false;
    if (program->reload_result < 0) {
        realip_metrics_set_reload(program->metrics, false, (long long)time(NULL));
        realip_status_http_note_reload(program->status, &program->reload_problems);
        realip_daemon_report(LOG_ERR, &program->reload_problems);
        realip_log(LOG_ERR, "the configuration has errors: the old rules stay in force");
    }
    realip_problems_clear(&program->reload_problems);
    go_on_watching(program);
    if (program->asked)
        realip_service_manager_ready(&program->manager); /* also with the old rules: the log and a gauge say so */
    if (program->reload_again)
        start_reload(program, program->asked_again);
}

static void on_reloaded(int fd, short what, void *context)
{
    struct program *program = context;
    char told;

    (void)what;
    if (read(fd, &told, 1) != 1)
        return;
    if (told == RULES_IN_FORCE)
        use_new_rules(program);
    else
        end_reload(program);
}

static void start_reload(struct program *program, bool asked)
{
    program->reload_again = program->reloading;
    program->asked_again = program->reloading && (program->asked_again || asked);
    if (program->reloading)
        return;
    program->asked = asked;
    if (asked)
        realip_service_manager_reloading(&program->manager);
    if (program->watch != NULL)
        event_del(program->watched); /* the thread names its files anew */
    int error = pthread_create(&program->reloader, NULL, reload, program);
    program->reloading = error == 0;
    if (error != 0) {
        realip_log(LOG_ERR, "cannot reload: %s: the old rules stay in force", strerror(error));
        go_on_watching(program);
        if (asked)
            realip_service_manager_ready(&program->manager);
    }
}

static void on_hangup(int signal, short what, void *context)
{
    (void)signal;
    (void)what;
    start_reload(context, true);
}

static void on_watched(int fd, short what, void *context)
{
    struct program *program = context;

    (void)fd;
    (void)what;
    if (realip_watch_read(program->watch) != 0)
        start_reload(program, false);
}

static void on_terminate(int signal, short what, void *context)
{
    struct program *program = context;

    (void)signal;
    (void)what;
    realip_service_manager_stopping(&program->manager);
    realip_server_drain(program->server);
}

static int add_signals(struct program *program)
{
    program->signals[0] = evsignal_new(program->base, SIGHUP, on_hangup, program);
    program->signals[1] = evsignal_new(program->base, SIGTERM, on_terminate, program);
    program->signals[2] = evsignal_new(program->base, SIGINT, on_terminate, program);
    if (pipe2(program->reloaded_pipe, O_CLOEXEC | O_NONBLOCK) == 0)
        program->reloaded
            = event_new(program->base, program->reloaded_pipe[0], EV_READ | EV_PERSIST, on_reloaded, program);
    for (size_t i = 0; i < 3; i++) {
        if (program->signals[i] == NULL || event_add(program->signals[i], NULL) < 0)
            return -1;
    }
    return program->reloaded == NULL ? -1 : event_add(program->reloaded, NULL);
}

/* Without it reloads are asked for by SIGHUP alone. */
static void start_watch(struct program *program)
{
    program->watch = realip_daemon_begin_watch();
    if (program->watch != NULL)
        program->watched = event_new(program->base, realip_watch_fd(program->watch), EV_READ | EV_PERSIST, on_watched, program);
    if (program->watched == NULL || event_add(program->watched, NULL) < 0)
        realip_watch_free(&program->watch);
    realip_daemon_watch(program->snapshots, program->watch);
}

/* The page of all that, at /. */
static int show_status(struct program *program)
{
    program->told.recent = program->recent;
    program->told.attest = program->attest;
    program->told.store = program->store;
    program->told.publication = program->publication;
    program->told.snapshots = program->snapshots;
    const struct realip_status_program shown = { .name = "realip-policyd",
                                                 .metrics = program->metrics,
                                                 .snapshots = program->snapshots,
                                                 .guard = program->explain.guard,
                                                 .add = realip_policyd_status_add,
                                                 .context = &program->told };
    program->status = realip_status_http_new(program->base, program->http, &shown);
    return program->status == NULL ? -1 : 0;
}

/* Keeps the last verdicts, and tells them at /explain, and suspects at /suspects. */
static int explain_at(struct program *program, const struct realip_endpoint *endpoint)
{
    program->recent = realip_recent_new();
    if (program->recent == NULL)
        return -1;
    program->explain = (struct realip_explain_http){
        .recent = program->recent,
        .guard = { .token = program->token, .host = endpoint->host, .is_local = realip_endpoint_is_local(endpoint) },
    };
    program->suspects = (struct realip_suspects_http){ .snapshots = program->snapshots, .guard = program->explain.guard };
    realip_metrics_http_add(program->http, "/explain", realip_explain_http_answer, &program->explain);
    realip_metrics_http_add(program->http, "/suspects", realip_suspects_http_answer, &program->suspects);
    realip_server_set_recent(program->server, program->recent);
    return 0;
}

static int check_listen(const struct realip_config *config, struct realip_problems *problems)
{
    if (config->policyd.listen_count > 0)
        return 0;
    realip_problems_add(problems, (struct realip_origin){ config->path, 0 },
                        "nowhere to listen: add policyd { listen = { \"unix:/var/spool/postfix/realip/policy\" } }");
    return -1;
}

static int listen_all(struct program *program, const struct realip_config *config, struct realip_problems *problems)
{
    const struct realip_service *service = &config->policyd;

    if (check_listen(config, problems) < 0)
        return -1;
    for (size_t i = 0; i < service->listen_count; i++) {
        int fd = realip_daemon_listen(&program->manager, &service->listen[i], service, problems);

        if (fd < 0 || realip_server_add_listener(program->server, fd) < 0)
            return -1;
    }
    if (service->http == NULL)
        return 0;
    int fd = realip_daemon_listen(&program->manager, service->http, service, problems);
    if (fd >= 0)
        program->http = realip_metrics_http_new(program->base, fd, program->metrics);
    return program->http == NULL || explain_at(program, service->http) < 0 ? -1 : show_status(program);
}

static int listen_auth_policy(struct program *program, const struct realip_config *config,
                              struct realip_problems *problems)
{
    const struct realip_endpoint *endpoint = config->auth_policy;

    if (endpoint == NULL)
        return 0;
    const struct realip_http_guard guard
        = { .token = program->token, .host = endpoint->host, .is_local = realip_endpoint_is_local(endpoint) };
    int fd = realip_daemon_listen(&program->manager, endpoint, &config->policyd, problems);
    if (fd >= 0)
        program->auth_policy
            = realip_auth_policy_http_new(program->base, fd, program->snapshots, program->recent, &guard);
    return program->auth_policy == NULL ? -1 : 0;
}

/* For Dovecot's auth policy client, and for whoever asks about sessions. */
static int read_token(struct program *program, const struct realip_config *config, struct realip_problems *problems)
{
    const struct realip_config_value *token = config->auth_policy_token;

    return token == NULL ? 0 : realip_http_guard_token(token->text, token->origin, &program->token, problems);
}

static void write_metrics(void *context, FILE *out)
{
    struct program *program = context;

    if (program->attest != NULL)
        realip_attest_write_metrics(program->attest, out);
    realip_suspects_write_metrics(realip_snapshots_suspects(program->snapshots), out);
    if (program->store != NULL)
        realip_suspect_store_write_metrics(program->store, out);
    if (program->auth_policy != NULL)
        realip_auth_policy_http_write_metrics(program->auth_policy, out);
    realip_publication_write_metrics(program->publication, out);
}

/* What the file asks of attestation: the listener that asks most. */
static const struct realip_listener *most_demanding(const struct realip_config *config)
{
    const struct realip_listener *most = &config->rules.fallback;

    for (size_t i = 0; i < config->rules.listener_count; i++) {
        if (config->rules.listeners[i].attest > most->attest)
            most = &config->rules.listeners[i];
    }
    return most;
}

static bool has_unix_socket(const struct realip_service *service)
{
    for (size_t i = 0; i < service->listen_count; i++) {
        if (service->listen[i].path != NULL)
            return true;
    }
    return false;
}

/* A name, or a number: in a container beside Postfix its user has no name. */
static uid_t client_uid(const struct realip_config *config)
{
    char *end;
    unsigned long number = strtoul(config->client_user, &end, 10);
    const struct passwd *entry;

    if (*end == '\0' && end != config->client_user)
        return (uid_t)number;
    entry = getpwnam(config->client_user);
    if (entry == NULL)
        realip_log(LOG_WARNING,
                   "client-user = '%s': there is no such user, so no peer can be known: name Postfix's user or its number",
                   config->client_user);
    return entry == NULL ? (uid_t)-1 : entry->pw_uid;
}

static struct realip_attest *start_helper(const struct realip_config *config, const char **reason_r)
{
    const struct passwd *entry = getpwnam(config->user != NULL ? config->user : "nobody");
    int error = 0;
    struct realip_attest *attest = realip_attest_start(client_uid(config), entry == NULL ? 65534 : entry->pw_uid,
                                                       entry == NULL ? 65534 : entry->pw_gid, &error);

    if (attest == NULL)
        *reason_r = strerror(error);
    else if (realip_attest_probe(attest, reason_r) == 0)
        *reason_r = NULL;
    return attest;
}

/* Does attestation work, and what is missing? 0; or -1 with one problem added: a listener cannot do without. */
static int start_attestation(struct program *program, const struct realip_config *config,
                             struct realip_problems *problems)
{
    const struct realip_listener *most = most_demanding(config);
    bool required = most->attest == REALIP_ATTEST_REQUIRED;
    const char *reason = "policyd listens at no unix socket, and others do not tell who connects";

    if (most->attest == REALIP_ATTEST_OFF)
        return 0;
    if (has_unix_socket(&config->policyd))
        program->attest = start_helper(config, &reason);
    program->attests = reason == NULL;
    if (program->attests)
        return 0;
    snprintf(program->told.attest_trouble, sizeof(program->told.attest_trouble), "%s", reason);
    if (!required) {
        realip_log(LOG_WARNING, "TCP peers can't be attested: %s; whoever reaches a PROXY port chooses his address", reason);
        return 0;
    }
    realip_problems_add(problems, most->attest_origin, "attest = required, but TCP peers can't be attested: %s", reason);
    return -1;
}

/* A reload can't start a helper: rules that need one would refuse everybody. */
static int check_attestation(const struct program *program, const struct realip_config *fresh, struct realip_problems *problems)
{
    const struct realip_listener *most = most_demanding(fresh);

    if (program->attests || most->attest == REALIP_ATTEST_OFF)
        return 0;
    if (most->attest == REALIP_ATTEST_AVAILABLE) {
        realip_log(LOG_WARNING, "%s: attestation was off, or not possible, when policyd was started: it needs a restart",
                   fresh->path);
        return 0;
    }
    realip_problems_add(problems, most->attest_origin,
                        "attest = required, but attestation was off, or not possible, when policyd was started: restart it");
    return -1;
}

/* With which it would not start, no file is put in force: one that is empty, or cut off between two blocks, is well formed. */
static int check_fresh(void *context, const struct realip_config *fresh, struct realip_problems *problems)
{
    if (check_listen(fresh, problems) < 0)
        return -1;
    return check_attestation(context, fresh, problems);
}

/* Exit status: 0 to go on. */
static int start(struct program *program, const char *path, struct realip_problems *problems)
{
    program->metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    if (program->metrics == NULL)
        return EXIT_FAILURE;
    if (realip_snapshots_open(path, program->metrics, &program->snapshots, problems) < 0)
        return REALIP_EXIT_CONFIG;
    program->publication = realip_publication_new(program->snapshots);
    if (program->publication == NULL)
        return EXIT_FAILURE;
    struct realip_snapshot *snapshot = realip_snapshots_acquire(program->snapshots);
    const struct realip_config *config = realip_snapshot_config(snapshot);
    realip_log_open("realip-policyd", config->log);
    realip_daemon_report(LOG_WARNING, &config->warnings);
    if (realip_daemon_check_names(config, &config->policyd, problems) < 0) {
        realip_snapshot_release(&snapshot);
        return REALIP_EXIT_CONFIG;
    }
    /* Before anything that a forked helper should not have: sockets, threads, a loop. */
    bool attested = start_attestation(program, config, problems) == 0;
    program->base = attested ? event_base_new() : NULL;
    if (program->base != NULL)
        program->server = realip_server_new(program->base, program->metrics, program->attest, snapshot);
    else
        realip_snapshot_release(&snapshot);
    if (!attested)
        return REALIP_EXIT_CONFIG;
    if (program->server == NULL || add_signals(program) < 0
        || (program->attest != NULL && realip_attest_attach(program->attest, program->base) < 0))
        return EXIT_FAILURE;
    realip_metrics_set_writer(program->metrics, write_metrics, program);
    if (config->suspicion.store != NULL
        && realip_suspect_store_new(config->suspicion.store, realip_snapshots_suspects(program->snapshots), &program->store, problems) < 0)
        return REALIP_EXIT_CONFIG;
    if (read_token(program, config, problems) < 0 || listen_all(program, config, problems) < 0 || listen_auth_policy(program, config, problems) < 0
        || realip_daemon_drop_privileges(config, problems) < 0
        || realip_daemon_drop_capabilities(problems) < 0)
        return REALIP_EXIT_CONFIG;
    program->started = realip_snapshots_acquire(program->snapshots);
    realip_snapshots_set_check(program->snapshots, check_fresh, program);
    realip_metrics_set_loaded(program->metrics, (long long)time(NULL));
    if (program->store != NULL && realip_suspect_store_start(program->store) < 0)
        return EXIT_FAILURE;
    realip_publication_put(program->publication);
    start_watch(program);
    realip_service_manager_close_rest(&program->manager);
    program->alive = realip_signs_of_life_begin(&program->manager, program->base);
    realip_service_manager_ready(&program->manager);
    realip_log(LOG_NOTICE, "ready");
    return 0;
}

static void stop(struct program *program)
{
    if (program->reloading)
        pthread_join(program->reloader, NULL);
    realip_problems_clear(&program->reload_problems);
    realip_metrics_http_free(&program->http);
    realip_status_http_free(&program->status);
    json_decref(program->told.suspects);
    realip_auth_policy_http_free(&program->auth_policy);
    realip_suspect_store_free(&program->store);
    free(program->token);
    realip_server_free(&program->server);
    realip_recent_free(&program->recent);
    for (size_t i = 0; i < 3; i++) {
        if (program->signals[i] != NULL)
            event_free(program->signals[i]);
    }
    if (program->alive != NULL)
        event_free(program->alive);
    if (program->reloaded != NULL)
        event_free(program->reloaded);
    if (program->watched != NULL)
        event_free(program->watched);
    realip_watch_free(&program->watch);
    realip_attest_free(&program->attest);
    realip_publication_free(&program->publication);
    realip_snapshot_release(&program->started);
    realip_snapshots_free(&program->snapshots);
    if (program->base != NULL)
        event_base_free(program->base);
    realip_metrics_free(&program->metrics);
}

int main(int argc, char **argv)
{
    const char *path = realip_daemon_options(argc, argv, "realip-policyd");
    struct program program = { .reloaded_pipe = { -1, -1 } };
    struct realip_problems problems = { 0 };

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* while the configuration is being read there is nothing to reload */
    realip_daemon_open_standard_files();
    realip_log_open("realip-policyd", REALIP_LOG_STDERR);
    realip_service_manager_open(&program.manager);
    realip_daemon_raise_file_limit();
    int status = start(&program, path, &problems);
    realip_daemon_report(LOG_ERR, &problems);
    if (status != 0 && problems.count == 0)
        realip_log(LOG_ERR, "cannot start: out of memory");
    realip_problems_clear(&problems);
    if (status == 0 && event_base_dispatch(program.base) < 0)
        status = EXIT_FAILURE;
    stop(&program);
    return status;
}
