/* audit_html_table - tables of the HTML report: the first rows in sight, further ones behind a word to be clicked, those behind them in --json alone. On a
 * narrow screen each row becomes a small list, so that nothing has to be pushed sideways: a cell tells its column's name itself.
 */
#ifndef REALIP_AUDIT_HTML_TABLE_H
#define REALIP_AUDIT_HTML_TABLE_H

#include <stdio.h>

#include "audit_summary.h"

struct realip_audit_head {
    const char *text; /* no markup in it */
    bool is_number;
};

struct realip_audit_table {
    FILE *page;
    const struct realip_audit_head *heads;
    size_t columns;
    size_t count;  /* rows that there are; realip_audit_table_shown() of them are printed */
    size_t column; /* of the next cell */
};

struct realip_audit_table realip_audit_table_open(FILE *page, const struct realip_audit_head *heads, size_t columns, size_t count);
size_t realip_audit_table_shown(size_t count);
void realip_audit_table_close(const struct realip_audit_table *table);

/* Begins a row; whoever prints it ends it with </tr>. */
void realip_audit_table_row(struct realip_audit_table *table, size_t row);

/* Cells, in the order of the heads. `kind`: "a", an address or a token; "t", a time; "w", words that may be long; "". */
void realip_audit_table_number(struct realip_audit_table *table, uint64_t value);
void realip_audit_table_word(struct realip_audit_table *table, const char *kind, const char *text);
void realip_audit_table_address(struct realip_audit_table *table, const struct realip_audit_address *packed);
void realip_audit_table_time(struct realip_audit_table *table, int64_t when);

/* Begins a cell; whoever fills it ends it with </td>. */
void realip_audit_table_cell(struct realip_audit_table *table, const char *kind);

#endif
