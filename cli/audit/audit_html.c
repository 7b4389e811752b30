/* The report as one page for a browser: everything is in it, nothing is fetched, and no script is needed. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_page.h"

#define FIRST_ROWS 12
#define MOST_ROWS  200

static void print_tile(FILE *page, const char *kind, uint64_t value, const char *what)
{
    fprintf(page, "<div class=\"tile %s\"><b>", value > 0 ? kind : "good");
    realip_audit_page_number(page, value);
    fprintf(page, "</b>%s</div>\n", what);
}

static void print_cell(FILE *page, uint64_t value)
{
    fputs("<td class=\"n\">", page);
    realip_audit_page_number(page, value);
    fputs("</td>", page);
}

static void print_word(FILE *page, const char *kind, const char *text)
{
    fprintf(page, "<td class=\"%s\">", kind);
    realip_audit_page_text(page, text);
    fputs("</td>", page);
}

static void print_address(FILE *page, const struct realip_audit_address *packed)
{
    struct realip_address address = realip_audit_address_of(packed);
    char text[REALIP_ADDRESS_TEXT_SIZE];

    print_word(page, "a", realip_address_format(&address, text));
}

static void print_time(FILE *page, int64_t when)
{
    char text[REALIP_AUDIT_TIME_SIZE];

    print_word(page, "a", realip_audit_time_text(when, text));
}

static void open_section(FILE *page, const char *kind, const char *title)
{
    fprintf(page, "<section>\n<h2 class=\"%s\">%s</h2>\n", kind, title);
}

/* A table: its first rows are in sight, further ones behind a word to be clicked, those behind MOST_ROWS in --json alone. */
struct table {
    FILE *page;
    const char *heads;
    size_t count;
};

static struct table open_table(FILE *page, const char *heads, size_t count)
{
    fprintf(page, "<div class=\"wide\"><table>\n<tr>%s</tr>\n", heads);
    return (struct table){ page, heads, count };
}

static void open_row(const struct table *table, size_t row)
{
    if (row == FIRST_ROWS)
        fprintf(table->page, "</table></div>\n<details><summary>%zu more</summary>\n<div class=\"wide\"><table>\n<tr>%s</tr>\n", table->count - row, table->heads);
    fputs("<tr>", table->page);
}

static void close_table(const struct table *table)
{
    fputs("</table></div>\n", table->page);
    if (table->count > MOST_ROWS)
        fprintf(table->page, "<p class=\"faint\">These are the first %d of %zu; --json tells all.</p>\n", MOST_ROWS, table->count);
    if (table->count > FIRST_ROWS)
        fputs("</details>\n", table->page);
}

static size_t shown(size_t count)
{
    return count < MOST_ROWS ? count : MOST_ROWS;
}

static void print_top(FILE *page, const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    const struct realip_config *config = summary->tally->rules->config;
    char first[REALIP_AUDIT_TIME_SIZE];
    char last[REALIP_AUDIT_TIME_SIZE];

    fputs("<h1>mail-realip audit</h1>\n<p class=\"faint\">", page);
    realip_audit_page_number(page, totals->lines);
    fprintf(page, " lines of %zu %s, %s to %s; rules: ", summary->input->file_count, summary->input->file_count == 1 ? "log" : "logs",
            realip_audit_time_text(totals->first, first), realip_audit_time_text(totals->last, last));
    realip_audit_page_text(page, config != NULL ? config->path : "no configuration: this host's gateways and bridges, and what the options name");
    fputs(summary->was_interrupted ? "; interrupted: this is what was known by then</p>\n" : "</p>\n", page);
    for (size_t i = 0; i < summary->input->file_count; i++) {
        if (summary->input->files[i].problem == NULL)
            continue;
        fputs("<p class=\"faint\">", page);
        realip_audit_page_text(page, summary->input->files[i].path);
        fputs(" was not read whole: ", page);
        realip_audit_page_text(page, summary->input->files[i].problem);
        fputs("</p>\n", page);
    }
    fputs("<div class=\"tiles\">\n", page);
    print_tile(page, "bad", summary->refused_mails, "letters would have been refused");
    print_tile(page, "bad", summary->refused_logins, "logins would have been refused");
    print_tile(page, "bad", totals->relayed_letters[REALIP_LETTER_LOGIN_NONE], "letters relayed for such addresses");
    print_tile(page, "bad", summary->failure_count, "PROXY failures");
    print_tile(page, "bad", totals->bans_of_ours, "bans of your own addresses");
    print_tile(page, "warn", summary->suspect_count, "unlisted addresses like a NAT");
    fputs("</div>\n", page);
}

static void print_rows(FILE *page, const struct realip_audit_summary *summary)
{
    uint64_t most = 1;

    for (size_t i = 0; i < summary->row_count; i++) {
        uint64_t both = summary->rows[i].deeds[REALIP_AUDIT_MAILS] + summary->rows[i].deeds[REALIP_AUDIT_LOGINS];

        most = both > most ? both : most;
    }
    struct table table = open_table(page, "<th>listener<th>reason<th>action<th><th class=\"n\">letters<th class=\"n\">logins<th class=\"n\">refused already<th class=\"n\">connections", summary->row_count);
    for (size_t i = 0; i < shown(summary->row_count); i++) {
        const struct realip_audit_row *row = &summary->rows[i];
        uint64_t parts[REALIP_REASON_COUNT] = { 0 };

        parts[row->reason] = row->deeds[REALIP_AUDIT_MAILS] + row->deeds[REALIP_AUDIT_LOGINS];
        open_row(&table, i);
        print_word(page, "a", row->service->name);
        print_word(page, "a", realip_reason_token(row->reason));
        print_word(page, "", realip_action_token(row->wanted));
        fputs("<td>", page);
        realip_audit_page_bar(page, parts, most);
        fputs("</td>", page);
        print_cell(page, row->deeds[REALIP_AUDIT_MAILS]);
        print_cell(page, row->deeds[REALIP_AUDIT_LOGINS]);
        print_cell(page, row->deeds[REALIP_AUDIT_REJECTED] + row->deeds[REALIP_AUDIT_FAILED_LOGINS]);
        print_cell(page, row->deeds[REALIP_AUDIT_CONNECTIONS]);
        fputs("</tr>\n", page);
    }
    close_table(&table);
}

static void print_refused(FILE *page, const struct realip_audit_summary *summary)
{
    if (realip_audit_rules_are_empty(summary->tally->rules)) {
        open_section(page, "", "No network is listed");
        fputs("<p>So nothing can be found by address. Name your nodes and look again: <code>--infrastructure 10.0.20.0/24 --proxies 10.0.20.13</code></p>\n</section>\n", page);
        return;
    }
    if (summary->refused_mails + summary->refused_logins == 0) {
        open_section(page, "good", "Nothing would have been refused");
        fputs("<p>No letter and no login showed an address that is listed as infrastructure or as a proxy.</p>\n</section>\n", page);
    } else {
        open_section(page, "", "What would have been refused, were it switched on");
        realip_audit_page_days(page, summary);
        fputs("</section>\n", page);
    }
    if (summary->row_count == 0)
        return;
    open_section(page, "", "By listener and reason");
    print_rows(page, summary);
    fputs("</section>\n", page);
}

static void print_clients(FILE *page, const struct realip_audit_summary *summary, const struct realip_audit_client **clients, size_t count)
{
    struct table table = open_table(page, "<th>address<th>listener<th>reason<th class=\"n\">letters<th class=\"n\">logins<th class=\"n\">connections<th>first<th>last", count);
    for (size_t i = 0; i < shown(count); i++) {
        open_row(&table, i);
        print_address(page, &clients[i]->address);
        print_word(page, "a", summary->tally->services[clients[i]->service].name);
        print_word(page, "a", realip_reason_token((enum realip_reason)clients[i]->reason));
        print_cell(page, clients[i]->deeds[REALIP_AUDIT_MAILS]);
        print_cell(page, clients[i]->deeds[REALIP_AUDIT_LOGINS]);
        print_cell(page, clients[i]->deeds[REALIP_AUDIT_CONNECTIONS]);
        print_time(page, clients[i]->first);
        print_time(page, clients[i]->last);
        fputs("</tr>\n", page);
    }
    close_table(&table);
}

static uint64_t relayed_on(const struct realip_audit_day_row *day, unsigned which)
{
    (void)which;
    return day->day->relayed;
}

static void print_relays(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->relay_count == 0)
        return;
    open_section(page, summary->tally->totals.relayed > 0 ? "bad" : "warn",
                 summary->tally->totals.relayed > 0 ? "You were a relay" : "Users relayed through hidden addresses");
    fputs("<p>Letters that came from these addresses and went to other domains. Without a login, any stranger behind such an address could do it: take the "
          "address out of <code>mynetworks</code>.</p>\n",
          page);
    realip_audit_page_spark(page, summary, relayed_on, 0, "recipients");
    struct table table = open_table(page, "<th>from<th>to<th class=\"n\">recipients<th class=\"n\">of users who logged in<th>since<th>such as", summary->relay_count);
    for (size_t i = 0; i < shown(summary->relay_count); i++) {
        const struct realip_audit_relay *relay = summary->relays[i];

        open_row(&table, i);
        print_address(page, &relay->address);
        print_word(page, "w", relay->domain);
        print_cell(page, relay->count);
        print_cell(page, relay->with_login);
        print_time(page, relay->first);
        fputs("<td class=\"w\">", page);
        realip_audit_page_text(page, relay->sender);
        fputs(" → ", page);
        realip_audit_page_text(page, relay->recipient);
        fputs("</td></tr>\n", page);
    }
    close_table(&table);
    fputs("</section>\n", page);
}

static uint64_t failures_on(const struct realip_audit_day_row *day, unsigned kind)
{
    return day->day->failures[kind];
}

static void print_failure(FILE *page, const struct realip_audit_summary *summary, enum realip_proxy_failure kind)
{
    bool is_first = true;

    fprintf(page, "<dt><span>%s: ", realip_proxy_failure_token(kind));
    realip_audit_page_number(page, summary->failures[kind]);
    fputs("</span>", page);
    realip_audit_page_spark(page, summary, failures_on, kind, realip_proxy_failure_token(kind));
    fputs("</dt><dd>", page);
    realip_audit_page_text(page, realip_proxy_failure_sentence(kind));
    fputs(".<br><span class=\"faint\">At ", page);
    for (unsigned i = 0; i < summary->tally->service_count; i++) {
        const struct realip_audit_service *service = &summary->tally->services[i];

        if (service->failures[kind] == 0)
            continue;
        fputs(is_first ? "" : ", ", page);
        realip_audit_page_text(page, service->name);
        fputs(" (", page);
        realip_audit_page_number(page, service->failures[kind]);
        putc(')', page);
        is_first = false;
    }
    fputs("</span></dd>\n", page);
}

static void print_failures(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->failure_count == 0)
        return;
    open_section(page, "bad", "PROXY failures");
    fputs("<dl>\n", page);
    for (unsigned kind = 0; kind < REALIP_PROXY_FAILURE_COUNT; kind++) {
        if (summary->failures[kind] > 0)
            print_failure(page, summary, (enum realip_proxy_failure)kind);
    }
    fputs("</dl>\n</section>\n", page);
}

static void print_bans(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->ban_count == 0)
        return;
    open_section(page, "bad", "fail2ban banned your own addresses");
    fputs("<p>All clients behind them were shut out. <code>realipctl export fail2ban</code> writes the list for <code>ignoreip</code>.</p>\n", page);
    struct table table = open_table(page, "<th>address<th>jail<th class=\"n\">times<th>first<th>last", summary->ban_count);
    for (size_t i = 0; i < shown(summary->ban_count); i++) {
        open_row(&table, i);
        print_address(page, &summary->bans[i]->address);
        print_word(page, "w", summary->bans[i]->jail);
        print_cell(page, summary->bans[i]->count);
        print_time(page, summary->bans[i]->first);
        print_time(page, summary->bans[i]->last);
        fputs("</tr>\n", page);
    }
    close_table(&table);
    fputs("</section>\n", page);
}

static void print_suspects(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->suspect_count == 0)
        return;
    open_section(page, "warn", "Behave like a NAT and stand in no list");
    fprintf(page, "<p>Distinct names within %u seconds. Many users: an office or a carrier, or a gateway of your own that no list names. Many HELO names: the same, "
                  "or a spammer.</p>\n",
            summary->tally->crowds.window);
    struct table table = open_table(page, "<th>address<th class=\"n\">users<th class=\"n\">HELO names<th class=\"n\">events<th>first<th>last", summary->suspect_count);
    for (size_t i = 0; i < shown(summary->suspect_count); i++) {
        const struct realip_audit_suspect *suspect = &summary->suspects[i];
        char text[REALIP_ADDRESS_TEXT_SIZE];

        open_row(&table, i);
        print_word(page, "a", realip_address_format(&suspect->crowd->address, text));
        print_cell(page, suspect->users);
        print_cell(page, suspect->helos);
        print_cell(page, suspect->crowd->events);
        print_time(page, suspect->crowd->first);
        print_time(page, suspect->crowd->last);
        fputs("</tr>\n", page);
    }
    close_table(&table);
    fputs("</section>\n", page);
}

static void print_verdicts(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->verdict_count == 0)
        return;
    open_section(page, "", "What mail-realip itself said of sessions");
    struct table table = open_table(page, "<th>source<th>listener<th>reason<th>wanted<th>done<th class=\"n\">times", summary->verdict_count);
    for (size_t i = 0; i < shown(summary->verdict_count); i++) {
        const struct realip_audit_verdict *verdict = summary->verdicts[i];

        open_row(&table, i);
        print_word(page, "a", verdict->source);
        print_word(page, "a", verdict->listener);
        print_word(page, "a", realip_reason_token((enum realip_reason)verdict->reason));
        print_word(page, "", realip_action_token((enum realip_action)verdict->wanted));
        print_word(page, "", realip_action_token((enum realip_action)verdict->action));
        print_cell(page, verdict->count);
        fputs("</tr>\n", page);
    }
    close_table(&table);
    fputs("</section>\n", page);
}

static void print_page(FILE *page, const struct realip_audit_summary *summary)
{
    realip_audit_page_head(page);
    print_top(page, summary);
    print_refused(page, summary);
    if (summary->client_count > 0) {
        open_section(page, "", "Who");
        print_clients(page, summary, summary->clients, summary->client_count);
        fputs("</section>\n", page);
    }
    print_relays(page, summary);
    print_failures(page, summary);
    print_bans(page, summary);
    print_suspects(page, summary);
    if (summary->insider_count > 0) {
        open_section(page, "", "Private addresses that count as clients");
        fputs("<p>No list names them. Is one of them a node, a bridge or a proxy? Add <code>--infrastructure</code> or <code>--proxies</code> and look again.</p>\n", page);
        print_clients(page, summary, summary->insiders, summary->insider_count);
        fputs("</section>\n", page);
    }
    print_verdicts(page, summary);
    if (summary->left_out > 0)
        fputs("<p class=\"faint\">The log holds more than is kept in memory: the sums hold, lists are not whole (--json tells how much was left out).</p>\n", page);
    realip_audit_page_foot(page);
}

int realip_audit_html(const struct realip_audit_summary *summary, const char *path)
{
    char target[PATH_MAX];
    char beside[PATH_MAX + 8];
    FILE *page;
    int fd;

    if (realpath(path, target) != NULL)
        path = target; /* a link stays one */
    else if (errno != ENOENT)
        return -1;
    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkstemp(beside); /* for the caller's eyes alone: addresses of people stand in it */
    if (fd < 0)
        return -1;
    page = fdopen(fd, "w");
    if (page == NULL) {
        close(fd);
        unlink(beside);
        return -1;
    }
    print_page(page, summary);
    bool is_bad = ferror(page) != 0;
    if (fclose(page) != 0 || is_bad || rename(beside, path) < 0) {
        int error = errno;

        unlink(beside);
        errno = error;
        return -1;
    }
    return 0;
}
