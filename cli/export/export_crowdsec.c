/* export crowdsec: a whitelist for the stage s02-enrich: no decision is made about these addresses. */
#include "export.h"
#include "export_list.h"
#include "export_networks.h"
#include "yaml_tree.h"

/* CrowdSec has one list for addresses and one for networks. */
static void print_list(FILE *out, const struct realip_ranges *ranges, const char *key, bool hosts)
{
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    char text[REALIP_NETWORK_TEXT_SIZE];
    bool begun = false;

    while (realip_ranges_next(ranges, &cursor, &network)) {
        bool host = network.prefix == (network.address.family == REALIP_FAMILY_IPV4 ? 32U : 128U);

        if (host != hosts)
            continue;
        if (!begun)
            fprintf(out, "  %s:\n", key);
        begun = true;
        fprintf(out, "    - \"%s\"\n", host ? realip_address_format(&network.address, text) : realip_network_format(&network, text));
    }
    if (!begun)
        fprintf(out, "  %s: []\n", key);
}

static int print(const struct realip_export *export, FILE *out)
{
    struct realip_ranges ranges;

    if (realip_export_networks(&export->config->rules, REALIP_EXPORT_NEVER_BANNED, &ranges) < 0)
        return -1;
    fputs("name: mail-realip/not-clients\n"
          "description: \"Addresses that stand in front of many clients, or are none\"\n"
          "whitelist:\n"
          "  reason: \"listed in mail-realip.conf\"\n",
          out);
    print_list(out, &ranges, "ip", true);
    print_list(out, &ranges, "cidr", false);
    /* A whitelist with nothing in it is an error to CrowdSec, which does not start then. */
    if (ranges.count == 0)
        fputs("  expression:\n    - \"false\"\n", out);
    realip_ranges_clear(&ranges);
    return 0;
}

static int add_all(yaml_document_t *document, const yaml_node_t *list, struct realip_export_report *report, struct realip_ranges *found)
{
    for (size_t i = 0; i < realip_yaml_tree_size(list); i++) {
        const struct realip_export_piece word = realip_yaml_tree_piece(realip_yaml_tree_at(document, list, i));

        if (realip_export_report_add(report, &word, false, found) < 0)
            return -1;
    }
    return 0;
}

static int compare(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    struct realip_ranges found = { 0 };
    yaml_document_t document;
    int result = realip_yaml_tree_load(text, "whitelist", NULL, report, &document);

    if (result != 0) {
        if (result > 0)
            realip_export_report_difference(report, "missing: whitelist");
        return result > 0 ? 0 : -1;
    }
    const yaml_node_t *list = realip_yaml_tree_get(&document, yaml_document_get_root_node(&document), "whitelist");
    const yaml_node_t *expressions = realip_yaml_tree_get(&document, list, "expression");
    if (realip_yaml_tree_size(expressions) > 1
        || (expressions != NULL && !realip_yaml_tree_is(realip_yaml_tree_at(&document, expressions, 0), "false")))
        realip_export_report_difference(report, "too much in whitelist: an expression");
    result = add_all(&document, realip_yaml_tree_get(&document, list, "ip"), report, &found);
    if (result == 0)
        result = add_all(&document, realip_yaml_tree_get(&document, list, "cidr"), report, &found);
    if (result == 0)
        result = realip_export_list_compare_found(export, report, "whitelist", REALIP_EXPORT_NEVER_BANNED, &found);
    realip_ranges_clear(&found);
    yaml_document_delete(&document);
    return result;
}

static int refuse(const struct realip_export *export)
{
    return realip_export_networks_refuse_everybody(export->config, REALIP_EXPORT_NEVER_BANNED, "nobody would ever be banned");
}

const struct realip_export_form realip_export_crowdsec = {
    .name = "crowdsec",
    .refuse = refuse,
    .parts = { { "mail-realip.yaml", print, compare, NULL } },
    .next = "it belongs into /etc/crowdsec/parsers/s02-enrich; then: crowdsec -t && systemctl reload crowdsec",
};
