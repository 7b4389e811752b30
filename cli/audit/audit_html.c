/* The report as one page for a browser: everything is in it, nothing is fetched, and no script is needed. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_html_table.h"
#include "audit_page.h"

#define MOST_PEERS 10

static void print_tile(FILE *page, const char *kind, uint64_t value, const char *what)
{
    fprintf(page, "<div class=\"tile %s\"><b>", value > 0 ? kind : "good");
    realip_audit_page_number(page, value);
    fprintf(page, "</b>%s</div>\n", what);
}

static void open_section(FILE *page, const char *kind, const char *title)
{
    fprintf(page, "<section>\n<h2 class=\"%s\">%s</h2>\n", kind, title);
}

/* A faint line with a number, where that is not 0. */
static void print_note(FILE *page, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    fprintf(page, "<p class=\"faint\">%s: ", what);
    realip_audit_page_number(page, count);
    fputs("</p>\n", page);
}

static void print_top(FILE *page, const struct realip_audit_summary *summary)
{
    const struct realip_audit_totals *totals = &summary->tally->totals;
    const struct realip_config *config = summary->tally->rules->config;
    char first[REALIP_AUDIT_TIME_SIZE];
    char last[REALIP_AUDIT_TIME_SIZE];

    fputs("<h1>mail-realip audit</h1>\n<p class=\"faint\">", page);
    realip_audit_page_number(page, totals->lines);
    fprintf(page, " lines of %zu %s, ", summary->input->file_count, summary->input->file_count == 1 ? "log" : "logs");
    if (totals->first != 0)
        fprintf(page, "%s to %s; rules: ", realip_audit_time_text(totals->first, first), realip_audit_time_text(totals->last, last));
    else
        fputs("no time stamp; rules: ", page);
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
    print_note(page, summary->input->cut_lines, "Lines longer than 1 MiB, which were cut");
    print_note(page, summary->input->long_entries, "Entries of the journal longer than 1 MiB, which were left out");
    print_note(page, realip_audit_summary_lacks_queue(summary) ? totals->letters_begun : 0,
               "Letters that were begun, and no line tells what became of them, as the lines of qmgr are not here");
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
    static const struct realip_audit_head heads[] = { { "listener", false }, { "reason", false }, { "action", false }, { "share", false }, { "letters", true }, { "logins", true }, { "refused already", true }, { "connections", true } };
    struct realip_audit_table table = realip_audit_table_open(page, heads, 8, summary->row_count);
    for (size_t i = 0; i < realip_audit_table_shown(summary->row_count); i++) {
        const struct realip_audit_row *row = &summary->rows[i];
        uint64_t parts[REALIP_REASON_COUNT] = { 0 };

        parts[row->reason] = row->deeds[REALIP_AUDIT_MAILS] + row->deeds[REALIP_AUDIT_LOGINS];
        realip_audit_table_row(&table, i);
        realip_audit_table_word(&table, "a", row->service->name);
        realip_audit_table_word(&table, "a", realip_reason_token(row->reason));
        realip_audit_table_word(&table, "", realip_action_token(row->wanted));
        realip_audit_table_cell(&table, "");
        realip_audit_page_bar(page, parts, most);
        fputs("</td>", page);
        realip_audit_table_number(&table, row->deeds[REALIP_AUDIT_MAILS]);
        realip_audit_table_number(&table, row->deeds[REALIP_AUDIT_LOGINS]);
        realip_audit_table_number(&table, row->deeds[REALIP_AUDIT_REJECTED] + row->deeds[REALIP_AUDIT_FAILED_LOGINS]);
        realip_audit_table_number(&table, row->deeds[REALIP_AUDIT_CONNECTIONS]);
        fputs("</tr>\n", page);
    }
    realip_audit_table_close(&table);
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
        print_note(page, summary->undated.day != NULL ? summary->undated.all : 0, "Letters and logins with no time stamp, which are in no day");
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
    static const struct realip_audit_head heads[] = { { "address", false }, { "listener", false }, { "reason", false }, { "letters", true }, { "logins", true }, { "connections", true }, { "first", false }, { "last", false } };
    struct realip_audit_table table = realip_audit_table_open(page, heads, 8, count);
    for (size_t i = 0; i < realip_audit_table_shown(count); i++) {
        realip_audit_table_row(&table, i);
        realip_audit_table_address(&table, &clients[i]->address);
        realip_audit_table_word(&table, "a", summary->tally->services[clients[i]->service].name);
        realip_audit_table_word(&table, "a", realip_reason_token((enum realip_reason)clients[i]->reason));
        realip_audit_table_number(&table, clients[i]->deeds[REALIP_AUDIT_MAILS]);
        realip_audit_table_number(&table, clients[i]->deeds[REALIP_AUDIT_LOGINS]);
        realip_audit_table_number(&table, clients[i]->deeds[REALIP_AUDIT_CONNECTIONS]);
        realip_audit_table_time(&table, clients[i]->first);
        realip_audit_table_time(&table, clients[i]->last);
        fputs("</tr>\n", page);
    }
    realip_audit_table_close(&table);
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
    print_note(page, summary->tally->totals.relayed_unknown, "Recipients of letters that a filter gave back, and of whose senders no line tells whether they had logged in");
    realip_audit_page_spark(page, summary, relayed_on, 0, "recipients");
    static const struct realip_audit_head heads[] = { { "from", false }, { "to", false }, { "recipients", true }, { "of users who logged in", true }, { "since", false }, { "such as", false } };
    struct realip_audit_table table = realip_audit_table_open(page, heads, 6, summary->relay_count);
    for (size_t i = 0; i < realip_audit_table_shown(summary->relay_count); i++) {
        const struct realip_audit_relay *relay = summary->relays[i];

        realip_audit_table_row(&table, i);
        realip_audit_table_address(&table, &relay->address);
        realip_audit_table_word(&table, "w", relay->domain);
        realip_audit_table_number(&table, relay->count);
        realip_audit_table_number(&table, relay->with_login);
        realip_audit_table_time(&table, relay->first);
        realip_audit_table_cell(&table, "w");
        realip_audit_page_text(page, relay->sender);
        fputs(" → ", page);
        realip_audit_page_text(page, relay->recipient);
        fputs("</td></tr>\n", page);
    }
    realip_audit_table_close(&table);
    fputs("</section>\n", page);
}

static uint64_t failures_on(const struct realip_audit_day_row *day, unsigned kind)
{
    return day->day->failures[kind];
}

/* Who connected, where Dovecot told it: the first few. */
static void print_peers(FILE *page, const struct realip_audit_summary *summary, enum realip_proxy_failure kind)
{
    size_t count = 0;

    for (size_t i = 0; i < summary->peer_count; i++) {
        struct realip_address address = realip_audit_address_of(&summary->peers[i]->address);
        char text[REALIP_ADDRESS_TEXT_SIZE];

        if (summary->peers[i]->failure != kind || ++count > MOST_PEERS)
            continue;
        fputs(count == 1 ? "<br>From " : ", ", page);
        realip_audit_page_text(page, realip_address_format(&address, text));
        fputs(" (", page);
        realip_audit_page_number(page, summary->peers[i]->count);
        putc(')', page);
    }
    if (count > MOST_PEERS)
        fprintf(page, " and %zu more", count - MOST_PEERS);
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
    print_peers(page, summary, kind);
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
    static const struct realip_audit_head heads[] = { { "address", false }, { "jail", false }, { "times", true }, { "first", false }, { "last", false } };
    struct realip_audit_table table = realip_audit_table_open(page, heads, 5, summary->ban_count);
    for (size_t i = 0; i < realip_audit_table_shown(summary->ban_count); i++) {
        realip_audit_table_row(&table, i);
        realip_audit_table_address(&table, &summary->bans[i]->address);
        realip_audit_table_word(&table, "w", summary->bans[i]->jail);
        realip_audit_table_number(&table, summary->bans[i]->count);
        realip_audit_table_time(&table, summary->bans[i]->first);
        realip_audit_table_time(&table, summary->bans[i]->last);
        fputs("</tr>\n", page);
    }
    realip_audit_table_close(&table);
    fputs("</section>\n", page);
}

/* A number of names; "512+" where there were more. */
static void print_names(struct realip_audit_table *table, unsigned count, bool is_more)
{
    char text[16];

    snprintf(text, sizeof(text), "%u%s", count, is_more ? "+" : "");
    realip_audit_table_word(table, count == 0 ? "n z" : "n", text);
}

static void print_suspects(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->suspect_count == 0)
        return;
    open_section(page, "warn", "Behave like a NAT and stand in no list");
    fprintf(page, "<p>Distinct names within %u seconds. Many users: an office or a carrier, or a gateway of your own that no list names. Many HELO names: the same, "
                  "or a spammer.</p>\n",
            summary->tally->crowds.window);
    static const struct realip_audit_head heads[] = { { "address", false }, { "users", true }, { "HELO names", true }, { "events", true }, { "first", false }, { "last", false } };
    struct realip_audit_table table = realip_audit_table_open(page, heads, 6, summary->suspect_count);
    for (size_t i = 0; i < realip_audit_table_shown(summary->suspect_count); i++) {
        const struct realip_audit_suspect *suspect = &summary->suspects[i];
        char text[REALIP_ADDRESS_TEXT_SIZE];

        realip_audit_table_row(&table, i);
        realip_audit_table_word(&table, "a", realip_address_format(&suspect->crowd->address, text));
        print_names(&table, suspect->users, suspect->crowd->is_more[REALIP_CROWD_USERS]);
        print_names(&table, suspect->helos, suspect->crowd->is_more[REALIP_CROWD_HELOS]);
        realip_audit_table_number(&table, suspect->crowd->events);
        realip_audit_table_time(&table, suspect->crowd->first);
        realip_audit_table_time(&table, suspect->crowd->last);
        fputs("</tr>\n", page);
    }
    realip_audit_table_close(&table);
    fputs("</section>\n", page);
}

static void print_verdicts(FILE *page, const struct realip_audit_summary *summary)
{
    if (summary->verdict_count == 0)
        return;
    open_section(page, "", "What mail-realip itself said of sessions");
    static const struct realip_audit_head heads[] = { { "source", false }, { "listener", false }, { "reason", false }, { "wanted", false }, { "done", false }, { "times", true } };
    struct realip_audit_table table = realip_audit_table_open(page, heads, 6, summary->verdict_count);
    for (size_t i = 0; i < realip_audit_table_shown(summary->verdict_count); i++) {
        const struct realip_audit_verdict *verdict = summary->verdicts[i];

        realip_audit_table_row(&table, i);
        realip_audit_table_word(&table, "a", verdict->source);
        realip_audit_table_word(&table, "a", verdict->listener);
        realip_audit_table_word(&table, "a", realip_reason_token((enum realip_reason)verdict->reason));
        realip_audit_table_word(&table, "", realip_action_token((enum realip_action)verdict->wanted));
        realip_audit_table_word(&table, "", realip_action_token((enum realip_action)verdict->action));
        realip_audit_table_number(&table, verdict->count);
        fputs("</tr>\n", page);
    }
    realip_audit_table_close(&table);
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
