#include "networkpolicy_read.h"

#include <stdlib.h>
#include <string.h>

/* One peer of a rule: ipBlock with cidr, and what is excepted from it. */
static int add_peer(yaml_document_t *document, const yaml_node_t *peer, struct realip_export_report *report, struct realip_ranges *sources)
{
    const yaml_node_t *block = realip_yaml_tree_get(document, peer, "ipBlock");
    const yaml_node_t *except = realip_yaml_tree_get(document, block, "except");
    struct realip_ranges whole = { 0 };
    struct realip_ranges taken = { 0 };
    struct realip_ranges rest = { 0 };

    if (block == NULL) {
        realip_export_report_difference(report, "too much in ingress: pods by podSelector or namespaceSelector");
        return 0;
    }
    const struct realip_export_piece cidr = realip_yaml_tree_piece(realip_yaml_tree_get(document, block, "cidr"));
    int result = realip_export_report_add(report, &cidr, false, &whole);
    for (size_t i = 0; i < realip_yaml_tree_size(except) && result == 0; i++) {
        const struct realip_export_piece word = realip_yaml_tree_piece(realip_yaml_tree_at(document, except, i));

        result = realip_export_report_add(report, &word, false, &taken);
    }
    realip_ranges_merge(&taken);
    if (result == 0)
        result = realip_ranges_subtract(&whole, &taken, &rest);
    if (result == 0)
        result = realip_ranges_add_all(sources, &rest);
    realip_ranges_clear(&whole);
    realip_ranges_clear(&taken);
    realip_ranges_clear(&rest);
    return result;
}

static bool read_number(const yaml_node_t *node, unsigned *number_r)
{
    const struct realip_export_piece piece = realip_yaml_tree_piece(node);
    char *end;
    unsigned long number = strtoul(piece.at, &end, 10);

    *number_r = (unsigned)number;
    return piece.length > 0 && end == piece.at + piece.length && piece.at[0] >= '0' && piece.at[0] <= '9' && number >= 1 && number <= 65535;
}

/* One of a rule's ports: {protocol (TCP where it is left out), port (all where it is left out), endPort}. */
static int add_port(yaml_document_t *document, const yaml_node_t *entry, struct realip_export_report *report, struct realip_ports *ports)
{
    const yaml_node_t *protocol = realip_yaml_tree_get(document, entry, "protocol");
    const yaml_node_t *port = realip_yaml_tree_get(document, entry, "port");
    const yaml_node_t *end = realip_yaml_tree_get(document, entry, "endPort");
    const struct realip_export_piece word = realip_yaml_tree_piece(port);
    unsigned first = 1;
    unsigned last = 65535;

    if (protocol != NULL && !realip_yaml_tree_is(protocol, "TCP"))
        return 0;
    if (port != NULL && !read_number(port, &first))
        return realip_export_report_unreadable(report, &word, "is no port's number, so nobody can say here which port it means");
    if (port != NULL)
        last = first;
    if (end != NULL && !read_number(end, &last))
        return realip_export_report_unreadable(report, &word, "has an endPort that is no port");
    realip_ports_add(ports, first, last);
    return 0;
}

/* "from" and "ports" that are absent or empty mean everybody and every port. */
static int read_rule(struct realip_networkpolicy *policy, const yaml_node_t *rule, struct realip_export_report *report)
{
    struct realip_ranges *sources = &policy->sources[policy->count];
    struct realip_ports *ports = &policy->ports[policy->count];
    yaml_document_t *document = &policy->document;
    const yaml_node_t *from = realip_yaml_tree_get(document, rule, "from");
    const yaml_node_t *list = realip_yaml_tree_get(document, rule, "ports");
    int result = realip_yaml_tree_size(from) == 0 ? realip_ranges_add_everything(sources) : 0;

    policy->count++;
    for (size_t i = 0; i < realip_yaml_tree_size(from) && result == 0; i++)
        result = add_peer(document, realip_yaml_tree_at(document, from, i), report, sources);
    realip_ranges_merge(sources);
    if (realip_yaml_tree_size(list) == 0)
        realip_ports_add(ports, 1, 65535);
    for (size_t i = 0; i < realip_yaml_tree_size(list) && result == 0; i++)
        result = add_port(document, realip_yaml_tree_at(document, list, i), report, ports);
    return result;
}

/* Left out, policyTypes holds Ingress. */
static bool is_for_ingress(yaml_document_t *document, const yaml_node_t *spec)
{
    const yaml_node_t *types = realip_yaml_tree_get(document, spec, "policyTypes");

    for (size_t i = 0; i < realip_yaml_tree_size(types); i++) {
        if (realip_yaml_tree_is(realip_yaml_tree_at(document, types, i), "Ingress"))
            return true;
    }
    return realip_yaml_tree_size(types) == 0;
}

static const yaml_node_t *spec_of(const struct realip_networkpolicy *policy)
{
    yaml_document_t *document = (yaml_document_t *)(uintptr_t)&policy->document;

    return realip_yaml_tree_get(document, yaml_document_get_root_node(document), "spec");
}

int realip_networkpolicy_read(const struct realip_export_text *text, struct realip_export_report *report,
                              struct realip_networkpolicy *policy_r)
{
    memset(policy_r, 0, sizeof(*policy_r));
    int result = realip_yaml_tree_load(text, "kind", "NetworkPolicy", report, &policy_r->document);
    if (result != 0) {
        if (result > 0)
            realip_export_report_difference(report, "missing: a NetworkPolicy");
        return result;
    }
    const yaml_node_t *spec = spec_of(policy_r);
    const yaml_node_t *ingress = realip_yaml_tree_get(&policy_r->document, spec, "ingress");
    if (!is_for_ingress(&policy_r->document, spec))
        realip_export_report_difference(report, "policyTypes has no Ingress: nothing is closed");
    if (realip_yaml_tree_size(ingress) > REALIP_NETWORKPOLICY_RULES)
        result = realip_export_report_unreadable(report, &(struct realip_export_piece){ .at = "" }, "has more than 64 ingress rules");
    for (size_t i = 0; i < realip_yaml_tree_size(ingress) && result == 0; i++)
        result = read_rule(policy_r, realip_yaml_tree_at(&policy_r->document, ingress, i), report);
    if (result < 0)
        realip_networkpolicy_clear(policy_r);
    return result;
}

void realip_networkpolicy_clear(struct realip_networkpolicy *policy)
{
    for (size_t i = 0; i < policy->count; i++)
        realip_ranges_clear(&policy->sources[i]);
    policy->count = 0;
    yaml_document_delete(&policy->document);
}

uint64_t realip_networkpolicy_rules(const struct realip_networkpolicy *policy, unsigned port)
{
    uint64_t rules = 0;

    for (size_t i = 0; i < policy->count; i++)
        rules |= realip_ports_has(&policy->ports[i], port) ? UINT64_C(1) << i : 0;
    return rules;
}

int realip_networkpolicy_sources(const struct realip_networkpolicy *policy, uint64_t rules, struct realip_ranges *sources_r)
{
    *sources_r = (struct realip_ranges){ 0 };
    for (size_t i = 0; i < policy->count; i++) {
        if ((rules & UINT64_C(1) << i) != 0 && realip_ranges_add_all(sources_r, &policy->sources[i]) < 0) {
            realip_ranges_clear(sources_r);
            return -1;
        }
    }
    realip_ranges_merge(sources_r);
    return 0;
}

bool realip_networkpolicy_selects(const struct realip_networkpolicy *policy, const char *selector)
{
    yaml_document_t *document = (yaml_document_t *)(uintptr_t)&policy->document;
    const yaml_node_t *pods = realip_yaml_tree_get(document, spec_of(policy), "podSelector");
    const yaml_node_t *labels = realip_yaml_tree_get(document, pods, "matchLabels");
    const struct realip_export_piece all = { selector, strlen(selector), 0 };
    struct realip_export_piece label = { 0 };
    size_t count = 0;

    while (realip_export_piece_word(&all, ",", &label)) {
        const char *equals = memchr(label.at, '=', label.length);
        char key[512];

        snprintf(key, sizeof(key), "%.*s", (int)(equals - label.at), label.at);
        const struct realip_export_piece value = realip_yaml_tree_piece(realip_yaml_tree_get(document, labels, key));
        size_t length = label.length - (size_t)(equals - label.at) - 1;
        if (value.length != length || memcmp(value.at, equals + 1, length) != 0)
            return false;
        count++;
    }
    return realip_yaml_tree_size(labels) == count && realip_yaml_tree_size(pods) == 1;
}

bool realip_networkpolicy_selects_all(const struct realip_networkpolicy *policy)
{
    yaml_document_t *document = (yaml_document_t *)(uintptr_t)&policy->document;
    const yaml_node_t *pods = realip_yaml_tree_get(document, spec_of(policy), "podSelector");

    return realip_yaml_tree_size(realip_yaml_tree_get(document, pods, "matchLabels")) == 0
           && realip_yaml_tree_size(realip_yaml_tree_get(document, pods, "matchExpressions")) == 0;
}
