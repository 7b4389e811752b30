#include "in_force.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_get.h"

#define ASK_MSECS 2000

/* Takes a label's value out of `{set="…",source="…"}` and undoes its escapes (Prometheus text format); NULL: there is none, or memory is
 * short. To be freed. */
static char *label_of(const char *labels, const char *end, const char *name)
{
    size_t length = strlen(name);
    const char *at = labels;

    while (at < end && (strncmp(at, name, length) != 0 || strncmp(at + length, "=\"", 2) != 0 || (at[-1] != '{' && at[-1] != ',')))
        at++;
    if (at >= end)
        return NULL;
    char *value = malloc((size_t)(end - at) + 1);
    char *out = value;
    for (at += length + 2; value != NULL && at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        *out++ = *at == 'n' && at[-1] == '\\' ? '\n' : *at;
    }
    if (value != NULL)
        *out = '\0';
    return value;
}

static struct realip_in_force_source *source_of(struct realip_in_force *answer, char *set, char *name)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (strcmp(answer->sources[i].set, set) == 0 && strcmp(answer->sources[i].name, name) == 0)
            return &answer->sources[i];
    }
    struct realip_in_force_source *sources = realloc(answer->sources, (answer->count + 1) * sizeof(*sources));
    char *set_copy = strdup(set);
    char *name_copy = strdup(name);
    if (sources != NULL)
        answer->sources = sources;
    if (sources == NULL || set_copy == NULL || name_copy == NULL) {
        free(set_copy);
        free(name_copy);
        return NULL;
    }
    sources[answer->count] = (struct realip_in_force_source){ .set = set_copy, .name = name_copy };
    return &sources[answer->count++];
}

static void read_source(struct realip_in_force *answer, const char *line, const char *end)
{
    const char *labels = strchr(line, '{') + 1;
    const char *close = end;

    while (close > labels && *close != '}')
        close--;
    char *set = label_of(labels, close, "set");
    char *name = label_of(labels, close, "source");
    struct realip_in_force_source *source = set == NULL || name == NULL ? NULL : source_of(answer, set, name);
    long long value = strtoll(close + 1, NULL, 10);

    if (source != NULL && strncmp(line, "realip_source_networks{", 23) == 0)
        source->networks = value < 0 ? 0 : (size_t)value;
    else if (source != NULL && strncmp(line, "realip_source_last_read_timestamp_seconds{", 42) == 0)
        source->last_read = value;
    else if (source != NULL && strncmp(line, "realip_source_stale{", 20) == 0)
        source->is_stale = value != 0;
    free(set);
    free(name);
}

static bool read_line(struct realip_in_force *answer, const char *line, const char *end)
{
    if (strncmp(line, "realip_source_", 14) == 0 && memchr(line, '{', (size_t)(end - line)) != NULL) {
        read_source(answer, line, end);
        return false;
    }
    if (strncmp(line, "realip_rules_stale ", 19) == 0)
        answer->is_stale = strtoll(line + 19, NULL, 10) != 0;
    if (strncmp(line, "realip_rules_loaded_timestamp_seconds ", 38) != 0)
        return false;
    answer->loaded = strtoll(line + 38, NULL, 10);
    return true;
}

void realip_in_force_ask(const char *daemon, const char *url, struct realip_in_force *answer_r)
{
    char *text;
    bool is_ours = false;

    *answer_r = (struct realip_in_force){ .daemon = daemon };
    snprintf(answer_r->url, sizeof(answer_r->url), "%s", url);
    const struct realip_http_place place = { .url = answer_r->url };
    if (realip_http_get_text(&place, "/metrics", ASK_MSECS, &text, answer_r->error, sizeof(answer_r->error)) < 0)
        return;
    for (const char *line = text, *end; *line != '\0'; line = *end == '\0' ? end : end + 1) {
        end = line + strcspn(line, "\n");
        is_ours = read_line(answer_r, line, end) || is_ours;
    }
    free(text);
    if (!is_ours)
        snprintf(answer_r->error, sizeof(answer_r->error), "%s: what answers there is no daemon of mail-realip", answer_r->url);
}

void realip_in_force_clear(struct realip_in_force *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        free(answer->sources[i].set);
        free(answer->sources[i].name);
    }
    free(answer->sources);
    answer->sources = NULL;
    answer->count = 0;
}

const struct realip_in_force_source *realip_in_force_find(const struct realip_in_force *answer, const char *set, const char *name)
{
    for (size_t i = 0; name != NULL && i < answer->count; i++) {
        if (strcmp(answer->sources[i].set, set) == 0 && strcmp(answer->sources[i].name, name) == 0)
            return &answer->sources[i];
    }
    return NULL;
}
