#include "haproxy_condition.h"

#include <stdlib.h>
#include <string.h>

static enum realip_haproxy_truth opposite(enum realip_haproxy_truth truth)
{
    switch (truth) {
    case REALIP_HAPROXY_YES:
        return REALIP_HAPROXY_NO;
    case REALIP_HAPROXY_NO:
        return REALIP_HAPROXY_YES;
    case REALIP_HAPROXY_MAYBE:
        break;
    }
    return REALIP_HAPROXY_MAYBE;
}

static enum realip_haproxy_truth both(enum realip_haproxy_truth one, enum realip_haproxy_truth other)
{
    if (one == REALIP_HAPROXY_NO || other == REALIP_HAPROXY_NO)
        return REALIP_HAPROXY_NO;
    return one == REALIP_HAPROXY_YES && other == REALIP_HAPROXY_YES ? REALIP_HAPROXY_YES : REALIP_HAPROXY_MAYBE;
}

/* Nothing is false, and a number is what it is; all else asks the HAProxy that runs. */
static enum realip_haproxy_truth evaluate(const struct realip_words *words)
{
    const char *text = words->count > 1 ? words->items[1] : "0";
    bool is_not = text[0] == '!';
    char *end;
    long number = strtol(text + (is_not ? 1 : 0), &end, 0);

    if (words->count > 2 || *end != '\0' || end == text + (is_not ? 1 : 0))
        return REALIP_HAPROXY_MAYBE;
    return (number != 0) != is_not ? REALIP_HAPROXY_YES : REALIP_HAPROXY_NO;
}

bool realip_haproxy_condition_read(struct realip_haproxy_conditions *conditions, const struct realip_words *words)
{
    const char *word = words->items[0];
    size_t at = conditions->depth == 0 ? 0 : conditions->depth - 1;

    if (word[0] != '.')
        return false;
    if (strcmp(word, ".if") == 0 && conditions->depth < REALIP_HAPROXY_MAX_DEPTH) {
        at = conditions->depth++;
        conditions->here[at] = conditions->before[at] = evaluate(words);
    } else if (strcmp(word, ".elif") == 0 && conditions->depth > 0) {
        enum realip_haproxy_truth truth = evaluate(words);

        conditions->here[at] = both(opposite(conditions->before[at]), truth);
        if (conditions->before[at] != REALIP_HAPROXY_YES && truth != REALIP_HAPROXY_NO)
            conditions->before[at] = truth;
    } else if (strcmp(word, ".else") == 0 && conditions->depth > 0) {
        conditions->here[at] = opposite(conditions->before[at]);
    } else if (strcmp(word, ".endif") == 0 && conditions->depth > 0) {
        conditions->depth--;
    }
    return true;
}

enum realip_haproxy_truth realip_haproxy_condition_now(const struct realip_haproxy_conditions *conditions)
{
    enum realip_haproxy_truth truth = REALIP_HAPROXY_YES;

    for (size_t i = 0; i < conditions->depth; i++)
        truth = both(truth, conditions->here[i]);
    return truth;
}
