/* Doors of Postfix at which somebody may supply an address: does mail-realip learn who, and do both want the same? */
#include <string.h>

#include "check.h"

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

static void check_attested(struct realip_setup *setup, struct realip_findings *findings, const struct guard *guard)
{
    const struct realip_door *door = guard->door;

    if (!door->takes_proxy || door->is_internal || realip_check_is_attested(setup, door)
        || realip_check_is_firewalled(setup, door->front->port))
        return;
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
                                          setup->host.firewall != NULL
                                              ? "no firewall rule names it and who may come"
                                              : "the firewall was not looked at (nft wants root)"),
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
    const struct realip_door *door = guard->door;
    bool is_supplied = door->takes_proxy || door->takes_xclient;

    if (guard->policy.list == NULL || !is_supplied || strncmp(guard->policy.endpoint, "unix:", 5) == 0)
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
        realip_check_list(setup, realip_postfix_value(setup, door->smtpd, "smtpd_authorized_xclient_hosts", NULL));
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
