/* daemon - what every daemon does at its start: the command line, the configuration's problems, privileges, sockets. */
#ifndef REALIP_DAEMON_H
#define REALIP_DAEMON_H

#include "service_manager.h"
#include "snapshot.h"

/* Reads "-c FILE" and "-h"/"--help", "-V"/"--version" (which print and exit 0); anything else prints the usage and exits
 * 64 (EX_USAGE). Returns the configuration's path. */
const char *realip_daemon_options(int argc, char **argv, const char *program);

/* Prints problems or warnings, a line each, through realip_log(). */
void realip_daemon_report(int level, const struct realip_problems *problems);

/* Begins to watch files, and this host's networks. NULL where that can't be had, which is logged: then reloads are asked for by SIGHUP alone. */
struct realip_watch *realip_daemon_begin_watch(void);

/* Names the files to be watched, anew after each load; what can't be watched is logged. `watch` may be NULL. */
void realip_daemon_watch(const struct realip_snapshots *snapshots, struct realip_watch *watch);

/* Becomes the configured user, with its groups, for good. Does nothing when none is configured (a warning is logged
 * when that leaves us root) or we already are that user. 0; or -1 and one problem added. */
int realip_daemon_drop_privileges(const struct realip_config *config, struct realip_problems *problems);

/* Opens /dev/null in place of standard files that are closed: no socket of ours may get their numbers. Call first. */
void realip_daemon_open_standard_files(void);

/* Are the configured user and the service's group there? Call before anything is opened. 0; or -1 and problems added. */
int realip_daemon_check_names(const struct realip_config *config, const struct realip_service *service,
                              struct realip_problems *problems);

/* Gives up every capability that is not in the mask (1 << CAP_…), and new ones, for good. 0; or -1 with errno set. */
int realip_daemon_keep_capabilities(unsigned long long kept);

/* Gives up every capability, and new ones, for good: call when nothing more is to be opened or changed. 0; or -1 and one
 * problem added. */
int realip_daemon_drop_capabilities(struct realip_problems *problems);

/* Warns of each setting of a program that differs from the one it was started with: it waits for a restart. */
void realip_daemon_warn_of_restart(const struct realip_config *started, const struct realip_service *started_service,
                                   const struct realip_config *fresh, const struct realip_service *fresh_service);

/* Raises the soft limit of open files to the hard one. */
void realip_daemon_raise_file_limit(void);

/* Makes a unix socket's place free: removes a socket that nobody listens on any more, never another kind of file. 0; or -1
 * with one problem added: somebody listens there, or something else stands there. */
int realip_daemon_clear_socket(const struct realip_endpoint *endpoint, struct realip_problems *problems);

/* Gives the socket at endpoint->path the service's group and mode. 0; or -1 with one problem added. */
int realip_daemon_own_socket(const struct realip_endpoint *endpoint, const struct realip_service *service,
                             struct realip_problems *problems);

/* The socket that the service manager opened for this place, non-blocking, with the group and mode that it was given there;
 * or -1. An inet endpoint's host is looked up. */
int realip_daemon_given_socket(struct realip_service_manager *manager, const struct realip_endpoint *endpoint);

/* The socket that the service manager opened for this place; else opens, binds and listens (non-blocking, close-on-exec; unix
 * sockets with the service's mode and group). An address that this host does not have (yet) is bound all the same, and logged.
 * Returns the descriptor; or -1 with one problem added. */
int realip_daemon_listen(struct realip_service_manager *manager, const struct realip_endpoint *endpoint,
                         const struct realip_service *service, struct realip_problems *problems);

#endif
