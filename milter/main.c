/* realip-milter: Postfix or Sendmail asks, this answers. Usage: realip-milter [-c FILE]
 *
 * libmilter runs in threads of its own, which block every signal; the main thread takes the signals, serves HTTP, reloads
 * and ends the program.
 */
#include "realip-config.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "milter_adapter.h"
#include "runtime/config_file.h"
#include "runtime/daemon.h"
#include "runtime/log.h"
#include "runtime/endpoint.h"
#include "runtime/metrics_http.h"
#include "runtime/status_http.h"
#include "runtime/signs_of_life.h"
#include "runtime/suspects.h"

#define BACKLOG 4096
#define DRAIN_TENTHS 50 /* how long sessions may go on after SIGTERM */

/* In libmilter's place of libc's. libmilter starts a thread that waits for SIGHUP, SIGTERM and SIGINT, takes each of them
 * for "stop", and can't be told not to; which of two threads gets a signal is the kernel's choice. Nobody else in this
 * program calls sigwait(): so that thread sleeps. */
int sigwait(const sigset_t *set, int *number)
{
    (void)set;
    (void)number;
    for (;;)
        pause();
}

struct program {
    struct event_base *base;
    struct realip_service_manager manager;
    struct realip_metrics *metrics;
    struct realip_snapshots *snapshots;
    struct realip_snapshot *started;
    struct realip_metrics_http *http;
    struct realip_status_http *status_page; /* NULL: none is shown */
    char *token;
    struct event *woken;
    struct realip_watch *watch; /* NULL: it can't be had */
    struct event *watched;
    struct event *tick; /* while it drains */
    struct event *alive; /* signs of life for the service manager; NULL: it does not watch */
    int given;           /* the service manager's socket that libmilter listens at; -1: it opened its own */
    int tenths;         /* left to drain; 0: not yet */
    struct {
        char *path; /* NULL when we listen at no unix socket */
        dev_t device;
        ino_t inode;
    } socket;
    int status;
};

/* One byte for each thing that happened: 'H' for SIGHUP, 'T' for SIGTERM or SIGINT, 'E' for libmilter's end. */
static int wake_pipe[2] = { -1, -1 };

static void wake(char what)
{
    int error = errno;
    ssize_t ignored = write(wake_pipe[1], &what, 1);

    (void)ignored; /* a full pipe will wake the reader anyway */
    errno = error;
}

static void on_signal(int signal)
{
    wake(signal == SIGHUP ? 'H' : 'T');
}

static void tell_new_rules(const struct program *program)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(program->snapshots);
    const struct realip_config *started = realip_snapshot_config(program->started);
    const struct realip_config *fresh = realip_snapshot_config(snapshot);

    realip_daemon_report(LOG_WARNING, &fresh->warnings);
    realip_daemon_warn_of_restart(started, &started->milter, fresh, &fresh->milter);
    realip_snapshot_release(&snapshot);
    realip_log(LOG_NOTICE, "new rules are in force");
}

/* `asked` for by SIGHUP: an answer is wanted, also where nothing has changed. */
static void reload(struct program *program, bool asked)
{
    struct realip_problems problems = { 0 };

    if (asked)
        realip_service_manager_reloading(&program->manager);
    int result = asked ? realip_snapshots_reload(program->snapshots, &problems)
                       : realip_snapshots_refresh(program->snapshots, &problems);

    if (result <= 0) {
        realip_metrics_set_reload(program->metrics, result == 0, (long long)time(NULL));
        realip_status_http_note_reload(program->status_page, result == 0 ? NULL : &problems);
    }
    if (result == 0) {
        tell_new_rules(program);
    } else if (result < 0) {
        realip_daemon_report(LOG_ERR, &problems);
        realip_log(LOG_ERR, "the configuration has errors: the old rules stay in force");
    }
    realip_problems_clear(&problems);
    realip_daemon_watch(program->snapshots, program->watch);
    if (asked)
        realip_service_manager_ready(&program->manager); /* also with the old rules: the log and a gauge say so */
}

static void on_watched(int fd, short what, void *context)
{
    struct program *program = context;

    (void)fd;
    (void)what;
    if (realip_watch_read(program->watch) != 0)
        reload(program, false);
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

static bool is_our_socket(const struct program *program)
{
    struct stat status;

    return program->socket.path != NULL && lstat(program->socket.path, &status) == 0
        && status.st_dev == program->socket.device && status.st_ino == program->socket.inode;
}

/* The service manager goes on listening at its socket, and whoever connects waits there for the next of us: libmilter, which
 * knows the descriptor's number alone, gets another at which nobody calls. */
static void give_back_socket(struct program *program)
{
    struct sockaddr_un nowhere = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    /* without a path the kernel finds it an abstract name: unix(7), autobind */
    if (fd < 0 || bind(fd, (const struct sockaddr *)&nowhere, sizeof(sa_family_t)) < 0 || listen(fd, 1) < 0
        || dup2(fd, program->given) < 0)
        realip_log(LOG_WARNING, "cannot give back the service manager's socket: %s: who connects now is not answered",
                   strerror(errno));
    if (fd >= 0)
        close(fd);
    program->given = -1;
}

/* smfi_stop() would end only the listener at once and leave open sessions unanswered. So nobody can connect any more, and
 * libmilter runs on until the sessions have ended, or for a while. */
static void drain(struct program *program)
{
    struct timeval tenth = { .tv_usec = 100000 };

    realip_service_manager_stopping(&program->manager);
    /* A successor may have made its own already. */
    if (is_our_socket(program))
        unlink(program->socket.path);
    if (program->given >= 0)
        give_back_socket(program);
    if (program->tenths == 0 && event_add(program->tick, &tenth) < 0)
        event_base_loopbreak(program->base);
    program->tenths = DRAIN_TENTHS;
}

static void on_tick(int fd, short what, void *context)
{
    struct program *program = context;

    (void)fd;
    (void)what;
    if (realip_milter_sessions() == 0 || --program->tenths == 0)
        event_base_loopbreak(program->base);
}

static void on_woken(int fd, short what, void *context)
{
    struct program *program = context;
    char bytes[64];
    ssize_t count = read(fd, bytes, sizeof(bytes));

    (void)what;
    if (count <= 0)
        return;
    if (memchr(bytes, 'E', (size_t)count) != NULL) {
        realip_log(LOG_ERR, "libmilter ended by itself");
        program->status = EXIT_FAILURE;
        event_base_loopbreak(program->base);
    } else if (memchr(bytes, 'T', (size_t)count) != NULL)
        drain(program);
    else
        reload(program, true);
}

static int catch_signals(struct program *program)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

    if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    program->woken = event_new(program->base, wake_pipe[0], EV_READ | EV_PERSIST, on_woken, program);
    program->tick = event_new(program->base, -1, EV_PERSIST, on_tick, program);
    if (program->woken == NULL || program->tick == NULL || event_add(program->woken, NULL) < 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    return sigaction(SIGHUP, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0
            && sigaction(SIGINT, &action, NULL) == 0
        ? 0
        : -1;
}

static void *run_milter(void *context)
{
    (void)context;
    smfi_main();
    wake('E');
    return NULL;
}

/* The new thread must take no signal. */
static int start_milter(void)
{
    pthread_t thread;
    sigset_t all;
    sigset_t mask;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int error = pthread_create(&thread, NULL, run_milter, NULL);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (error != 0)
        realip_log(LOG_ERR, "cannot start libmilter: %s", strerror(error));
    return error == 0 ? 0 : -1;
}

/* As libmilter spells sockets. */
static void spell(const struct realip_endpoint *endpoint, char *text, size_t size)
{
    if (endpoint->path != NULL)
        snprintf(text, size, "unix:%s", endpoint->path);
    else if (endpoint->host == NULL)
        snprintf(text, size, "%s:%u", strncmp(endpoint->text, "inet6:", 6) == 0 ? "inet6" : "inet", endpoint->port);
    else
        snprintf(text, size, "%s:%u@%s", strchr(endpoint->host, ':') != NULL ? "inet6" : "inet", endpoint->port,
                 endpoint->host);
}

/* libmilter listens where the text says; -1 and errno. */
static int open_libmilter(char *text)
{
    errno = 0;
    return smfi_setconn(text) == MI_SUCCESS && smfi_setbacklog(BACKLOG) == MI_SUCCESS
            && smfi_opensocket(false) == MI_SUCCESS
        ? 0
        : -1;
}

/* Debian's libmilter takes a descriptor, others do not. */
static int open_given_socket(struct program *program, const struct realip_endpoint *endpoint, struct realip_problems *problems)
{
    char text[16];

    snprintf(text, sizeof(text), "fd:%d", program->given);
    if (open_libmilter(text) == 0)
        return 0;
    realip_problems_add(problems, endpoint->origin,
                        "this libmilter can't listen at the service manager's socket '%s': stop its socket unit", endpoint->text);
    return -1;
}

static int open_socket(const struct realip_endpoint *endpoint, const struct realip_service *service,
                       struct realip_problems *problems)
{
    char text[512];

    if (realip_daemon_clear_socket(endpoint, problems) < 0)
        return -1;
    spell(endpoint, text, sizeof(text));
    /* Closed to all until it has its group and mode. */
    mode_t mask = umask(0777);
    bool opened = open_libmilter(text) == 0;
    int error = errno;
    umask(mask);
    if (!opened) {
        realip_problems_add(problems, endpoint->origin, "cannot listen at '%s': %s: is the folder there, is the port free?",
                            endpoint->text, strerror(error));
        return -1;
    }
    return endpoint->path == NULL ? 0 : realip_daemon_own_socket(endpoint, service, problems);
}

static void remember_socket(struct program *program, const char *path)
{
    struct stat status;

    if (path == NULL || lstat(path, &status) < 0)
        return;
    program->socket.path = strdup(path);
    program->socket.device = status.st_dev;
    program->socket.inode = status.st_ino;
}

/* Of a reload, too: with which the milter would not start, no file is put in force. One that is empty, or cut off between two
 * blocks, is well formed. */
static int check_listen(void *context, const struct realip_config *config, struct realip_problems *problems)
{
    (void)context;
    if (config->milter.listen_count == 1)
        return 0;
    realip_problems_add(problems, (struct realip_origin){ config->path, 0 },
                        "one place to listen at is needed: write milter { listen = \"unix:/var/spool/postfix/realip/milter\" }");
    return -1;
}

/* The page at /. The token's file is policyd's, and may be for its eyes alone: without it the milter goes on, and shows nothing. */
static int show_status(struct program *program, const struct realip_config *config)
{
    const struct realip_config_value *token = config->auth_policy_token;
    const struct realip_endpoint *http = config->milter.http;
    struct realip_problems problems = { 0 };

    if (token != NULL && realip_http_guard_token(token->text, token->origin, &program->token, &problems) < 0) {
        realip_daemon_report(LOG_WARNING, &problems);
        realip_log(LOG_WARNING, "the milter shows no status page: it can't know who may see it");
        realip_problems_clear(&problems);
        return 0;
    }
    const struct realip_status_program shown
        = { .name = "realip-milter",
            .metrics = program->metrics,
            .snapshots = program->snapshots,
            .guard = { .token = program->token, .host = http->host, .is_local = realip_endpoint_is_local(http) } };
    program->status_page = realip_status_http_new(program->base, program->http, &shown);
    return program->status_page == NULL ? -1 : 0;
}

static int listen_all(struct program *program, const struct realip_config *config, struct realip_problems *problems)
{
    const struct realip_service *service = &config->milter;

    if (check_listen(NULL, config, problems) < 0)
        return -1;
    program->given = realip_daemon_given_socket(&program->manager, &service->listen[0]);
    if ((program->given >= 0 ? open_given_socket(program, &service->listen[0], problems)
                             : open_socket(&service->listen[0], service, problems))
        < 0)
        return -1;
    if (program->given < 0)
        remember_socket(program, service->listen[0].path);
    if (service->http == NULL)
        return 0;
    int fd = realip_daemon_listen(&program->manager, service->http, service, problems);
    if (fd >= 0)
        program->http = realip_metrics_http_new(program->base, fd, program->metrics);
    return program->http == NULL ? -1 : show_status(program, config);
}

static void write_metrics(void *context, FILE *out)
{
    const struct program *program = context;

    realip_suspects_write_metrics(realip_snapshots_suspects(program->snapshots), out);
}

static int apply(struct program *program, const struct realip_config *config, struct realip_problems *problems)
{
    realip_log_open("realip-milter", config->log);
    realip_daemon_report(LOG_WARNING, &config->warnings);
    if (realip_daemon_check_names(config, &config->milter, problems) < 0)
        return REALIP_EXIT_CONFIG;
    if (realip_milter_register(program->snapshots, program->metrics) < 0)
        return EXIT_FAILURE;
    if (listen_all(program, config, problems) < 0 || realip_daemon_drop_privileges(config, problems) < 0
        || realip_daemon_drop_capabilities(problems) < 0)
        return REALIP_EXIT_CONFIG;
    return 0;
}

/* Exit status: 0 to go on. */
static int start(struct program *program, const char *path, struct realip_problems *problems)
{
    program->metrics = realip_metrics_new(REALIP_SOURCE_MILTER);
    program->base = event_base_new();
    if (program->metrics == NULL || program->base == NULL || catch_signals(program) < 0)
        return EXIT_FAILURE;
    if (realip_snapshots_open(path, program->metrics, &program->snapshots, problems) < 0)
        return REALIP_EXIT_CONFIG;
    struct realip_snapshot *snapshot = realip_snapshots_acquire(program->snapshots);
    realip_metrics_set_writer(program->metrics, write_metrics, program);
    realip_snapshots_set_check(program->snapshots, check_listen, NULL);
    int status = apply(program, realip_snapshot_config(snapshot), problems);
    program->started = snapshot; /* what a reload can't change is compared with it */
    if (status != 0)
        return status;
    if (start_milter() < 0)
        return EXIT_FAILURE;
    realip_metrics_set_loaded(program->metrics, (long long)time(NULL));
    start_watch(program);
    realip_service_manager_close_rest(&program->manager);
    program->alive = realip_signs_of_life_begin(&program->manager, program->base);
    realip_service_manager_ready(&program->manager);
    realip_log(LOG_NOTICE, "ready");
    return 0;
}

/* libmilter's threads run on until the process has ended: what they use stays. */
static void stop(struct program *program)
{
    realip_metrics_http_free(&program->http);
    realip_status_http_free(&program->status_page);
    free(program->token);
    if (program->woken != NULL)
        event_free(program->woken);
    if (program->tick != NULL)
        event_free(program->tick);
    if (program->alive != NULL)
        event_free(program->alive);
    if (program->watched != NULL)
        event_free(program->watched);
    realip_watch_free(&program->watch);
    if (program->base != NULL)
        event_base_free(program->base);
    free(program->socket.path);
}

int main(int argc, char **argv)
{
    static struct program program = { .given = -1 };
    const char *path = realip_daemon_options(argc, argv, "realip-milter");
    struct realip_problems problems = { 0 };

    realip_daemon_open_standard_files();
    realip_log_open("realip-milter", REALIP_LOG_STDERR);
    realip_service_manager_open(&program.manager);
    realip_daemon_raise_file_limit();
    int status = start(&program, path, &problems);
    realip_daemon_report(LOG_ERR, &problems);
    if (status != 0 && problems.count == 0)
        realip_log(LOG_ERR, "cannot start: out of memory");
    realip_problems_clear(&problems);
    if (status == 0)
        status = event_base_dispatch(program.base) < 0 ? EXIT_FAILURE : program.status;
    /* Sessions that took too long are still in their threads, and exit handlers would pull the ground from under them. */
    if (realip_milter_sessions() > 0)
        _exit(status);
    stop(&program);
    return status;
}
