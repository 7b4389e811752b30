/* login_refusal - sends a client away at connect, in the words of its protocol, also when TLS has first to be agreed on.
 *
 * Nothing happens inside the hook: a client must not be destroyed there. The refusal lives in the client's pool.
 */
#ifndef REALIP_LOGIN_REFUSAL_H
#define REALIP_LOGIN_REFUSAL_H

#include "session.h"

struct client;
struct realip_refusal;

/* Refuses the client soon. */
struct realip_refusal *realip_refusal_begin(struct client *client, const struct realip_judgement *judgement);

/* Dovecot took its own input handler off: ours goes on. */
void realip_refusal_resume(struct realip_refusal *refusal);

/* Dovecot's input handler was called. */
void realip_refusal_input(struct realip_refusal *refusal);

/* The client goes; NULL is allowed. */
void realip_refusal_end(struct realip_refusal *refusal);

#endif
