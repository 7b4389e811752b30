/* export spamassassin: own relays as trusted networks, and a plugin's list of addresses that are not real. */
#include <stdlib.h>

#include "export.h"
#include "export_networks.h"
#include "first_match.h"

enum kind { KIND_NOT_REAL, KIND_RELAY };

/* The longest networks first: whoever takes the first that fits takes the longest then. Relays before others of the same
 * network. */
static int compare_entries(const void *a, const void *b)
{
    const struct realip_first_match_entry *one = a;
    const struct realip_first_match_entry *other = b;
    int order = realip_address_compare(&one->network.address, &other->network.address);

    if (one->network.address.family != other->network.address.family)
        return order;
    if (one->network.prefix != other->network.prefix)
        return one->network.prefix > other->network.prefix ? -1 : 1;
    if (order != 0)
        return order;
    return (int)other->kind - (int)one->kind;
}

static void drop_repetitions(struct realip_first_match *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || !realip_network_equal(&list->entries[kept - 1].network, &list->entries[i].network))
            list->entries[kept++] = list->entries[i];
    }
    list->count = kept;
    for (size_t i = 0; i < kept; i++)
        list->entries[i].order = i;
}

static int collect(const struct realip_rules *rules, struct realip_first_match *list_r)
{
    /* A prober that sends is no prober any more: where it is not infrastructure as well it is a client. */
    static const enum realip_set sets[]
        = { REALIP_SET_INFRASTRUCTURE, REALIP_SET_PROXIES, REALIP_SET_INTERNAL, REALIP_SET_RELAYS };

    *list_r = (struct realip_first_match){ 0 };
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        const struct realip_network_set *set = rules->sets[sets[i]];
        enum kind kind = sets[i] == REALIP_SET_RELAYS ? KIND_RELAY : KIND_NOT_REAL;

        for (size_t k = 0; k < realip_network_set_count(set); k++) {
            if (realip_first_match_add(list_r, &realip_network_set_entry(set, k)->network, kind) < 0)
                return -1;
        }
    }
    if (list_r->count > 1)
        qsort(list_r->entries, list_r->count, sizeof(list_r->entries[0]), compare_entries);
    drop_repetitions(list_r);
    return 0;
}

static void print_each(FILE *out, const char *key, const struct realip_first_match *list, bool relays_alone)
{
    char network[REALIP_NETWORK_TEXT_SIZE];

    for (size_t i = 0; i < list->count; i++) {
        bool relay = list->entries[i].kind == KIND_RELAY;

        if (relay || !relays_alone)
            fprintf(out, "%s %s%s\n", key, relay && !relays_alone ? "!" : "",
                    realip_network_format(&list->entries[i].network, network));
    }
}

static int print(const struct realip_export *export, FILE *out)
{
    struct realip_first_match list;
    int result = collect(&export->config->rules, &list);

    if (result == 0) {
        fprintf(out,
                "loadplugin Mail::SpamAssassin::Plugin::RealIP %s\n"
                "# Own relays: SpamAssassin looks behind them by itself.\n",
                export->plugin);
        print_each(out, "trusted_networks", &list, true);
        print_each(out, "internal_networks", &list, true);
        fputs("# No client's addresses: what stands behind them is the client's own to write.\n", out);
        print_each(out, "realip_networks", &list, false);
    }
    realip_first_match_clear(&list);
    return result;
}

/* The networks behind a key, in the order of the file. */
static int read_key(const struct realip_export_text *text, const char *key, struct realip_export_report *report,
                    struct realip_first_match *list)
{
    struct realip_export_piece line = { 0 };

    while (realip_export_text_line(text, &line)) {
        struct realip_export_piece word = { 0 };

        if (!realip_export_piece_word(&line, " \t", &word) || !realip_export_piece_is(&word, key))
            continue;
        while (realip_export_piece_word(&line, " \t", &word) && word.at[0] != '#') {
            bool except = word.at[0] == '!';
            struct realip_export_piece network_word = { word.at + except, word.length - except, word.line };
            struct realip_network network;

            if (realip_export_piece_network(&network_word, false, &network) < 0)
                return realip_export_report_unreadable(report, &word, "is no network");
            if (realip_first_match_add(list, &network, except ? KIND_RELAY : KIND_NOT_REAL) < 0)
                return -1;
        }
    }
    return 0;
}

static int compare_lists(struct realip_first_match *expected, struct realip_first_match *found, enum kind expected_kind, enum kind kind,
                         const char *name, struct realip_export_report *report)
{
    struct realip_ranges should = { 0 };
    struct realip_ranges does = { 0 };
    int result = -1;

    if (realip_first_match_ranges(expected, expected_kind, &should) == 0 && realip_first_match_ranges(found, kind, &does) == 0)
        result = realip_export_report_networks(report, name, &should, &does);
    realip_ranges_clear(&should);
    realip_ranges_clear(&does);
    return result;
}

static int compare_key(const struct realip_export *export, const struct realip_export_text *text, const char *key, bool relays_alone,
                       struct realip_export_report *report)
{
    struct realip_first_match expected = { 0 };
    struct realip_first_match found = { 0 };
    int result = -1;

    if (collect(&export->config->rules, &expected) == 0 && read_key(text, key, report, &found) == 0) {
        size_t kept = 0;

        for (size_t i = 0; relays_alone && i < expected.count; i++) {
            if (expected.entries[i].kind == KIND_RELAY)
                expected.entries[kept++] = expected.entries[i];
        }
        expected.count = relays_alone ? kept : expected.count;
        result = compare_lists(&expected, &found, relays_alone ? KIND_RELAY : KIND_NOT_REAL, KIND_NOT_REAL, key, report);
    }
    realip_first_match_clear(&expected);
    realip_first_match_clear(&found);
    return result;
}

static int compare(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    return compare_key(export, text, "trusted_networks", true, report) < 0
                   || compare_key(export, text, "internal_networks", true, report) < 0
                   || compare_key(export, text, "realip_networks", false, report) < 0
               ? -1
               : 0;
}

static int refuse(const struct realip_export *export)
{
    return realip_export_networks_refuse_everybody(export->config,
                                                   REALIP_EXPORT_SET(INFRASTRUCTURE) | REALIP_EXPORT_SET(PROXIES) | REALIP_EXPORT_SET(INTERNAL)
                                                       | REALIP_EXPORT_SET(RELAYS),
                                                   "SpamAssassin would take no address for a client's");
}

const struct realip_export_form realip_export_spamassassin = {
    .name = "spamassassin",
    .refuse = refuse,
    .parts = { { "mail-realip.cf", print, compare, NULL } },
    .next = "spamassassin --lint, then restart spamd",
};
