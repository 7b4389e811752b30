/* problems - a list of "FILE:LINE: what is wrong, what would be right" texts, in the order in which they were found. */
#ifndef REALIP_PROBLEMS_H
#define REALIP_PROBLEMS_H

#include <stddef.h>

#include "core/verdict.h"

/* Zeroed is an empty list. */
struct realip_problems {
    char *text;   /* the first hundred problems, each with a newline; NULL while there is none or when memory was short */
    size_t count; /* counts all of them */
    size_t length; /* of the text */
};

/* Adds one problem at a place; line 0 leaves the line out, a NULL file both. Control characters, which a file can
 * smuggle into a message, become '?'. */
void realip_problems_add(struct realip_problems *problems, struct realip_origin origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes back all that were added since `before` was a copy of them. */
void realip_problems_take_back(struct realip_problems *problems, const struct realip_problems *before);

void realip_problems_clear(struct realip_problems *problems);

#endif
