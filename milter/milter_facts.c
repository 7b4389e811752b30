#include "milter_facts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "runtime/name_pattern.h"

/* {daemon_port} is not asked for: a PROXY header chooses it, and a stranger could pick the weaker listener block. */
static char connect_macros[] = "{client_addr} {daemon_name}";
static char mail_macros[] = "i {auth_type} {auth_authen}";

void realip_milter_facts_ask(SMFICTX *ctx)
{
    smfi_setsymlist(ctx, SMFIM_CONNECT, connect_macros);
    smfi_setsymlist(ctx, SMFIM_ENVFROM, mail_macros);
}

/* Postfix writes "2001:db8::1" here, Sendmail "IPv6:2001:db8::1", and both something like "unknown" for none. */
static struct realip_address read_address(const char *text)
{
    struct realip_address address = { .family = REALIP_FAMILY_NONE };
    const char *reason;

    if (text == NULL)
        return address;
    if (strncasecmp(text, "IPv6:", 5) == 0)
        text += 5;
    /* A text that is no address leaves it absent. */
    (void)realip_address_parse(text, strlen(text), &address, &reason);
    return address;
}

static struct realip_address address_shown(const struct sockaddr *shown)
{
    struct realip_address none = { .family = REALIP_FAMILY_NONE };
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;

    if (shown != NULL && shown->sa_family == AF_INET) {
        memcpy(&ipv4, shown, sizeof(ipv4));
        return realip_address_from_ipv4((const unsigned char *)&ipv4.sin_addr);
    }
    if (shown != NULL && shown->sa_family == AF_INET6) {
        memcpy(&ipv6, shown, sizeof(ipv6));
        return realip_address_from_ipv6(ipv6.sin6_addr.s6_addr);
    }
    return none;
}

struct realip_milter_client realip_milter_facts_client(SMFICTX *ctx, const struct realip_config *config, const char *name,
                                                       const struct sockaddr *shown)
{
    struct realip_milter_client client = {
        .address = read_address(smfi_getsymval(ctx, "{client_addr}")),
    };

    if (client.address.family == REALIP_FAMILY_NONE)
        client.address = address_shown(shown);
    if (name != NULL)
        client.name_rule = realip_name_pattern_match(config->client_names, name);
    return client;
}

struct realip_facts realip_milter_facts(SMFICTX *ctx, const struct realip_milter_client *client, enum realip_stage stage)
{
    struct realip_facts facts = {
        .source = REALIP_SOURCE_MILTER,
        .stage = stage,
        /* A milter cannot see who is connected: the policy server of the same Postfix does. */
        .peer_state = REALIP_PEER_LEFT,
        .client = client->address,
        .client_name_rule = client->name_rule,
        .listener_name = smfi_getsymval(ctx, "{daemon_name}"),
    };

    if (stage == REALIP_STAGE_CONNECT)
        return facts;
    facts.session = smfi_getsymval(ctx, "i");
    facts.user = smfi_getsymval(ctx, "{auth_authen}");
    facts.password_login = realip_facts_is_login(smfi_getsymval(ctx, "{auth_type}"), facts.user);
    return facts;
}

bool realip_milter_facts_is_received(const char *name)
{
    static const char received[] = "Received";
    size_t length = sizeof(received) - 1;

    return strncasecmp(name, received, length) == 0 && name[length + strspn(name + length, " \t")] == '\0';
}
