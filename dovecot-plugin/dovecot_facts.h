/* dovecot_facts - what all of Dovecot's processes tell in the same way, as facts. */
#ifndef REALIP_DOVECOT_FACTS_H
#define REALIP_DOVECOT_FACTS_H

#include "compat.h"
#include "core/facts.h"

/* An absent address for NULL and for family 0. */
struct realip_address realip_dovecot_address(const struct ip_addr *ip);

/* Says who the TCP peer is; where Dovecot does not know, the question is left to whoever does. */
void realip_dovecot_set_peer(struct realip_facts *facts, const struct ip_addr *ip);

#endif
