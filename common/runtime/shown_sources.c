#include "shown_sources.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "metrics_text.h"

#define MOST_SOURCES 1000 /* that are shown: a monitoring system has to keep each of them */

struct realip_shown_sources {
    size_t count;
    struct realip_metrics_source sources[];
};

void realip_shown_sources_free(struct realip_shown_sources **sources)
{
    if (*sources == NULL)
        return;
    for (size_t i = 0; i < (*sources)->count; i++) {
        free((*sources)->sources[i].text);
        free((*sources)->sources[i].stale);
    }
    free(*sources);
    *sources = NULL;
}

/* As in the log: a path may hold bytes that are no text. NULL when memory is short. */
static char *escape(const char *text)
{
    size_t size = strlen(text) * 4 + 6;
    char *escaped = malloc(size);

    if (escaped != NULL)
        realip_log_escape(text, escaped, size);
    return escaped;
}

struct realip_shown_sources *realip_shown_sources_copy(const struct realip_sources *sources)
{
    size_t count = realip_sources_count(sources);

    if (count > MOST_SOURCES)
        count = MOST_SOURCES;
    struct realip_shown_sources *copy = calloc(1, sizeof(*copy) + count * sizeof(copy->sources[0]));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        struct realip_sources_state state = realip_sources_at(sources, i);

        copy->sources[i] = (struct realip_metrics_source){ .set = realip_set_token(state.set),
                                                           .text = escape(state.text),
                                                           .is_nodes = state.is_nodes,
                                                           .networks = state.networks,
                                                           .modified = state.modified,
                                                           .last_read = state.last_read,
                                                           .stale = state.stale == NULL ? NULL : strdup(state.stale) };
        copy->count++;
        if (copy->sources[i].text == NULL || (state.stale != NULL && copy->sources[i].stale == NULL)) {
            realip_shown_sources_free(&copy);
            return NULL;
        }
    }
    return copy;
}

size_t realip_shown_sources_stale(const struct realip_shown_sources *sources)
{
    size_t stale = 0;

    for (size_t i = 0; sources != NULL && i < sources->count; i++)
        stale += sources->sources[i].stale != NULL ? 1 : 0;
    return stale;
}

void realip_shown_sources_visit(const struct realip_shown_sources *sources,
                                void (*visit)(void *context, const struct realip_metrics_source *source), void *context)
{
    for (size_t i = 0; sources != NULL && i < sources->count; i++)
        visit(context, &sources->sources[i]);
}

static long long networks_of(const struct realip_metrics_source *source)
{
    return (long long)source->networks;
}

static long long last_read_of(const struct realip_metrics_source *source)
{
    return source->last_read;
}

static long long is_stale(const struct realip_metrics_source *source)
{
    return source->stale != NULL ? 1 : 0;
}

/* All but the end of the labels. */
static void begin_line(const char *name, const struct realip_metrics_source *source, FILE *out)
{
    fprintf(out, "%s{set=\"%s\",source=\"", name, source->set);
    realip_metrics_text_label(source->text, out);
    putc('"', out);
}

/* With the kind, as it tells what age is one: a program renews lists of nodes, and a file that a person wrote may be years old. No line for
 * what has no file: 0 would be an age of fifty years. */
static void write_modified(const struct realip_shown_sources *sources, FILE *out)
{
    static const char name[] = "realip_source_modified_timestamp_seconds";

    realip_metrics_text_head(name, "gauge", "When the newest file of the source that is in force was written.", out);
    for (size_t i = 0; sources != NULL && i < sources->count; i++) {
        if (sources->sources[i].modified == 0)
            continue;
        begin_line(name, &sources->sources[i], out);
        fprintf(out, ",kind=\"%s\"} %lld\n", sources->sources[i].is_nodes ? "kubernetes-nodes" : "files", sources->sources[i].modified);
    }
}

void realip_shown_sources_write(const struct realip_shown_sources *sources, FILE *out)
{
    static const struct {
        const char *name;
        const char *help;
        long long (*value)(const struct realip_metrics_source *source);
    } gauges[] = {
        { "realip_source_networks", "Networks in force from a file, a pattern of files or a list of nodes.", networks_of },
        { "realip_source_last_read_timestamp_seconds", "When all of the source was last good.", last_read_of },
        { "realip_source_stale", "1 while the source is gone, empty or broken, and its last good content decides.", is_stale },
    };

    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        realip_metrics_text_head(gauges[i].name, "gauge", gauges[i].help, out);
        for (size_t k = 0; sources != NULL && k < sources->count; k++) {
            begin_line(gauges[i].name, &sources->sources[k], out);
            fprintf(out, "} %lld\n", gauges[i].value(&sources->sources[k]));
        }
    }
    write_modified(sources, out);
}
