/* audit_page - pieces of the HTML report: escaped text, and charts as inline SVG that need no script. */
#ifndef REALIP_AUDIT_PAGE_H
#define REALIP_AUDIT_PAGE_H

#include <stdio.h>

#include "audit_summary.h"

/* The style sheet, light and dark, and what stands before and behind the body. */
void realip_audit_page_head(FILE *page);
void realip_audit_page_foot(FILE *page);

/* A text of a log, which may be anything, as text of a page: markup becomes entities, and bytes that are no printable ASCII become \xHH. */
void realip_audit_page_text(FILE *page, const char *text);

/* 1234567 → 1,234,567 */
void realip_audit_page_number(FILE *page, uint64_t value);

/* Stacked columns of what would have been refused, one column a day (the last 92), with a legend. */
void realip_audit_page_days(FILE *page, const struct realip_audit_summary *summary);

/* Small columns, one a day: what one number of a day became. `which` is handed to `of`. */
typedef uint64_t realip_audit_page_value(const struct realip_audit_day_row *day, unsigned which);
void realip_audit_page_spark(FILE *page, const struct realip_audit_summary *summary, realip_audit_page_value *of, unsigned which, const char *title);

/* A lying bar: parts by reason of a whole that is `most` at full width. */
void realip_audit_page_bar(FILE *page, const uint64_t parts[REALIP_REASON_COUNT], uint64_t most);

/* The class that has a reason's colour. */
const char *realip_audit_page_class(enum realip_reason reason);

#endif
