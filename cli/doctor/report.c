#include "report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

struct realip_report_counts realip_report_count(const struct realip_findings *findings)
{
    struct realip_report_counts counts = { 0 };

    for (size_t i = 0; i < findings->count; i++)
        counts.of[realip_finding_severity(findings->items[i].id)]++;
    return counts;
}

static enum realip_style style_of(enum realip_severity severity)
{
    switch (severity) {
    case REALIP_SEVERITY_BAD:
        return REALIP_STYLE_BAD;
    case REALIP_SEVERITY_WARN:
        return REALIP_STYLE_WARN;
    case REALIP_SEVERITY_NOTE:
        return REALIP_STYLE_STRONG;
    case REALIP_SEVERITY_UNKNOWN:
    case REALIP_SEVERITY_COUNT:
        break;
    }
    return REALIP_STYLE_NONE;
}

/* Characters on the screen, where a text is UTF-8. */
static size_t width_of(const char *text, size_t length)
{
    size_t width = 0;

    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0U) != 0x80U ? 1 : 0;
    return width;
}

/* Control characters, which a file can smuggle in, must not reach a terminal. */
static void print_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        putchar((unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
}

/* Words in lines of at most `columns`, each behind the same number of blanks; the first line is begun already. */
static void print_wrapped(const char *text, unsigned indent, unsigned columns)
{
    size_t at = indent;
    bool is_first = true;

    while (*(text += strspn(text, " ")) != '\0') {
        size_t length = strcspn(text, " ");
        size_t width = width_of(text, length);

        if (!is_first && at + 1 + width > columns) {
            printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            putchar(' ');
            at++;
        }
        print_plain(text, length);
        at += width;
        is_first = false;
        text += length;
    }
    putchar('\n');
}

/* Text that is pasted keeps its lines as they are. */
static void print_mend(struct realip_setup *setup, const char *text, unsigned indent)
{
    const char *line;

    for (bool is_first = true; (line = realip_text_line(&setup->arena, &text)) != NULL; is_first = false) {
        if (!is_first)
            printf("%*s", (int)indent, "");
        print_plain(line, strlen(line));
        putchar('\n');
    }
}

static void print_finding(struct realip_setup *setup, const struct realip_finding *finding,
                          const struct realip_terminal *terminal)
{
    enum realip_severity severity = realip_finding_severity(finding->id);
    unsigned columns = terminal->columns < 40 ? 40 : terminal->columns > 120 ? 120 : terminal->columns;

    printf("%s%-4s%s  %s%s%s", realip_terminal_style(terminal, style_of(severity)), realip_severity_token(severity),
           realip_terminal_style(terminal, REALIP_STYLE_NONE), realip_terminal_style(terminal, REALIP_STYLE_STRONG),
           realip_finding_token(finding->id), realip_terminal_style(terminal, REALIP_STYLE_NONE));
    if (finding->where.file != NULL) {
        printf("  %s", realip_terminal_style(terminal, REALIP_STYLE_FAINT));
        print_plain(finding->where.file, strlen(finding->where.file));
        if (finding->where.line > 0)
            printf(":%u", finding->where.line);
        fputs(realip_terminal_style(terminal, REALIP_STYLE_NONE), stdout);
    }
    fputs("\n      what  ", stdout);
    const char *subjects = realip_words_join(&setup->arena, &finding->subjects, ", ");
    print_wrapped(subjects[0] == '\0' ? finding->what
                                      : realip_text_format(&setup->arena, "%s: %s", subjects, finding->what),
                  12, columns);
    fputs("      why   ", stdout);
    print_wrapped(realip_finding_why(finding->id), 12, columns);
    fputs("      mend  ", stdout);
    print_mend(setup, finding->mend, 12);
    putchar('\n');
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

int realip_report_text(struct realip_setup *setup, const struct realip_findings *findings)
{
    struct realip_terminal terminal = realip_terminal_of(stdout);
    struct realip_report_counts counts = realip_report_count(findings);
    const char *parts = realip_words_join(&setup->arena, &setup->looked_at, ", ");

    for (size_t i = 0; i < findings->count; i++)
        print_finding(setup, &findings->items[i], &terminal);
    for (size_t i = 0; i < setup->failures.count; i++) {
        printf("%scould not look%s  ", realip_terminal_style(&terminal, REALIP_STYLE_BAD),
               realip_terminal_style(&terminal, REALIP_STYLE_NONE));
        print_plain(setup->failures.items[i], strlen(setup->failures.items[i]));
        putchar('\n');
    }
    if (findings->count == 0 && setup->failures.count == 0)
        printf("%snothing found%s", realip_terminal_style(&terminal, REALIP_STYLE_GOOD),
               realip_terminal_style(&terminal, REALIP_STYLE_NONE));
    else
        printf("%zu bad, %zu warning%s, %zu note%s", counts.of[REALIP_SEVERITY_BAD], counts.of[REALIP_SEVERITY_WARN],
               plural(counts.of[REALIP_SEVERITY_WARN]), counts.of[REALIP_SEVERITY_NOTE],
               plural(counts.of[REALIP_SEVERITY_NOTE]));
    if (setup->failures.count > 0)
        printf("; %zu place%s could not be looked at", setup->failures.count, plural(setup->failures.count));
    printf(" (looked at: %s)\n", parts[0] != '\0' ? parts : "nothing");
    return fflush(stdout) == 0 ? 0 : -1;
}

/* A file may hold any bytes; JSON wants UTF-8. */
static json_t *text_or_replaced(const char *text)
{
    json_t *value = json_string(text);

    if (value != NULL)
        return value;
    char copy[1024];
    size_t length = 0;
    for (; *text != '\0' && length < sizeof(copy) - 1; text++)
        copy[length++] = (unsigned char)*text >= 0x80 ? '?' : *text;
    copy[length] = '\0';
    return json_string(copy);
}

static json_t *words_of(const struct realip_words *words)
{
    json_t *array = json_array();

    for (size_t i = 0; i < words->count; i++)
        json_array_append_new(array, text_or_replaced(words->items[i]));
    return array;
}

static json_t *finding_object(const struct realip_finding *finding)
{
    json_t *object = json_object();
    json_t *where = json_null();

    if (finding->where.file != NULL) {
        where = json_object();
        json_object_set_new(where, "file", text_or_replaced(finding->where.file));
        json_object_set_new(where, "line", finding->where.line > 0 ? json_integer(finding->where.line) : json_null());
    }
    json_object_set_new(object, "id", json_string(realip_finding_token(finding->id)));
    json_object_set_new(object, "severity", json_string(realip_severity_token(realip_finding_severity(finding->id))));
    json_object_set_new(object, "what", text_or_replaced(finding->what));
    json_object_set_new(object, "where", where);
    json_object_set_new(object, "subjects", words_of(&finding->subjects));
    json_object_set_new(object, "why", json_string(realip_finding_why(finding->id)));
    json_object_set_new(object, "mend", text_or_replaced(finding->mend));
    return object;
}

int realip_report_json(struct realip_setup *setup, const struct realip_findings *findings)
{
    struct realip_report_counts counts = realip_report_count(findings);
    json_t *object = json_object();
    json_t *list = json_array();
    json_t *numbers = json_object();

    for (size_t i = 0; i < findings->count; i++)
        json_array_append_new(list, finding_object(&findings->items[i]));
    for (unsigned i = REALIP_SEVERITY_UNKNOWN + 1; i < REALIP_SEVERITY_COUNT; i++)
        json_object_set_new(numbers, realip_severity_token((enum realip_severity)i),
                            json_integer((json_int_t)counts.of[i]));
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "findings", list);
    json_object_set_new(object, "counts", numbers);
    json_object_set_new(object, "looked-at", words_of(&setup->looked_at));
    json_object_set_new(object, "could-not-look", words_of(&setup->failures));
    int result = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
    return result == 0 && fflush(stdout) == 0 ? 0 : -1;
}

void realip_report_table(void)
{
    for (unsigned i = REALIP_FINDING_NONE + 1; i < REALIP_FINDING_COUNT; i++) {
        enum realip_finding_id id = (enum realip_finding_id)i;

        printf("%-26s %-4s %s\n", realip_finding_token(id), realip_severity_token(realip_finding_severity(id)),
               realip_finding_why(id));
    }
}
