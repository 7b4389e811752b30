/* decide - the one decision: whose address is this, and what is to be done?
 *
 * Pure: no I/O, no allocation, no clock, no global state; the same rules and facts give the same verdict.
 */
#ifndef REALIP_DECIDE_H
#define REALIP_DECIDE_H

#include "rules.h"

/* Judges a session. The order is DESIGN's: address missing, peer needed but unknown, a stranger supplied the address,
 * an inside address was asserted, exempt (internal, prober), the client shown is a proxy, infrastructure, proxy missing,
 * suspect, real. Always fills *verdict_r. Facts without a source, stage or peer state (an adapter's fault) and rules
 * without a mode give reason and action UNDECIDED, which an adapter must answer with a temporary refusal. */
void realip_decide(const struct realip_rules *rules, const struct realip_facts *facts, struct realip_verdict *verdict_r);

/* What a listener does about a reason, when `source` asks: what its rules want, as far as its mode lets it happen and the source can
 * do it. `password_login` as in the facts. */
enum realip_action realip_decide_action(const struct realip_listener *listener, enum realip_reason reason, enum realip_source source,
                                        bool password_login);

#endif
