#include "service_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define FIRST_SOCKET 3 /* SD_LISTEN_FDS_START */

/* A number of the environment; 0 where it is not there or none. */
static unsigned long long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0 ? number : 0;
}

static bool is_for_us(const char *pid_name)
{
    return number_of(pid_name) == (unsigned long long)getpid();
}

/* "/path", or "@name" for the abstract name. */
static int connect_notify(const char *place)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(place);

    if ((place[0] != '/' && place[0] != '@') || length < 2 || length >= sizeof(address.sun_path)) {
        realip_log(LOG_WARNING, "NOTIFY_SOCKET names no place that can be used: the service manager is told nothing");
        return -1;
    }
    memcpy(address.sun_path, place, length);
    if (place[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
        realip_log(LOG_WARNING, "the service manager at %s can't be told anything: %s", place, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static void read_sockets(struct realip_service_manager *manager)
{
    unsigned long long count = is_for_us("LISTEN_PID") ? number_of("LISTEN_FDS") : 0;

    if (count > REALIP_SERVICE_MANAGER_MOST_SOCKETS) {
        realip_log(LOG_WARNING, "the service manager gives %llu sockets: only the first %d are looked at", count,
                   REALIP_SERVICE_MANAGER_MOST_SOCKETS);
        count = REALIP_SERVICE_MANAGER_MOST_SOCKETS;
    }
    manager->first_socket = FIRST_SOCKET;
    manager->socket_count = (unsigned)count;
    for (unsigned i = 0; i < manager->socket_count; i++) {
        if (fcntl(FIRST_SOCKET + (int)i, F_SETFD, FD_CLOEXEC) < 0)
            manager->taken |= 1ULL << i; /* it is not there */
    }
}

void realip_service_manager_open(struct realip_service_manager *manager_r)
{
    const char *place = getenv("NOTIFY_SOCKET");
    bool watched = getenv("WATCHDOG_PID") == NULL || is_for_us("WATCHDOG_PID");

    *manager_r = (struct realip_service_manager){ .notify = -1 };
    read_sockets(manager_r); /* before a descriptor of ours could take such a number */
    if (watched)
        manager_r->watchdog = number_of("WATCHDOG_USEC");
    if (place != NULL)
        manager_r->notify = connect_notify(place);
    static const char *const names[]
        = { "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
}

static bool is_listening_stream(int fd)
{
    int listens = 0;
    int type = 0;
    socklen_t size = sizeof(listens);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0
        && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static bool same_place(const struct sockaddr_storage *bound, const struct sockaddr *address, socklen_t length)
{
    if (bound->ss_family != address->sa_family)
        return false;
    if (address->sa_family == AF_UNIX) {
        const struct sockaddr_un *a = (const struct sockaddr_un *)bound;
        const struct sockaddr_un *b = (const struct sockaddr_un *)address;

        return a->sun_path[0] != '\0' && strncmp(a->sun_path, b->sun_path, sizeof(a->sun_path)) == 0;
    }
    if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)bound;
        const struct sockaddr_in *b = (const struct sockaddr_in *)address;

        return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
    }
    if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)bound;
        const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)address;

        return a->sin6_port == b->sin6_port && memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
    }
    return false;
}

int realip_service_manager_take(struct realip_service_manager *manager, const struct sockaddr *address, socklen_t length)
{
    for (unsigned i = 0; i < manager->socket_count; i++) {
        struct sockaddr_storage bound = { 0 };
        socklen_t size = sizeof(bound);
        int fd = manager->first_socket + (int)i;

        if ((manager->taken >> i & 1) != 0 || getsockname(fd, (struct sockaddr *)&bound, &size) < 0
            || !same_place(&bound, address, length) || !is_listening_stream(fd))
            continue;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
            continue;
        manager->taken |= 1ULL << i;
        return fd;
    }
    return -1;
}

static void tell_unused(int fd)
{
    struct sockaddr_storage bound = { 0 };
    socklen_t size = sizeof(bound);
    bool known = getsockname(fd, (struct sockaddr *)&bound, &size) == 0;

    if (known && bound.ss_family == AF_UNIX && ((const struct sockaddr_un *)&bound)->sun_path[0] == '/')
        realip_log(LOG_WARNING, "the service manager listens at %s for us, and no 'listen' or 'http' names it: it is not used",
                   ((const struct sockaddr_un *)&bound)->sun_path);
    else if (known && (bound.ss_family == AF_INET || bound.ss_family == AF_INET6))
        realip_log(LOG_WARNING, "the service manager listens at port %u for us, and no 'listen' or 'http' names it: it is not used",
                   ntohs(((const struct sockaddr_in *)&bound)->sin_port)); /* the port stands at the same place for IPv6 */
    else
        realip_log(LOG_WARNING, "the service manager gives descriptor %d, which is no socket to listen at: it is not used", fd);
}

void realip_service_manager_close_rest(struct realip_service_manager *manager)
{
    for (unsigned i = 0; i < manager->socket_count; i++) {
        int fd = manager->first_socket + (int)i;

        if ((manager->taken >> i & 1) != 0)
            continue;
        tell_unused(fd);
        close(fd);
    }
    manager->socket_count = 0;
}

/* A manager that doesn't listen, or has no room just now, must not hold up mail. */
static void tell(const struct realip_service_manager *manager, const char *state)
{
    if (manager->notify >= 0 && send(manager->notify, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        realip_log(LOG_WARNING, "the service manager was not told '%.*s': %s", (int)strcspn(state, "\n"), state,
                   strerror(errno));
}

void realip_service_manager_ready(const struct realip_service_manager *manager)
{
    tell(manager, "READY=1");
}

void realip_service_manager_reloading(const struct realip_service_manager *manager)
{
    struct timespec now;
    char text[80];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(manager, text);
}

void realip_service_manager_stopping(const struct realip_service_manager *manager)
{
    tell(manager, "STOPPING=1");
}

void realip_service_manager_alive(const struct realip_service_manager *manager)
{
    tell(manager, "WATCHDOG=1");
}
