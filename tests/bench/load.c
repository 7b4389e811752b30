/* load - loads a policy server: closed loop, one request in flight on each connection, every reply checked.
 *
 * usage: load --socket unix:/path|inet:PORT@HOST [--connections N] [--seconds MS] [--refused PER-THOUSAND] [--context NAME]
 *             [--refusal TEXT] [--constant] [--any-reply] [--reconnect] [--idle N] [--tricklers N] [--smtpd UID] [--crowd]
 *             [--rate N]
 *
 * --crowd: each request is that of a new client, as its HELO name tells, from one of 65,536 private addresses. --rate: so many requests a second, evenly, in
 * place of a closed loop; where all connections wait for a reply, the time of a request counts from when it was due, and the first
 * fifth of a second is not measured.
 *
 * A request of a real client must get `action=DUNNO`, one of a node a reply that begins with --refusal; with --constant
 * (a floor) all must get DUNNO. One wrong reply, or a client without any, and the exit status is 1. The last line is JSON.
 */
#include "bench.h"
#include "requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define POOL 4096          /* different requests */
#define REPLY_SIZE 512     /* the longest reply that is looked at */
#define EVENTS 256
#define GRACE 5000000000U  /* nanoseconds for what is in flight at the end */
#define WARM_UP 200000000U /* nanoseconds of a steady pace in which loads beside this one may still be starting: not measured */
#define TRICKLE_TURN 2000000000U /* a slow client sends its request in this time, a byte at a time */
#define PASS "action=DUNNO\n\n"

enum kind { MEASURED, TRICKLER };

struct connection {
    enum kind kind;
    int fd;
    bool waiting; /* for a reply */
    const struct bench_request *request;
    uint64_t sent_at;
    size_t trickled; /* bytes of the request that a slow client has sent */
    unsigned long replies;
    size_t in_length;
    char in[REPLY_SIZE];
};

struct options {
    struct bench_address address;
    unsigned long connections;
    unsigned long milliseconds;
    unsigned refused;
    const char *context;
    const char *refusal;
    bool constant;
    bool any_reply;
    bool reconnect;
    unsigned long idle;
    unsigned long tricklers;
    bool crowd;
    unsigned long rate;   /* requests a second; 0: a closed loop */
    unsigned long smtpd;  /* become this user, with a session as an smtpd has; 0: no */
};

struct load {
    struct options options;
    struct bench_requests requests;
    struct bench_request trickle;
    size_t next_request;
    unsigned long asked; /* at a steady pace */
    uint64_t measured_from;
    bool is_behind;      /* all connections waited when one was due */
    int epoll;
    struct connection *connections; /* the measured ones, then the slow ones */
    size_t connection_count;
    size_t next_trickler;
    uint64_t trickled; /* bytes */
    bool ending;       /* answers are awaited, nothing new is asked */
    unsigned long in_flight;
    unsigned long replies;
    unsigned long refusals;
    unsigned long slow_replies;
    unsigned long wrong;
    unsigned long broken; /* connections that the server closed or refused */
    uint64_t last_reply;
    struct bench_latency latency;
};

static bool is_right(const struct load *load, const struct bench_request *request, const char *reply)
{
    if (load->options.any_reply)
        return true;
    if (request->refused && !load->options.constant)
        return strncmp(reply, load->options.refusal, strlen(load->options.refusal)) == 0;
    return strcmp(reply, PASS) == 0;
}

static void check_reply(struct load *load, struct connection *connection)
{
    connection->in[connection->in_length] = '\0';
    if (!is_right(load, connection->request, connection->in)) {
        if (load->wrong++ == 0)
            fprintf(stderr, "a wrong reply: %s to: %s", connection->in, connection->request->text);
    } else if (connection->request->refused)
        load->refusals++;
    connection->in_length = 0;
    connection->replies++;
}

static void watch(struct load *load, struct connection *connection)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

static void open_connection(struct load *load, struct connection *connection)
{
    connection->fd = bench_connect(&load->options.address);
    if (connection->fd < 0)
        bench_die("cannot connect: %s", strerror(errno));
    watch(load, connection);
}

static void give_up(struct load *load, struct connection *connection)
{
    load->broken++;
    load->in_flight -= connection->waiting ? 1 : 0;
    connection->waiting = false;
    close(connection->fd);
    connection->fd = -1;
}

/* A client that nobody has seen yet. */
static const struct bench_request *next_of_crowd(struct load *load)
{
    static char text[BENCH_CROWD_SIZE];
    static struct bench_request request = { .text = text };

    request.length = bench_requests_crowd(load->next_request++, text);
    return &request;
}

static const struct bench_request *next_of_pool(struct load *load)
{
    return &load->requests.all[load->next_request++ % load->requests.count];
}

static void ask(struct load *load, struct connection *connection)
{
    const struct bench_request *request = load->options.crowd ? next_of_crowd(load) : next_of_pool(load);

    connection->request = request;
    connection->sent_at = bench_now();
    connection->waiting = true;
    load->in_flight++;
    /* One request always fits into an empty socket. */
    if (send(connection->fd, request->text, request->length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)request->length)
        give_up(load, connection);
}

static void take_measured(struct load *load, struct connection *connection)
{
    uint64_t now = bench_now();

    check_reply(load, connection);
    connection->waiting = false;
    load->in_flight--;
    if (!load->ending && now >= load->measured_from) {
        bench_latency_add(&load->latency, now - connection->sent_at);
        load->last_reply = now;
    }
    load->replies++;
    if (load->ending)
        return;
    if (load->options.reconnect) {
        close(connection->fd);
        open_connection(load, connection);
    }
    if (load->options.rate == 0)
        ask(load, connection);
}

static void take_trickler(struct load *load, struct connection *connection)
{
    if (connection->trickled < load->trickle.length)
        load->wrong++; /* an answer to half a request */
    check_reply(load, connection);
    load->slow_replies++;
    connection->trickled = 0;
    connection->waiting = false;
}

static bool is_whole(const struct connection *connection)
{
    return connection->in_length >= 2 && memcmp(connection->in + connection->in_length - 2, "\n\n", 2) == 0;
}

static void on_ready(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->in + connection->in_length, REPLY_SIZE - 1 - connection->in_length,
                       MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        give_up(load, connection);
        return;
    }
    connection->in_length += (size_t)got;
    if (!is_whole(connection))
        return;
    if (connection->kind == TRICKLER)
        take_trickler(load, connection);
    else
        take_measured(load, connection);
}

static void send_bytes(struct load *load, struct connection *connection, size_t count)
{
    if (connection->fd < 0 || connection->waiting)
        return;
    if (send(connection->fd, load->trickle.text + connection->trickled, count, MSG_NOSIGNAL | MSG_DONTWAIT)
        != (ssize_t)count) {
        give_up(load, connection);
        return;
    }
    connection->request = &load->trickle;
    connection->trickled += count;
    connection->waiting = connection->trickled == load->trickle.length;
}

static struct connection *trickler(struct load *load, size_t number)
{
    return &load->connections[load->options.connections + number];
}

/* Each slow client in its turn sends one byte, evenly spread over the time. */
static void trickle(struct load *load, uint64_t elapsed)
{
    double rate = (double)load->options.tricklers * (double)load->trickle.length / (double)TRICKLE_TURN;
    uint64_t due = (uint64_t)((double)elapsed * rate);

    while (load->trickled < due) {
        send_bytes(load, trickler(load, load->next_trickler), 1);
        load->next_trickler = (load->next_trickler + 1) % load->options.tricklers;
        load->trickled++;
    }
}

static void poll_for(struct load *load, uint64_t nanoseconds)
{
    struct epoll_event events[EVENTS];
    const struct timespec time = { (time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000) };
    int count = epoll_pwait2(load->epoll, events, EVENTS, &time, NULL);

    for (int i = 0; i < count; i++)
        on_ready(load, events[i].data.ptr);
}

static void poll_once(struct load *load, unsigned milliseconds)
{
    poll_for(load, milliseconds * 1000000ULL);
}

/* ---- A steady pace. */

/* Each in its turn. */
static struct connection *idle_connection(struct load *load)
{
    for (size_t i = 0; i < load->options.connections; i++) {
        struct connection *connection = &load->connections[(load->asked + i) % load->options.connections];

        if (!connection->waiting && connection->fd >= 0)
            return connection;
    }
    return NULL;
}

static uint64_t due_at(const struct load *load, uint64_t start)
{
    return start + (uint64_t)((double)load->asked * 1e9 / (double)load->options.rate);
}

static void ask_what_is_due(struct load *load, uint64_t start)
{
    while (due_at(load, start) <= bench_now()) {
        struct connection *connection = idle_connection(load);

        if (connection == NULL) {
            load->is_behind = true;
            return;
        }
        ask(load, connection);
        if (load->is_behind)
            connection->sent_at = due_at(load, start);
        load->asked++;
    }
    load->is_behind = false;
}

static void keep_pace(struct load *load, uint64_t start)
{
    uint64_t now = bench_now();
    uint64_t due = due_at(load, start);

    poll_for(load, load->is_behind ? 100000000 : due > now ? due - now : 0);
    ask_what_is_due(load, start);
}

static void finish_tricklers(struct load *load)
{
    for (size_t i = 0; i < load->options.tricklers; i++) {
        struct connection *connection = trickler(load, i);

        send_bytes(load, connection, load->trickle.length - connection->trickled);
    }
}

static bool is_all_answered(struct load *load)
{
    for (size_t i = 0; i < load->options.tricklers; i++) {
        if (trickler(load, i)->waiting)
            return false;
    }
    return load->in_flight == 0;
}

/* Returns the seconds from the first request to the last measured reply. */
static double run(struct load *load)
{
    uint64_t start = bench_now();
    uint64_t end = start + load->options.milliseconds * 1000000;

    load->measured_from = load->options.rate > 0 ? start + WARM_UP : 0;
    for (size_t i = 0; i < load->options.connections && load->options.rate == 0; i++)
        ask(load, &load->connections[i]);
    while (load->options.rate > 0 && bench_now() < end)
        keep_pace(load, start);
    while (bench_now() < end) {
        poll_once(load, load->options.tricklers > 0 ? 1 : 100);
        if (load->options.tricklers > 0)
            trickle(load, bench_now() - start);
    }
    load->ending = true;
    finish_tricklers(load);
    end = bench_now() + GRACE;
    while (!is_all_answered(load) && bench_now() < end)
        poll_once(load, 10);
    return (double)(load->last_reply - start) / 1e9;
}

static unsigned long count_starved(const struct load *load)
{
    unsigned long starved = 0;

    for (size_t i = 0; i < load->connection_count; i++)
        starved += load->connections[i].replies == 0 || load->connections[i].waiting ? 1 : 0;
    return starved;
}

static void open_all(struct load *load)
{
    load->connection_count = load->options.connections + load->options.tricklers;
    load->connections = calloc(load->connection_count + 1, sizeof(*load->connections));
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->connections == NULL || load->epoll < 0)
        bench_die("out of memory");
    for (size_t i = 0; i < load->connection_count; i++) {
        load->connections[i].kind = i < load->options.connections ? MEASURED : TRICKLER;
        open_connection(load, &load->connections[i]);
    }
}

/* Connections that asked once and then keep still, as those of smtpds between two sessions. */
static void open_idle(struct load *load)
{
    char reply[REPLY_SIZE];

    for (unsigned long i = 0; i < load->options.idle; i++) {
        const struct bench_request *request = &load->requests.all[i % load->requests.count];
        int fd = bench_connect(&load->options.address);

        if (fd < 0 || send(fd, request->text, request->length, MSG_NOSIGNAL) < 0)
            bench_die("cannot ask on idle connection %lu: %s", i, strerror(errno));
        ssize_t got = recv(fd, reply, sizeof(reply) - 1, 0);
        reply[got < 0 ? 0 : got] = '\0';
        if (got <= 0 || !is_right(load, request, reply))
            bench_die("a wrong reply on idle connection %lu: %s", i, reply);
    }
    if (load->options.idle > 0) {
        puts("open");
        fflush(stdout);
    }
}

/* A listening socket, a client of it, and another user's unreadable process: what attestation takes for an smtpd. */
static void become_smtpd(uid_t uid)
{
    struct bench_address here = bench_address_of("inet:0@127.0.0.1");
    socklen_t size = sizeof(here.name);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listening < 0 || client < 0 || bind(listening, &here.name.any, here.size) < 0 || listen(listening, 1) < 0
        || getsockname(listening, &here.name.any, &size) < 0 || connect(client, &here.name.any, size) < 0
        || accept(listening, NULL, NULL) < 0)
        bench_die("cannot make a session: %s", strerror(errno));
    if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        bench_die("cannot become user %u: %s", uid, strerror(errno));
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void report(const struct load *load, double seconds, double cpu)
{
    unsigned long starved = count_starved(load);

    printf("{\"replies\": %lu, \"seconds\": %.4f, \"rate\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
           "\"max\": %.1f, \"own_cpu\": %.4f, \"refusals\": %lu, \"slow_replies\": %lu, \"wrong\": %lu, \"broken\": %lu, "
           "\"starved\": %lu}\n",
           load->replies, seconds, seconds > 0 ? (double)load->latency.count / seconds : 0.0,
           bench_latency_share(&load->latency, 0.5), bench_latency_share(&load->latency, 0.99),
           bench_latency_share(&load->latency, 0.999), (double)load->latency.most / 1e3, cpu, load->refusals,
           load->slow_replies, load->wrong, load->broken, starved);
}

static bool set_flag(struct options *options, const char *name)
{
    if (strcmp(name, "--constant") == 0)
        options->constant = true;
    else if (strcmp(name, "--any-reply") == 0)
        options->any_reply = true;
    else if (strcmp(name, "--reconnect") == 0)
        options->reconnect = true;
    else if (strcmp(name, "--crowd") == 0)
        options->crowd = true;
    else
        return false;
    return true;
}

static void set_option(struct options *options, const char *name, const char *value)
{
    if (value == NULL)
        bench_die("%s: no such option, or its value is missing", name);
    if (strcmp(name, "--socket") == 0)
        options->address = bench_address_of(value);
    else if (strcmp(name, "--connections") == 0)
        options->connections = bench_number(name, value, 100000);
    else if (strcmp(name, "--seconds") == 0)
        options->milliseconds = (unsigned long)(strtod(value, NULL) * 1000);
    else if (strcmp(name, "--refused") == 0)
        options->refused = (unsigned)bench_number(name, value, 1000);
    else if (strcmp(name, "--context") == 0)
        options->context = value;
    else if (strcmp(name, "--refusal") == 0)
        options->refusal = value;
    else if (strcmp(name, "--idle") == 0)
        options->idle = bench_number(name, value, 100000);
    else if (strcmp(name, "--tricklers") == 0)
        options->tricklers = bench_number(name, value, 100000);
    else if (strcmp(name, "--rate") == 0)
        options->rate = bench_number(name, value, 1000000);
    else if (strcmp(name, "--smtpd") == 0)
        options->smtpd = bench_number(name, value, 1UL << 30);
    else
        bench_die("%s: no such option", name);
}

static struct options read_options(int argc, char **argv)
{
    struct options options = { .connections = 16, .milliseconds = 1000, .refused = 20, .context = "",
                               .refusal = "action=450 4.7.1 realip infrastructure: " };

    for (int i = 1; i < argc; i++) {
        if (!set_flag(&options, argv[i])) {
            set_option(&options, argv[i], argv[i + 1]);
            i++;
        }
    }
    if (options.crowd && options.idle > 0)
        bench_die("--crowd and --idle don't go together");
    if (options.address.size == 0)
        bench_die("usage: load --socket unix:/path [options]; the options stand at the top of load.c");
    return options;
}

int main(int argc, char **argv)
{
    static struct load load;

    load.options = read_options(argc, argv);
    bench_raise_file_limit();
    if (!load.options.crowd)
        load.requests = bench_requests_make(POOL, load.options.refused, load.options.context);
    if (load.options.crowd)
        load.next_request = (size_t)getpid() * 1009; /* other addresses than the crowds of its neighbours */
    load.trickle = bench_requests_short(load.options.context);
    if (load.options.smtpd != 0)
        become_smtpd((uid_t)load.options.smtpd);
    prctl(PR_SET_TIMERSLACK, 1000); /* nanoseconds: a pace is kept by short sleeps */
    open_idle(&load);
    open_all(&load);
    double cpu = bench_own_cpu();
    double seconds = run(&load);
    report(&load, seconds, bench_own_cpu() - cpu);
    return load.wrong != 0 || load.broken != 0 || count_starved(&load) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
