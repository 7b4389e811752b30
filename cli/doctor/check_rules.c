/* Our own configuration: what its reader says, sets that make each other void, listeners that nothing leads to, addresses of others. */
#include <string.h>

#include "check.h"

/* The reader's words for networks that can't be both; tests/doctor holds them. */
static bool is_about_sets(const char *text)
{
    return strstr(text, "is also in networks") != NULL || strstr(text, "(nearly) every address") != NULL;
}

static void check_messages(struct realip_setup *setup, struct realip_findings *findings)
{
    const struct realip_own_rules *rules = &setup->rules;

    for (size_t i = 0; i < rules->problem_count; i++)
        realip_finding_add(setup, findings,
                           is_about_sets(rules->problems[i].text) ? REALIP_FINDING_SETS_CONTRADICT
                                                                  : REALIP_FINDING_RULES_WRONG,
                           rules->problems[i].origin, NULL, rules->problems[i].text,
                           "as the message says; realipctl check tells when all is right");
    for (size_t i = 0; i < rules->warning_count; i++) {
        /* What is this host's own is not that of a set-up that was written down elsewhere. */
        if (setup->is_folder && strstr(rules->warnings[i].text, "is this host:") != NULL)
            continue;
        realip_finding_add(setup, findings, REALIP_FINDING_RULES_WARNING, rules->warnings[i].origin, NULL,
                           rules->warnings[i].text, "as the message says");
    }
}

static bool allows_internal(const struct realip_rules *rules)
{
    bool allows = rules->fallback.allow_internal;

    for (size_t i = 0; i < rules->listener_count; i++)
        allows = allows || rules->listeners[i].allow_internal;
    return allows;
}

/* An internal client is exempt before infrastructure is looked at. */
static void check_sets(struct realip_setup *setup, struct realip_findings *findings)
{
    const struct realip_rules *rules = &setup->rules.config->rules;
    const struct realip_network_set *internal = rules->sets[REALIP_SET_INTERNAL];
    const struct realip_network_set *infrastructure = rules->sets[REALIP_SET_LISTED_INFRASTRUCTURE];

    for (size_t i = 0; allows_internal(rules) && i < realip_network_set_count(internal); i++) {
        const struct realip_network_entry *inner = realip_network_set_entry(internal, i);

        for (size_t k = 0; k < realip_network_set_count(infrastructure); k++) {
            const struct realip_network_entry *outer = realip_network_set_entry(infrastructure, k);
            char one[REALIP_NETWORK_TEXT_SIZE];
            char other[REALIP_NETWORK_TEXT_SIZE];

            if (!realip_check_holds(&inner->network, &outer->network))
                continue;
            realip_finding_add(
                setup, findings, REALIP_FINDING_SETS_CONTRADICT, realip_rules_origin(rules, inner->label), NULL,
                realip_text_format(&setup->arena, "networks internal holds all of %s, which is infrastructure: %s",
                                   realip_network_format(&outer->network, other),
                                   realip_network_format(&inner->network, one)),
                "list the internal clients themselves in networks internal, by their addresses");
        }
    }
}

static bool has_any(const struct realip_listener *listener, const char *name, unsigned port)
{
    return (name != NULL && realip_listener_has_name(listener, name))
           || (port > 0 && port <= 65535 && realip_listener_has_port(listener, (uint16_t)port));
}

static bool postfix_leads_to(const struct realip_doors *doors, const struct realip_listener *listener)
{
    for (size_t i = 0; i < doors->count; i++) {
        const struct realip_door *door = &doors->items[i];

        if (door->smtpd == NULL)
            continue;
        struct realip_policy_use policy = door->policy;
        struct realip_milter_use milter = door->milter;
        if (policy.list == NULL && milter.endpoint == NULL)
            continue;
        if (has_any(listener, policy.context, door->front->port)
            || (milter.endpoint != NULL && has_any(listener, milter.name, 0))
            || realip_listener_has_name(listener, "smtpd"))
            return true;
    }
    return false;
}

/* Where Postfix asks Dovecot for passwords, Dovecot calls that session's service "smtp", whichever port it came by. */
static bool password_leads_to(struct realip_setup *setup, const struct realip_doors *doors,
                              const struct realip_listener *listener)
{
    struct realip_origin origin;

    for (size_t i = 0; realip_listener_has_name(listener, "smtp") && i < doors->count; i++)
        if (doors->items[i].smtpd != NULL
            && strcmp(realip_postfix_value(setup, doors->items[i].smtpd, "smtpd_sasl_type", &origin), "dovecot") == 0)
            return true;
    return false;
}

/* Dovecot's listener, its port, its service ("imap" of "imap-login"). */
static bool dovecot_leads_to(struct realip_setup *setup, const struct realip_listener *listener)
{
    for (size_t i = 0; i < setup->dovecot.listener_count; i++) {
        const struct realip_dovecot_listener *at = &setup->dovecot.listeners[i];
        const char *service = realip_text_copy(&setup->arena, at->service, strcspn(at->service, "-"));

        if (has_any(listener, at->name, at->port) || realip_listener_has_name(listener, service)
            || (strcmp(service, "managesieve") == 0 && realip_listener_has_name(listener, "sieve")))
            return true;
    }
    return false;
}

static bool postfix_asks(const struct realip_doors *doors)
{
    for (size_t i = 0; i < doors->count; i++)
        if (doors->items[i].policy.list != NULL || doors->items[i].milter.endpoint != NULL)
            return true;
    return false;
}

/* They may ask, and are not read (finding other-instances). */
static bool has_other_instances(struct realip_setup *setup)
{
    return realip_text_words(&setup->arena, realip_postfix_value(setup, NULL, "multi_instance_directories", NULL), " ,\t\r\n").count > 0;
}

/* A daemon that nobody asks looks just like one that has nothing to say. Returns whether somebody asks, as far as was seen. */
static bool check_anybody(struct realip_setup *setup, struct realip_findings *findings)
{
    const struct realip_config *config = setup->rules.config;
    bool is_for_postfix = config->policyd.listen_count > 0 || config->milter.listen_count > 0;
    struct realip_doors doors = realip_postfix_doors(setup);

    if (!setup->postfix.is_known || doors.count == 0 || !is_for_postfix || postfix_asks(&doors)
        || (setup->dovecot.is_known && realip_check_dovecot_asks(setup)) || has_other_instances(setup))
        return true;
    realip_finding_add(setup, findings, REALIP_FINDING_NOBODY_ASKS, (struct realip_origin){ setup->rules.file, 0 }, NULL,
                       setup->dovecot.is_known ? "neither Postfix nor Dovecot asks mail-realip" : "Postfix does not ask mail-realip",
                       realip_text_format(&setup->arena,
                                          "in %s, in front of what smtpd_client_restrictions has:\n  smtpd_client_restrictions = check_policy_service "
                                          "{ unix:realip/policy, timeout=3s, try_limit=2, policy_context=mx, { default_action = DUNNO } }",
                                          setup->postfix.main_file));
    return false;
}

/* Only where both servers were read: a block may be for the one that was not. */
static void check_listeners(struct realip_setup *setup, struct realip_findings *findings)
{
    const struct realip_rules *rules = &setup->rules.config->rules;
    struct realip_doors doors = realip_postfix_doors(setup);

    for (size_t i = 0; i < rules->listener_count; i++) {
        const struct realip_listener *listener = &rules->listeners[i];
        struct realip_origin where = listener->proxy_origin.file != NULL ? listener->proxy_origin
                                     : listener->attest_origin.file != NULL
                                         ? listener->attest_origin
                                         : (struct realip_origin){ setup->rules.file, 0 };

        if (!setup->postfix.is_known || !setup->dovecot.is_known || postfix_leads_to(&doors, listener)
            || dovecot_leads_to(setup, listener) || password_leads_to(setup, &doors, listener))
            continue;
        realip_finding_add(
            setup, findings, REALIP_FINDING_LISTENER_UNFED, where, listener->title,
            realip_text_format(&setup->arena,
                               "listener %s: no policy_context, milter name, port or Dovecot listener is that",
                               listener->title),
            realip_text_format(&setup->arena,
                               "policy_context=%s in master.cf's check_policy_service, or take the block out",
                               listener->title));
    }
}

static bool is_any(const struct realip_address *address)
{
    static const unsigned char none[16] = { 0 };
    struct realip_address ipv4 = realip_address_from_ipv4(none);
    struct realip_address ipv6 = realip_address_from_ipv6(none);

    return realip_address_equal(address, &ipv4) || realip_address_equal(address, &ipv6);
}

/* The daemons bind to an address that may come later (at boot, a balancer's), and log that once: afterwards nothing looks wrong. */
static void check_place(struct realip_setup *setup, const struct realip_endpoint *place, struct realip_findings *findings)
{
    struct realip_address address;
    const char *reason;

    if (place == NULL || place->host == NULL || !setup->host.is_known
        || realip_address_parse(place->host, strcspn(place->host, "%"), &address, &reason) < 0
        || is_any(&address) || realip_host_is_here(&setup->host, &address))
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_ADDRESS_NOT_HERE, place->origin, NULL,
                       realip_text_format(&setup->arena, "\"%s\": this host does not have the address %s", place->text, place->host),
                       "name an address of this host there, or 127.0.0.1 where only this host asks (\"ip address\" shows them); give the host that one "
                       "if it is to move here later");
}

static void check_service(struct realip_setup *setup, const struct realip_service *service, struct realip_findings *findings)
{
    for (size_t i = 0; i < service->listen_count; i++)
        check_place(setup, &service->listen[i], findings);
    check_place(setup, service->http, findings);
}

void realip_check_rules(struct realip_setup *setup, struct realip_findings *findings)
{
    check_messages(setup, findings);
    if (setup->rules.config == NULL)
        return;
    check_sets(setup, findings);
    check_service(setup, &setup->rules.config->policyd, findings);
    check_place(setup, setup->rules.config->auth_policy, findings);
    check_service(setup, &setup->rules.config->milter, findings);
    if (check_anybody(setup, findings))
        check_listeners(setup, findings);
}
