/* Postfix's own settings about PROXY: where they contradict each other, or where nothing reads them. */
#include <string.h>

#include "check.h"

static void check_behind_postscreen(struct realip_setup *setup, struct realip_findings *findings,
                                    const struct realip_door *door)
{
    struct realip_origin origin;
    const char *smtpd = realip_check_service_name(setup, door->smtpd);
    bool takes_proxy = realip_postfix_value(setup, door->smtpd, "smtpd_upstream_proxy_protocol", &origin)[0] != '\0';

    if (!takes_proxy)
        return;
    if (door->takes_proxy)
        realip_finding_add(
            setup, findings, REALIP_FINDING_PROXY_ON_BOTH, origin, smtpd,
            realip_text_format(&setup->arena, "smtpd expects a PROXY header behind a postscreen (%s) that takes it",
                               realip_check_service_name(setup, door->front)),
            realip_text_format(&setup->arena, "in master.cf, below %s:\n  -o smtpd_upstream_proxy_protocol=", smtpd));
    else
        realip_finding_add(
            setup, findings, REALIP_FINDING_PROXY_BEHIND_POSTSCREEN, origin, smtpd,
            realip_text_format(&setup->arena,
                               "PROXY is expected by smtpd, and postscreen (%s) in front of it takes none",
                               realip_check_service_name(setup, door->front)),
            realip_text_format(
                &setup->arena,
                "in master.cf, below %s:\n  -o smtpd_upstream_proxy_protocol=\nand below %s, where a proxy "
                "sends to it:\n  -o postscreen_upstream_proxy_protocol=haproxy",
                smtpd, realip_check_service_name(setup, door->front)));
}

/* A parameter of the other program on this service's own lines. */
static void check_unread(struct realip_setup *setup, struct realip_findings *findings, const struct realip_door *door)
{
    const char *wrong = door->is_postscreen ? "smtpd_upstream_proxy_protocol" : "postscreen_upstream_proxy_protocol";
    const char *right = door->is_postscreen ? "postscreen_upstream_proxy_protocol" : "smtpd_upstream_proxy_protocol";
    struct realip_origin origin = realip_postfix_override(door->front, wrong);

    if (origin.file == NULL || door->takes_proxy || realip_postfix_value(setup, door->front, wrong, NULL)[0] == '\0')
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_PROXY_OPTION_UNREAD, origin,
                       realip_check_service_name(setup, door->front),
                       realip_text_format(&setup->arena, "%s on a service that is %s", wrong, door->front->command),
                       realip_text_format(&setup->arena, "  -o %s=haproxy", right));
}

static void check_main_unread(struct realip_setup *setup, struct realip_findings *findings)
{
    struct realip_origin origin;
    bool is_set = realip_postfix_value(setup, NULL, "postscreen_upstream_proxy_protocol", &origin)[0] != '\0';

    for (size_t i = 0; i < setup->postfix.service_count; i++)
        is_set = is_set && strcmp(setup->postfix.services[i].command, "postscreen") != 0;
    if (is_set && setup->postfix.service_count > 0)
        realip_finding_add(setup, findings, REALIP_FINDING_PROXY_OPTION_UNREAD, origin, NULL,
                           "postscreen_upstream_proxy_protocol is set, and no service in master.cf is postscreen",
                           "smtpd_upstream_proxy_protocol on the service that the proxy sends to, in master.cf:\n"
                           "  -o smtpd_upstream_proxy_protocol=haproxy");
}

static bool inherits_proxy(const struct realip_door *door)
{
    return door->takes_proxy && !door->is_postscreen
           && realip_postfix_override(door->front, "smtpd_upstream_proxy_protocol").file == NULL;
}

/* Does a door that others reach have it from main.cf, too? */
static bool outside_inherits(const struct realip_doors *doors)
{
    for (size_t i = 0; i < doors->count; i++) {
        if (!doors->items[i].is_internal && inherits_proxy(&doors->items[i]))
            return true;
    }
    return false;
}

/* Inherited from main.cf where it was meant for the doors outside. A port on loopback alone may as well be a proxy's on
 * this host, unless the same line of main.cf serves the doors outside. */
static void check_internal(struct realip_setup *setup, struct realip_findings *findings,
                           const struct realip_doors *doors, const struct realip_door *door)
{
    if (!inherits_proxy(door) || !(door->is_return || (door->is_local && outside_inherits(doors))))
        return;
    for (size_t i = 0; i < setup->proxies.sender_count; i++) {
        if (setup->proxies.senders[i].version > 0 && setup->proxies.senders[i].port == door->front->port)
            return; /* a proxy does send there */
    }
    realip_finding_add(setup, findings, REALIP_FINDING_PROXY_INTERNAL_PORT, door->proxy_origin,
                       realip_check_service_name(setup, door->front),
                       door->is_return ? "a content filter's way back expects a PROXY header"
                                       : "a port for this host's own programs expects a PROXY header",
                       realip_text_format(&setup->arena, "in master.cf, below %s:\n  -o smtpd_upstream_proxy_protocol=",
                                          realip_check_service_name(setup, door->front)));
}

/* Names near to those that Postfix has: what people write from memory. */
static bool is_misspelt(const char *name)
{
    static const char *const known[] = { "smtpd_upstream_proxy_protocol",      "smtpd_upstream_proxy_timeout",
                                         "postscreen_upstream_proxy_protocol", "postscreen_upstream_proxy_timeout",
                                         "smtpd_authorized_xclient_hosts",     NULL };
    bool is_ours = strncmp(name, "smtpd_", 6) == 0 || strncmp(name, "postscreen_", 11) == 0;

    return is_ours && !realip_text_is_among(name, known)
           && (strstr(name, "proxy_protocol") != NULL || strstr(name, "upstream_proxy") != NULL
               || strstr(name, "haproxy") != NULL || strstr(name, "xclient") != NULL);
}

static void add_unused(struct realip_setup *setup, struct realip_findings *findings,
                       const struct realip_setting *setting)
{
    realip_finding_add(
        setup, findings, REALIP_FINDING_UNUSED_PARAMETER, setting->origin, NULL,
        realip_text_format(&setup->arena, "%s is no parameter of Postfix", setting->name),
        strstr(setting->name, "xclient") != NULL ? "smtpd_authorized_xclient_hosts = ..."
        : strstr(setting->name, "proxy") != NULL
            ? "smtpd_upstream_proxy_protocol = haproxy (on postscreen: postscreen_upstream_proxy_protocol)"
            : "take the line out, or correct the name");
}

static void check_names(struct realip_setup *setup, struct realip_findings *findings)
{
    const struct realip_postfix *postfix = &setup->postfix;

    for (size_t i = 0; i < postfix->unused.count; i++)
        add_unused(setup, findings, &postfix->unused.items[i]);
    for (size_t i = 0; i < postfix->main.count; i++) {
        if (is_misspelt(postfix->main.items[i].name))
            add_unused(setup, findings, &postfix->main.items[i]);
    }
    for (size_t i = 0; i < postfix->service_count; i++) {
        for (size_t k = 0; k < postfix->services[i].options.count; k++) {
            if (is_misspelt(postfix->services[i].options.items[k].name))
                add_unused(setup, findings, &postfix->services[i].options.items[k]);
        }
    }
}

/* postmulti(1): the default instance names the folders of all others. */
static void check_instances(struct realip_setup *setup, struct realip_findings *findings)
{
    struct realip_origin origin;
    struct realip_words folders = realip_text_words(
        &setup->arena, realip_postfix_value(setup, NULL, "multi_instance_directories", &origin), " ,\t\r\n");
    struct realip_words mends = { 0 };

    for (size_t i = 0; i < folders.count; i++)
        realip_words_add(&setup->arena, &mends,
                         realip_text_format(&setup->arena, "realipctl doctor --postfix %s", folders.items[i]));
    if (folders.count > 0)
        realip_finding_add(setup, findings, REALIP_FINDING_OTHER_INSTANCES, origin, NULL,
                           realip_text_format(&setup->arena, "there are further instances of Postfix: %s",
                                              realip_words_join(&setup->arena, &folders, " ")),
                           realip_words_join(&setup->arena, &mends, "\n"));
}

void realip_check_proxy_ports(struct realip_setup *setup, struct realip_findings *findings)
{
    if (!setup->postfix.is_known)
        return;
    struct realip_doors doors = realip_postfix_doors(setup);
    for (size_t i = 0; i < doors.count; i++) {
        const struct realip_door *door = &doors.items[i];

        if (door->is_postscreen && door->smtpd != NULL)
            check_behind_postscreen(setup, findings, door);
        check_unread(setup, findings, door);
        check_internal(setup, findings, &doors, door);
    }
    check_main_unread(setup, findings);
    check_instances(setup, findings);
    check_names(setup, findings);
}
