/* service_manager - what a service manager (systemd) gives a daemon and wants to hear of it: listening sockets
 * (sd_listen_fds(3)), readiness, reloads, the end, and a sign of life (sd_notify(3), sd_watchdog_enabled(3)). Both protocols
 * are documented as stable and as something that services may speak by themselves. Without a manager all of it does nothing.
 */
#ifndef REALIP_SERVICE_MANAGER_H
#define REALIP_SERVICE_MANAGER_H

#include <stdbool.h>
#include <sys/socket.h>

struct realip_service_manager {
    int notify;              /* where it hears us; -1: nowhere */
    int first_socket;        /* of those that it gave, ... */
    unsigned socket_count;   /* ... how many; taken ones are marked below */
    unsigned long long taken; /* a bit for each */
    unsigned long long watchdog; /* microseconds after which a silent service counts as hung; 0: it does not watch */
};

#define REALIP_SERVICE_MANAGER_MOST_SOCKETS 64 /* more are not looked at */

/* Reads $NOTIFY_SOCKET, $LISTEN_FDS with $LISTEN_PID, and $WATCHDOG_USEC with $WATCHDOG_PID, and takes them out of the
 * environment: they are for this process alone. Call it once, before other descriptors are opened or threads started. The
 * sockets that were given are closed on exec. What makes no sense there is logged and not used. */
void realip_service_manager_open(struct realip_service_manager *manager_r);

/* The socket that the manager opened at this address (unix: the same path; IPv4 and IPv6: the same address and port), made
 * non-blocking; it is the caller's from now on. -1: it gave none, or it is taken. */
int realip_service_manager_take(struct realip_service_manager *manager, const struct sockaddr *address, socklen_t length);

/* Closes the sockets that nobody took, and logs each: the manager listens where the configuration does not. */
void realip_service_manager_close_rest(struct realip_service_manager *manager);

/* All is open, the rules are in force. Also after a reload. */
void realip_service_manager_ready(const struct realip_service_manager *manager);
/* A reload that was asked for begins: realip_service_manager_ready() ends it. */
void realip_service_manager_reloading(const struct realip_service_manager *manager);
/* The end begins: what is under way is brought to its end. */
void realip_service_manager_stopping(const struct realip_service_manager *manager);
/* A sign of life: wanted more often than every manager->watchdog microseconds. */
void realip_service_manager_alive(const struct realip_service_manager *manager);

#endif
