/* The report for a terminal, or for a mail to oneself. */
#include <stdio.h>

#include "audit_print.h"

#define MOST_ROWS  10 /* of a list; the rest is in --json and --html */
#define MOST_LINES 20 /* of a table */

static uint64_t refused_on(const struct realip_audit_day_row *day, unsigned reason)
{
    return day->refused[reason];
}

static uint64_t relayed_on(const struct realip_audit_day_row *day, unsigned unused)
{
    (void)unused;
    return day->day->relayed;
}

static uint64_t failures_on(const struct realip_audit_day_row *day, unsigned kind)
{
    return day->day->failures[kind];
}

static void print_head(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;
    const struct realip_audit_totals *totals = &summary->tally->totals;
    const struct realip_audit_rules *rules = summary->tally->rules;
    char first[REALIP_AUDIT_TIME_SIZE];
    char last[REALIP_AUDIT_TIME_SIZE];

    printf("%smail-realip audit%s  ", realip_audit_print_style(page, REALIP_STYLE_STRONG), realip_audit_print_style(page, REALIP_STYLE_NONE));
    realip_audit_print_number(totals->lines, 0);
    printf(" lines of %zu %s, %s%s%s%s\n", summary->input->file_count, summary->input->file_count == 1 ? "log" : "logs",
           totals->first != 0 ? realip_audit_time_text(totals->first, first) : "no time stamp", totals->first != 0 ? " to " : "",
           totals->first != 0 ? realip_audit_time_text(totals->last, last) : "", summary->was_interrupted ? " (interrupted: this is what was known by then)" : "");
    printf("rules: %s: %zu networks of infrastructure, %zu of proxies, %zu internal\n",
           rules->config != NULL ? rules->config->path : "no configuration, this host's gateways and bridges and what the options name",
           realip_network_set_count(rules->rules.sets[REALIP_SET_INFRASTRUCTURE]), realip_network_set_count(rules->rules.sets[REALIP_SET_PROXIES]),
           realip_network_set_count(rules->rules.sets[REALIP_SET_INTERNAL]));
    if (realip_audit_rules_are_empty(rules))
        printf("       nothing is listed, so nothing can be found by address; name your nodes: --infrastructure 10.0.20.0/24 --proxies 10.0.20.13\n");
    printf("seen:  ");
    for (unsigned deed = 0; deed < REALIP_AUDIT_DEED_COUNT; deed++) {
        realip_audit_print_number(summary->deeds[deed], 0);
        printf(" %s%s", realip_audit_deed_token((enum realip_audit_deed)deed), deed + 1 < REALIP_AUDIT_DEED_COUNT ? ", " : "\n");
    }
    if (realip_audit_summary_lacks_queue(summary))
        printf("       %llu letters were begun, and no line tells what became of them: the lines of qmgr are not here\n", (unsigned long long)totals->letters_begun);
}

static void print_refused(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;
    uint64_t all = summary->refused_mails + summary->refused_logins;
    uint64_t most = 0;

    if (realip_audit_rules_are_empty(summary->tally->rules))
        return; /* said above */
    if (all == 0) {
        realip_audit_print_title(page, REALIP_STYLE_GOOD, "Nothing would have been refused");
        return;
    }
    realip_audit_print_title(page, REALIP_STYLE_BAD, "Would have been refused, were it switched on: %llu letters, %llu logins", (unsigned long long)summary->refused_mails,
          (unsigned long long)summary->refused_logins);
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
        most = summary->refused[reason] > most ? summary->refused[reason] : most;
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        if (summary->refused[reason] == 0)
            continue;
        printf("  %-16s ", realip_reason_token((enum realip_reason)reason));
        realip_audit_print_bar(page, summary->refused[reason], most);
        realip_audit_print_number(summary->refused[reason], 12);
        printf("  %s", realip_audit_print_style(page, REALIP_STYLE_FAINT));
        realip_audit_print_days(page, refused_on, reason);
        printf("%s\n", realip_audit_print_style(page, REALIP_STYLE_NONE));
    }
    if (summary->undated.all > 0)
        printf("  of %llu letters and logins there is no time stamp: they are in no day\n", (unsigned long long)summary->undated.all);
}

static void print_rows(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->row_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_STRONG, "By listener");
    printf("  %-24s %-16s %-10s %12s %12s %12s %12s\n", "listener", "reason", "action", "letters", "logins", "rejected", "connections");
    for (size_t i = 0; i < summary->row_count && i < MOST_LINES; i++) {
        const struct realip_audit_row *row = &summary->rows[i];

        printf("  ");
        realip_audit_print_plain(row->service->name, 24);
        printf(" %-16s %-10s", realip_reason_token(row->reason), realip_action_token(row->wanted));
        realip_audit_print_number(row->deeds[REALIP_AUDIT_MAILS], 13);
        realip_audit_print_number(row->deeds[REALIP_AUDIT_LOGINS], 13);
        realip_audit_print_number(row->deeds[REALIP_AUDIT_REJECTED] + row->deeds[REALIP_AUDIT_FAILED_LOGINS], 13);
        realip_audit_print_number(row->deeds[REALIP_AUDIT_CONNECTIONS], 13);
        putchar('\n');
    }
    realip_audit_print_more(page, summary->row_count, MOST_LINES);
}

static void print_client_row(const struct realip_audit_summary *summary, const struct realip_audit_client *client)
{
    struct realip_address address = realip_audit_address_of(&client->address);
    char text[REALIP_ADDRESS_TEXT_SIZE];
    char last[REALIP_AUDIT_TIME_SIZE];

    printf("  %-26s ", realip_address_format(&address, text));
    realip_audit_print_plain(summary->tally->services[client->service].name, 24);
    printf(" %-16s", realip_reason_token((enum realip_reason)client->reason));
    realip_audit_print_number(client->deeds[REALIP_AUDIT_MAILS], 12);
    realip_audit_print_number(client->deeds[REALIP_AUDIT_LOGINS], 12);
    printf("   last %s\n", realip_audit_time_text(client->last, last));
}

static void print_clients(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->client_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_STRONG, "Who");
    printf("  %-26s %-24s %-16s%12s%12s\n", "address", "listener", "reason", "letters", "logins");
    for (size_t i = 0; i < summary->client_count && i < MOST_ROWS; i++)
        print_client_row(summary, summary->clients[i]);
    realip_audit_print_more(page, summary->client_count, MOST_ROWS);
}

static void print_relay_row(const struct realip_audit_print *page, const struct realip_audit_relay *relay)
{
    struct realip_address address = realip_audit_address_of(&relay->address);
    char text[REALIP_ADDRESS_TEXT_SIZE];
    char first[REALIP_AUDIT_TIME_SIZE];

    printf("  from %s to ", realip_address_format(&address, text));
    realip_audit_print_plain(relay->domain, 0);
    printf(": ");
    realip_audit_print_number(relay->count, 0);
    printf(" %s since %s, such as <", relay->count == 1 ? "recipient" : "recipients", realip_audit_time_text(relay->first, first));
    realip_audit_print_plain(relay->sender, 0);
    printf("> to <");
    realip_audit_print_plain(relay->recipient, 0);
    printf(">%s", realip_audit_print_style(page, REALIP_STYLE_NONE));
    if (relay->with_login > 0)
        printf(" (and %llu of users who logged in)", (unsigned long long)relay->with_login);
    if (relay->unknown > 0)
        printf(" (and %llu that came through a filter from nobody knows whom)", (unsigned long long)relay->unknown);
    putchar('\n');
}

static void print_relays(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;
    const struct realip_audit_totals *totals = &summary->tally->totals;
    uint64_t letters = totals->relayed_letters[REALIP_LETTER_LOGIN_NONE];
    size_t count = 0;

    if (totals->relayed_with_login + totals->relayed_unknown > 0 && totals->relayed == 0)
        realip_audit_print_title(page, REALIP_STYLE_WARN, "Letters to %llu recipients of other domains came from such addresses, none of them of nobody who logged in, as far as the log tells",
              (unsigned long long)(totals->relayed_with_login + totals->relayed_unknown));
    if (totals->relayed == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_BAD, "You were a relay: %llu %s of nobody who logged in went to %llu %s of other domains", (unsigned long long)letters,
          letters == 1 ? "letter" : "letters", (unsigned long long)totals->relayed, totals->relayed == 1 ? "recipient" : "recipients");
    printf("  by day: ");
    realip_audit_print_days(page, relayed_on, 0);
    putchar('\n');
    while (count < summary->relay_count && summary->relays[count]->count > 0)
        count++; /* the most first: behind these are those of users alone */
    for (size_t i = 0; i < count && i < MOST_ROWS; i++)
        print_relay_row(page, summary->relays[i]);
    realip_audit_print_more(page, count, MOST_ROWS);
    puts("  What may relay by its address alone, and shows an address that strangers share, is open to all of them: take it out of mynetworks.");
}

static void print_failing_services(const struct realip_audit_summary *summary, unsigned kind)
{
    for (unsigned i = 0; i < summary->tally->service_count; i++) {
        const struct realip_audit_service *service = &summary->tally->services[i];

        if (service->failures[kind] == 0)
            continue;
        printf("      at ");
        realip_audit_print_plain(service->name, 0);
        printf(": ");
        realip_audit_print_number(service->failures[kind], 0);
        putchar('\n');
    }
}

static void print_failing_peers(const struct realip_audit_summary *summary, unsigned kind)
{
    size_t shown = 0;

    for (size_t i = 0; i < summary->peer_count && shown < 5; i++) {
        struct realip_address address = realip_audit_address_of(&summary->peers[i]->address);
        char text[REALIP_ADDRESS_TEXT_SIZE];

        if (summary->peers[i]->failure != kind)
            continue;
        printf("%s%s (%llu)", shown == 0 ? "      by " : ", ", realip_address_format(&address, text), (unsigned long long)summary->peers[i]->count);
        shown++;
    }
    if (shown > 0)
        putchar('\n');
}

static void print_failures(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->failure_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_BAD, "PROXY failed %llu times", (unsigned long long)summary->failure_count);
    for (unsigned kind = 0; kind < REALIP_PROXY_FAILURE_COUNT; kind++) {
        if (summary->failures[kind] == 0)
            continue;
        printf("  %-20s", realip_proxy_failure_token((enum realip_proxy_failure)kind));
        realip_audit_print_number(summary->failures[kind], 12);
        printf("  ");
        realip_audit_print_days(page, failures_on, kind);
        printf("\n      %s\n", realip_proxy_failure_sentence((enum realip_proxy_failure)kind));
        print_failing_services(summary, kind);
        print_failing_peers(summary, kind);
    }
}

static void print_suspects(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->suspect_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_WARN, "Behave like a NAT and stand in no list (distinct names within %u s)", summary->tally->crowds.window);
    printf("  %-26s %12s %12s %12s\n", "address", "users", "HELO names", "events");
    for (size_t i = 0; i < summary->suspect_count && i < MOST_ROWS; i++) {
        const struct realip_audit_suspect *suspect = &summary->suspects[i];
        char text[REALIP_ADDRESS_TEXT_SIZE];

        printf("  %-26s", realip_address_format(&suspect->crowd->address, text));
        realip_audit_print_number(suspect->users, 13);
        realip_audit_print_number(suspect->helos, 13);
        realip_audit_print_number(suspect->crowd->events, 13);
        puts(realip_audit_crowd_has_more(suspect->crowd) ? "  (at least so many names)" : "");
    }
    realip_audit_print_more(page, summary->suspect_count, MOST_ROWS);
    puts("  Many users: an office or a carrier, or a gateway of your own that no list names. Many HELO names: the same, or a spammer.");
}

static void print_insiders(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->insider_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_STRONG, "Private addresses that count as clients, as no list names them");
    for (size_t i = 0; i < summary->insider_count && i < MOST_ROWS; i++)
        print_client_row(summary, summary->insiders[i]);
    realip_audit_print_more(page, summary->insider_count, MOST_ROWS);
    puts("  Is one of them a node, a bridge or a proxy? Add --infrastructure or --proxies and look again.");
}

static void print_bans(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->ban_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_BAD, "fail2ban banned your own addresses %llu times: all clients behind them were shut out",
          (unsigned long long)summary->tally->totals.bans_of_ours);
    for (size_t i = 0; i < summary->ban_count && i < MOST_ROWS; i++) {
        const struct realip_audit_ban *ban = summary->bans[i];
        struct realip_address address = realip_audit_address_of(&ban->address);
        char text[REALIP_ADDRESS_TEXT_SIZE];
        char last[REALIP_AUDIT_TIME_SIZE];

        printf("  %-26s jail ", realip_address_format(&address, text));
        realip_audit_print_plain(ban->jail, 20);
        realip_audit_print_number(ban->count, 8);
        printf("   last %s\n", realip_audit_time_text(ban->last, last));
    }
    realip_audit_print_more(page, summary->ban_count, MOST_ROWS);
    puts("  Put them into ignoreip: realipctl export fail2ban writes the list.");
}

static void print_verdicts(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;

    if (summary->verdict_count == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_STRONG, "What mail-realip itself said of sessions");
    printf("  %-16s %-20s %-16s %-10s %-10s %12s\n", "source", "listener", "reason", "wanted", "done", "times");
    for (size_t i = 0; i < summary->verdict_count && i < MOST_LINES; i++) {
        const struct realip_audit_verdict *verdict = summary->verdicts[i];

        printf("  ");
        realip_audit_print_plain(verdict->source, 16);
        putchar(' ');
        realip_audit_print_plain(verdict->listener, 20);
        printf(" %-16s %-10s %-10s", realip_reason_token((enum realip_reason)verdict->reason), realip_action_token((enum realip_action)verdict->wanted),
               realip_action_token((enum realip_action)verdict->action));
        realip_audit_print_number(verdict->count, 13);
        putchar('\n');
    }
    realip_audit_print_more(page, summary->verdict_count, MOST_LINES);
}

static void print_left_out(const struct realip_audit_print *page)
{
    const struct realip_audit_summary *summary = page->summary;
    const struct realip_audit_tally *tally = summary->tally;

    if (summary->input->cut_lines > 0)
        realip_audit_print_title(page, REALIP_STYLE_WARN, "%llu lines were longer than 1 MiB and were cut", (unsigned long long)summary->input->cut_lines);
    if (summary->input->long_entries > 0)
        realip_audit_print_title(page, REALIP_STYLE_WARN, "%llu %s of the journal longer than 1 MiB left out", (unsigned long long)summary->input->long_entries,
                                 summary->input->long_entries == 1 ? "entry" : "entries");
    if (summary->left_out == 0)
        return;
    realip_audit_print_title(page, REALIP_STYLE_WARN, "Left out, as memory is bounded (the sums above hold all the same)");
    printf("  lines of addresses %llu, of relays %llu, of days or listeners %llu; letters %llu; addresses looked at for NATs %llu\n",
           (unsigned long long)(tally->clients.left_out + tally->insiders.left_out + tally->peers.left_out + tally->bans.left_out + tally->verdicts.left_out),
           (unsigned long long)tally->relays.left_out, (unsigned long long)tally->totals.days_left_out, (unsigned long long)tally->totals.letters_forgotten,
           (unsigned long long)tally->crowds.forgotten);
}

int realip_audit_text(const struct realip_audit_summary *summary, const struct realip_terminal *terminal)
{
    struct realip_audit_print page = { summary, terminal };

    print_head(&page);
    print_refused(&page);
    print_rows(&page);
    print_clients(&page);
    print_relays(&page);
    print_failures(&page);
    print_bans(&page);
    print_suspects(&page);
    print_insiders(&page);
    print_verdicts(&page);
    print_left_out(&page);
    return ferror(stdout) ? -1 : 0;
}
