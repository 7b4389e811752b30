/* export_report - what `realipctl export --check` found: differences by network, on standard output, and what could not be
 * understood, on standard error. */
#ifndef REALIP_CLI_EXPORT_REPORT_H
#define REALIP_CLI_EXPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "export_text.h"
#include "ports.h"
#include "terminal.h"

struct realip_export_report {
    const char *path; /* of what is compared just now */
    size_t differences;
    size_t networks; /* how many were compared and agree, for the closing word */
    bool unreadable;
    struct realip_terminal terminal;
};

/* Compares what a list should hold with what it holds; both merged. `list`: its name. 0; or -1 when memory is short. */
int realip_export_report_networks(struct realip_export_report *report, const char *list, const struct realip_ranges *expected,
                                  const struct realip_ranges *found);

/* Tells of networks that are missing from a list, or too much in it; merged. */
void realip_export_report_missing(struct realip_export_report *report, const char *list, const struct realip_ranges *ranges);
void realip_export_report_surplus(struct realip_export_report *report, const char *list, const struct realip_ranges *ranges);

void realip_export_report_ports(struct realip_export_report *report, const char *list, const struct realip_ports *expected,
                                const struct realip_ports *found);

/* Tells of a difference that is no network. */
void realip_export_report_difference(struct realip_export_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells that a word can't be understood, and with what would be right; returns -1. A piece without a line: of the whole. */
int realip_export_report_unreadable(struct realip_export_report *report, const struct realip_export_piece *word, const char *why);

/* Adds a word that is a network to `ranges`; or tells that it is none (-1). */
int realip_export_report_add(struct realip_export_report *report, const struct realip_export_piece *word, bool brackets,
                             struct realip_ranges *ranges);

#endif
