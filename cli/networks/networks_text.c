#include <stdlib.h>
#include <string.h>

#include "networks.h"
#include "runtime/log.h"
#include "runtime/name_pattern.h"
#include "terminal.h"

#define PLACE_SIZE 1024

/* A part of a place as a terminal may have it: names of files and nodes are somebody else's. */
static void append(char *text, size_t size, const char *before, const char *part, size_t length)
{
    size_t used = strlen(text);
    char copy[512];
    char plain[REALIP_LOG_LINE_SIZE];

    snprintf(copy, sizeof(copy), "%.*s", (int)(length < sizeof(copy) ? length : sizeof(copy) - 1), part);
    realip_log_escape(copy, plain, sizeof(plain));
    snprintf(text + used, size - used, "%s%s", before, plain);
}

const char *realip_networks_place_text(const struct realip_listed *one, char *text, size_t size)
{
    const struct realip_network_place *place = &one->place;

    text[0] = '\0';
    if (one->kind == REALIP_LISTING_OWN) {
        snprintf(text, size, "an address of this host");
        return text;
    }
    append(text, size, "", place->file, place->file_length);
    if (place->line > 0)
        snprintf(text + strlen(text), size - strlen(text), ":%u", place->line);
    if (place->detail != NULL)
        append(text, size,
               one->kind == REALIP_LISTING_NODES    ? " node "
                   : one->kind == REALIP_LISTING_PRESET ? " preset "
                                                        : " discover ",
               place->detail, place->detail_length);
    return text;
}

/* "34 s", "5 min", "3 h", "12 days". */
static const char *age_text(long long seconds, char text[32])
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 120)
        snprintf(text, 32, "%lld s", seconds);
    else if (seconds < 2 * 3600)
        snprintf(text, 32, "%lld min", seconds / 60);
    else if (seconds < 2 * 86400)
        snprintf(text, 32, "%lld h", seconds / 3600);
    else
        snprintf(text, 32, "%lld days", seconds / 86400);
    return text;
}

static int width_of(const struct realip_listed_set *set)
{
    char text[REALIP_NETWORK_TEXT_SIZE];
    size_t width = 18; /* of all IPv4 networks */

    for (size_t i = 0; i < set->count; i++) {
        size_t length = strlen(realip_network_format(&set->networks[i].network, text));

        width = length > width ? length : width;
    }
    return (int)width;
}

static void print_patterns(const struct realip_config *config, int width)
{
    struct realip_origin origin;
    const char *pattern;
    char plain[REALIP_LOG_LINE_SIZE];

    for (unsigned i = 0; (pattern = realip_name_pattern_at(config->client_names, i, &origin)) != NULL; i++) {
        realip_log_escape(pattern, plain, sizeof(plain));
        printf("  %-*s  %s:%u client-names\n", width, plain, origin.file, origin.line);
    }
}

static void print_set(const struct realip_listing *listing, enum realip_set set, const struct realip_terminal *terminal)
{
    const struct realip_listed_set *listed = &listing->sets[set];
    char network[REALIP_NETWORK_TEXT_SIZE];
    char place[PLACE_SIZE];
    int width = width_of(listed);

    printf("%s%s%s: %zu network%s\n", realip_terminal_style(terminal, REALIP_STYLE_STRONG), realip_set_token(set),
           realip_terminal_style(terminal, REALIP_STYLE_NONE), listed->count, listed->count == 1 ? "" : "s");
    for (size_t i = 0; i < listed->count; i++)
        printf("  %-*s  %s\n", width, realip_network_format(&listed->networks[i].network, network),
               realip_networks_place_text(&listed->networks[i], place, sizeof(place)));
    if (set == REALIP_SET_INFRASTRUCTURE)
        print_patterns(listing->config, width);
}

static void print_in_force(const struct realip_listed_source *row, const struct realip_in_force *daemon, long long now,
                           const struct realip_terminal *terminal)
{
    const struct realip_in_force_source *source = realip_in_force_find(daemon, realip_set_token(row->set), row->name);
    char age[32];

    if (daemon->error[0] != '\0')
        return;
    if (source == NULL)
        printf("\n    %s%s does not follow it%s (its configuration is another one)", realip_terminal_style(terminal, REALIP_STYLE_WARN),
               daemon->daemon, realip_terminal_style(terminal, REALIP_STYLE_NONE));
    else if (source->is_stale)
        printf("\n    %s%s: stale%s, its last good content is in force: %zu network%s, good %s ago",
               realip_terminal_style(terminal, REALIP_STYLE_BAD), daemon->daemon, realip_terminal_style(terminal, REALIP_STYLE_NONE),
               source->networks, source->networks == 1 ? "" : "s", age_text(now - source->last_read, age));
    else
        printf("\n    %s%s: good%s, %zu network%s in force, read %s ago", realip_terminal_style(terminal, REALIP_STYLE_GOOD),
               daemon->daemon, realip_terminal_style(terminal, REALIP_STYLE_NONE), source->networks, source->networks == 1 ? "" : "s",
               age_text(now - source->last_read, age));
}

static void print_row(const struct realip_listed_source *row, const struct realip_in_force *daemons, size_t daemon_count, long long now,
                      const struct realip_terminal *terminal)
{
    bool has_file = row->kind == REALIP_LISTING_FILE || row->kind == REALIP_LISTING_NODES;
    char plain[REALIP_LOG_LINE_SIZE];
    char age[32];

    printf("  %-14s  %s", realip_set_token(row->set), realip_listing_token(row->kind));
    if (row->name != NULL) {
        realip_log_escape(row->name, plain, sizeof(plain));
        printf(" %s", plain);
    }
    printf(": %zu network%s", row->networks, row->networks == 1 ? "" : "s");
    if (has_file && row->written > 0)
        printf(", written %s ago", age_text(now - row->written, age));
    else if (has_file)
        printf(", no file");
    for (size_t i = 0; has_file && i < daemon_count; i++)
        print_in_force(row, &daemons[i], now, terminal);
    putchar('\n');
}

static void print_daemon(const struct realip_in_force *daemon, long long now, const struct realip_terminal *terminal)
{
    char age[32];

    if (daemon->error[0] != '\0')
        printf("%s not asked: %s\n", daemon->daemon, daemon->error);
    else
        printf("%s (%s): rules loaded %s ago%s%s%s\n", daemon->daemon, daemon->url, age_text(now - daemon->loaded, age),
               realip_terminal_style(terminal, daemon->is_stale ? REALIP_STYLE_BAD : REALIP_STYLE_NONE),
               daemon->is_stale ? "; the last reload failed, older rules decide" : "", realip_terminal_style(terminal, REALIP_STYLE_NONE));
}

void realip_networks_print(const struct realip_listing *listing, const struct realip_in_force *daemons, size_t daemon_count,
                           const struct realip_networks_question *question)
{
    struct realip_terminal terminal = realip_terminal_of(stdout);
    char age[32];

    for (unsigned set = 0; set <= REALIP_SET_OWN && !question->sources_only; set++) {
        if (!question->is_one_set || set == question->set)
            print_set(listing, (enum realip_set)set, &terminal);
    }
    printf("%ssources%s\n", realip_terminal_style(&terminal, REALIP_STYLE_STRONG), realip_terminal_style(&terminal, REALIP_STYLE_NONE));
    for (size_t i = 0; i < listing->row_count; i++) {
        if (!question->is_one_set || listing->rows[i].set == question->set)
            print_row(&listing->rows[i], daemons, daemon_count, question->now, &terminal);
    }
    if (listing->is_compiled)
        printf("compiled: %s, published %s ago\n", listing->path, age_text(question->now - listing->published, age));
    for (size_t i = 0; i < daemon_count; i++)
        print_daemon(&daemons[i], question->now, &terminal);
}
