#include "dovecot_facts.h"

#include <netinet/in.h>

struct realip_address realip_dovecot_address(const struct ip_addr *ip)
{
    struct realip_address none = { .family = REALIP_FAMILY_NONE };

    if (ip != NULL && ip->family == AF_INET)
        return realip_address_from_ipv4((const unsigned char *)&ip->u.ip4);
    if (ip != NULL && ip->family == AF_INET6)
        return realip_address_from_ipv6(ip->u.ip6.s6_addr);
    return none;
}

void realip_dovecot_set_peer(struct realip_facts *facts, const struct ip_addr *ip)
{
    facts->peer = realip_dovecot_address(ip);
    facts->peer_state = facts->peer.family != REALIP_FAMILY_NONE ? REALIP_PEER_KNOWN : REALIP_PEER_LEFT;
}
