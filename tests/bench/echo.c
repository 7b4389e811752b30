/* echo - the floor: a policy server that answers each request with a constant and understands none.
 *
 * usage: echo unix:/path|inet:PORT@HOST
 *
 * One thread and libevent, as realip-policyd: what it takes less of is what judging costs. It reads until an empty line. */
#include "bench.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 4096
#define ANSWER "action=DUNNO\n\n"

struct connection {
    struct event *event;
    char last; /* byte of the part that is there */
};

static struct event_base *base;
static char work[65536];

static void on_request(int fd, short what, void *context)
{
    struct connection *connection = context;
    ssize_t got = recv(fd, work, sizeof(work), 0);

    (void)what;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        event_free(connection->event);
        free(connection);
        close(fd);
        return;
    }
    char before = got > 1 ? work[got - 2] : connection->last;
    connection->last = work[got - 1];
    if (connection->last != '\n' || before != '\n')
        return;
    connection->last = '\0';
    ssize_t ignored = send(fd, ANSWER, sizeof(ANSWER) - 1, MSG_NOSIGNAL);
    (void)ignored; /* whoever is gone shows at the next read */
}

static void on_accept(int fd, short what, void *context)
{
    (void)what;
    (void)context;
    for (;;) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (accepted < 0)
            return;
        struct connection *connection = calloc(1, sizeof(*connection));
        if (connection == NULL)
            bench_die("out of memory");
        connection->event = event_new(base, accepted, EV_READ | EV_PERSIST, on_request, connection);
        if (connection->event == NULL || event_add(connection->event, NULL) < 0)
            bench_die("out of memory");
    }
}

static int open_socket(const struct bench_address *address)
{
    int fd = socket(address->name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, &address->name.any, address->size) < 0 || listen(fd, BACKLOG) < 0)
        bench_die("cannot listen: %s", strerror(errno));
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        bench_die("usage: echo unix:/path|inet:PORT@HOST");
    struct bench_address address = bench_address_of(argv[1]);
    bench_raise_file_limit();
    signal(SIGPIPE, SIG_IGN);
    umask(0);
    base = event_base_new();
    struct event *event = base == NULL ? NULL
                                       : event_new(base, open_socket(&address), EV_READ | EV_PERSIST, on_accept, NULL);
    if (event == NULL || event_add(event, NULL) < 0)
        bench_die("out of memory");
    fputs("ready\n", stderr);
    return event_base_dispatch(base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
