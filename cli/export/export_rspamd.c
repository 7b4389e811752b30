/* export rspamd: a map of addresses that are nobody's to judge, and the settings that name it. */
#include "export.h"
#include "export_list.h"
#include "export_networks.h"

/* A prober that sends is no prober any more: where it is not infrastructure as well it is a client. */
#define SETS                                                                                                       \
    (REALIP_EXPORT_SET(INFRASTRUCTURE) | REALIP_EXPORT_SET(PROXIES) | REALIP_EXPORT_SET(INTERNAL) | REALIP_EXPORT_SET(RELAYS))

static int print_map(const struct realip_export *export, FILE *out)
{
    return realip_export_networks_print(&export->config->rules, SETS, out, realip_export_networks_line);
}

static int compare_map(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    return realip_export_list_compare(export, text, report, "mail-realip.map", SETS);
}

static int print_settings(const struct realip_export *export, FILE *out)
{
    fprintf(out,
            "# Load it with this line in rspamd.conf.local:\n"
            "#   .include(priority=1,duplicate=merge) \"%s/mail-realip.conf\"\n"
            "# The session's address decides, as the mail server tells it; no header of a message does.\n"
            "spf { whitelist = \"%s/mail-realip.map\"; }\n"
            "rbl { local_exclude_ip_map = \"%s/mail-realip.map\"; }\n"
            "greylist { whitelisted_ip = \"%s/mail-realip.map\"; }\n",
            export->folder, export->folder, export->folder, export->folder);
    return 0;
}

static int refuse(const struct realip_export *export)
{
    return realip_export_networks_refuse_everybody(export->config, SETS, "rspamd would spare everybody SPF, block lists and greylisting");
}

const struct realip_export_form realip_export_rspamd = {
    .name = "rspamd",
    .refuse = refuse,
    .parts = { { "mail-realip.map", print_map, compare_map, NULL }, { "mail-realip.conf", print_settings, NULL, NULL } },
    .next = "the head of mail-realip.conf tells how to load it",
};
