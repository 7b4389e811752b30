#include "export_report.h"

#include <stdarg.h>
#include <stdio.h>

#define MOST_LINES 50

/* "PATH: missing from proxies: NETWORK", a line each, and how many more there are. */
static void print_networks(struct realip_export_report *report, const char *what, enum realip_style style, const char *list,
                           const struct realip_ranges *ranges)
{
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    char text[REALIP_NETWORK_TEXT_SIZE];
    size_t count = 0;

    while (realip_ranges_next(ranges, &cursor, &network)) {
        if (count++ < MOST_LINES)
            printf("%s: %s%s%s %s: %s\n", report->path, realip_terminal_style(&report->terminal, style), what,
                   realip_terminal_style(&report->terminal, REALIP_STYLE_NONE), list, realip_network_format(&network, text));
    }
    if (count > MOST_LINES)
        printf("%s: %s %s: %zu more networks\n", report->path, what, list, count - MOST_LINES);
    report->differences += count;
}

void realip_export_report_missing(struct realip_export_report *report, const char *list, const struct realip_ranges *ranges)
{
    print_networks(report, "missing from", REALIP_STYLE_BAD, list, ranges);
}

void realip_export_report_surplus(struct realip_export_report *report, const char *list, const struct realip_ranges *ranges)
{
    print_networks(report, "too much in", REALIP_STYLE_WARN, list, ranges);
}

int realip_export_report_networks(struct realip_export_report *report, const char *list, const struct realip_ranges *expected,
                                  const struct realip_ranges *found)
{
    struct realip_ranges missing = { 0 };
    struct realip_ranges surplus = { 0 };
    struct realip_ranges_cursor cursor = { 0 };
    struct realip_network network;
    int result = -1;

    if (realip_ranges_subtract(expected, found, &missing) == 0 && realip_ranges_subtract(found, expected, &surplus) == 0) {
        realip_export_report_missing(report, list, &missing);
        realip_export_report_surplus(report, list, &surplus);
        while (realip_ranges_next(expected, &cursor, &network))
            report->networks++;
        result = 0;
    }
    realip_ranges_clear(&missing);
    realip_ranges_clear(&surplus);
    return result;
}

static void print_ports(struct realip_export_report *report, const char *what, const char *list, const struct realip_ports *ports,
                        const struct realip_ports *others)
{
    struct realip_ports rest;
    unsigned first = 1;
    unsigned last;

    realip_ports_without(ports, others, &rest);
    for (; realip_ports_next(&rest, &first, &last); first = last + 1) {
        if (first == last)
            realip_export_report_difference(report, "%s %s: port %u", what, list, first);
        else
            realip_export_report_difference(report, "%s %s: ports %u to %u", what, list, first, last);
    }
}

void realip_export_report_ports(struct realip_export_report *report, const char *list, const struct realip_ports *expected,
                                const struct realip_ports *found)
{
    print_ports(report, "missing from", list, expected, found);
    print_ports(report, "too much in", list, found, expected);
}

void realip_export_report_difference(struct realip_export_report *report, const char *format, ...)
{
    va_list arguments;

    printf("%s: ", report->path);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    report->differences++;
}

int realip_export_report_unreadable(struct realip_export_report *report, const struct realip_export_piece *word, const char *why)
{
    fprintf(stderr, "%s:", report->path);
    if (word->line > 0)
        fprintf(stderr, "%u:", word->line);
    fputc(' ', stderr);
    if (word->length > 0) {
        fputc('\'', stderr);
        for (size_t i = 0; i < word->length && i < 60; i++)
            fputc((unsigned char)word->at[i] < ' ' || word->at[i] == 0x7f ? '?' : word->at[i], stderr);
        fputs("' ", stderr);
    }
    fprintf(stderr, "%s\n", why);
    report->unreadable = true;
    return -1;
}

int realip_export_report_add(struct realip_export_report *report, const struct realip_export_piece *word, bool brackets,
                             struct realip_ranges *ranges)
{
    struct realip_network network;

    if (realip_export_piece_network(word, brackets, &network) < 0)
        return realip_export_report_unreadable(report, word, "is no network; write it like 10.0.20.0/24 or fd00:10::/64");
    return realip_ranges_add(ranges, &network);
}
