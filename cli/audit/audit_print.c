#include "audit_print.h"

#include <stdarg.h>
#include <stdio.h>

#define BAR_WIDTH  20U
#define MOST_DAYS  60U

const char *realip_audit_print_style(const struct realip_audit_print *page, enum realip_style which)
{
    return realip_terminal_style(page->terminal, which);
}

void realip_audit_print_title(const struct realip_audit_print *page, enum realip_style which, const char *format, ...)
{
    va_list args;

    printf("\n%s", realip_audit_print_style(page, which));
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("%s\n", realip_audit_print_style(page, REALIP_STYLE_NONE));
}

#define NUMBER_SIZE 32

/* 1234567 → 1,234,567 */
static const char *number(uint64_t value, char text[NUMBER_SIZE])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    char *out = text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

void realip_audit_print_number(uint64_t value, int width)
{
    char text[NUMBER_SIZE];

    printf("%*s", width, number(value, text));
}

void realip_audit_print_plain(const char *text, int width)
{
    int length = 0;

    for (; *text != '\0'; text++, length++)
        putchar((unsigned char)*text < ' ' || (unsigned char)*text >= 127 ? '?' : *text);
    for (; length < width; length++)
        putchar(' ');
}

void realip_audit_print_bar(const struct realip_audit_print *page, uint64_t value, uint64_t most)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    uint64_t parts = most == 0 ? 0 : value * BAR_WIDTH * 8 / most;
    unsigned printed = 0;

    if (parts == 0 && value > 0)
        parts = 1;
    for (; printed < parts / 8; printed++)
        fputs(page->terminal->unicode ? "█" : "#", stdout);
    if (parts % 8 != 0) {
        fputs(page->terminal->unicode ? eighths[parts % 8] : parts / 8 == 0 ? "." : "", stdout);
        printed += page->terminal->unicode || parts / 8 == 0;
    }
    for (; printed < BAR_WIDTH; printed++)
        putchar(' ');
}

static void print_spark(const struct realip_audit_print *page, uint64_t value, uint64_t most)
{
    static const char *const levels[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    unsigned level = most == 0 || value == 0 ? 0 : (unsigned)((value * 7 + most - 1) / most);

    if (page->terminal->unicode)
        fputs(value == 0 ? "·" : levels[level], stdout);
    else
        putchar(value == 0 ? '.' : (char)('1' + level));
}

static const struct realip_audit_day_row *first_day(const struct realip_audit_summary *summary)
{
    return summary->day_count > MOST_DAYS ? &summary->days[summary->day_count - MOST_DAYS] : summary->days;
}

void realip_audit_print_days(const struct realip_audit_print *page, uint64_t (*of)(const struct realip_audit_day_row *, unsigned), unsigned which)
{
    const struct realip_audit_summary *summary = page->summary;
    const struct realip_audit_day_row *end = summary->days + summary->day_count;
    uint64_t most = 0;

    for (const struct realip_audit_day_row *day = first_day(summary); day < end; day++) {
        if (of(day, which) > most)
            most = of(day, which);
    }
    for (const struct realip_audit_day_row *day = first_day(summary); day < end; day++)
        print_spark(page, of(day, which), most);
}

void realip_audit_print_more(const struct realip_audit_print *page, size_t count, size_t shown)
{
    if (count > shown)
        printf("  %s and %zu more: --json tells all, --html more\n", page->terminal->unicode ? "…" : "...", count - shown);
}
