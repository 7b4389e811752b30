/* From the proxies to the ports: who sends PROXY where it is expected, and who does not. */
#include <string.h>
#include <strings.h>

#include "check.h"

/* A port of this mail server, Postfix's or Dovecot's. */
struct target {
    const char *name;
    const char *host; /* NULL: every address */
    unsigned port;
    bool takes_proxy;
    bool takes_other; /* XCLIENT, or ID from a trusted host: the client is told in another way */
    bool is_postfix;
    bool is_smtpd; /* not postscreen */
    bool is_internal;
    struct realip_origin origin; /* of its entry */
    struct realip_origin proxy_origin;
};

struct chain {
    struct realip_setup *setup;
    struct realip_findings *findings;
    struct target *targets;
    size_t count;
};

static void add_target(struct chain *chain, struct target target)
{
    chain->targets = realip_text_grow(&chain->setup->arena, chain->targets, chain->count, sizeof(*chain->targets));
    chain->targets[chain->count++] = target;
}

static void gather_targets(struct chain *chain)
{
    struct realip_setup *setup = chain->setup;
    struct realip_doors doors = realip_postfix_doors(setup);

    for (size_t i = 0; i < doors.count; i++) {
        const struct realip_door *door = &doors.items[i];

        add_target(chain, (struct target){ .name = realip_check_service_name(setup, door->front),
                                           .host = door->front->host,
                                           .port = door->front->port,
                                           .takes_proxy = door->takes_proxy,
                                           .takes_other = door->takes_xclient,
                                           .is_postfix = true,
                                           .is_smtpd = !door->is_postscreen,
                                           .is_internal = door->is_internal,
                                           .origin = door->front->origin,
                                           .proxy_origin = door->proxy_origin });
    }
    for (size_t i = 0; i < setup->dovecot.listener_count; i++) {
        const struct realip_dovecot_listener *listener = &setup->dovecot.listeners[i];

        add_target(chain, (struct target){
                              .name = realip_text_format(&setup->arena, "%s/%s", listener->service, listener->name),
                              .port = listener->port,
                              .takes_proxy = listener->haproxy,
                              .origin = listener->origin,
                              .proxy_origin = listener->origin });
    }
}

/* Is this, as far as can be told, another host's? A name is this host's own in a container, where names are those of
 * services, and where nothing is known of the host. */
static bool is_elsewhere(struct realip_setup *setup, const char *host)
{
    struct realip_address address;
    const char *reason;

    if (setup->host.address_count == 0)
        return false;
    if (realip_address_parse(host, strlen(host), &address, &reason) == 0)
        return !realip_host_is_here(&setup->host, &address);
    return setup->host.container <= REALIP_CONTAINER_NONE && strcmp(host, "localhost") != 0
           && strcasecmp(host, realip_postfix_value(setup, NULL, "myhostname", NULL)) != 0;
}

static bool is_own_host(const struct realip_sender *sender, const struct target *target)
{
    struct realip_address one;
    struct realip_address other;
    const char *reason;

    if (target->host == NULL || realip_address_parse(sender->host, strlen(sender->host), &one, &reason) < 0
        || realip_address_parse(target->host, strlen(target->host), &other, &reason) < 0)
        return true;
    return realip_address_equal(&one, &other);
}

/* Does what the sender passes on (or its check, at `port`) come to this target? */
static bool reaches(const struct chain *chain, const struct realip_sender *sender, unsigned port,
                    const struct target *target)
{
    if (target->port == 0 || is_elsewhere(chain->setup, sender->host) || !is_own_host(sender, target))
        return false;
    if (port > 0)
        return port == target->port;
    for (size_t i = 0; i < sender->front_count; i++) {
        if (sender->fronts[i].from <= target->port && target->port <= sender->fronts[i].to)
            return true;
    }
    return false;
}

static const char *send_word(const struct realip_sender *sender)
{
    return strcmp(sender->program, "nginx") == 0 ? "proxy_protocol on;" : "send-proxy-v2";
}

static void check_pair(struct chain *chain, const struct realip_sender *sender, const struct target *target)
{
    struct realip_setup *setup = chain->setup;
    const char *to =
        realip_text_format(&setup->arena, "%s (%s)", target->name, realip_check_place(setup, target->origin));
    bool is_nginx = strcmp(sender->program, "nginx") == 0;

    if (sender->version > 0 && !target->takes_proxy)
        realip_finding_add(
            setup, chain->findings, REALIP_FINDING_SEND_PROXY_UNEXPECTED, sender->origin, sender->name,
            realip_text_format(&setup->arena, "sends PROXY to port %u, where %s expects none", target->port, to),
            realip_text_format(&setup->arena,
                               "%s\nor send to a PROXY port; where all clients come through the proxy, make "
                               "this one:\n  %s",
                               is_nginx ? "proxy_protocol off;" : "take send-proxy out of the server's line",
                               !target->is_postfix ? "haproxy = yes"
                               : target->is_smtpd  ? "-o smtpd_upstream_proxy_protocol=haproxy"
                                                   : "-o postscreen_upstream_proxy_protocol=haproxy"));
    if (sender->version == 0 && target->takes_proxy && !sender->transparent)
        realip_finding_add(setup, chain->findings, REALIP_FINDING_SEND_PROXY_MISSING, sender->origin, sender->name,
                           realip_text_format(&setup->arena, "sends no PROXY header to port %u, where %s waits for one",
                                              target->port, to),
                           send_word(sender));
    if (sender->version == 0 && !target->takes_proxy && !target->takes_other && !target->is_internal
        && !sender->transparent
        && sender->front_count > 0) /* a backend that no frontend leads to looks after servers, and hides nobody */
        realip_finding_add(setup, chain->findings, REALIP_FINDING_PROXY_HIDES_CLIENTS, sender->origin, sender->name,
                           realip_text_format(&setup->arena,
                                              "passes clients on to port %u without telling who they are",
                                              target->port),
                           realip_text_format(&setup->arena, "%s\nand at %s:\n  %s", send_word(sender), target->name,
                                              !target->is_postfix ? "haproxy = yes"
                                              : target->is_smtpd  ? "-o smtpd_upstream_proxy_protocol=haproxy"
                                                                  : "-o postscreen_upstream_proxy_protocol=haproxy"));
}

/* HAProxy's checks carry a header when the server's line has send-proxy, unless the check goes elsewhere ("port",
 * "addr"). */
static bool check_sends_proxy(const struct realip_sender *sender)
{
    return !sender->check_bare && (sender->check_proxy || (sender->version > 0 && !sender->check_apart));
}

static void check_health(struct chain *chain, const struct realip_sender *sender, const struct target *target)
{
    struct realip_setup *setup = chain->setup;

    if (!sender->has_check || !target->takes_proxy)
        return;
    if (!check_sends_proxy(sender) && (sender->check_apart || (sender->check_bare && sender->version > 0)))
        realip_finding_add(
            setup, chain->findings, REALIP_FINDING_CHECK_WITHOUT_PROXY, sender->origin, sender->name,
            realip_text_format(&setup->arena, "the check of port %u sends no PROXY header", target->port),
            sender->check_bare ? realip_text_format(&setup->arena, "in the section at %s, at the end of that line:\n  tcp-check connect ... send-proxy",
                                                    realip_check_place(setup, sender->section))
                               : "check-send-proxy");
    if (check_sends_proxy(sender) && sender->version == 2 && !sender->check_talks && target->is_smtpd
        && target->is_postfix)
        realip_finding_add(
            setup, chain->findings, REALIP_FINDING_CHECK_VANISHES, sender->origin, sender->name,
            realip_text_format(&setup->arena, "the check of port %u says LOCAL and is gone", target->port),
            realip_text_format(&setup->arena, "in the section at %s:\n  option smtpchk EHLO proxy.example.net",
                               realip_check_place(setup, sender->section)));
}

/* A server on one of this mail server's ports, or on a port that only mail uses. */
static bool is_mail(const struct chain *chain, const struct realip_sender *sender)
{
    static const unsigned ports[] = { 24, 25, 110, 143, 465, 587, 993, 995, 4190 };

    for (size_t i = 0; i < chain->count; i++) {
        if (reaches(chain, sender, sender->port, &chain->targets[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (sender->port == ports[i])
            return true;
    }
    return false;
}

/* Whose port is it by its number, and was that server read? */
static bool should_listen(const struct realip_setup *setup, unsigned port)
{
    static const unsigned smtp[] = { 25, 465, 587 };
    static const unsigned mailbox[] = { 110, 143, 993, 995, 4190 };
    bool found = false;

    for (size_t i = 0; i < sizeof(smtp) / sizeof(smtp[0]); i++)
        found = found || (port == smtp[i] && setup->postfix.is_known);
    for (size_t i = 0; i < sizeof(mailbox) / sizeof(mailbox[0]); i++)
        found = found || (port == mailbox[i] && setup->dovecot.is_known);
    return found;
}

/* PROXY to a mail port of this very host, by its address, at which nothing listens. */
static void check_nowhere(struct chain *chain, const struct realip_sender *sender)
{
    struct realip_setup *setup = chain->setup;
    struct realip_address address;
    const char *reason;

    if (sender->version == 0 || setup->host.address_count == 0 || !should_listen(setup, sender->port)
        || realip_address_parse(sender->host, strlen(sender->host), &address, &reason) < 0
        || !realip_host_is_here(&setup->host, &address))
        return;
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->targets[i].port == sender->port || chain->targets[i].port == 0)
            return;
    }
    realip_finding_add(
        setup, chain->findings, REALIP_FINDING_SEND_PROXY_UNEXPECTED, sender->origin, sender->name,
        realip_text_format(&setup->arena, "sends PROXY to port %u of this host, where nothing listens", sender->port),
        "send to a port that expects PROXY: -o smtpd_upstream_proxy_protocol=haproxy in master.cf, "
        "haproxy = yes in Dovecot's inet_listener");
}

static void check_sender(struct chain *chain, const struct realip_sender *sender)
{
    struct realip_setup *setup = chain->setup;

    for (size_t i = 0; i < chain->count; i++) {
        const struct target *target = &chain->targets[i];

        if (reaches(chain, sender, sender->port, target))
            check_pair(chain, sender, target);
        if (reaches(chain, sender, sender->check_port > 0 ? sender->check_port : sender->port, target))
            check_health(chain, sender, target);
        if (reaches(chain, sender, sender->port, target) && sender->version > 0 && target->is_postfix
            && target->takes_proxy && sender->takes_ipv6) {
            struct realip_origin origin;
            const char *protocols = realip_postfix_value(setup, NULL, "inet_protocols", &origin);

            if (strstr(protocols, "all") == NULL && strstr(protocols, "ipv6") == NULL)
                realip_finding_add(setup, chain->findings, REALIP_FINDING_INET_PROTOCOLS, origin, sender->name,
                                   realip_text_format(&setup->arena,
                                                      "inet_protocols = %s, and the proxy at %s takes IPv6 clients",
                                                      protocols, realip_check_place(setup, sender->origin)),
                                   "inet_protocols = all");
        }
    }
    check_nowhere(chain, sender);
    if (sender->missing_timeouts != NULL && is_mail(chain, sender))
        realip_finding_add(setup, chain->findings, REALIP_FINDING_HAPROXY_NO_TIMEOUT, sender->section, sender->name,
                           realip_text_format(&setup->arena, "a section that passes on mail has no timeout for: %s",
                                              sender->missing_timeouts),
                           "  timeout connect 5s\n  timeout client 5m\n  timeout server 5m");
}

/* Only where every PROXY sender's way is known: one that leads to another host's port may come back here by NAT. One that is idle may send, and feed. */
static void check_unfed(struct chain *chain)
{
    struct realip_setup *setup = chain->setup;
    const struct realip_proxies *proxies = &setup->proxies;

    if (proxies->leads_elsewhere)
        return;
    for (size_t i = 0; i < proxies->sender_count; i++) {
        bool is_known = proxies->senders[i].version == 0 && !proxies->senders[i].is_idle;

        for (size_t k = 0; k < chain->count; k++)
            is_known = is_known || reaches(chain, &proxies->senders[i], proxies->senders[i].port, &chain->targets[k]);
        if (!is_known)
            return;
    }
    for (size_t i = 0; i < chain->count && proxies->sender_count > 0; i++) {
        const struct target *target = &chain->targets[i];
        bool is_fed = !target->takes_proxy || target->is_internal;

        for (size_t k = 0; k < proxies->sender_count; k++)
            is_fed = is_fed
                     || ((proxies->senders[k].version > 0 || proxies->senders[k].is_idle)
                         && reaches(chain, &proxies->senders[k], proxies->senders[k].port, target));
        if (!is_fed)
            realip_finding_add(
                setup, chain->findings, REALIP_FINDING_PROXY_PORT_UNFED, target->proxy_origin, target->name,
                realip_text_format(&setup->arena, "no proxy that was read sends PROXY to port %u", target->port),
                "take the PROXY setting or the port away, or name all proxies: --haproxy FILE --nginx FILE");
    }
}

void realip_check_chain(struct realip_setup *setup, struct realip_findings *findings)
{
    struct chain chain = { .setup = setup, .findings = findings };

    if (!setup->proxies.is_known)
        return;
    gather_targets(&chain);
    for (size_t i = 0; i < setup->proxies.sender_count; i++) {
        if (!setup->proxies.senders[i].is_idle)
            check_sender(&chain, &setup->proxies.senders[i]);
    }
    check_unfed(&chain);
}
