/* export nftables: a table of our own that lets only proxies and probers reach the ports on which a PROXY header is expected. */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "export_networks.h"

#define SETS (REALIP_EXPORT_SET(PROXIES) | REALIP_EXPORT_SET(PROBERS))

/* No address is let in for being loopback: a container's own forwarder makes strangers look so. A proxy on this host is listed.
 * The chain drops and never decides that something passes: "accept" is the end of this chain alone, other tables go on. */
static const char chain_text[]
    = "    chain input {\n"
      "        type filter hook input priority filter - 5; policy accept;\n"
      "        tcp dport != @ports accept\n"
      "        ct state established,related accept\n"
      "        ip saddr @allowed4 accept\n"
      "        ip6 saddr @allowed6 accept\n"
      "        meta l4proto tcp counter reject with tcp reset\n"
      "    }\n";

static int refuse(const struct realip_export *export)
{
    int result = realip_ports_refuse(&export->config->rules, export->config->path);

    return result != 0 ? result : realip_export_networks_refuse_everybody(export->config, SETS, "everybody would reach the PROXY ports");
}

/* "elements = { }" with nothing in it is a syntax error; a set without elements matches nobody. */
static void print_set(FILE *out, const struct realip_ranges *ranges, enum realip_family family)
{
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    char text[REALIP_NETWORK_TEXT_SIZE];
    bool begun = false;

    fprintf(out, "    set allowed%c {\n        type ipv%c_addr\n        flags interval\n        auto-merge\n",
            family == REALIP_FAMILY_IPV4 ? '4' : '6', family == REALIP_FAMILY_IPV4 ? '4' : '6');
    while (realip_ranges_next(ranges, &cursor, &network)) {
        if (network.address.family != family)
            continue;
        fprintf(out, "%s%s", begun ? ",\n            " : "        elements = {\n            ", realip_network_format(&network, text));
        begun = true;
    }
    fputs(begun ? "\n        }\n    }\n" : "    }\n", out);
}

static void print_ports(FILE *out, const struct realip_rules *rules)
{
    struct realip_ports ports;
    unsigned first = 1;
    unsigned last;
    const char *comma = "";

    realip_ports_required(rules, &ports);
    fputs("    set ports {\n        type inet_service\n        flags interval\n        auto-merge\n        elements = {", out);
    for (; realip_ports_next(&ports, &first, &last); first = last + 1, comma = ",")
        fprintf(out, first == last ? "%s %u" : "%s %u-%u", comma, first, last);
    fputs(" }\n    }\n", out);
}

static int print(const struct realip_export *export, FILE *out)
{
    struct realip_ranges ranges;

    if (realip_export_networks(&export->config->rules, SETS, &ranges) < 0)
        return -1;
    fputs("# Only proxies and probers reach the ports on which the mail server expects a PROXY header. Load it in the network namespace\n"
          "# of the mail server, as often as wanted: nft -f replaces the table in one step.\n"
          "table inet mail_realip\n"
          "delete table inet mail_realip\n"
          "table inet mail_realip {\n",
          out);
    print_set(out, &ranges, REALIP_FAMILY_IPV4);
    print_set(out, &ranges, REALIP_FAMILY_IPV6);
    print_ports(out, &export->config->rules);
    fprintf(out, "%s}\n", chain_text);
    realip_ranges_clear(&ranges);
    return 0;
}

/* ---- what is deployed: our file, or what `nft list table inet mail_realip` prints --------------------------------- */

#define SEPARATORS " \t\r\n,;"

/* The words of a text one by one, without comments. A brace is a word of its own where it stands alone, as nft writes it. */
struct reader {
    const struct realip_export_text *text;
    struct realip_export_piece line;
    struct realip_export_piece word;
    bool at_line;
};

static bool next_word(struct reader *reader)
{
    for (;;) {
        if (reader->at_line && realip_export_piece_word(&reader->line, SEPARATORS, &reader->word) && reader->word.at[0] != '#')
            return true;
        if (!realip_export_text_line(reader->text, &reader->line))
            return false;
        reader->at_line = true;
        reader->word = (struct realip_export_piece){ 0 };
    }
}

static bool is_word(const struct reader *reader, const char *word)
{
    return realip_export_piece_is(&reader->word, word);
}

struct found {
    struct realip_ranges networks;
    struct realip_ports ports;
    char chain[1024]; /* its words, each with a space */
    struct realip_export_piece stranger; /* the first word that is none of our table's: "flags dormant", "add element …" */
    bool table;
};

/* "A-B", or a network. */
static int add_element(const struct realip_export_piece *word, struct realip_export_report *report, struct realip_ranges *ranges)
{
    const char *dash = memchr(word->at, '-', word->length);
    const char *reason;
    struct realip_address first;
    struct realip_address last;

    if (dash == NULL)
        return realip_export_report_add(report, word, false, ranges);
    if (realip_address_parse(word->at, (size_t)(dash - word->at), &first, &reason) < 0
        || realip_address_parse(dash + 1, word->length - (size_t)(dash - word->at) - 1, &last, &reason) < 0
        || realip_ranges_add_span(ranges, &first, &last) < 0)
        return realip_export_report_unreadable(report, word, "is no range of addresses");
    return 0;
}

static int add_port(const struct realip_export_piece *word, struct realip_export_report *report, struct realip_ports *ports)
{
    char *end;
    unsigned long first = strtoul(word->at, &end, 10);
    unsigned long last = end > word->at && *end == '-' ? strtoul(end + 1, &end, 10) : first;

    if (word->at[0] < '0' || word->at[0] > '9' || end != word->at + word->length || first > last || last > 65535)
        return realip_export_report_unreadable(report, word, "is no port; list the table with nft -nn");
    realip_ports_add(ports, (unsigned)first, (unsigned)last);
    return 0;
}

/* Behind "set NAME {": up to its closing brace. */
static int read_set(struct reader *reader, struct realip_export_report *report, struct found *found)
{
    bool ports = is_word(reader, "ports");
    bool elements = false;
    int result = 0;
    int depth = 0;

    while (result == 0 && next_word(reader)) {
        depth += is_word(reader, "{") ? 1 : is_word(reader, "}") ? -1 : 0;
        if (depth == 0)
            return 0;
        elements = elements || is_word(reader, "elements");
        if (elements && depth == 2 && !is_word(reader, "{"))
            result = ports ? add_port(&reader->word, report, &found->ports)
                           : add_element(&reader->word, report, &found->networks);
    }
    return result;
}

/* A counter's numbers are not the chain's. */
static void read_chain(struct reader *reader, struct found *found)
{
    size_t used = 0;
    int depth = 0;

    while (next_word(reader)) {
        depth += is_word(reader, "{") ? 1 : is_word(reader, "}") ? -1 : 0;
        if (depth == 0)
            break;
        if (is_word(reader, "packets") || is_word(reader, "bytes")) {
            next_word(reader);
            continue;
        }
        if (!is_word(reader, "{") && used + reader->word.length + 2 < sizeof(found->chain)) {
            memcpy(found->chain + used, reader->word.at, reader->word.length);
            used += reader->word.length;
            found->chain[used++] = ' ';
            found->chain[used] = '\0';
        }
    }
}

/* The table that is defined last counts: a file deletes it first. */
static int read_table(const struct realip_export_text *text, struct realip_export_report *report, struct found *found)
{
    struct reader reader = { .text = text };
    int result = 0;

    while (result == 0 && next_word(&reader)) {
        if (is_word(&reader, "mail_realip"))
            found->table = true;
        else if (is_word(&reader, "set") && next_word(&reader)
                 && (is_word(&reader, "allowed4") || is_word(&reader, "allowed6") || is_word(&reader, "ports")))
            result = read_set(&reader, report, found);
        else if (is_word(&reader, "chain") && next_word(&reader))
            read_chain(&reader, found);
        else if (!is_word(&reader, "table") && !is_word(&reader, "inet") && !is_word(&reader, "delete") && !is_word(&reader, "{")
                 && !is_word(&reader, "}") && found->stranger.length == 0)
            found->stranger = reader.word;
    }
    return result;
}

static int compare(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    const struct realip_export_text own = { .bytes = (char *)(uintptr_t)chain_text, .length = sizeof(chain_text) - 1 };
    static struct found found;
    static struct found expected;
    int result;

    found = (struct found){ 0 };
    expected = (struct found){ 0 };
    result = read_table(text, report, &found);
    if (result == 0 && !found.table) {
        realip_export_report_difference(report, "missing: table inet mail_realip");
    } else if (result == 0 && read_table(&own, report, &expected) == 0) {
        result = realip_export_networks(&export->config->rules, SETS, &expected.networks);
        realip_ports_required(&export->config->rules, &expected.ports);
        realip_ranges_merge(&found.networks);
        if (result == 0)
            result = realip_export_report_networks(report, "allowed", &expected.networks, &found.networks);
        realip_export_report_ports(report, "ports", &expected.ports, &found.ports);
        if (found.stranger.length > 0)
            realip_export_report_difference(report, "line %u: '%.*s' is nothing that we write, and may change who is let in",
                                            found.stranger.line, (int)found.stranger.length, found.stranger.at);
        if (strcmp(found.chain, expected.chain) != 0)
            realip_export_report_difference(report, "the chain is not ours (list it with: nft list table inet mail_realip): it is '%s', expected '%s'",
                                            found.chain, expected.chain);
    }
    realip_ranges_clear(&found.networks);
    realip_ranges_clear(&expected.networks);
    return result;
}

const struct realip_export_form realip_export_nftables = {
    .name = "nftables",
    .parts = { { "mail-realip.nft", print, compare, NULL } },
    .refuse = refuse,
    .next = "nft -c -f FILE, then nft -f FILE in the network namespace of the mail server",
};
