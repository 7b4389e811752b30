/* export postfix: lists that take hosts out of mynetworks, and tables by which Postfix alone refuses clients that are none. Nothing
 * here permits anybody to send: the worst that a wrong line can do is to refuse, or to spare a host postscreen's tests. */
#include <string.h>

#include "export.h"
#include "export_list.h"
#include "export_networks.h"
#include "first_match.h"
#include "postfix_clients.h"
#include "postfix_list.h"

#define NO_CLIENTS (REALIP_EXPORT_SET(INFRASTRUCTURE) | REALIP_EXPORT_SET(PROXIES))

/* An IPv6 network stands in brackets in Postfix's lists of patterns, but not in its cidr: tables. */
static void print_pattern(FILE *out, const char *sign, const struct realip_network *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];
    const char *slash = strchr(realip_network_format(network, text), '/');

    if (network->address.family == REALIP_FAMILY_IPV4)
        fprintf(out, "%s%s\n", sign, text);
    else
        fprintf(out, "%s[%.*s]%s\n", sign, (int)(slash - text), text, slash);
}

static int print_ranges(FILE *out, const struct realip_ranges *ranges, const char *sign, const char *action)
{
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    char text[REALIP_NETWORK_TEXT_SIZE];

    while (realip_ranges_next(ranges, &cursor, &network)) {
        if (action == NULL)
            print_pattern(out, sign, &network);
        else
            fprintf(out, "%s %s\n", realip_network_format(&network, text), action);
    }
    return 0;
}

/* A listed internal client may be in mynetworks: it is one of the sets' own hosts and not what stands in front of others. */
static int excluded(const struct realip_export *export, struct realip_ranges *ranges_r)
{
    return realip_export_networks_without(&export->config->rules, NO_CLIENTS, REALIP_EXPORT_SET(INTERNAL), ranges_r);
}

static int print_excluded(const struct realip_export *export, FILE *out)
{
    struct realip_ranges ranges;

    fputs("# First in mynetworks: takes these out of whatever follows, and adds nobody.\n", out);
    if (excluded(export, &ranges) < 0)
        return -1;
    print_ranges(out, &ranges, "!", NULL);
    realip_ranges_clear(&ranges);
    return 0;
}

static int print_xclient(const struct realip_export *export, FILE *out)
{
    struct realip_ranges ranges;

    fputs("# For smtpd_authorized_xclient_hosts, on a port that takes no PROXY header and that these alone reach.\n", out);
    if (realip_export_networks(&export->config->rules, REALIP_EXPORT_SET(PROXIES), &ranges) < 0)
        return -1;
    print_ranges(out, &ranges, "", NULL);
    realip_ranges_clear(&ranges);
    return 0;
}

static int print_postscreen(const struct realip_export *export, FILE *out)
{
    struct realip_ranges ranges;

    fputs("# For postscreen_access_list: health checks are not kept waiting. It permits no relaying.\n", out);
    if (realip_export_networks(&export->config->rules, REALIP_EXPORT_SET(PROBERS), &ranges) < 0)
        return -1;
    print_ranges(out, &ranges, "", "permit");
    realip_ranges_clear(&ranges);
    return 0;
}

/* ---- what is deployed --------------------------------------------------------------------------------------------- */

/* Words of a file of patterns: those with "!" must be `excluded`, the others `included`. */
static int compare_patterns(const struct realip_export_text *text, struct realip_export_report *report, const char *name,
                            const struct realip_ranges *should_be, bool exclusions)
{
    struct realip_first_match list = { 0 };
    struct realip_ranges found = { 0 };
    struct realip_ranges others = { 0 };
    int result = realip_postfix_list_read_text(text, report, &list);

    if (result == 0)
        result = realip_first_match_ranges(&list, exclusions ? REALIP_POSTFIX_LIST_OUT : REALIP_POSTFIX_LIST_IN, &found);
    if (result == 0)
        result = realip_first_match_ranges(&list, exclusions ? REALIP_POSTFIX_LIST_IN : REALIP_POSTFIX_LIST_OUT, &others);
    if (result == 0)
        result = realip_export_report_networks(report, name, should_be, &found);
    if (result == 0)
        realip_export_report_surplus(report, exclusions ? "exclusions (without '!')" : "hosts (with '!')", &others);
    realip_first_match_clear(&list);
    realip_ranges_clear(&found);
    realip_ranges_clear(&others);
    return result;
}

static int compare_excluded(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    struct realip_ranges ranges;

    if (excluded(export, &ranges) < 0)
        return -1;
    int result = compare_patterns(text, report, "exclusions", &ranges, true);
    realip_ranges_clear(&ranges);
    return result;
}

static int compare_xclient(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    struct realip_ranges ranges;

    if (realip_export_networks(&export->config->rules, REALIP_EXPORT_SET(PROXIES), &ranges) < 0)
        return -1;
    int result = compare_patterns(text, report, "xclient-hosts", &ranges, false);
    realip_ranges_clear(&ranges);
    return result;
}

/* A table's addresses with this action against those that should have it. */
static int compare_action(struct realip_first_match *list, unsigned kind, const char *name, const struct realip_ranges *should_be,
                          struct realip_export_report *report)
{
    struct realip_ranges found = { 0 };
    int result = realip_first_match_ranges(list, kind, &found);

    if (result == 0)
        result = realip_export_report_networks(report, name, should_be, &found);
    realip_ranges_clear(&found);
    return result;
}

static int compare_postscreen(const struct realip_export *export, const struct realip_export_text *text,
                              struct realip_export_report *report)
{
    static const char *const actions[] = { "permit", NULL };
    const struct realip_ranges nobody = { 0 };
    struct realip_first_match list = { 0 };
    struct realip_ranges probers = { 0 };
    int result = realip_export_networks(&export->config->rules, REALIP_EXPORT_SET(PROBERS), &probers);

    if (result == 0)
        result = realip_postfix_table_read(text, report, actions, &list);
    if (result == 0)
        result = compare_action(&list, 0, "postscreen-access.cidr", &probers, report);
    if (result == 0)
        result = compare_action(&list, 1, "postscreen-access.cidr (with another action)", &nobody, report);
    realip_first_match_clear(&list);
    realip_ranges_clear(&probers);
    return result;
}

/* ---- what postconf says ------------------------------------------------------------------------------------------- */

/* mynetworks may hold anybody but these; xclient hosts must all be proxies. */
static int compare_value(const struct realip_export *export, const struct realip_export_piece *value, bool mynetworks,
                         struct realip_export_report *report)
{
    struct realip_first_match list = { 0 };
    struct realip_ranges hosts = { 0 };
    struct realip_ranges known = { 0 };
    struct realip_ranges wrong = { 0 };
    int result = realip_postfix_list_read(value, report, &list);

    if (result == 0)
        result = realip_first_match_ranges(&list, REALIP_POSTFIX_LIST_IN, &hosts);
    if (result == 0)
        result = mynetworks ? excluded(export, &known)
                            : realip_export_networks(&export->config->rules, REALIP_EXPORT_SET(PROXIES), &known);
    if (result == 0)
        result = mynetworks ? realip_ranges_intersect(&hosts, &known, &wrong) : realip_ranges_subtract(&hosts, &known, &wrong);
    if (result == 0)
        realip_export_report_surplus(report, mynetworks ? "mynetworks" : "smtpd_authorized_xclient_hosts", &wrong);
    realip_first_match_clear(&list);
    realip_ranges_clear(&hosts);
    realip_ranges_clear(&known);
    realip_ranges_clear(&wrong);
    return result;
}

/* "mynetworks = …" (postconf), "2525/inet/mynetworks = …" (postconf -P), or the value of mynetworks alone (postconf -h). */
static int compare_running(const struct realip_export *export, const struct realip_export_text *text,
                           struct realip_export_report *report)
{
    struct realip_export_piece line = { 0 };
    bool compared = false;
    int result = 0;

    while (result == 0 && realip_export_text_line(text, &line)) {
        const char *equals = memchr(line.at, '=', line.length);
        struct realip_export_piece key = { line.at, equals != NULL ? (size_t)(equals - line.at) : 0, line.line };
        struct realip_export_piece value = line;

        if (equals != NULL)
            value = realip_export_piece_trim((struct realip_export_piece){ equals + 1, line.length - key.length - 1, line.line });
        key = realip_export_piece_trim(key);
        for (const char *slash; (slash = memchr(key.at, '/', key.length)) != NULL;)
            key = (struct realip_export_piece){ slash + 1, key.length - (size_t)(slash + 1 - key.at), line.line };
        bool xclient = realip_export_piece_is(&key, "smtpd_authorized_xclient_hosts");
        if (equals != NULL && !xclient && !realip_export_piece_is(&key, "mynetworks"))
            continue;
        compared = true;
        result = compare_value(export, &value, !xclient, report);
    }
    if (result == 0 && !compared)
        result = realip_export_report_unreadable(report, &(struct realip_export_piece){ 0 },
                                                 "names no mynetworks and no smtpd_authorized_xclient_hosts; type: postconf -x mynetworks "
                                                 "smtpd_authorized_xclient_hosts | realipctl export postfix --check -");
    return result;
}

static int refuse(const struct realip_export *export)
{
    return realip_export_networks_refuse_everybody(export->config, REALIP_EXPORT_SET(PROBERS),
                                                   "postscreen would let everybody pass untested (postscreen-access.cidr)");
}

const struct realip_export_form realip_export_postfix = {
    .name = "postfix",
    .refuse = refuse,
    .parts = { { "mynetworks-exclusions", print_excluded, compare_excluded, NULL },
               { "xclient-hosts", print_xclient, compare_xclient, NULL },
               { "clients.cidr", realip_postfix_clients_print, realip_postfix_clients_compare, NULL },
               { "postscreen-access.cidr", print_postscreen, compare_postscreen, NULL } },
    .compare_running = compare_running,
    .next = "docs/EXPORT.md tells which goes where; nothing has changed for Postfix before main.cf names them",
};
