/* The socket that an smtpd opened to us tells which process it is (SO_PEERPIDFD, Linux 6.5, else SO_PEERCRED); a copy of that
 * process's client socket (pidfd_getfd, Linux 5.6, needs CAP_SYS_PTRACE) tells who is at its other end. */
#include "attestd.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest_wire.h"
#include "runtime/daemon.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define LOW_FDS 64 /* an smtpd's client socket was seen at 13 and 14 */

struct slot {
    int pidfd; /* 0: nothing is known of this slot (our own descriptor 0 is never a pidfd) */
    uint16_t last_fd;   /* where the client socket was last time, or 0 */
    uint16_t listening; /* the port on which the process listens, or 0: it keeps its listening socket for life */
    uint16_t cause;     /* why there is no pidfd, or KNOWN */
};

static struct slot slots[REALIP_ATTEST_SLOTS];
static bool without_peerpidfd; /* Debian 12's own kernel has none: tests switch it off */

static int get_int(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

/* A pid may be another process's by now: but the one that holds the other end of this connection was alive while the
 * connection was not closed, and so after pidfd_open(). */
static int pidfd_of_pid(int connection, pid_t pid)
{
    struct pollfd ended = { .fd = connection, .events = POLLRDHUP }; /* POLLHUP comes unasked */
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (pidfd < 0 || poll(&ended, 1, 0) == 0)
        return pidfd;
    close(pidfd);
    return -1;
}

static void forget(struct slot *slot)
{
    if (slot->pidfd > 0)
        close(slot->pidfd);
    *slot = (struct slot){ 0 };
}

static enum realip_attest_cause learn(struct slot *slot, int connection, uid_t client_uid)
{
    struct ucred peer = { 0 };
    socklen_t size = sizeof(peer);

    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return REALIP_CAUSE_NO_CREDENTIALS;
    if (peer.uid != client_uid)
        return REALIP_CAUSE_OTHER_USER;
    slot->pidfd = without_peerpidfd ? -1 : get_int(connection, SO_PEERPIDFD);
    if (slot->pidfd < 0 && peer.pid > 0)
        slot->pidfd = pidfd_of_pid(connection, peer.pid);
    if (slot->pidfd < 0) /* pid 0: it lives in a PID namespace beside ours, and the kernel is too old to show it */
        return peer.pid == 0 ? REALIP_CAUSE_NO_CAPABILITY : REALIP_CAUSE_NO_PROCESS;
    return REALIP_CAUSE_KNOWN;
}

static bool port_is_wanted(const struct realip_attest_request *request, uint16_t listening, uint16_t port)
{
    for (unsigned i = 0; i < request->port_count && i < REALIP_ATTEST_PORTS; i++) {
        if (request->ports[i] == port)
            return true;
    }
    return request->own_listening != 0 && listening == port;
}

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* The local port of a copied descriptor when it is a TCP socket, else 0. */
static uint16_t local_port(int fd)
{
    union address local;
    socklen_t size = sizeof(local);

    if (getsockname(fd, &local.any, &size) < 0 || (local.any.sa_family != AF_INET && local.any.sa_family != AF_INET6)
        || get_int(fd, SO_PROTOCOL) != IPPROTO_TCP)
        return 0;
    return ntohs(local.any.sa_family == AF_INET ? local.ipv4.sin_port : local.ipv6.sin6_port);
}

static enum realip_attest_cause read_peer(int fd, struct realip_attest_answer *answer)
{
    union address peer;
    socklen_t size = sizeof(peer);

    if (getpeername(fd, &peer.any, &size) < 0)
        return REALIP_CAUSE_DEAD_SOCKET;
    answer->family = peer.any.sa_family == AF_INET ? 4 : 6;
    memcpy(answer->peer, answer->family == 4 ? (void *)&peer.ipv4.sin_addr : (void *)&peer.ipv6.sin6_addr,
           answer->family == 4 ? 4 : 16);
    return REALIP_CAUSE_KNOWN;
}

struct search {
    const struct realip_attest_request *request;
    struct realip_attest_answer *answer;
    struct slot *slot;
    enum realip_attest_cause cause; /* of the best descriptor so far */
};

/* Looks at one descriptor of the process; the copy is closed at once. False when looking on makes no sense. */
static bool look(struct search *search, int number)
{
    int fd = (int)syscall(SYS_pidfd_getfd, search->slot->pidfd, number, 0);

    if (fd < 0 && errno == EBADF)
        return true;
    if (fd < 0) {
        search->answer->error = (uint32_t)errno;
        search->cause = errno == ESRCH ? REALIP_CAUSE_NO_PROCESS : REALIP_CAUSE_NO_CAPABILITY;
        return false;
    }
    uint16_t port = local_port(fd);
    bool wanted = port != 0 && port_is_wanted(search->request, search->slot->listening, port);
    enum realip_attest_cause cause = wanted ? read_peer(fd, search->answer) : REALIP_CAUSE_NO_SOCKET;
    /* The listening socket has the same local port, and no peer: it must not look like a client that is gone. */
    if (port != 0 && cause != REALIP_CAUSE_KNOWN && get_int(fd, SO_ACCEPTCONN) == 1)
        search->slot->listening = port;
    else if (wanted) {
        search->cause = cause;
        search->answer->local_port = port; /* of a dead socket too: it tells the listener */
    }
    close(fd);
    return search->cause != REALIP_CAUSE_KNOWN;
}

/* A process's listening socket has a lower number than the connections that came by it, so one pass finds both. */
static void search_peer(struct slot *slot, const struct realip_attest_request *request,
                        struct realip_attest_answer *answer)
{
    struct search search = { request, answer, slot, REALIP_CAUSE_NO_SOCKET };
    int number = 0;

    if (slot->last_fd != 0 && !look(&search, slot->last_fd)) {
        answer->cause = search.cause;
        return;
    }
    search.cause = REALIP_CAUSE_NO_SOCKET; /* the place that was remembered may be another descriptor's by now */
    while (number < LOW_FDS && look(&search, number))
        number++;
    slot->last_fd = search.cause == REALIP_CAUSE_KNOWN ? (uint16_t)number : 0;
    if (search.cause == REALIP_CAUSE_NO_SOCKET && request->port_count == 0 && slot->listening == 0)
        search.cause = REALIP_CAUSE_NO_PORT;
    if (search.cause == REALIP_CAUSE_NO_SOCKET && request->own_listening != 0)
        answer->local_port = slot->listening;
    answer->cause = search.cause;
}

static void answer_request(int fd, const struct realip_attest_request *request, int connection, uid_t client_uid)
{
    struct realip_attest_answer answer = { .kind = REALIP_ATTEST_ANSWER, .slot = request->slot, .serial = request->serial };
    struct slot *slot = &slots[request->slot % REALIP_ATTEST_SLOTS];

    /* A slot is used again: what is known of its last connection must never answer for the next. */
    if (request->has_connection)
        forget(slot);
    if (connection >= 0) {
        slot->cause = (uint16_t)learn(slot, connection, client_uid);
        close(connection); /* before the answer: whoever has it may end the connection, and it shall then be ended */
    }
    answer.cause = slot->cause != REALIP_CAUSE_UNDECIDED ? slot->cause : REALIP_CAUSE_NO_HELPER;
    if (answer.cause == REALIP_CAUSE_KNOWN)
        search_peer(slot, request, &answer);
    (void)send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/* Takes one message and the descriptor that may come with it (-1: none). False when the other end is closed. */
static bool take(int fd, struct realip_attest_request *request, int *connection_r)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec data = { request, sizeof(*request) };
    struct msghdr message
        = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    *connection_r = -1;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(connection_r, CMSG_DATA(header), sizeof(int));
    if (got != (ssize_t)sizeof(*request))
        request->kind = REALIP_ATTEST_KIND_NONE;
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Can we look at all? The process that we serve has made itself unreadable for its own user, as an smtpd is. */
static void say_hello(int fd, pid_t served)
{
    struct realip_attest_answer hello = { .kind = REALIP_ATTEST_HELLO, .cause = REALIP_CAUSE_KNOWN };
    int pidfd = (int)syscall(SYS_pidfd_open, served, 0);
    int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);

    if (copy < 0 && errno != EBADF) {
        hello.cause = REALIP_CAUSE_NO_CAPABILITY;
        hello.error = (uint32_t)errno;
    }
    close(copy);
    close(pidfd);
    (void)send(fd, &hello, sizeof(hello), MSG_NOSIGNAL);
}

static int add_filter(void)
{
    static const int allowed[]
        = { SYS_recvmsg, SYS_sendto, SYS_getsockopt, SYS_getsockname, SYS_getpeername, SYS_close, SYS_pidfd_open,
            SYS_pidfd_getfd, SCMP_SYS(poll), SYS_ppoll, SYS_exit_group, SYS_rt_sigreturn };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int result = filter == NULL ? -1 : 0;

    for (size_t i = 0; result == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    result = result == 0 ? seccomp_load(filter) : result;
    seccomp_release(filter);
    return result;
}

static _Noreturn void serve(int fd, uid_t client_uid, pid_t served)
{
    struct realip_attest_request request;
    int connection;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (add_filter() != 0)
        _exit(1);
    say_hello(fd, served);
    while (take(fd, &request, &connection)) {
        if (request.kind == REALIP_ATTEST_ASK)
            answer_request(fd, &request, connection, client_uid);
        else if (connection >= 0)
            close(connection);
        if (request.kind == REALIP_ATTEST_FORGET)
            forget(&slots[request.slot % REALIP_ATTEST_SLOTS]);
    }
    _exit(0);
}

static bool is_hung_up(int fd)
{
    struct pollfd other_end = { .fd = fd };

    return poll(&other_end, 1, 0) == 1 && (other_end.revents & POLLHUP) != 0;
}

static bool become(uid_t uid, gid_t gid)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0
        && setresuid(uid, uid, uid) == 0;
}

_Noreturn void realip_attestd_run(int fd, uid_t client_uid, uid_t uid, gid_t gid)
{
    pid_t served = getppid();
    int status = -1; /* no exit status */

    without_peerpidfd = getenv("REALIP_TEST_NO_PEERPIDFD") != NULL;
    if ((geteuid() == 0 && !become(uid, gid)) || realip_daemon_keep_capabilities(1U << CAP_SYS_PTRACE) < 0)
        _exit(1); /* where the one capability is not there, say_hello() finds out */
    /* Both are lost when the user changes. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == served && status != 0 && !is_hung_up(fd)) { /* 0: the child saw that we are not needed any more */
        pid_t child = fork();

        if (child == 0)
            serve(fd, client_uid, served);
        if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
            usleep(100000); /* no tight loop */
    }
    _exit(0);
}
