#include "server.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "attest.h"
#include "policy_adapter.h"
#include "runtime/log.h"
#include "runtime/paced_log.h"

/* One read takes at most this much, so that a client that sends without end can't keep the others waiting. */
#define READ_SIZE REALIP_POLICY_MAX_REQUEST
#define ACCEPTS_AT_ONCE 64
#define READY_AT_ONCE 64
#define ROUNDS_AT_ONCE 64
#define TIMED_TURNS 8
#define DRAIN_SECONDS 5
#define FINISH_SECONDS 2
#define MAX_DISCARDED (4U << 20)

static const struct timeval second = { 1, 0 };

struct listener {
    struct listener *next;
    struct realip_server *server;
    struct event *event;
    int fd;
};

/* Memory is held for a connection only while a request is partly there or a reply partly written. What each request looks at stands
 * first: the fewer lines of the cache, the better. */
struct connection {
    struct realip_server *server;
    char *in;            /* the start of a request, or NULL */
    size_t in_length;
    char *out;           /* the rest of replies that the socket did not take, or NULL */
    size_t out_length;
    char *request_bytes; /* of the request that waits for its peer, or NULL: none waits */
    int fd;
    uint32_t awaited;    /* EPOLLIN, EPOLLOUT while `out` is there, or 0 */
    bool unread;         /* the last read may have left something */
    bool paused;         /* more came while a request waits: not read before that is answered */
    bool closing;        /* answers nothing more; ends once `out` is written */
    bool finishing;      /* our side is ended */
    struct realip_attest_ticket ticket;
    struct realip_policy_request request; /* points into `request_bytes` */
    size_t discarded;
    long long finish_by; /* monotonic seconds; when `finishing` */
    struct connection *next;
    struct connection **prev;
};

struct realip_server {
    struct event_base *base;
    struct realip_metrics *metrics;
    struct realip_attest *attest; /* or NULL */
    struct realip_recent *recent; /* NULL: verdicts are not kept */
    struct realip_snapshot *snapshot;
    struct listener *listeners;
    struct connection *connections;
    struct event *ready;        /* of `epoll`; in the loop while not `busy` */
    struct event *ready_again;  /* in its place while `busy` */
    struct event *finish_tick;  /* runs while connections are finishing */
    struct event *accept_again; /* fires some time after descriptors ran out */
    struct event *drain_end;
    int epoll; /* of the connections */
    unsigned long answered;       /* since the last look at the clock, apart from those that waited for a peer */
    unsigned long long looked_at; /* the clock, at that look; 0: what is answered now is not timed */
    unsigned turns;               /* of a busy server */
    struct realip_paced_log short_of; /* descriptors */
    long finishing_count;
    long connection_count;
    bool busy;
    bool was_busy; /* several connections were ready at the last turn */
    bool draining;
    /* One request after another passes through these: idle connections cost no buffers. Before a read less than one
     * request is kept. */
    char work[REALIP_POLICY_MAX_REQUEST + READ_SIZE];
    char replies[READ_SIZE];
};

static void count_connection(struct realip_server *server, int change)
{
    server->connection_count += change;
    realip_metrics_set_connections(server->metrics, server->connection_count);
}

/* What the connection waits for from now on: EPOLLIN or EPOLLOUT. Whatever comes is told once (EPOLLET: else the kernel looks
 * at each socket again after its request was read); this call tells what is there already once more, so whoever leaves
 * something unread calls it. */
static int await(struct connection *connection, uint32_t what)
{
    uint32_t end = what == EPOLLIN ? EPOLLRDHUP : 0;
    struct epoll_event event = { .events = what | end | EPOLLET, .data.ptr = connection };
    int operation = connection->awaited == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    connection->awaited = what;
    return epoll_ctl(connection->server->epoll, operation, connection->fd, &event);
}

static void close_connection(struct connection *connection)
{
    struct realip_server *server = connection->server;

    *connection->prev = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    server->finishing_count -= connection->finishing ? 1 : 0;
    realip_attest_forget(server->attest, &connection->ticket);
    /* close() alone does not: the helper, or a question that it has not read, may hold a copy of the descriptor, and the
     * events of a connection that is open somewhere go on to come. */
    (void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    close(connection->fd);
    free(connection->request_bytes);
    free(connection->in);
    free(connection->out);
    free(connection);
    count_connection(server, -1);
    if (server->draining && server->connections == NULL)
        event_base_loopbreak(server->base);
}

/* Keeps `length` bytes in *place, whose old memory is freed. 0; or -1 when memory is short. */
static int keep(char **place, size_t *length_place, const char *bytes, size_t length)
{
    char *copy = NULL;

    if (length > 0) {
        copy = malloc(length);
        if (copy == NULL)
            return -1;
        memcpy(copy, bytes, length);
    }
    free(*place);
    *place = copy;
    *length_place = length;
    return 0;
}

/* Behind what the socket has not taken yet. 0; or -1 when memory is short. */
static int append(struct connection *connection, const char *bytes, size_t length)
{
    char *longer = realloc(connection->out, connection->out_length + length);

    if (longer == NULL)
        return -1;
    memcpy(longer + connection->out_length, bytes, length);
    connection->out = longer;
    connection->out_length += length;
    return 0;
}

/* Writes, and keeps what the socket does not take. 0; or -1: the connection is of no more use. */
static int send_bytes(struct connection *connection, const char *bytes, size_t length)
{
    if (connection->out != NULL)
        return append(connection, bytes, length);
    ssize_t sent = send(connection->fd, bytes, length, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return -1;
    size_t done = sent < 0 ? 0 : (size_t)sent;
    if (keep(&connection->out, &connection->out_length, bytes + done, length - done) < 0)
        return -1;
    /* Not again when it is awaited: a client's end, which is told at each call, would come without end. */
    return connection->out != NULL && connection->awaited != EPOLLOUT ? await(connection, EPOLLOUT) : 0;
}

static long long now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Ends our side and takes what the client still sends, for a while: closing at once could destroy a reply that it has not
 * read yet (a TCP reset overtakes data). 0; or -1: close. */
static int finish(struct connection *connection)
{
    struct realip_server *server = connection->server;

    connection->finishing = true;
    connection->finish_by = now_seconds() + FINISH_SECONDS;
    if (server->finishing_count++ == 0)
        evtimer_add(server->finish_tick, &second);
    return shutdown(connection->fd, SHUT_WR) < 0 ? -1 : await(connection, EPOLLIN);
}

/* recv(); what comes behind a read that filled its place is told by no further event. */
static ssize_t receive(struct connection *connection, char *place, size_t size)
{
    ssize_t got;

    do
        got = recv(connection->fd, place, size, 0);
    while (got < 0 && errno == EINTR);
    connection->unread = got == (ssize_t)size;
    return got;
}

/* 0; or -1: close. */
static int discard(struct connection *connection)
{
    struct realip_server *server = connection->server;
    ssize_t got = receive(connection, server->work, sizeof(server->work));

    if (got <= 0)
        return got < 0 && errno == EAGAIN ? 0 : -1;
    connection->discarded += (size_t)got;
    return connection->discarded > MAX_DISCARDED ? -1 : 0;
}

static size_t answer_malformed(struct connection *connection, const char *reason, char *reply)
{
    connection->server->answered++;
    realip_metrics_add_malformed(connection->server->metrics);
    realip_log(LOG_WARNING, "a policy request is refused and its connection closed: %s", reason);
    connection->closing = true;
    return realip_policy_reply_malformed(reply);
}

/* Keeps a request, whose bytes will be overwritten, until its peer is known. 0; or -1 when memory is short. */
static int keep_request(struct connection *connection, const struct realip_policy_request *request, const char *bytes,
                        size_t length)
{
    char *copy = malloc(length);

    if (copy == NULL)
        return -1;
    memcpy(copy, bytes, length);
    connection->request_bytes = copy;
    connection->request = *request;
#define MOVE(field, attribute)                                                    \
    if (request->field != NULL)                                                   \
        connection->request.field = copy + (request->field - bytes);
    REALIP_POLICY_ATTRIBUTE_TABLE(MOVE)
#undef MOVE
    return 0;
}

/* True when the peer must be asked for; else *peer_r says what there is to know without asking. */
static bool must_ask(struct connection *connection, const struct realip_policy_request *request,
                     struct realip_policy_ports *ports_r, struct realip_policy_peer *peer_r)
{
    struct realip_server *server = connection->server;

    *peer_r = (struct realip_policy_peer){ .state = REALIP_PEER_UNATTESTED };
    return server->attest != NULL && realip_policy_wants_peer(server->snapshot, request, ports_r)
        && !realip_attest_is_settled(server->attest, &connection->ticket, connection->fd, peer_r);
}

/* Answers the request in bytes[0..length), or asks for its peer first. Returns the reply's length (0: it comes later). */
static size_t answer(struct connection *connection, const struct realip_policy_request *request, const char *bytes,
                     size_t length, char *reply)
{
    struct realip_server *server = connection->server;
    struct realip_policy_ports ports;
    struct realip_policy_peer peer;

    server->answered++;
    if (!must_ask(connection, request, &ports, &peer))
        return realip_policy_answer(server->snapshot, request, &peer, server->recent, reply);
    if (keep_request(connection, request, bytes, length) < 0) {
        peer.state = REALIP_PEER_GONE; /* no memory to wait with: as if the answer had not come */
        return realip_policy_answer(server->snapshot, request, &peer, server->recent, reply);
    }
    server->answered--;
    realip_attest_ask(server->attest, &connection->ticket, &ports);
    return 0;
}

/* Answers the whole requests in work[0..length) and keeps the rest. 0; or -1: close. Replies are gathered, as clients may
 * send several requests at once; who does not take his replies gets no more of them until he does. */
static int answer_all(struct connection *connection, size_t length)
{
    struct realip_server *server = connection->server;
    size_t at = 0;
    size_t replied = 0;

    while (at < length && !connection->closing && connection->out == NULL && connection->request_bytes == NULL) {
        struct realip_policy_request request;
        size_t used;
        const char *reason = "";
        enum realip_policy_parse parsed
            = realip_policy_request_parse(server->work + at, length - at, &request, &used, &reason);

        if (parsed == REALIP_POLICY_NEED_MORE)
            break;
        if (parsed == REALIP_POLICY_DONE)
            replied += answer(connection, &request, server->work + at, used, server->replies + replied);
        else
            replied += answer_malformed(connection, reason, server->replies + replied);
        at += used;
        if (sizeof(server->replies) - replied < REALIP_POLICY_REPLY_SIZE) {
            if (send_bytes(connection, server->replies, replied) < 0)
                return -1;
            replied = 0;
        }
    }
    if (keep(&connection->in, &connection->in_length, server->work + at, connection->closing ? 0 : length - at) < 0)
        return -1;
    if (replied > 0 && send_bytes(connection, server->replies, replied) < 0)
        return -1;
    return connection->closing && connection->out == NULL ? finish(connection) : 0;
}

/* 0; or -1: close. */
static int read_requests(struct connection *connection)
{
    struct realip_server *server = connection->server;
    size_t kept = connection->in_length;
    ssize_t got;

    if (kept > 0)
        memcpy(server->work, connection->in, kept);
    got = receive(connection, server->work + kept, sizeof(server->work) - kept);
    if (got < 0)
        return errno == EAGAIN ? 0 : -1;
    if (got == 0)
        return -1; /* whoever closes his end has all replies, or wants none */
    return answer_all(connection, kept + (size_t)got);
}

/* While draining: a connection with nothing begun and nothing to write is done. */
static bool is_done(const struct connection *connection)
{
    return connection->server->draining && connection->in == NULL && connection->out == NULL
        && connection->request_bytes == NULL;
}

/* Goes on with the bytes that were kept. 0; or -1: close. */
static int answer_kept(struct connection *connection)
{
    size_t length = connection->in_length;

    if (length > 0)
        memcpy(connection->server->work, connection->in, length);
    return answer_all(connection, length);
}

/* The socket takes bytes again: writes the rest of the replies, then goes on with what was kept. 0; or -1: close. */
static int write_rest(struct connection *connection)
{
    char *rest = connection->out;
    size_t length = connection->out_length;

    connection->out = NULL;
    connection->out_length = 0;
    int result = send_bytes(connection, rest, length);
    free(rest);
    if (result < 0 || connection->out != NULL)
        return result;
    if (connection->closing)
        return finish(connection);
    if (await(connection, EPOLLIN) < 0)
        return -1;
    return answer_kept(connection);
}

/* True when the last event may have told of something that was not read: it comes again only when it is asked for. A read ends
 * early behind bytes that carried a descriptor, or before urgent ones; what is left shows when a request is not whole. */
static bool is_left_over(const struct connection *connection, uint32_t events)
{
    return connection->awaited == EPOLLIN && !connection->paused
        && (connection->unread || connection->in != NULL || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

static void serve(struct connection *connection, uint32_t events)
{
    int result = 0;

    if (connection->request_bytes != NULL && connection->out == NULL)
        connection->paused = true;
    else if (connection->finishing)
        result = discard(connection);
    else if (connection->out != NULL)
        result = write_rest(connection);
    else
        result = read_requests(connection);
    if (result == 0 && is_left_over(connection, events))
        result = await(connection, EPOLLIN);
    if (result < 0 || is_done(connection))
        close_connection(connection);
}

/* A look at the clock for each request would cost more than a hundredth of its time. So those that were ready together count with
 * the time that it took to answer them all, as the last of them has waited so long; and while there is more and more to do one
 * turn of TIMED_TURNS is timed. */
static void begin_turn(struct realip_server *server, bool busy)
{
    bool timed = !busy || server->turns++ % TIMED_TURNS == 0;

    server->looked_at = timed ? realip_histogram_now() : 0;
}

static void count_answered(struct realip_server *server)
{
    if (server->answered > 0 && server->looked_at > 0) {
        unsigned long long now = realip_histogram_now();

        realip_metrics_add_requests(server->metrics, now - server->looked_at, server->answered);
        server->looked_at = now;
    }
    server->answered = 0;
}

/* Connections stand in an epoll of their own, of which the loop sees one descriptor: with many requests at once they are
 * served by the dozen without a way through the loop for each. Serving one closes no other, so the list stays good. */
static int serve_some(struct realip_server *server)
{
    struct epoll_event events[READY_AT_ONCE];
    int count = epoll_wait(server->epoll, events, READY_AT_ONCE, 0);

    for (int i = 0; i < count; i++)
        serve(events[i].data.ptr, events[i].events);
    count_answered(server);
    if (count == 1 && server->attest != NULL)
        realip_attest_await(server->attest);
    return count;
}

/* While there is more and more to do the loop does not watch that descriptor: each request would wake two epolls, at its
 * client's expense. A timer that is due at once comes back here after the loop has looked at everything else. */
static void on_connections_ready(int fd, short what, void *context)
{
    static const struct timeval at_once = { 0, 0 };
    static const struct timeval soon = { 0, 10000 };
    struct realip_server *server = context;
    int rounds = 0;

    (void)fd;
    (void)what;
    begin_turn(server, server->was_busy);
    while (rounds < ROUNDS_AT_ONCE && serve_some(server) > 1)
        rounds++;
    server->was_busy = rounds > 0;
    bool busy = rounds == ROUNDS_AT_ONCE && evtimer_add(server->ready_again, &at_once) == 0;
    if (busy && !server->busy)
        event_del(server->ready);
    else if (!busy && server->busy && event_add(server->ready, NULL) < 0)
        busy = evtimer_add(server->ready_again, &soon) == 0; /* the kernel is out of memory: one of both must work */
    server->busy = busy;
}

/* Closes those who go on sending after their last reply. */
static void on_finish_tick(int fd, short what, void *context)
{
    struct realip_server *server = context;
    long long now = now_seconds();
    struct connection *next;

    (void)fd;
    (void)what;
    for (struct connection *connection = server->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->finishing && connection->finish_by <= now)
            close_connection(connection);
    }
    if (server->finishing_count > 0)
        evtimer_add(server->finish_tick, &second);
}

/* The peer of the request that waits is known, or is known not to be. */
static void on_peer(struct realip_attest_ticket *ticket, const struct realip_policy_peer *peer)
{
    struct connection *connection = (struct connection *)(void *)((char *)ticket - offsetof(struct connection, ticket));
    struct realip_server *server = connection->server;
    char reply[REALIP_POLICY_REPLY_SIZE];
    size_t length = realip_policy_answer(server->snapshot, &connection->request, peer, server->recent, reply);

    free(connection->request_bytes);
    connection->request_bytes = NULL;
    int result = send_bytes(connection, reply, length);
    begin_turn(server, false);
    realip_metrics_add_requests(server->metrics, server->looked_at - ticket->asked_at, 1);
    if (result == 0 && connection->paused && connection->out == NULL)
        result = await(connection, EPOLLIN);
    connection->paused = false;
    if (result == 0 && connection->out == NULL && connection->in != NULL)
        result = answer_kept(connection);
    count_answered(server);
    if (result < 0 || is_done(connection))
        close_connection(connection);
}

static void add_connection(struct realip_server *server, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL) {
        close(fd);
        return;
    }
    connection->server = server;
    connection->fd = fd;
    connection->ticket.done = on_peer;
    connection->next = server->connections;
    connection->prev = &server->connections;
    if (connection->next != NULL)
        connection->next->prev = &connection->next;
    server->connections = connection;
    count_connection(server, 1);
    if (await(connection, EPOLLIN) < 0)
        close_connection(connection);
}

static void set_accepting(struct realip_server *server, bool accepting)
{
    for (struct listener *listener = server->listeners; listener != NULL; listener = listener->next) {
        if (accepting)
            event_add(listener->event, NULL);
        else
            event_del(listener->event);
    }
}

static void on_accept_again(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    set_accepting(context, true);
}

/* Descriptors or memory ran out: those who wait stay in the backlog, those who are served go on. */
static void pause_accepting(struct realip_server *server, int error)
{
    const struct timeval pause = { 0, 100000 };

    realip_paced_log(&server->short_of, LOG_ERR, "cannot accept a connection: %s: new ones wait (raise LimitNOFILE)", strerror(error));
    set_accepting(server, false);
    event_add(server->accept_again, &pause);
}

static void on_accept(int fd, short what, void *context)
{
    struct listener *listener = context;

    (void)what;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (connection >= 0)
            add_connection(listener->server, connection);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener->server, errno);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static void on_drain_end(int fd, short what, void *context)
{
    const struct realip_server *server = context;

    (void)fd;
    (void)what;
    realip_log(LOG_WARNING, "%ld connections were closed with an unfinished request", server->connection_count);
    event_base_loopbreak(server->base);
}

struct realip_server *realip_server_new(struct event_base *base, struct realip_metrics *metrics,
                                        struct realip_attest *attest, struct realip_snapshot *snapshot)
{
    struct realip_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        realip_snapshot_release(&snapshot);
        return NULL;
    }
    server->base = base;
    server->metrics = metrics;
    server->attest = attest;
    server->snapshot = snapshot;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->ready = event_new(base, server->epoll, EV_READ | EV_PERSIST, on_connections_ready, server);
    server->ready_again = evtimer_new(base, on_connections_ready, server);
    server->finish_tick = evtimer_new(base, on_finish_tick, server);
    server->accept_again = evtimer_new(base, on_accept_again, server);
    server->drain_end = evtimer_new(base, on_drain_end, server);
    if (server->epoll < 0 || server->ready == NULL || server->ready_again == NULL || server->finish_tick == NULL
        || server->accept_again == NULL || server->drain_end == NULL || event_add(server->ready, NULL) < 0)
        realip_server_free(&server);
    return server;
}

static void close_listeners(struct realip_server *server)
{
    while (server->listeners != NULL) {
        struct listener *listener = server->listeners;

        server->listeners = listener->next;
        event_free(listener->event);
        close(listener->fd);
        free(listener);
    }
    if (server->accept_again != NULL)
        event_del(server->accept_again);
}

void realip_server_free(struct realip_server **server)
{
    if (*server == NULL)
        return;
    close_listeners(*server);
    (*server)->draining = false;
    while ((*server)->connections != NULL)
        close_connection((*server)->connections);
    struct event *const events[]
        = { (*server)->ready, (*server)->ready_again, (*server)->finish_tick, (*server)->accept_again, (*server)->drain_end };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    if ((*server)->epoll >= 0)
        close((*server)->epoll);
    realip_snapshot_release(&(*server)->snapshot);
    free(*server);
    *server = NULL;
}

int realip_server_add_listener(struct realip_server *server, int fd)
{
    struct listener *listener = calloc(1, sizeof(*listener));

    if (listener != NULL)
        listener->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_accept, listener);
    if (listener == NULL || listener->event == NULL || event_add(listener->event, NULL) < 0) {
        if (listener != NULL && listener->event != NULL)
            event_free(listener->event);
        free(listener);
        close(fd);
        return -1;
    }
    listener->server = server;
    listener->fd = fd;
    listener->next = server->listeners;
    server->listeners = listener;
    return 0;
}

void realip_server_set_recent(struct realip_server *server, struct realip_recent *recent)
{
    server->recent = recent;
}

void realip_server_set_snapshot(struct realip_server *server, struct realip_snapshot *snapshot)
{
    realip_snapshot_release(&server->snapshot);
    server->snapshot = snapshot;
}

static bool is_reading(const struct connection *connection)
{
    return connection->out == NULL && connection->request_bytes == NULL && !connection->finishing;
}

void realip_server_drain(struct realip_server *server)
{
    const struct timeval most = { DRAIN_SECONDS, 0 };
    struct connection *next;

    if (server->draining)
        return;
    close_listeners(server);
    server->draining = true;
    begin_turn(server, false);
    evtimer_add(server->drain_end, &most);
    if (server->connections == NULL)
        event_base_loopbreak(server->base);
    for (struct connection *connection = server->connections; connection != NULL; connection = next) {
        next = connection->next;
        /* A request may have arrived that the loop has not seen yet. */
        if ((is_reading(connection) && read_requests(connection) < 0) || is_done(connection))
            close_connection(connection);
    }
    count_answered(server);
}
