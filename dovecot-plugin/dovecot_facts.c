#include "dovecot_facts.h"

#include <netinet/in.h>
#include <string.h>

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static bool has_address(const struct mail_user *user)
{
    const struct ip_addr *ip = realip_compat_remote_ip(user);

    return ip != NULL && ip->family != 0;
}

bool realip_dovecot_user_is_exempt(const struct mail_user *user)
{
    static const char *const never_judged[] = { "lmtp", "doveadm", NULL };
    /* They work on this host's behalf. With an address they would be a client's session: judge that. */
    static const char *const local[] = { "lda", "indexer-worker", "imap-urlauth-worker", "quota-status", NULL };

    if (user->autocreated || user->session_restored)
        return true;
    if (user->service == NULL)
        return false;
    return is_one_of(user->service, never_judged) || (!has_address(user) && is_one_of(user->service, local));
}

static struct realip_address read_address(const struct ip_addr *ip)
{
    struct realip_address none = { .family = REALIP_FAMILY_NONE };

    if (ip != NULL && ip->family == AF_INET)
        return realip_address_from_ipv4((const unsigned char *)&ip->u.ip4);
    if (ip != NULL && ip->family == AF_INET6)
        return realip_address_from_ipv6(ip->u.ip6.s6_addr);
    return none;
}

struct realip_facts realip_dovecot_user_facts(const struct mail_user *user)
{
    return (struct realip_facts){
        .source = REALIP_SOURCE_DOVECOT_MAIL,
        .stage = REALIP_STAGE_AUTH,
        /* Only Dovecot's login processes know it. */
        .peer_state = REALIP_PEER_LEFT,
        .client = read_address(realip_compat_remote_ip(user)),
        .client_port = user->conn.remote_port,
        /* No listener_port: conn.local_port is the PROXY header's destination, not where Dovecot listens. */
        .service = user->service,
        .session = user->session_id,
        .user = user->username,
    };
}
