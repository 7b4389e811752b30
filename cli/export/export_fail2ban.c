/* export fail2ban: addresses that no jail may ban, because many clients stand behind each or none of them is one. */
#include <string.h>

#include "export.h"
#include "export_list.h"
#include "export_networks.h"

static void print_word(FILE *out, const struct realip_network *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];

    fprintf(out, " %s", realip_network_format(network, text));
}

/* fail2ban has no way to add to a list that another file begins (%(known/ignoreip)s in [DEFAULT] makes it refuse to start), so the
 * networks are a word of their own, which an own ignoreip can name. */
static int print(const struct realip_export *export, FILE *out)
{
    fputs("# Where jail.local has an ignoreip of its own, that one counts: add %(mail_realip)s to it.\n"
          "[DEFAULT]\nmail_realip =",
          out);
    if (realip_export_networks_print(&export->config->rules, REALIP_EXPORT_NEVER_BANNED, out, print_word) < 0)
        return -1;
    fputs("\nignoreip = 127.0.0.1/8 ::1 %(mail_realip)s\n", out);
    return 0;
}

static int add_words(const struct realip_export_piece *value, struct realip_export_report *report, struct realip_ranges *found)
{
    struct realip_export_piece word = { 0 };

    while (realip_export_piece_word(value, ", \t", &word)) {
        if (realip_export_report_add(report, &word, false, found) < 0)
            return -1;
    }
    return 0;
}

/* mail_realip = … and the indented lines behind it; and is it in an ignoreip? */
static int compare(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report)
{
    struct realip_export_piece line = { 0 };
    struct realip_export_piece value = { 0 };
    struct realip_ranges found = { 0 };
    bool used = false;
    bool goes_on = false;
    int result = 0;

    while (result == 0 && realip_export_text_line(text, &line)) {
        bool indented = line.at > text->bytes && (line.at[-1] == ' ' || line.at[-1] == '\t');

        if (line.length == 0 || line.at[0] == '#' || line.at[0] == ';')
            continue;
        if (realip_export_piece_value(&line, "mail_realip", &value)) {
            realip_ranges_clear(&found);
            result = add_words(&value, report, &found);
            goes_on = true;
        } else if (goes_on && indented) {
            result = add_words(&line, report, &found);
        } else {
            goes_on = false;
            if (realip_export_piece_value(&line, "ignoreip", &value))
                used = memmem(value.at, value.length, "%(mail_realip)s", strlen("%(mail_realip)s")) != NULL;
        }
    }
    if (result == 0 && !used)
        realip_export_report_difference(report, "missing: %%(mail_realip)s in ignoreip");
    if (result == 0)
        result = realip_export_list_compare_found(export, report, "mail_realip", REALIP_EXPORT_NEVER_BANNED, &found);
    realip_ranges_clear(&found);
    return result;
}

/* What `fail2ban-client get JAIL ignoreip` prints: a line for each network behind "|- " or "`- ". What an admin ignores besides is
 * his own to say. */
static int compare_running(const struct realip_export *export, const struct realip_export_text *text,
                           struct realip_export_report *report)
{
    struct realip_export_piece line = { 0 };
    struct realip_ranges found = { 0 };
    struct realip_ranges expected = { 0 };
    struct realip_ranges missing = { 0 };
    bool listed = false;
    int result = 0;

    while (result == 0 && realip_export_text_line(text, &line)) {
        struct realip_export_piece word = { line.at + 2, line.length < 2 ? 0 : line.length - 2, line.line };

        listed = listed || memmem(line.at, line.length, "ignored", 7) != NULL;
        word = realip_export_piece_trim(word);
        if (realip_export_piece_begins(&line, "|-") || realip_export_piece_begins(&line, "`-"))
            result = realip_export_report_add(report, &word, false, &found);
    }
    if (result == 0 && !listed)
        result = realip_export_report_unreadable(report, &(struct realip_export_piece){ 0 },
                                                 "is no list of fail2ban's; type: fail2ban-client get postfix ignoreip | realipctl "
                                                 "export fail2ban --check -");
    realip_ranges_merge(&found);
    if (result == 0)
        result = realip_export_networks(&export->config->rules, REALIP_EXPORT_NEVER_BANNED, &expected);
    if (result == 0)
        result = realip_ranges_subtract(&expected, &found, &missing);
    if (result == 0)
        realip_export_report_missing(report, "ignoreip", &missing);
    realip_ranges_clear(&found);
    realip_ranges_clear(&expected);
    realip_ranges_clear(&missing);
    return result;
}

static int refuse(const struct realip_export *export)
{
    return realip_export_networks_refuse_everybody(export->config, REALIP_EXPORT_NEVER_BANNED, "nobody would ever be banned");
}

const struct realip_export_form realip_export_fail2ban = {
    .name = "fail2ban",
    .refuse = refuse,
    .parts = { { "mail-realip.conf", print, compare, NULL } },
    .compare_running = compare_running,
    .next = "fail2ban-client -t && fail2ban-client reload",
};
