/* Doors of Postfix at which somebody may supply an address: does mail-realip learn who, and do both want the same? */
#include <string.h>

#include "firewall.h"
#include "postfix_patterns.h"

/* A door and what of ours stands behind it. */
struct guard {
    const struct realip_door *door;
    const char *name;
    struct realip_policy_use policy;
    struct realip_milter_use milter;
    const struct realip_listener *listener; /* NULL: our rules are not known */
};

static struct guard guard_of(struct realip_setup *setup, const struct realip_door *door)
{
    struct guard guard = { .door = door, .name = realip_check_service_name(setup, door->front) };

    guard.policy = door->policy;
    guard.milter = door->milter;
    if (guard.policy.list != NULL)
        guard.listener = realip_postfix_listener(setup, door, guard.policy.context);
    else if (guard.milter.endpoint != NULL)
        guard.listener = realip_postfix_listener(setup, door, guard.milter.name);
    return guard;
}

static const char *policy_mend(struct realip_setup *setup, const struct guard *guard)
{
    const struct realip_service_entry *smtpd = guard->door->smtpd != NULL ? guard->door->smtpd : guard->door->front;
    const char *context =
        guard->listener != NULL && guard->listener->title != NULL ? guard->listener->title : "smtp-proxied";

    return realip_text_format(
        &setup->arena,
        "in master.cf, below %s:\n%s\nin mail-realip.conf:\n  listener %s { proxy = required  attest = required%s }\n  "
        "networks proxies { cidr = { \"%s\" } }\nand let the firewall pass only the proxies to this port",
        realip_check_service_name(setup, smtpd),
        realip_check_ask(setup, smtpd, "smtpd_client_restrictions", "unix:realip/policy", context,
                         "DEFER_IF_PERMIT 4.3.5 realip check unavailable"),
        context,
        guard->door->is_postscreen ? realip_text_format(&setup->arena, "  ports = { %u }", guard->door->front->port)
                                   : "",
        realip_check_proxy_list(setup, "\", \"", "ADDRESS OF THE PROXY"));
}

/* Is it a proxy, by our rules, or this very host? Where nothing is known of proxies, whatever is not half the world. */
static bool may_come(const struct realip_setup *setup, const struct realip_network *network)
{
    const struct realip_network_set *proxies = setup->rules.config == NULL ? NULL : setup->rules.config->rules.sets[REALIP_SET_PROXIES];

    if (realip_check_is_near(network) || realip_host_is_here(&setup->host, &network->address))
        return true;
    if (proxies == NULL || realip_network_set_count(proxies) == 0)
        return !realip_check_is_wide(network) && !realip_check_is_catch_all(network);
    for (size_t i = 0; i < realip_network_set_count(proxies); i++) {
        if (realip_check_holds(&realip_network_set_entry(proxies, i)->network, network))
            return true;
    }
    return false;
}

/* Of "10.0.20.13-10.0.20.15" both ends; what is between them lies in no other network, as far as this goes. */
static bool range_may_come(struct realip_setup *setup, const char *text)
{
    struct realip_words ends = realip_text_words(&setup->arena, text, "-");

    for (size_t i = 0; i < ends.count; i++) {
        struct realip_list list = realip_check_list(setup, ends.items[i]);

        if (list.count == 1 && list.items[0].is_network && !may_come(setup, &list.items[0].network))
            return false;
    }
    return true;
}

static const char *firewall_mend(struct realip_setup *setup, unsigned port)
{
    struct realip_words proxies = realip_text_words(&setup->arena, realip_check_proxy_list(setup, " ", ""), " ");
    struct realip_words ipv4 = { 0 };
    struct realip_words ipv6 = { 0 };

    realip_words_add(&setup->arena, &ipv4, "127.0.0.0/8");
    realip_words_add(&setup->arena, &ipv6, "::1");
    for (size_t i = 0; i < proxies.count; i++)
        realip_words_add(&setup->arena, strchr(proxies.items[i], ':') == NULL ? &ipv4 : &ipv6, proxies.items[i]);
    if (proxies.count == 0)
        realip_words_add(&setup->arena, &ipv4, "ADDRESS OF THE PROXY");
    return realip_text_format(&setup->arena,
                              "in front of all rules for port %u (or load what `realipctl export nftables` writes):\n"
                              "  tcp dport %u ip saddr != { %s } drop\n  tcp dport %u ip6 saddr != { %s } drop",
                              port, port, realip_words_join(&setup->arena, &ipv4, ", "), port, realip_words_join(&setup->arena, &ipv6, ", "));
}

/* Does IPv6 lead to this door? Not where Postfix has none, and not on a host that is known and has no such address. */
static bool has_ipv6(struct realip_setup *setup, const struct realip_door *door)
{
    const char *protocols = realip_postfix_value(setup, NULL, "inet_protocols", NULL);
    bool found = setup->host.address_count == 0;

    for (size_t i = 0; i < setup->host.address_count && !found; i++) {
        struct realip_network network = { setup->host.addresses[i].address, 128 };

        found = network.address.family == REALIP_FAMILY_IPV6 && !realip_check_is_near(&network);
    }
    return found && (strstr(protocols, "all") != NULL || strstr(protocols, "ipv6") != NULL)
        && (door->front->host == NULL || strchr(door->front->host, ':') != NULL);
}

/* A firewall stands in front of it: does it let in more than the proxies? */
static void check_firewall(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard,
                           const struct realip_firewall_answer *firewall)
{
    struct realip_words others = { 0 };

    for (size_t i = 0; i < firewall->let_in.count; i++) {
        const char *text = firewall->let_in.items[i];
        bool is_told = false;

        for (size_t k = 0; k < others.count; k++)
            is_told = is_told || strcmp(others.items[k], text) == 0;
        if (!is_told && !range_may_come(setup, text))
            realip_words_add(&setup->arena, &others, text);
    }
    if (!firewall->keeps_out_ipv6 && has_ipv6(setup, guard->door))
        realip_words_add(&setup->arena, &others, "every IPv6 address");
    if (others.count > 0)
        realip_finding_add(setup, findings, REALIP_FINDING_FIREWALL_WIDE, guard->door->proxy_origin, guard->name,
                           realip_text_format(&setup->arena, "besides the proxies the firewall lets come to this PROXY port: %s",
                                              realip_words_join(&setup->arena, &others, ", ")),
                           firewall_mend(setup, guard->door->front->port));
}

static void check_attested(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    const struct realip_door *door = guard->door;

    if (!door->takes_proxy || door->is_internal || realip_check_is_attested(setup, door))
        return;
    struct realip_firewall_answer firewall = realip_firewall_ask(setup, door->front->port);
    if (firewall.keeps_out_ipv4) {
        check_firewall(setup, findings, guard, &firewall);
        return;
    }
    if (guard->policy.list != NULL) { /* our rules say attest = off */
        realip_finding_add(
            setup, findings, REALIP_FINDING_PROXY_UNATTESTED, guard->listener->attest_origin, guard->name,
            "mail-realip is asked about this PROXY port, and told not to look who is connected", "attest = required");
        return;
    }
    if (guard->milter.endpoint != NULL) {
        realip_finding_add(setup, findings, REALIP_FINDING_PEER_MILTER_ONLY, door->proxy_origin, guard->name,
                           "this PROXY port has mail-realip's milter and not its policy server",
                           policy_mend(setup, guard));
        return;
    }
    realip_finding_add(setup, findings, REALIP_FINDING_PROXY_UNATTESTED, door->proxy_origin, guard->name,
                       realip_text_format(&setup->arena, "a PROXY port, and nothing looks at who sends the header; %s",
                                          setup->host.firewall == NULL ? "the firewall was not looked at (root may, with nft or iptables)"
                                          : firewall.is_named
                                              ? "the firewall names it and who may come, and turns nobody else away"
                                              : "no firewall rule names it and who may come"),
                       policy_mend(setup, guard));
}

/* Rules that need a peer, and a guard that knows none. */
static void check_milter(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    if (guard->policy.list != NULL || guard->milter.endpoint == NULL || guard->listener == NULL
        || guard->door->takes_proxy || guard->listener->title == NULL
        || (guard->listener->attest != REALIP_ATTEST_REQUIRED && guard->listener->proxy != REALIP_PROXY_REQUIRED))
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_PEER_MILTER_ONLY, guard->milter.origin, guard->name,
                       realip_text_format(&setup->arena,
                                          "listener %s needs to know the peer, and this service has the milter alone",
                                          guard->listener->title),
                       policy_mend(setup, guard));
}

static void check_socket(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    if (guard->policy.list == NULL || !realip_check_is_told(setup, guard->door) || strncmp(guard->policy.endpoint, "unix:", 5) == 0)
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_POLICY_SOCKET_INET, guard->policy.origin, guard->name,
                       realip_text_format(&setup->arena,
                                          "the policy server is asked over %s where clients' addresses are supplied",
                                          guard->policy.endpoint),
                       "check_policy_service { unix:realip/policy, ... }\nin mail-realip.conf:\n"
                       "  policyd { listen = { \"unix:/var/spool/postfix/realip/policy\" } }");
}

static void check_xclient(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    const struct realip_door *door = guard->door;

    if (!door->takes_xclient || !door->takes_proxy || realip_check_is_attested(setup, door)
        || realip_check_is_firewalled(setup, door->front->port))
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_XCLIENT_ON_PROXY, door->xclient_origin, guard->name,
                       "smtpd_authorized_xclient_hosts holds at a PROXY port",
                       realip_text_format(&setup->arena,
                                          "in master.cf, below %s:\n  -o smtpd_authorized_xclient_hosts=",
                                          realip_check_service_name(setup, door->smtpd)));
}

static void check_postscreen_port(struct realip_setup *setup, struct realip_findings *findings,
                                  const struct guard *guard)
{
    const struct realip_door *door = guard->door;
    const struct realip_listener *listener = guard->listener;

    if (!door->is_postscreen || !door->takes_proxy || guard->policy.list == NULL || listener == NULL
        || listener->title == NULL || listener->attest == REALIP_ATTEST_OFF || door->front->port == 0)
        return;
    for (size_t i = 0; i < setup->rules.config->rules.listener_count; i++) {
        if (realip_listener_has_port(&setup->rules.config->rules.listeners[i], (uint16_t)door->front->port))
            return;
    }
    struct realip_origin where =
        listener->attest_origin.file != NULL ? listener->attest_origin : listener->proxy_origin;
    if (where.file == NULL)
        where = (struct realip_origin){ setup->rules.file, 0 };
    realip_finding_add(setup, findings, REALIP_FINDING_POSTSCREEN_PORT_MISSING, where, guard->name,
                       realip_text_format(&setup->arena,
                                          "listener %s stands behind postscreen and does not name its port %u",
                                          listener->title, door->front->port),
                       realip_text_format(&setup->arena, "ports = { %u }", door->front->port));
}

static void check_contradiction(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    const struct realip_door *door = guard->door;
    const struct realip_listener *listener = guard->listener;
    bool is_supplied = door->takes_proxy || door->takes_xclient;

    if (listener == NULL || guard->policy.list == NULL)
        return;
    if (is_supplied && listener->proxy == REALIP_PROXY_FORBIDDEN)
        realip_finding_add(setup, findings, REALIP_FINDING_PROXY_CONTRADICTION, listener->proxy_origin, guard->name,
                           realip_text_format(&setup->arena, "the rules forbid a proxy where Postfix takes %s",
                                              door->takes_proxy ? "a PROXY header from each client" : "XCLIENT"),
                           door->takes_proxy ? "proxy = required" : "proxy = optional");
    if (!is_supplied && !door->is_internal && listener->proxy == REALIP_PROXY_REQUIRED)
        realip_finding_add(setup, findings, REALIP_FINDING_PROXY_CONTRADICTION, listener->proxy_origin, guard->name,
                           "the rules require a proxy where Postfix takes neither PROXY nor XCLIENT",
                           "proxy = forbidden");
}

static void check_proxies(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    const struct realip_door *door = guard->door;
    struct realip_words unlisted = { 0 };

    if (setup->rules.config == NULL || guard->policy.list == NULL)
        return;
    const struct realip_network_set *proxies = setup->rules.config->rules.sets[REALIP_SET_PROXIES];
    if (door->takes_proxy && realip_network_set_count(proxies) == 0) {
        realip_finding_add(setup, findings, REALIP_FINDING_PROXIES_EMPTY,
                           (struct realip_origin){ setup->rules.file, 0 }, guard->name,
                           "a PROXY port is judged, and networks proxies is empty",
                           "networks proxies { cidr = { \"ADDRESS OF THE PROXY\" } }");
        return;
    }
    if (!door->takes_xclient)
        return;
    struct realip_list hosts =
        realip_postfix_patterns(setup, realip_postfix_value(setup, door->smtpd, "smtpd_authorized_xclient_hosts", NULL));
    for (size_t i = 0; i < hosts.count; i++) {
        bool is_listed = !hosts.items[i].is_network || hosts.items[i].is_excluded;

        for (size_t k = 0; k < realip_network_set_count(proxies) && !is_listed; k++)
            is_listed = realip_check_holds(&realip_network_set_entry(proxies, k)->network, &hosts.items[i].network);
        if (!is_listed)
            realip_words_add(&setup->arena, &unlisted, hosts.items[i].text);
    }
    if (unlisted.count > 0)
        realip_finding_add(setup, findings, REALIP_FINDING_XCLIENT_NOT_LISTED, door->xclient_origin, guard->name,
                           realip_text_format(&setup->arena, "may say XCLIENT and is not in networks proxies: %s",
                                              realip_words_join(&setup->arena, &unlisted, " ")),
                           realip_text_format(&setup->arena,
                                              "in mail-realip.conf: networks proxies { cidr = { \"%s\" } }",
                                              realip_words_join(&setup->arena, &unlisted, "\", \"")));
}

void realip_check_guard(struct realip_setup *setup, struct realip_findings *findings)
{
    if (!setup->postfix.is_known)
        return;
    struct realip_doors doors = realip_postfix_doors(setup);
    for (size_t i = 0; i < doors.count; i++) {
        struct guard guard = guard_of(setup, &doors.items[i]);

        check_attested(setup, findings, &guard);
        check_milter(setup, findings, &guard);
        check_socket(setup, findings, &guard);
        check_xclient(setup, findings, &guard);
        check_postscreen_port(setup, findings, &guard);
        check_contradiction(setup, findings, &guard);
        check_proxies(setup, findings, &guard);
    }
}
