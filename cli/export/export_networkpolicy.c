/* export networkpolicy: a NetworkPolicy of Kubernetes (networking.k8s.io/v1) that lets only proxies and probers reach the ports on which
 * a PROXY header is expected, and leaves all other ports as they are. */
#include <string.h>

#include "export.h"
#include "export_networks.h"
#include "networkpolicy_read.h"

#define SETS (REALIP_EXPORT_SET(PROXIES) | REALIP_EXPORT_SET(PROBERS))

static int refuse(const struct realip_export *export)
{
    int result = realip_ports_refuse(&export->config->rules, export->config->path);

    return result != 0 ? result : realip_export_networks_refuse_everybody(export->config, SETS, "everybody would reach the PROXY ports");
}

/* "app=mail,tier=front": as labels. What a label may be was looked at when the command line was read. */
static void print_labels(FILE *out, const char *selector)
{
    const struct realip_export_piece all = { selector, strlen(selector), 0 };
    struct realip_export_piece label = { 0 };

    while (realip_export_piece_word(&all, ",", &label)) {
        const char *equals = memchr(label.at, '=', label.length);

        fprintf(out, "      %.*s: \"%.*s\"\n", (int)(equals - label.at), label.at, (int)(label.length - (size_t)(equals - label.at) - 1),
                equals + 1);
    }
}

static void print_port(FILE *out, const char *protocol, unsigned first, unsigned last)
{
    fprintf(out, "        - protocol: %s\n          port: %u\n", protocol, first);
    if (first != last)
        fprintf(out, "          endPort: %u\n", last);
}

static void print_ports(FILE *out, const struct realip_ports *ports)
{
    unsigned first = 1;
    unsigned last;

    fputs("ports:\n", out);
    for (; realip_ports_next(ports, &first, &last); first = last + 1)
        print_port(out, "TCP", first, last);
}

/* A rule whose "from" is empty admits everybody: with nobody to admit there is no rule. */
static void print_allowed(FILE *out, const struct realip_ranges *allowed, const struct realip_ports *ports)
{
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    char text[REALIP_NETWORK_TEXT_SIZE];

    if (allowed->count == 0) {
        fputs("    # no proxy and no prober is listed: nobody reaches the ports that want a PROXY header\n", out);
        return;
    }
    fputs("    - from:\n", out);
    while (realip_ranges_next(allowed, &cursor, &network))
        fprintf(out, "        - ipBlock:\n            cidr: \"%s\"\n", realip_network_format(&network, text));
    fputs("      ", out);
    print_ports(out, ports);
}

/* A pod that a policy selects is closed but for what policies admit: all other ports are opened again. */
static void print_others(FILE *out, const struct realip_ports *ports)
{
    struct realip_ports all = { { 0 } };
    struct realip_ports others;

    realip_ports_add(&all, 1, 65535);
    realip_ports_without(&all, ports, &others);
    fputs("    # every other port, for everybody, as without this policy\n    - ", out);
    print_ports(out, &others);
    print_port(out, "UDP", 1, 65535);
    print_port(out, "SCTP", 1, 65535);
}

static int print(const struct realip_export *export, FILE *out)
{
    struct realip_ranges allowed;
    struct realip_ports ports;

    if (realip_export_networks(&export->config->rules, SETS, &allowed) < 0)
        return -1;
    realip_ports_required(&export->config->rules, &ports);
    fputs("# A network plugin judges the address that it sees. Behind a Service that masquerades (externalTrafficPolicy: Cluster, NodePort) that\n"
          "# is a node's, whoever comes: where nodes are listed as proxies or probers, no Service may lead strangers to these ports. The node\n"
          "# that a pod runs on always reaches it.\n",
          out);
    fprintf(out, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: \"%s\"\n", export->name);
    if (export->namespace_ != NULL)
        fprintf(out, "  namespace: \"%s\"\n", export->namespace_);
    fputs("spec:\n  podSelector:\n    matchLabels:\n", out);
    print_labels(out, export->selector);
    fputs("  policyTypes:\n    - Ingress\n  ingress:\n", out);
    print_allowed(out, &allowed, &ports);
    print_others(out, &ports);
    realip_ranges_clear(&allowed);
    return 0;
}

static void compare_labels(const struct realip_export *export, const struct realip_networkpolicy *found, struct realip_export_report *report)
{
    if (export->selector != NULL && !realip_networkpolicy_selects(found, export->selector))
        realip_export_report_difference(report, "podSelector is not matchLabels %s alone", export->selector);
    if (export->selector == NULL && realip_networkpolicy_selects_all(found))
        realip_export_report_difference(report, "podSelector is empty: it selects every pod of the namespace");
}

/* Each port is open to those who may reach it; those with the same rules are looked at once. */
static int compare_ports(const struct realip_networkpolicy *found, const struct realip_ranges *allowed, const struct realip_ports *ports,
                         struct realip_export_report *report)
{
    struct realip_ranges everybody = { 0 };
    int result = realip_ranges_add_everything(&everybody);

    for (unsigned port = 1; port <= 65535 && result == 0; port++) {
        bool required = realip_ports_has(ports, port);
        uint64_t rules = realip_networkpolicy_rules(found, port);
        struct realip_ranges sources = { 0 };
        char name[64];

        if (port > 1 && required == realip_ports_has(ports, port - 1) && rules == realip_networkpolicy_rules(found, port - 1))
            continue;
        snprintf(name, sizeof(name), required ? "those who reach port %u" : "those who reach other ports, from %u on", port);
        result = realip_networkpolicy_sources(found, rules, &sources);
        if (result == 0)
            result = realip_export_report_networks(report, name, required ? allowed : &everybody, &sources);
        realip_ranges_clear(&sources);
    }
    realip_ranges_clear(&everybody);
    return result;
}

static int compare(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    struct realip_networkpolicy found;
    struct realip_ranges allowed = { 0 };
    struct realip_ports ports;
    int result = realip_networkpolicy_read(text, report, &found);

    if (result != 0)
        return result > 0 ? 0 : -1;
    realip_ports_required(&export->config->rules, &ports);
    compare_labels(export, &found, report);
    result = realip_export_networks(&export->config->rules, SETS, &allowed);
    if (result == 0)
        result = compare_ports(&found, &allowed, &ports, report);
    realip_ranges_clear(&allowed);
    realip_networkpolicy_clear(&found);
    return result;
}

const struct realip_export_form realip_export_networkpolicy = {
    .name = "networkpolicy",
    .parts = { { "mail-realip-networkpolicy.yaml", print, compare, NULL } },
    .refuse = refuse,
    .next = "kubectl apply --dry-run=server -f FILE, then kubectl apply -f FILE",
};
