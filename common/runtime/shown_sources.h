/* shown_sources - what metrics tell of the files from which networks come: a copy, as sources are their loader's alone. */
#ifndef REALIP_SHOWN_SOURCES_H
#define REALIP_SHOWN_SOURCES_H

#include <stdio.h>

#include "sources.h"

/* One of what a configuration reads networks from, as it was last read. */
struct realip_metrics_source {
    const char *set;
    char *text; /* escaped as in the log */
    bool is_nodes; /* of kubernetes-nodes; else of files */
    size_t networks;
    long long modified;  /* a time(2): when the newest of its files in force was written; 0: it has none */
    long long last_read; /* a time(2): when all of it was good */
    char *stale;         /* NULL: it is good; else why it is not, in one line */
};

struct realip_shown_sources;

/* Copies what is shown of the first thousand. NULL when memory is short. */
struct realip_shown_sources *realip_shown_sources_copy(const struct realip_sources *sources);

/* Frees and sets the caller's pointer to NULL; *sources may be NULL. */
void realip_shown_sources_free(struct realip_shown_sources **sources);

/* How many of them are stale; NULL: none. */
size_t realip_shown_sources_stale(const struct realip_shown_sources *sources);

/* Calls `visit` with each; NULL: none. */
void realip_shown_sources_visit(const struct realip_shown_sources *sources,
                                void (*visit)(void *context, const struct realip_metrics_source *source), void *context);

/* Writes them in Prometheus' text format; NULL: heads alone. */
void realip_shown_sources_write(const struct realip_shown_sources *sources, FILE *out);

#endif
