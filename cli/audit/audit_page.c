#include "audit_page.h"

#include "realip-config.h"

#define MOST_DAYS 92
#define HEIGHT    200.0 /* of the chart, in its own units; a day is 10 wide */

static const char style[] =
    ":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2330;--faint:#5b6676;--line:#d9dee6;--bad:#b3261e;--warn:#8a5a00;--good:#1d6b3a;"
    "--a:#c2410c;--b:#7c3aed;--c:#0e7490;--d:#be185d;--e:#4d7c0f;--f:#64748b}"
    "@media(prefers-color-scheme:dark){:root{--page:#11151b;--card:#1a2029;--ink:#e6eaf0;--faint:#9aa6b6;--line:#303947;--bad:#ff8a80;--warn:#f5c26b;--good:#7fd8a0;"
    "--a:#fb923c;--b:#b794f6;--c:#38bdd2;--d:#f472b6;--e:#a3d65c;--f:#94a3b8}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "main{max-width:72rem;margin:0 auto;padding:1rem}h1{font-size:1.4rem;margin:.5rem 0 0}h2{font-size:1.1rem;margin:0 0 .5rem}p{margin:.4rem 0}"
    ".faint{color:var(--faint);font-size:.875rem}section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1rem 0}"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.75rem 1rem}.tile b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}"
    ".tile.bad b,h2.bad{color:var(--bad)}.tile.warn b,h2.warn{color:var(--warn)}.tile.good b,h2.good{color:var(--good)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-top:1px solid var(--line);vertical-align:top}"
    "th{border-top:0;color:var(--faint);font-weight:600;white-space:nowrap}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.a,td.t{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85rem}td.a{overflow-wrap:anywhere;min-width:8.5rem}td.t{white-space:nowrap;padding-left:.6rem}"
    "td.w{overflow-wrap:anywhere;min-width:10rem}"
    "svg{display:block;width:100%}svg.days{height:12rem;border-bottom:1px solid var(--line)}svg.spark{height:1.6rem;width:9rem;margin:.2rem 0}svg.bar{height:.9rem;min-width:7rem}"
    ".axis{display:flex;justify-content:space-between;color:var(--faint);font-size:.8rem}.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.875rem;margin-top:.5rem}"
    ".legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:.2rem;margin-right:.35rem;vertical-align:-.05rem}"
    ".ra{fill:var(--a);background:var(--a)}.rb{fill:var(--b);background:var(--b)}.rc{fill:var(--c);background:var(--c)}"
    ".rd{fill:var(--d);background:var(--d)}.re{fill:var(--e);background:var(--e)}.rf{fill:var(--f);background:var(--f)}"
    "details{margin-top:.5rem}summary{cursor:pointer;color:var(--faint);font-size:.9rem;padding:.3rem 0}"
    "dl{margin:0}dt{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;justify-content:space-between;border-top:1px solid var(--line);padding-top:.6rem;font-weight:600}"
    "dd{margin:.2rem 0 .6rem;font-size:.9rem}code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em}"
    "@media(max-width:48rem){.wide table,.wide tbody,.wide tr,.wide td{display:block}.wide tr:first-child,.wide td.z{display:none}.wide tr{border-top:1px solid var(--line);padding:.5rem 0}"
    ".wide td,.wide td.t{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0;text-align:right;white-space:normal;overflow-wrap:anywhere;min-width:0}"
    ".wide td::before{content:attr(data-h);flex:none;color:var(--faint);font-family:system-ui,sans-serif;font-size:.85rem}svg.bar{width:60%}}"
    "@media(max-width:30rem){main{padding:.6rem}section{padding:.75rem}.tile b{font-size:1.25rem}.tiles{grid-template-columns:1fr 1fr}}";

void realip_audit_page_head(FILE *page)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>mail-realip audit</title>\n<style>",
          page);
    fputs(style, page);
    fputs("</style>\n</head>\n<body>\n<main>\n", page);
}

void realip_audit_page_foot(FILE *page)
{
    fputs("<p class=\"faint\">Made by realipctl audit (mail-realip " PACKAGE_VERSION "). It holds addresses of people: keep it as you keep your logs.</p>\n"
          "</main>\n</body>\n</html>\n",
          page);
}

void realip_audit_page_text(FILE *page, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c >= 127)
            fprintf(page, "\\x%02x", c);
        else if (c == '<')
            fputs("&lt;", page);
        else if (c == '>')
            fputs("&gt;", page);
        else if (c == '&')
            fputs("&amp;", page);
        else if (c == '"')
            fputs("&quot;", page);
        else if (c == '\'')
            fputs("&#39;", page);
        else
            putc(c, page);
    }
}

void realip_audit_page_number(FILE *page, uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            putc(',', page);
        putc(digits[i], page);
    }
}

const char *realip_audit_page_class(enum realip_reason reason)
{
    switch (reason) {
    case REALIP_REASON_INFRASTRUCTURE:
        return "ra";
    case REALIP_REASON_PROXY_SHOWN:
        return "rb";
    case REALIP_REASON_INSIDE_ASSERTED:
        return "rc";
    case REALIP_REASON_PROXY_UNTRUSTED:
    case REALIP_REASON_PROXY_MISSING:
        return "rd";
    case REALIP_REASON_PEER_UNKNOWN:
    case REALIP_REASON_ADDRESS_MISSING:
        return "re";
    case REALIP_REASON_UNDECIDED:
    case REALIP_REASON_REAL:
    case REALIP_REASON_INTERNAL:
    case REALIP_REASON_PROBE:
    case REALIP_REASON_SHARED_SUSPECT:
    case REALIP_REASON_COUNT:
        break;
    }
    return "rf";
}

/* The days that a chart shows: the last 92, those without a line included. */
struct span {
    int64_t first;
    int64_t last;
};

static struct span span_of(const struct realip_audit_summary *summary)
{
    struct span span = { 0, -1 };

    if (summary->day_count == 0)
        return span;
    span.first = summary->days[0].day->day;
    span.last = summary->days[summary->day_count - 1].day->day;
    if (span.last - span.first >= MOST_DAYS)
        span.first = span.last - MOST_DAYS + 1;
    return span;
}

static uint64_t sum_of(const struct realip_audit_day_row *day)
{
    uint64_t sum = 0;

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
        sum += day->refused[reason];
    return sum;
}

static void column(FILE *page, const struct realip_audit_day_row *day, int64_t place, uint64_t most)
{
    char text[REALIP_AUDIT_TIME_SIZE];
    double below = 0;

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        double height = (double)day->refused[reason] / (double)most * HEIGHT;

        if (day->refused[reason] == 0)
            continue;
        below += height;
        fprintf(page, "<rect class=\"%s\" x=\"%lld\" y=\"%.2f\" width=\"8.4\" height=\"%.2f\"><title>%s: %llu %s</title></rect>",
                realip_audit_page_class((enum realip_reason)reason), (long long)place * 10, HEIGHT - below, height,
                realip_audit_day_text(day->day->day, text), (unsigned long long)day->refused[reason], realip_reason_token((enum realip_reason)reason));
    }
}

static void print_axis(FILE *page, struct span span)
{
    char text[REALIP_AUDIT_TIME_SIZE];

    fprintf(page, "<div class=\"axis\"><span>%s</span>", realip_audit_day_text(span.first, text));
    if (span.last > span.first)
        fprintf(page, "<span>%s</span>", realip_audit_day_text(span.last, text));
    fputs("</div>\n", page);
}

static void print_legend(FILE *page, const struct realip_audit_summary *summary)
{
    fputs("<div class=\"legend\">", page);
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        if (summary->refused[reason] == 0)
            continue;
        fprintf(page, "<span><i class=\"%s\"></i>%s ", realip_audit_page_class((enum realip_reason)reason), realip_reason_token((enum realip_reason)reason));
        realip_audit_page_number(page, summary->refused[reason]);
        fputs("</span>", page);
    }
    fputs("</div>\n", page);
}

void realip_audit_page_days(FILE *page, const struct realip_audit_summary *summary)
{
    struct span span = span_of(summary);
    uint64_t most = 1;

    if (summary->day_count == 0) { /* no line has a time stamp */
        print_legend(page, summary);
        return;
    }
    for (size_t i = 0; i < summary->day_count; i++) {
        if (summary->days[i].day->day >= span.first && sum_of(&summary->days[i]) > most)
            most = sum_of(&summary->days[i]);
    }
    fputs("<div class=\"axis\"><span>", page);
    realip_audit_page_number(page, most);
    fputs(" a day</span></div>\n", page);
    fprintf(page, "<svg class=\"days\" viewBox=\"0 0 %lld %g\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"letters and logins that would have been refused, by day\">",
            (long long)(span.last - span.first + 1) * 10, HEIGHT);
    for (size_t i = 0; i < summary->day_count; i++) {
        if (summary->days[i].day->day >= span.first)
            column(page, &summary->days[i], summary->days[i].day->day - span.first, most);
    }
    fputs("</svg>\n", page);
    print_axis(page, span);
    print_legend(page, summary);
}

void realip_audit_page_spark(FILE *page, const struct realip_audit_summary *summary, realip_audit_page_value *of, unsigned which, const char *title)
{
    struct span span = span_of(summary);
    uint64_t most = 1;

    if (summary->day_count == 0)
        return;
    for (size_t i = 0; i < summary->day_count; i++) {
        if (summary->days[i].day->day >= span.first && of(&summary->days[i], which) > most)
            most = of(&summary->days[i], which);
    }
    fprintf(page, "<svg class=\"spark\" viewBox=\"0 0 %lld 20\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s, by day\">",
            (long long)(span.last - span.first + 1) * 10, title);
    for (size_t i = 0; i < summary->day_count; i++) {
        const struct realip_audit_day_row *day = &summary->days[i];
        double height = (double)of(day, which) / (double)most * 20;
        char text[REALIP_AUDIT_TIME_SIZE];

        if (day->day->day < span.first || of(day, which) == 0)
            continue;
        fprintf(page, "<rect class=\"rd\" x=\"%lld\" y=\"%.2f\" width=\"8\" height=\"%.2f\"><title>%s: %llu</title></rect>",
                (long long)(day->day->day - span.first) * 10, 20 - height, height, realip_audit_day_text(day->day->day, text),
                (unsigned long long)of(day, which));
    }
    fputs("</svg>", page);
}

void realip_audit_page_bar(FILE *page, const uint64_t parts[REALIP_REASON_COUNT], uint64_t most)
{
    double at = 0;

    fputs("<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"share\">", page);
    for (unsigned reason = 0; most > 0 && reason < REALIP_REASON_COUNT; reason++) {
        double width = (double)parts[reason] / (double)most * 100;

        if (parts[reason] == 0)
            continue;
        fprintf(page, "<rect class=\"%s\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"10\"/>", realip_audit_page_class((enum realip_reason)reason), at,
                width < 0.5 ? 0.5 : width);
        at += width;
    }
    fputs("</svg>", page);
}
