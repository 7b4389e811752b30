#include "problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TOLD 100

static char *place(struct realip_origin origin, char *text, size_t size)
{
    text[0] = '\0';
    if (origin.file != NULL && origin.line > 0)
        snprintf(text, size, "%s:%u: ", origin.file, origin.line);
    else if (origin.file != NULL)
        snprintf(text, size, "%s: ", origin.file);
    return text;
}

static void mask_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 127)
            *text = '?';
    }
}

void realip_problems_add(struct realip_problems *problems, struct realip_origin origin, const char *format, ...)
{
    char where[4096 + 16];
    char what[2048];
    va_list args;

    if (problems->count++ >= MOST_TOLD)
        return;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    mask_controls(place(origin, where, sizeof(where)));
    mask_controls(what);

    const char *end = problems->count == MOST_TOLD ? "\n(more are not listed)\n" : "\n";
    size_t old = problems->length;
    size_t room = old + strlen(where) + strlen(what) + strlen(end) + 1;
    char *text = realloc(problems->text, room);
    if (text == NULL)
        return;
    snprintf(text + old, room - old, "%s%s%s", where, what, end);
    problems->text = text;
    problems->length = room - 1;
}

void realip_problems_take_back(struct realip_problems *problems, const struct realip_problems *before)
{
    if (before->text == NULL) {
        realip_problems_clear(problems);
    } else {
        problems->text[before->length] = '\0'; /* the copy's own text may have moved */
        problems->length = before->length;
    }
    problems->count = before->count;
}

void realip_problems_clear(struct realip_problems *problems)
{
    free(problems->text);
    *problems = (struct realip_problems){ 0 };
}
