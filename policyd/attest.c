#include "attest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "attestd.h"
#include "runtime/histogram.h"
#include "runtime/log.h"
#include "runtime/metrics_text.h"

#define PATIENCE 1000000000ULL /* nanoseconds for one answer */
#define PROBE_PATIENCE 5000    /* milliseconds for the first word */
#define QUICK_PATIENCE 2000    /* microseconds in which nothing else is done */

struct realip_attest {
    struct event *readable;
    struct event *writable;
    struct event *tick;
    /* Questions in the order in which they were asked: `first_unsent` is the first whose message the socket did not take. */
    struct realip_attest_ticket *first;
    struct realip_attest_ticket **last;
    struct realip_attest_ticket *first_unsent;
    unsigned long long counts[REALIP_CAUSE_COUNT];
    struct realip_histogram times; /* from a question to its end */
    uint32_t *free_slots;
    uint32_t free_count;
    uint32_t generation; /* counts the helpers that said hello */
    uint32_t serial;
    int fd;
    pid_t helper;
    bool works;
    time_t since; /* it works, or does not */
    enum realip_attest_cause last_failure;
    time_t failed_at;
    bool ticking;
    bool late; /* the helper let us wait in vain the last time */
};

static struct realip_attest *new_attest(void)
{
    struct realip_attest *attest = calloc(1, sizeof(*attest));

    if (attest == NULL)
        return NULL;
    attest->free_slots = malloc(REALIP_ATTEST_SLOTS * sizeof(*attest->free_slots));
    if (attest->free_slots == NULL) {
        free(attest);
        return NULL;
    }
    for (uint32_t i = 0; i < REALIP_ATTEST_SLOTS; i++)
        attest->free_slots[i] = REALIP_ATTEST_SLOTS - 1 - i; /* low numbers first: the helper's table stays small */
    attest->free_count = REALIP_ATTEST_SLOTS;
    attest->last = &attest->first;
    attest->fd = -1;
    attest->since = time(NULL);
    return attest;
}

struct realip_attest *realip_attest_start(uid_t client_uid, uid_t uid, gid_t gid, int *error_r)
{
    struct realip_attest *attest = new_attest();
    int pair[2];

    *error_r = ENOMEM;
    if (attest == NULL)
        return NULL;
    /* As an smtpd is unreadable for others of its user, so are we: the helper's first look at us then proves something. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        *error_r = errno;
        realip_attest_free(&attest);
        return NULL;
    }
    attest->fd = pair[0];
    attest->helper = fork();
    if (attest->helper == 0) {
        close(pair[0]);
        realip_attestd_run(pair[1], client_uid, uid, gid);
    }
    *error_r = errno;
    close(pair[1]);
    if (attest->helper < 0)
        realip_attest_free(&attest);
    return attest;
}

static const char *missing(uint32_t error)
{
    switch (error) {
    case EPERM:
        return "CAP_SYS_PTRACE is missing (systemd: AmbientCapabilities=CAP_SYS_PTRACE; Docker: --cap-add SYS_PTRACE; "
               "Kubernetes: capabilities.add [SYS_PTRACE]), or Yama's ptrace_scope is 3";
    case ENOSYS:
        return "the kernel has no pidfd_getfd: Linux 5.6 or newer is needed, and a seccomp profile that allows it";
    default:
        return "the kernel refused to show a descriptor of another process";
    }
}

static void set_works(struct realip_attest *attest, bool works)
{
    if (works != attest->works)
        attest->since = time(NULL);
    attest->works = works;
}

static void count(struct realip_attest *attest, enum realip_attest_cause cause)
{
    attest->counts[cause]++;
    if (cause == REALIP_CAUSE_KNOWN)
        return;
    attest->last_failure = cause;
    attest->failed_at = time(NULL);
}

static void take_hello(struct realip_attest *attest, const struct realip_attest_answer *hello)
{
    attest->generation++;
    set_works(attest, hello->cause == REALIP_CAUSE_KNOWN);
}

int realip_attest_probe(struct realip_attest *attest, const char **reason_r)
{
    struct pollfd ready = { .fd = attest->fd, .events = POLLIN };
    struct realip_attest_answer hello = { 0 };

    if (poll(&ready, 1, PROBE_PATIENCE) != 1 || recv(attest->fd, &hello, sizeof(hello), 0) != (ssize_t)sizeof(hello)
        || hello.kind != REALIP_ATTEST_HELLO) {
        *reason_r = "the attestation helper does not start (is seccomp allowed?)";
        return -1;
    }
    take_hello(attest, &hello);
    *reason_r = missing(hello.error);
    return attest->works ? 0 : -1;
}

/* ---- Questions that wait. */

static void take_out(struct realip_attest *attest, struct realip_attest_ticket *ticket)
{
    struct realip_attest_ticket **at = &attest->first;

    while (*at != ticket)
        at = &(*at)->next;
    *at = ticket->next;
    if (attest->last == &ticket->next)
        attest->last = at;
    if (attest->first_unsent == ticket)
        attest->first_unsent = ticket->next;
    ticket->next = NULL;
    ticket->waiting = false;
}

static enum realip_peer_state state_of(enum realip_attest_cause cause)
{
    switch (cause) {
    case REALIP_CAUSE_KNOWN:
        return REALIP_PEER_KNOWN;
    case REALIP_CAUSE_NO_CAPABILITY:
    case REALIP_CAUSE_NO_CREDENTIALS:
        return REALIP_PEER_UNATTESTED;
    case REALIP_CAUSE_NO_SOCKET:
    case REALIP_CAUSE_DEAD_SOCKET:
    case REALIP_CAUSE_NO_PROCESS:
    case REALIP_CAUSE_NO_PORT:
    case REALIP_CAUSE_OTHER_USER:
    case REALIP_CAUSE_NO_HELPER:
    case REALIP_CAUSE_UNDECIDED:
    case REALIP_CAUSE_COUNT:
        break;
    }
    return REALIP_PEER_GONE;
}

static void finish(struct realip_attest *attest, struct realip_attest_ticket *ticket, enum realip_attest_cause cause,
                   const struct realip_attest_answer *answer)
{
    struct realip_policy_peer peer = { .state = state_of(cause), .listener_port = answer == NULL ? 0 : answer->local_port };

    count(attest, cause);
    realip_histogram_add(&attest->times, &realip_histogram_waits, realip_histogram_now() - ticket->asked_at, 1);
    if (ticket->waiting)
        take_out(attest, ticket);
    if (cause == REALIP_CAUSE_NO_HELPER)
        ticket->generation = 0; /* it may not know the connection: next time it gets it anew */
    if (cause == REALIP_CAUSE_KNOWN) {
        peer.address = answer->family == 4 ? realip_address_from_ipv4(answer->peer) : realip_address_from_ipv6(answer->peer);
    }
    ticket->done(ticket, &peer);
}

/* 0; 1 when the socket is full; -1 when the helper is gone. A helper that does not know the connection gets it along. */
static int send_request(struct realip_attest *attest, struct realip_attest_ticket *ticket)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    struct iovec data = { &ticket->request, sizeof(ticket->request) };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

    ticket->request.has_connection = ticket->generation != attest->generation;
    if (ticket->request.has_connection) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &ticket->fd, sizeof(int));
    }
    if (sendmsg(attest->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ETOOMANYREFS ? 1 : -1;
    ticket->generation = attest->generation;
    ticket->sent = true;
    return 0;
}

static void send_waiting(struct realip_attest *attest)
{
    while (attest->first_unsent != NULL) {
        int result = send_request(attest, attest->first_unsent);

        if (result > 0) {
            event_add(attest->writable, NULL);
            return;
        }
        if (result < 0) { /* the helper is gone: the loop finds out, and ends every question */
            event_active(attest->readable, EV_READ, 0);
            return;
        }
        attest->first_unsent = attest->first_unsent->next;
    }
}

static void finish_all(struct realip_attest *attest)
{
    while (attest->first != NULL)
        finish(attest, attest->first, REALIP_CAUSE_NO_HELPER, NULL);
}

/* Keeper and child are both gone: nobody of us may start another one. */
static void lose_helper(struct realip_attest *attest)
{
    if (attest->fd < 0)
        return;
    realip_log(LOG_CRIT, "the attestation helper has ended: no peer can be known until a restart");
    event_del(attest->readable);
    event_del(attest->writable);
    close(attest->fd);
    attest->fd = -1;
    set_works(attest, false);
    (void)waitpid(attest->helper, NULL, WNOHANG);
    finish_all(attest);
}

/* A new helper knows no connection, and the questions of the old one are lost: they are asked again. */
static void restart_questions(struct realip_attest *attest)
{
    for (struct realip_attest_ticket *ticket = attest->first; ticket != NULL; ticket = ticket->next) {
        ticket->sent = false;
        /* The old questions may still lie in the pair: what the new helper, who knows nobody, says to them is no answer. */
        ticket->request.serial = ++attest->serial;
    }
    attest->first_unsent = attest->first;
    send_waiting(attest);
}

/* Answers come in the order of the questions, but those to questions that were given up or forgotten. */
static struct realip_attest_ticket *ticket_of(struct realip_attest *attest, const struct realip_attest_answer *answer)
{
    for (struct realip_attest_ticket *ticket = attest->first; ticket != NULL && ticket->sent; ticket = ticket->next) {
        if (ticket->request.slot == answer->slot && ticket->request.serial == answer->serial)
            return ticket;
    }
    return NULL;
}

static void take_answer(struct realip_attest *attest, const struct realip_attest_answer *answer)
{
    if (answer->kind == REALIP_ATTEST_HELLO) {
        realip_log(LOG_ERR, "the attestation helper died and was replaced");
        take_hello(attest, answer);
        restart_questions(attest);
        return;
    }
    struct realip_attest_ticket *ticket = ticket_of(attest, answer);
    if (ticket == NULL)
        return;
    attest->late = false;
    if (answer->cause < REALIP_CAUSE_COUNT)
        finish(attest, ticket, (enum realip_attest_cause)answer->cause, answer);
}

/* Reads as long as somebody waits; what comes besides (another helper's hello) calls again. */
static void on_readable(int fd, short what, void *context)
{
    struct realip_attest *attest = context;
    struct realip_attest_answer answer;

    (void)what;
    for (int i = 0; i < 256 && attest->fd >= 0 && (i == 0 || attest->first != NULL); i++) {
        ssize_t got = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);

        if (got == (ssize_t)sizeof(answer)) {
            take_answer(attest, &answer);
            continue;
        }
        if (got >= 0 || (errno != EAGAIN && errno != EINTR))
            lose_helper(attest);
        return;
    }
}

static void on_writable(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    send_waiting(context);
}

void realip_attest_await(struct realip_attest *attest)
{
    struct realip_attest_answer answer;

    if (attest->first == NULL || attest->first->next != NULL || !attest->first->sent || attest->late)
        return;
    if (recv(attest->fd, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer))
        take_answer(attest, &answer);
    else
        attest->late = true; /* or gone: the loop finds out */
}

static void start_ticking(struct realip_attest *attest)
{
    static const struct timeval pause = { 0, 100000 };

    attest->ticking = evtimer_add(attest->tick, &pause) == 0;
}

/* Every question has the same patience, so the oldest is always the first to lose it. */
static void on_tick(int fd, short what, void *context)
{
    struct realip_attest *attest = context;
    unsigned long long now = realip_histogram_now();

    (void)fd;
    (void)what;
    while (attest->first != NULL && attest->first->asked_at + PATIENCE <= now)
        finish(attest, attest->first, REALIP_CAUSE_NO_HELPER, NULL);
    attest->ticking = false;
    if (attest->first != NULL)
        start_ticking(attest);
}

int realip_attest_attach(struct realip_attest *attest, struct event_base *base)
{
    static const struct timeval patience = { 0, QUICK_PATIENCE };

    /* Counts for realip_attest_await() alone: all else reads without waiting. */
    if (setsockopt(attest->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        return -1;
    attest->readable = event_new(base, attest->fd, EV_READ | EV_PERSIST, on_readable, attest);
    attest->writable = event_new(base, attest->fd, EV_WRITE, on_writable, attest);
    attest->tick = evtimer_new(base, on_tick, attest);
    return attest->readable == NULL || attest->writable == NULL || attest->tick == NULL
            || event_add(attest->readable, NULL) < 0
        ? -1
        : 0;
}

/* It ends by itself when our end of the pair is closed, and by the kernel's hand when we do. */
static void end_helper(pid_t helper)
{
    const struct timespec pause = { 0, 10000000 };

    if (helper <= 0)
        return;
    (void)kill(helper, SIGTERM); /* refused where it is of another user */
    for (int i = 0; i < 50 && waitpid(helper, NULL, WNOHANG) == 0; i++)
        nanosleep(&pause, NULL);
}

void realip_attest_free(struct realip_attest **attest)
{
    if (*attest == NULL)
        return;
    if ((*attest)->readable != NULL)
        event_free((*attest)->readable);
    if ((*attest)->writable != NULL)
        event_free((*attest)->writable);
    if ((*attest)->tick != NULL)
        event_free((*attest)->tick);
    if ((*attest)->fd >= 0)
        close((*attest)->fd); /* the helper ends by this */
    end_helper((*attest)->helper);
    free((*attest)->free_slots);
    free(*attest);
    *attest = NULL;
}

static bool is_unix(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t size = sizeof(domain);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static enum realip_attest_cause prepare(struct realip_attest *attest, struct realip_attest_ticket *ticket, int fd)
{
    if (!attest->works)
        return attest->fd < 0 ? REALIP_CAUSE_NO_HELPER : REALIP_CAUSE_NO_CAPABILITY;
    if (ticket->has_slot)
        return REALIP_CAUSE_KNOWN;
    if (!is_unix(fd))
        return REALIP_CAUSE_NO_CREDENTIALS;
    if (attest->free_count == 0)
        return REALIP_CAUSE_NO_HELPER;
    ticket->fd = fd;
    ticket->has_slot = true;
    ticket->slot = attest->free_slots[--attest->free_count];
    return REALIP_CAUSE_KNOWN;
}

bool realip_attest_is_settled(struct realip_attest *attest, struct realip_attest_ticket *ticket, int fd,
                              struct realip_policy_peer *peer_r)
{
    enum realip_attest_cause cause = prepare(attest, ticket, fd);

    if (cause == REALIP_CAUSE_KNOWN)
        return false;
    count(attest, cause);
    *peer_r = (struct realip_policy_peer){ .state = state_of(cause) };
    return true;
}

void realip_attest_ask(struct realip_attest *attest, struct realip_attest_ticket *ticket,
                       const struct realip_policy_ports *ports)
{
    ticket->request = (struct realip_attest_request){ .kind = REALIP_ATTEST_ASK,
                                                      .slot = ticket->slot,
                                                      .serial = ++attest->serial,
                                                      .own_listening = ports->own_listening,
                                                      .port_count = (uint8_t)ports->count };
    memcpy(ticket->request.ports, ports->ports, ports->count * sizeof(ports->ports[0]));
    ticket->asked_at = realip_histogram_now();
    ticket->waiting = true;
    ticket->sent = false;
    ticket->next = NULL;
    if (!attest->ticking)
        start_ticking(attest);
    *attest->last = ticket;
    attest->last = &ticket->next;
    if (attest->first_unsent == NULL) {
        attest->first_unsent = ticket;
        send_waiting(attest);
    }
}

void realip_attest_forget(struct realip_attest *attest, struct realip_attest_ticket *ticket)
{
    struct realip_attest_request request = { .kind = REALIP_ATTEST_FORGET, .slot = ticket->slot };

    if (attest == NULL || !ticket->has_slot)
        return;
    if (ticket->waiting)
        take_out(attest, ticket);
    /* When this is lost, the slot's next connection makes the helper forget: it comes with a descriptor. */
    if (attest->fd >= 0 && ticket->generation == attest->generation)
        (void)send(attest->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
    attest->free_slots[attest->free_count++] = ticket->slot;
    ticket->has_slot = false;
    ticket->generation = 0;
}

void realip_attest_write_metrics(void *context, FILE *out)
{
    const struct realip_attest *attest = context;

    realip_metrics_text_head("realip_attestations_total", "counter", "Attestations of TCP peers by how they ended.", out);
    for (unsigned cause = 1; cause < REALIP_CAUSE_COUNT; cause++)
        fprintf(out, "realip_attestations_total{cause=\"%s\"} %llu\n", realip_attest_cause_label((enum realip_attest_cause)cause), attest->counts[cause]);
    realip_metrics_text_head("realip_attestation_duration_seconds", "histogram",
                             "From a question to the attestation helper to its answer, or to the end of patience.", out);
    realip_histogram_write(&attest->times, &realip_histogram_waits, "realip_attestation_duration_seconds", "", out);
    realip_metrics_text_gauge("realip_attestation_works", "1 while the true TCP peer of a session can be told.",
                              attest->works ? 1 : 0, out);
    realip_metrics_text_counter("realip_attestation_helper_starts_total",
                                "Attestation helpers that began to work; each but the first took the place of one that died.",
                                attest->generation, out);
}

void realip_attest_get_health(const struct realip_attest *attest, struct realip_attest_health *health_r)
{
    *health_r = (struct realip_attest_health){ attest->works, attest->since, attest->last_failure, attest->failed_at, attest->generation };
}

unsigned long long realip_attest_count(const struct realip_attest *attest, enum realip_attest_cause cause)
{
    return attest->counts[cause];
}

const char *realip_attest_cause_label(enum realip_attest_cause cause)
{
#define LABEL(name, label) label,
    static const char *const labels[] = { REALIP_CAUSE_TABLE(LABEL) };
#undef LABEL

    return labels[cause];
}
