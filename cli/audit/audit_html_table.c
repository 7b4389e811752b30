#include "audit_html_table.h"

#include "audit_page.h"

#define FIRST_ROWS 12
#define MOST_ROWS  200

static void print_heads(const struct realip_audit_table *table)
{
    fputs("<div class=\"wide\"><table>\n<tr>", table->page);
    for (size_t i = 0; i < table->columns; i++)
        fprintf(table->page, "<th%s>%s", table->heads[i].is_number ? " class=\"n\"" : "", table->heads[i].text);
    fputs("</tr>\n", table->page);
}

struct realip_audit_table realip_audit_table_open(FILE *page, const struct realip_audit_head *heads, size_t columns, size_t count)
{
    struct realip_audit_table table = { page, heads, columns, count, 0 };

    print_heads(&table);
    return table;
}

size_t realip_audit_table_shown(size_t count)
{
    return count < MOST_ROWS ? count : MOST_ROWS;
}

void realip_audit_table_close(const struct realip_audit_table *table)
{
    fputs("</table></div>\n", table->page);
    if (table->count > MOST_ROWS)
        fprintf(table->page, "<p class=\"faint\">These are the first %d of %zu; --json tells all.</p>\n", MOST_ROWS, table->count);
    if (table->count > FIRST_ROWS)
        fputs("</details>\n", table->page);
}

void realip_audit_table_row(struct realip_audit_table *table, size_t row)
{
    if (row == FIRST_ROWS) {
        fprintf(table->page, "</table></div>\n<details><summary>%zu more</summary>\n", table->count - row);
        print_heads(table);
    }
    table->column = 0;
    fputs("<tr>", table->page);
}

void realip_audit_table_cell(struct realip_audit_table *table, const char *kind)
{
    const struct realip_audit_head *head = &table->heads[table->column++ % table->columns];

    fprintf(table->page, "<td class=\"%s\" data-h=\"%s\">", kind, head->text);
}

void realip_audit_table_number(struct realip_audit_table *table, uint64_t value)
{
    realip_audit_table_cell(table, value == 0 ? "n z" : "n");
    realip_audit_page_number(table->page, value);
    fputs("</td>", table->page);
}

void realip_audit_table_word(struct realip_audit_table *table, const char *kind, const char *text)
{
    realip_audit_table_cell(table, kind);
    realip_audit_page_text(table->page, text);
    fputs("</td>", table->page);
}

void realip_audit_table_address(struct realip_audit_table *table, const struct realip_audit_address *packed)
{
    struct realip_address address = realip_audit_address_of(packed);
    char text[REALIP_ADDRESS_TEXT_SIZE];

    realip_audit_table_word(table, "a", realip_address_format(&address, text));
}

void realip_audit_table_time(struct realip_audit_table *table, int64_t when)
{
    char text[REALIP_AUDIT_TIME_SIZE];

    realip_audit_table_word(table, "t", realip_audit_time_text(when, text));
}
