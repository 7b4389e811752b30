#include "export_list.h"

#include "export_networks.h"

int realip_export_list_compare_found(const struct realip_export *export, struct realip_export_report *report, const char *name,
                                     unsigned sets, struct realip_ranges *found)
{
    struct realip_ranges expected;

    if (realip_export_networks(&export->config->rules, sets, &expected) < 0)
        return -1;
    realip_ranges_merge(found);
    int result = realip_export_report_networks(report, name, &expected, found);
    realip_ranges_clear(&expected);
    return result;
}

int realip_export_list_compare(const struct realip_export *export, const struct realip_export_text *text,
                               struct realip_export_report *report, const char *name, unsigned sets)
{
    struct realip_export_piece line = { 0 };
    struct realip_ranges found = { 0 };
    int result = 0;

    while (result == 0 && realip_export_text_line(text, &line)) {
        struct realip_export_piece word = { 0 };

        if (line.length > 0 && line.at[0] != '#' && realip_export_piece_word(&line, " \t", &word))
            result = realip_export_report_add(report, &word, false, &found);
    }
    if (result == 0)
        result = realip_export_list_compare_found(export, report, name, sets, &found);
    realip_ranges_clear(&found);
    return result;
}
