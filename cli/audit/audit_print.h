/* audit_print - pieces of the report for a terminal: titles, numbers, bars, and a sign for each day. */
#ifndef REALIP_AUDIT_PRINT_H
#define REALIP_AUDIT_PRINT_H

#include "audit_summary.h"
#include "terminal.h"

/* What is reported, and what the terminal can show. */
struct realip_audit_print {
    const struct realip_audit_summary *summary;
    const struct realip_terminal *terminal;
};

const char *realip_audit_print_style(const struct realip_audit_print *page, enum realip_style which);

/* An empty line and a line in a style. */
void realip_audit_print_title(const struct realip_audit_print *page, enum realip_style which, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* 1234567 → 1,234,567, to the right of a column. */
void realip_audit_print_number(uint64_t value, int width);

/* A text of a log: nothing of it moves a terminal's cursor. To the left of a column. */
void realip_audit_print_plain(const char *text, int width);

/* A lying bar of fixed width. */
void realip_audit_print_bar(const struct realip_audit_print *page, uint64_t value, uint64_t most);

/* One sign for each of the last days; `of` tells a day's number and is handed `which`. */
void realip_audit_print_days(const struct realip_audit_print *page, uint64_t (*of)(const struct realip_audit_day_row *, unsigned), unsigned which);

/* "… and 7 more", where a list of `count` was cut behind `shown`. */
void realip_audit_print_more(const struct realip_audit_print *page, size_t count, size_t shown);

#endif
