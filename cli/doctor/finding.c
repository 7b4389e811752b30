#include "finding.h"

#include <stdlib.h>
#include <string.h>

struct row {
    const char *token;
    enum realip_severity severity;
    const char *why;
};

#define ROW(name, id, severity, why) [REALIP_FINDING_##name] = { id, REALIP_SEVERITY_##severity, why },
static const struct row rows[REALIP_FINDING_COUNT] = { REALIP_FINDING_TABLE(ROW) };
#undef ROW

#define TOKEN(name, token) [REALIP_SEVERITY_##name] = token,
static const char *const severities[REALIP_SEVERITY_COUNT] = { REALIP_SEVERITY_TABLE(TOKEN) };
#undef TOKEN

const char *realip_finding_token(enum realip_finding_id id)
{
    return id > REALIP_FINDING_NONE && id < REALIP_FINDING_COUNT ? rows[id].token : "unknown";
}

const char *realip_finding_why(enum realip_finding_id id)
{
    return id > REALIP_FINDING_NONE && id < REALIP_FINDING_COUNT ? rows[id].why : "";
}

enum realip_severity realip_finding_severity(enum realip_finding_id id)
{
    return id > REALIP_FINDING_NONE && id < REALIP_FINDING_COUNT ? rows[id].severity : REALIP_SEVERITY_UNKNOWN;
}

const char *realip_severity_token(enum realip_severity severity)
{
    return severity > REALIP_SEVERITY_UNKNOWN && severity < REALIP_SEVERITY_COUNT ? severities[severity] : "unknown";
}

enum realip_finding_id realip_finding_from_token(const char *token)
{
    for (unsigned id = REALIP_FINDING_NONE + 1; id < REALIP_FINDING_COUNT; id++) {
        if (strcmp(rows[id].token, token) == 0)
            return (enum realip_finding_id)id;
    }
    return REALIP_FINDING_NONE;
}

static int compare_places(const struct realip_origin *one, const struct realip_origin *other)
{
    int files = strcmp(one->file != NULL ? one->file : "", other->file != NULL ? other->file : "");

    return files != 0 ? files : (one->line > other->line) - (one->line < other->line);
}

void realip_finding_add(struct realip_setup *setup, struct realip_findings *findings, enum realip_finding_id id,
                        struct realip_origin where, const char *subject, const char *what, const char *mend)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct realip_finding *known = &findings->items[i];

        if (known->id != id || compare_places(&known->where, &where) != 0)
            continue;
        for (size_t k = 0; k < known->subjects.count && subject != NULL; k++)
            subject = strcmp(known->subjects.items[k], subject) == 0 ? NULL : subject;
        if (subject != NULL)
            realip_words_add(&setup->arena, &known->subjects, subject);
        return;
    }
    findings->items = realip_text_grow(&setup->arena, findings->items, findings->count, sizeof(*findings->items));
    struct realip_finding *finding = &findings->items[findings->count++];
    *finding = (struct realip_finding){ .id = id, .where = where, .what = what, .mend = mend };
    if (subject != NULL)
        realip_words_add(&setup->arena, &finding->subjects, subject);
}

static int compare(const void *one, const void *other)
{
    const struct realip_finding *a = one;
    const struct realip_finding *b = other;
    int severities_apart = (int)realip_finding_severity(a->id) - (int)realip_finding_severity(b->id);
    int places_apart = compare_places(&a->where, &b->where);

    return severities_apart != 0 ? severities_apart : places_apart != 0 ? places_apart : (int)a->id - (int)b->id;
}

void realip_findings_sort(struct realip_findings *findings)
{
    if (findings->count > 1)
        qsort(findings->items, findings->count, sizeof(*findings->items), compare);
}
