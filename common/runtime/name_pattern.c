#define PCRE2_CODE_UNIT_WIDTH 8
#include "name_pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

struct realip_name_pattern {
    struct realip_name_pattern *next;
    const char *text;
    struct realip_origin origin;
    pcre2_code *code;
};

static int read_flags(const char *flags, uint32_t *options_r)
{
    *options_r = PCRE2_DOLLAR_ENDONLY;
    for (; *flags != '\0'; flags++) {
        if (*flags != 'i')
            return -1;
        *options_r |= PCRE2_CASELESS;
    }
    return 0;
}

static int compile(struct realip_name_pattern *pattern, const char *expression, size_t length, uint32_t options,
                   struct realip_problems *problems)
{
    int error;
    PCRE2_SIZE offset;
    PCRE2_UCHAR message[128];

    pattern->code = pcre2_compile((PCRE2_SPTR)expression, length, options, &error, &offset, NULL);
    if (pattern->code == NULL) {
        pcre2_get_error_message(error, message, sizeof(message));
        realip_problems_add(problems, pattern->origin, "client-names: %s, at character %zu of '%.*s'",
                            (const char *)message, (size_t)offset + 1, (int)length, expression);
        return -1;
    }
    return 0;
}

int realip_name_pattern_add(struct realip_name_pattern **list, const char *text, struct realip_origin origin,
                            struct realip_problems *problems)
{
    const char *end = strrchr(text, '/');
    uint32_t options;

    if (text[0] != '/' || end == text || end == text + 1 || read_flags(end + 1, &options) < 0) {
        realip_problems_add(problems, origin, "client-names: '%s' is no pattern; write /EXPRESSION/ or /EXPRESSION/i",
                            text);
        return -1;
    }
    while (*list != NULL)
        list = &(*list)->next;
    struct realip_name_pattern *pattern = calloc(1, sizeof(*pattern));
    if (pattern == NULL) {
        realip_problems_add(problems, origin, "client-names: out of memory");
        return -1;
    }
    pattern->text = text;
    pattern->origin = origin;
    if (compile(pattern, text + 1, (size_t)(end - text - 1), options, problems) < 0) {
        free(pattern);
        return -1;
    }
    *list = pattern;
    return 0;
}

void realip_name_pattern_free(struct realip_name_pattern **list)
{
    while (*list != NULL) {
        struct realip_name_pattern *pattern = *list;

        *list = pattern->next;
        pcre2_code_free(pattern->code);
        free(pattern);
    }
}

const char *realip_name_pattern_at(const struct realip_name_pattern *list, unsigned index, struct realip_origin *origin_r)
{
    while (list != NULL && index > 0) {
        list = list->next;
        index--;
    }
    if (list == NULL)
        return NULL;
    *origin_r = list->origin;
    return list->text;
}

static bool matches(const pcre2_code *code, const char *name)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int result = PCRE2_ERROR_NOMEMORY;

    if (data != NULL)
        result = pcre2_match(code, (PCRE2_SPTR)name, strlen(name), 0, 0, data, NULL);
    pcre2_match_data_free(data);
    return result != PCRE2_ERROR_NOMATCH;
}

const struct realip_origin *realip_name_pattern_match(const struct realip_name_pattern *list, const char *name)
{
    if (list == NULL || name == NULL || name[0] == '\0' || name[0] == '[' || strcmp(name, "unknown") == 0)
        return NULL;
    for (; list != NULL; list = list->next) {
        if (matches(list->code, name))
            return &list->origin;
    }
    return NULL;
}
