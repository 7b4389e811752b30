#define PCRE2_CODE_UNIT_WIDTH 8
#include "log_pattern.h"

#include <pcre2.h>
#include <stdlib.h>

#define MOST_GROUPS 8

struct realip_log_patterns {
    pcre2_code *codes[REALIP_LOG_PATTERN_COUNT];
    bool has_jit;
};

struct realip_log_reader {
    const struct realip_log_patterns *patterns;
    pcre2_match_data *match;
    struct realip_log_text text;
    int groups; /* of the last match, and one */
};

int realip_log_patterns_make(struct realip_log_patterns **patterns_r, const char **reason_r)
{
#define EXPRESSION(name, expression) expression,
    static const char *const expressions[] = { "", REALIP_LOG_PATTERN_TABLE(EXPRESSION) };
#undef EXPRESSION
    struct realip_log_patterns *patterns = calloc(1, sizeof(*patterns));
    int error;
    PCRE2_SIZE place;

    *reason_r = "out of memory";
    *patterns_r = patterns;
    if (patterns == NULL)
        return -1;
    patterns->has_jit = true;
    for (unsigned i = 0; i < REALIP_LOG_PATTERN_COUNT; i++) {
        patterns->codes[i] = pcre2_compile((PCRE2_SPTR)expressions[i], PCRE2_ZERO_TERMINATED, PCRE2_ANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY,
                                           &error, &place, NULL);
        if (patterns->codes[i] == NULL) {
            realip_log_patterns_free(patterns_r);
            *reason_r = "PCRE2 does not compile the patterns of this program";
            return -1;
        }
        patterns->has_jit = patterns->has_jit && pcre2_jit_compile(patterns->codes[i], PCRE2_JIT_COMPLETE) == 0;
    }
    return 0;
}

void realip_log_patterns_free(struct realip_log_patterns **patterns)
{
    if (*patterns == NULL)
        return;
    for (unsigned i = 0; i < REALIP_LOG_PATTERN_COUNT; i++)
        pcre2_code_free((*patterns)->codes[i]);
    free(*patterns);
    *patterns = NULL;
}

struct realip_log_reader *realip_log_reader_new(const struct realip_log_patterns *patterns)
{
    struct realip_log_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL)
        return NULL;
    reader->patterns = patterns;
    reader->match = pcre2_match_data_create(MOST_GROUPS, NULL);
    if (reader->match == NULL)
        realip_log_reader_free(&reader);
    return reader;
}

void realip_log_reader_free(struct realip_log_reader **reader)
{
    if (*reader == NULL)
        return;
    pcre2_match_data_free((*reader)->match);
    free(*reader);
    *reader = NULL;
}

bool realip_log_reader_match(struct realip_log_reader *reader, enum realip_log_pattern pattern, struct realip_log_text text)
{
    const pcre2_code *code = reader->patterns->codes[pattern];
    PCRE2_SPTR subject = (PCRE2_SPTR)text.start;

    reader->text = text;
    reader->groups = reader->patterns->has_jit ? pcre2_jit_match(code, subject, text.length, 0, 0, reader->match, NULL)
                                               : pcre2_match(code, subject, text.length, 0, 0, reader->match, NULL);
    return reader->groups > 0;
}

struct realip_log_text realip_log_reader_group(const struct realip_log_reader *reader, unsigned number)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(reader->match);
    struct realip_log_text text = { reader->text.start, 0 };

    if ((int)number >= reader->groups || places[number * 2] == PCRE2_UNSET)
        return text;
    text.start += places[number * 2];
    text.length = places[number * 2 + 1] - places[number * 2];
    return text;
}
