/* auth_policy_http - Dovecot's auth policy protocol over HTTP: refusal of logins where no plugin can be loaded.
 *
 * Dovecot posts a JSON object to /?command=allow before and after the password check, and to /?command=report at the end
 * (auth_policy_server_url). The answer is {"status":0} to go on or {"status":-1,"msg":"…"} to refuse; there is no temporary
 * refusal in this protocol. The attributes used are those of the project's recipe: login, remote, real_remote, real_lport,
 * protocol, session_id; a password hash that comes along is neither looked at nor logged.
 */
#ifndef REALIP_AUTH_POLICY_HTTP_H
#define REALIP_AUTH_POLICY_HTTP_H

#include <event2/event.h>
#include <stdio.h>

#include "recent.h"
#include "runtime/http_guard.h"
#include "runtime/snapshot.h"

struct realip_auth_policy_http;

/* Serves on a listening descriptor, which it owns from then on, in `base`'s loop. `snapshots`, `recent` (NULL: verdicts are not kept) and what
 * `guard` points to are borrowed. At most 256 connections are open: the oldest gives way. NULL when memory is short; the descriptor is closed then. */
struct realip_auth_policy_http *realip_auth_policy_http_new(struct event_base *base, int fd,
                                                            struct realip_snapshots *snapshots, struct realip_recent *recent,
                                                            const struct realip_http_guard *guard);
void realip_auth_policy_http_free(struct realip_auth_policy_http **http);

/* Writes what was asked and reported, in Prometheus' text form. */
void realip_auth_policy_http_write_metrics(const struct realip_auth_policy_http *http, FILE *out);

#endif
