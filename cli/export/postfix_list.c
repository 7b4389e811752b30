#include "postfix_list.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 5 /* files that name files */

static int read_list(const struct realip_export_piece *value, struct realip_export_report *report, struct realip_first_match *list,
                     bool out, unsigned depth);

static int read_list_text(const struct realip_export_text *text, struct realip_export_report *report, struct realip_first_match *list,
                          bool out, unsigned depth)
{
    struct realip_export_piece line = { 0 };

    while (realip_export_text_line(text, &line)) {
        if (line.length > 0 && line.at[0] != '#' && read_list(&line, report, list, out, depth) < 0)
            return -1;
    }
    return 0;
}

/* A cidr: table in a list of patterns: whoever is found in it matches, whatever stands behind. */
static int read_table_as_list(const struct realip_export_text *text, struct realip_export_report *report, struct realip_first_match *list,
                              bool out)
{
    static const char *const none[] = { NULL };
    struct realip_first_match table = { 0 };
    int result = realip_postfix_table_read(text, report, none, &table);

    for (size_t i = 0; i < table.count && result == 0; i++)
        result = realip_first_match_add(list, &table.entries[i].network, out ? REALIP_POSTFIX_LIST_OUT : REALIP_POSTFIX_LIST_IN);
    realip_first_match_clear(&table);
    return result;
}

static int read_file(const struct realip_export_piece *word, size_t skip, struct realip_export_report *report,
                     struct realip_first_match *list, bool out, unsigned depth)
{
    const char *outer = report->path;
    struct realip_export_text text;
    char path[PATH_MAX];

    if (depth == 0 || word->length - skip >= sizeof(path))
        return realip_export_report_unreadable(report, word, "is a file too deep");
    memcpy(path, word->at + skip, word->length - skip);
    path[word->length - skip] = '\0';
    if (realip_export_text_read(path, &text) < 0)
        return realip_export_report_unreadable(report, word, strerror(errno));
    report->path = path;
    int result = skip > 0 ? read_table_as_list(&text, report, list, out) : read_list_text(&text, report, list, out, depth - 1);
    report->path = outer;
    realip_export_text_clear(&text);
    return result;
}

static int read_list(const struct realip_export_piece *value, struct realip_export_report *report, struct realip_first_match *list,
                     bool out, unsigned depth)
{
    struct realip_export_piece word = { 0 };

    while (realip_export_piece_word(value, ", \t\r\n", &word)) {
        struct realip_export_piece pattern = word;
        struct realip_network network;
        bool except = out;
        int result;

        for (; pattern.length > 0 && pattern.at[0] == '!'; pattern.at++, pattern.length--)
            except = !except;
        if (pattern.length > 0 && pattern.at[0] == '/')
            result = read_file(&pattern, 0, report, list, except, depth);
        else if (realip_export_piece_begins(&pattern, "cidr:/"))
            result = read_file(&pattern, strlen("cidr:"), report, list, except, depth);
        else if (realip_export_piece_network(&pattern, true, &network) < 0)
            result = realip_export_report_unreadable(report, &word, "is no network, file or cidr: table, so nobody can say whom it "
                                                                    "means (type postconf -x, which puts values in place of $names)");
        else
            result = realip_first_match_add(list, &network, except ? REALIP_POSTFIX_LIST_OUT : REALIP_POSTFIX_LIST_IN);
        if (result < 0)
            return -1;
    }
    return 0;
}

int realip_postfix_list_read(const struct realip_export_piece *value, struct realip_export_report *report, struct realip_first_match *list)
{
    return read_list(value, report, list, false, DEEPEST);
}

int realip_postfix_list_read_text(const struct realip_export_text *text, struct realip_export_report *report,
                                  struct realip_first_match *list)
{
    return read_list_text(text, report, list, false, DEEPEST);
}

/* Which of the actions this is, however many blanks part its words. */
static unsigned kind_of(const struct realip_export_piece *action, const char *const *actions)
{
    unsigned kind = 0;

    for (; actions[kind] != NULL; kind++) {
        const struct realip_export_piece wanted = { actions[kind], strlen(actions[kind]), 0 };
        struct realip_export_piece one = { 0 };
        struct realip_export_piece other = { 0 };
        bool more;

        do {
            more = realip_export_piece_word(&wanted, " \t", &one);
            if (more != realip_export_piece_word(action, " \t", &other) || one.length != other.length
                || memcmp(one.at, other.at, one.length) != 0)
                break;
        } while (more);
        if (!more && other.length == 0 && wanted.length > 0)
            return kind;
    }
    return kind;
}

int realip_postfix_table_read(const struct realip_export_text *text, struct realip_export_report *report, const char *const *actions,
                              struct realip_first_match *list)
{
    struct realip_export_piece line = { 0 };
    struct realip_network network;

    while (realip_export_text_line(text, &line)) {
        struct realip_export_piece word = { 0 };

        if (line.length == 0 || line.at[0] == '#' || !realip_export_piece_word(&line, " \t", &word))
            continue;
        struct realip_export_piece action = { word.at + word.length, line.length - (size_t)(word.at + word.length - line.at), line.line };
        if (word.at[0] == '!' || realip_export_piece_network(&word, false, &network) < 0)
            return realip_export_report_unreadable(report, &word, "is no network of a cidr: table that could be compared");
        if (realip_first_match_add(list, &network, kind_of(&action, actions)) < 0)
            return -1;
    }
    return 0;
}
