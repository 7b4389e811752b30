/* milter-load - loads a milter with sessions that speak as Postfix does: connect, negotiate, macros, CONNECT, QUIT.
 *
 * usage: milter-load --socket unix:/path [--connections N] [--seconds S] [--refused PER-THOUSAND] [--mail]
 *
 * Closed loop: on each of N places one session follows another. A milter must answer CONNECT with "accept" (or "continue",
 * with --mail: then MAIL is sent, if the milter did not decline it, and must be continued). The last line is JSON. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 256
#define PACKET 2048
#define NO_MAIL 0x04U /* SMFIP_NOMAIL */
#define ALL_ACTIONS 0x1ffU
#define ALL_STEPS 0x1fffffU
#define GRACE 5000000000U

enum step { NEGOTIATE, CONNECT, MAIL };

struct session {
    enum step step;
    int fd;
    bool refused; /* its client is a node */
    uint32_t declined;
    uint64_t begun_at;
    unsigned long done;
    size_t in_length;
    unsigned char in[PACKET];
};

struct load {
    struct bench_address address;
    unsigned long connections;
    unsigned long milliseconds;
    unsigned refused;
    bool mail;
    int epoll;
    struct session *sessions;
    uint64_t random;
    bool ending;
    unsigned long open;
    unsigned long done;
    unsigned long from_nodes;
    unsigned long wrong;
    unsigned long broken;
    uint64_t last_end;
    struct bench_latency latency;
};

struct packet {
    size_t length;
    unsigned char bytes[PACKET];
};

static void put(struct packet *packet, const void *bytes, size_t length)
{
    memcpy(packet->bytes + packet->length, bytes, length);
    packet->length += length;
}

static void put_text(struct packet *packet, const char *text)
{
    put(packet, text, strlen(text) + 1);
}

static void put_number(struct packet *packet, uint32_t number)
{
    uint32_t wire = htonl(number);

    put(packet, &wire, sizeof(wire));
}

/* Begins a command; end_command() writes its length. Returns where it starts. */
static size_t begin_command(struct packet *packet, char command)
{
    size_t start = packet->length;

    put_number(packet, 0);
    put(packet, &command, 1);
    return start;
}

static void end_command(struct packet *packet, size_t start)
{
    uint32_t wire = htonl((uint32_t)(packet->length - start - 4));

    memcpy(packet->bytes + start, &wire, sizeof(wire));
}

static bool send_packet(const struct session *session, const struct packet *packet)
{
    return send(session->fd, packet->bytes, packet->length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)packet->length;
}

static bool send_negotiation(struct session *session)
{
    struct packet packet = { .length = 0 };
    size_t start = begin_command(&packet, 'O');

    put_number(&packet, 6);
    put_number(&packet, ALL_ACTIONS);
    put_number(&packet, ALL_STEPS);
    end_command(&packet, start);
    session->step = NEGOTIATE;
    return send_packet(session, &packet);
}

static bool send_connect(struct load *load, struct session *session)
{
    struct packet packet = { .length = 0 };
    uint64_t random = bench_random(&load->random);
    char client[INET_ADDRSTRLEN];
    uint16_t port = htons(4711);

    session->refused = random % 1000 < load->refused;
    snprintf(client, sizeof(client), session->refused ? "10.0.20.%u" : "151.20.%u.7", (unsigned)(random >> 20 & 255));
    size_t start = begin_command(&packet, 'D');
    put(&packet, "C", 1);
    put_text(&packet, "{daemon_name}");
    put_text(&packet, "smtp");
    put_text(&packet, "{client_addr}");
    put_text(&packet, client);
    end_command(&packet, start);
    start = begin_command(&packet, 'C');
    put_text(&packet, "mail.sender.example");
    put(&packet, "4", 1);
    put(&packet, &port, sizeof(port));
    put_text(&packet, client);
    end_command(&packet, start);
    session->step = CONNECT;
    return send_packet(session, &packet);
}

static bool send_mail(struct session *session)
{
    struct packet packet = { .length = 0 };
    size_t start = begin_command(&packet, 'M');

    put_text(&packet, "<a@sender.example>");
    end_command(&packet, start);
    session->step = MAIL;
    return send_packet(session, &packet);
}

static void begin(struct load *load, struct session *session)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = session };

    session->begun_at = bench_now();
    session->in_length = 0;
    session->fd = bench_connect(&load->address);
    if (session->fd < 0)
        bench_die("cannot connect: %s", strerror(errno));
    load->open++;
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, session->fd, &event) < 0 || !send_negotiation(session))
        bench_die("cannot begin a session: %s", strerror(errno));
}

static void end(struct load *load, struct session *session)
{
    static const unsigned char quit[] = { 0, 0, 0, 1, 'Q' };
    ssize_t ignored = send(session->fd, quit, sizeof(quit), MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)ignored;
    close(session->fd);
    load->open--;
    load->done++;
    load->from_nodes += session->refused ? 1 : 0;
    session->done++;
    if (load->ending)
        return;
    load->last_end = bench_now();
    bench_latency_add(&load->latency, load->last_end - session->begun_at);
    begin(load, session);
}

static void take_wrong(struct load *load, struct session *session, char command)
{
    if (load->wrong++ == 0)
        fprintf(stderr, "a wrong answer '%c' in step %d\n", command, (int)session->step);
    end(load, session);
}

static void give_up(struct load *load, struct session *session)
{
    load->broken++;
    load->open--;
    close(session->fd);
}

/* One whole answer: its command stands behind the length. */
static void take_answer(struct load *load, struct session *session)
{
    char command = (char)session->in[4];
    uint32_t declined;
    bool sent = true;

    if (session->step == NEGOTIATE && command == 'O' && session->in_length >= 17) {
        memcpy(&declined, session->in + 13, sizeof(declined));
        session->declined = ntohl(declined);
        sent = send_connect(load, session);
    } else if (session->step == CONNECT && command == 'c' && load->mail && (session->declined & NO_MAIL) == 0)
        sent = send_mail(session);
    else if ((session->step == CONNECT && command == (load->mail ? 'c' : 'a')) || (session->step == MAIL && command == 'c'))
        end(load, session);
    else
        take_wrong(load, session, command);
    if (!sent)
        give_up(load, session);
}

static void on_ready(struct load *load, struct session *session)
{
    uint32_t length;
    ssize_t got = recv(session->fd, session->in + session->in_length, PACKET - session->in_length, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        give_up(load, session);
        return;
    }
    session->in_length += (size_t)got;
    if (session->in_length < 5)
        return;
    memcpy(&length, session->in, sizeof(length));
    if (session->in_length < ntohl(length) + 4)
        return;
    take_answer(load, session);
    session->in_length = 0;
}

static void poll_once(struct load *load)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(load->epoll, events, EVENTS, 100);

    for (int i = 0; i < count; i++)
        on_ready(load, events[i].data.ptr);
}

static double run(struct load *load)
{
    uint64_t start = bench_now();
    uint64_t stop = start + load->milliseconds * 1000000;

    for (unsigned long i = 0; i < load->connections; i++)
        begin(load, &load->sessions[i]);
    while (bench_now() < stop)
        poll_once(load);
    load->ending = true;
    stop = bench_now() + GRACE;
    while (load->open > 0 && bench_now() < stop)
        poll_once(load);
    return (double)(load->last_end - start) / 1e9;
}

static unsigned long count_starved(const struct load *load)
{
    unsigned long starved = load->open;

    for (unsigned long i = 0; i < load->connections; i++)
        starved += load->sessions[i].done == 0 ? 1 : 0;
    return starved;
}

static void read_options(struct load *load, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--mail") == 0) {
            load->mail = true;
            continue;
        }
        if (strcmp(argv[i], "--socket") == 0)
            load->address = bench_address_of(value);
        else if (strcmp(argv[i], "--connections") == 0)
            load->connections = bench_number(argv[i], value, 10000);
        else if (strcmp(argv[i], "--seconds") == 0)
            load->milliseconds = (unsigned long)(strtod(value, NULL) * 1000);
        else if (strcmp(argv[i], "--refused") == 0)
            load->refused = (unsigned)bench_number(argv[i], value, 1000);
        else
            bench_die("%s: no such option", argv[i]);
        i++;
    }
    if (load->address.size == 0)
        bench_die("usage: milter-load --socket unix:/path [--connections N] [--seconds S] [--refused PER-THOUSAND] [--mail]");
}

int main(int argc, char **argv)
{
    static struct load load = { .connections = 8, .milliseconds = 1000, .refused = 20, .random = 88172645463325252U };

    read_options(&load, argc, argv);
    bench_raise_file_limit();
    load.sessions = calloc(load.connections, sizeof(*load.sessions));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.sessions == NULL || load.epoll < 0)
        bench_die("out of memory");
    double seconds = run(&load);
    unsigned long starved = count_starved(&load);
    printf("{\"replies\": %lu, \"seconds\": %.4f, \"rate\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f, "
           "\"own_cpu\": %.4f, \"refusals\": %lu, \"wrong\": %lu, \"broken\": %lu, \"starved\": %lu}\n",
           load.done, seconds, seconds > 0 ? (double)load.latency.count / seconds : 0.0,
           bench_latency_share(&load.latency, 0.5), bench_latency_share(&load.latency, 0.99),
           (double)load.latency.most / 1e3, bench_own_cpu(), load.from_nodes, load.wrong, load.broken, starved);
    return load.wrong != 0 || load.broken != 0 || starved != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
