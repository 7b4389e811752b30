/* export dovecot: whose PROXY headers Dovecot believes. The same words for 2.3 and 2.4. */
#include <string.h>

#include "export.h"
#include "export_list.h"
#include "export_networks.h"

#define PROXIES REALIP_EXPORT_SET(PROXIES)

static void print_word(FILE *out, const struct realip_network *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];

    fprintf(out, " %s", realip_network_format(network, text));
}

/* With no network the value is empty: nobody is trusted then, and what an earlier file said is taken back. */
static int print_setting(const struct realip_export *export, const char *key, FILE *out)
{
    fprintf(out, "%s =", key);
    if (realip_export_networks_print(&export->config->rules, PROXIES, out, print_word) < 0)
        return -1;
    fputc('\n', out);
    return 0;
}

static int print(const struct realip_export *export, FILE *out)
{
    fputs("# Whose PROXY headers are believed, on every inet_listener with haproxy = yes.\n", out);
    if (print_setting(export, "haproxy_trusted_networks", out) < 0)
        return -1;
    if (!export->login_trusted)
        return 0;
    fputs("# Who may tell a client's address by ID or XCLIENT. Dovecot also lets these hosts log in without TLS.\n", out);
    return print_setting(export, "login_trusted_networks", out);
}

/* Where a text is from: a file as an admin writes it, doveconf's "KEY = VALUE", or the value alone. */
enum origin { ORIGIN_UNKNOWN = 0, ORIGIN_FILE, ORIGIN_SETTINGS, ORIGIN_VALUE };

/* Dovecot reads the list up to the first word that is none, at each connection, and says so nowhere else. A v4-mapped entry never
 * matches. */
static int read_value(const struct realip_export_piece *value, const char *key, struct realip_export_report *report,
                      struct realip_ranges *found)
{
    struct realip_export_piece word = { 0 };
    struct realip_network network;

    while (realip_export_piece_word(value, ", \t\"'", &word)) {
        if (realip_export_piece_network(&word, false, &network) < 0) {
            realip_export_report_difference(report, "%s: '%.*s' is no network: Dovecot drops it and all behind it", key,
                                            (int)word.length, word.at);
            return 0;
        }
        if (network.address.family == REALIP_FAMILY_IPV4 && memchr(word.at, ':', word.length) != NULL)
            realip_export_report_difference(report, "%s: '%.*s' never matches in Dovecot; write the IPv4 network", key,
                                            (int)word.length, word.at);
        else if (realip_ranges_add(found, &network) < 0)
            return -1;
    }
    return 0;
}

/* A file's line without the comment: from a "#" on that stands in no quotes (Dovecot's config-parser). What doveconf prints has neither quotes nor
 * comments: a "#" there belongs to the value. */
static struct realip_export_piece uncommented(struct realip_export_piece line)
{
    char quote = '\0';

    for (size_t i = 0; i < line.length; i++) {
        char c = line.at[i];

        if (quote != '\0' ? c == quote : c == '"' || c == '\'')
            quote = quote == '\0' ? c : '\0';
        else if (c == '#' && quote == '\0')
            line.length = i;
    }
    return realip_export_piece_trim(line);
}

/* The last line with this key counts. doveconf -h prints the value alone. */
static bool find_value(const struct realip_export_text *text, const char *key, enum origin origin, struct realip_export_piece *value_r)
{
    struct realip_export_piece line = { 0 };
    struct realip_export_piece value;
    bool found = false;

    while (realip_export_text_line(text, &line)) {
        if (line.length > 0 && line.at[0] == '#')
            continue;
        struct realip_export_piece said = origin == ORIGIN_FILE ? uncommented(line) : line;
        bool keyed = memchr(said.at, '=', said.length) != NULL;
        if (realip_export_piece_value(&said, key, &value) || (origin == ORIGIN_VALUE && !keyed)) {
            *value_r = keyed ? value : said;
            found = true;
        }
    }
    return found;
}

static int compare_setting(const struct realip_export *export, const struct realip_export_text *text, const char *key, enum origin origin,
                           struct realip_export_report *report)
{
    struct realip_export_piece value = { 0 };
    struct realip_ranges found = { 0 };

    if (!find_value(text, key, origin, &value)) {
        realip_export_report_difference(report, "missing: %s", key);
        return 0;
    }
    int result = read_value(&value, key, report, &found);
    if (result == 0)
        result = realip_export_list_compare_found(export, report, key, PROXIES, &found);
    realip_ranges_clear(&found);
    return result;
}

static int compare_settings(const struct realip_export *export, const struct realip_export_text *text, enum origin origin,
                            struct realip_export_report *report)
{
    int result = compare_setting(export, text, "haproxy_trusted_networks", origin, report);

    return result == 0 && export->login_trusted ? compare_setting(export, text, "login_trusted_networks", origin, report) : result;
}

static int compare(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    return compare_settings(export, text, ORIGIN_FILE, report);
}

/* doveconf -h KEY prints the value; doveconf KEY and doveconf -n print "KEY = VALUE". */
static int compare_running(const struct realip_export *export, const struct realip_export_text *text,
                           struct realip_export_report *report)
{
    struct realip_export_piece line = { 0 };
    bool keyed = false;

    while (!keyed && realip_export_text_line(text, &line))
        keyed = memchr(line.at, '=', line.length) != NULL;
    if (keyed)
        return compare_settings(export, text, ORIGIN_SETTINGS, report);
    /* An empty value is an empty line; no line at all is a doveconf that failed. */
    if (text->length == 0)
        return realip_export_report_unreadable(report, &(struct realip_export_piece){ 0 },
                                               "is empty; type: doveconf haproxy_trusted_networks | realipctl export dovecot --check -");
    return compare_setting(export, text, export->login_trusted ? "login_trusted_networks" : "haproxy_trusted_networks", ORIGIN_VALUE,
                           report);
}

const struct realip_export_form realip_export_dovecot = {
    .name = "dovecot",
    .parts = { { "99-mail-realip.conf", print, compare, NULL } },
    .compare_running = compare_running,
    .next = "doveconf -n | grep trusted_networks, then: doveadm reload",
};
