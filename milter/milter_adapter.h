/* milter_adapter - libmilter's callbacks: facts in, verdict out.
 *
 * The client is judged at connect, where nothing is ever refused (health probes connect, greet and quit), and again at
 * each MAIL, where a refusal keeps its exact text. End of message stamps the header and holds the message. Where a listed
 * relay connects, the client is the one that its Received header tells, and all is done at the end of the message.
 */
#ifndef REALIP_MILTER_ADAPTER_H
#define REALIP_MILTER_ADAPTER_H

#include "runtime/snapshot.h"

/* Registers the callbacks. Both are borrowed until the program ends: libmilter's threads use them. 0 or -1. */
int realip_milter_register(struct realip_snapshots *snapshots, struct realip_metrics *metrics);

/* Sessions that an MTA has open now. */
long realip_milter_sessions(void);

#endif
