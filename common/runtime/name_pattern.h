/* name_pattern - client-names: regular expressions over the verified name of a client (PCRE2). */
#ifndef REALIP_NAME_PATTERN_H
#define REALIP_NAME_PATTERN_H

#include "core/verdict.h"
#include "problems.h"

struct realip_name_pattern;

/* Compiles "/EXPRESSION/" or "/EXPRESSION/i" and puts it at the end of *list; the text is borrowed. 0; or -1 and one problem added. */
int realip_name_pattern_add(struct realip_name_pattern **list, const char *text, struct realip_origin origin,
                            struct realip_problems *problems);
void realip_name_pattern_free(struct realip_name_pattern **list);

/* The pattern at an index from 0 as it was written, and its place; NULL behind the last. */
const char *realip_name_pattern_at(const struct realip_name_pattern *list, unsigned index, struct realip_origin *origin_r);

/* The place of the first pattern that matches, or NULL. `name` is what the host verified (forward-confirmed); "unknown"
 * and "[ADDRESS]", which hosts give where there is none, match nothing. Any number of threads may ask at once. A name
 * whose matching takes too long counts as matched: an attacker's name must not buy a pass. */
const struct realip_origin *realip_name_pattern_match(const struct realip_name_pattern *list, const char *name);

#endif
