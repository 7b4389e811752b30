/* watch_walk - the folders in which a change can make a path lead to another file, or to none. */
#ifndef REALIP_WATCH_WALK_H
#define REALIP_WATCH_WALK_H

#include <stdbool.h>
#include <time.h>

struct realip_watch_place {
    const char *path;        /* of a folder, without symbolic links in it; or of a file that is mounted by itself */
    const char *name;        /* what to look for in the folder; NULL: the file itself */
    bool is_pattern;         /* `name` is an fnmatch(3) pattern */
    bool is_end;             /* the way ends here: it is the last name, a pattern, or one that is not there (yet) */
    struct timespec changed; /* when what was found there last changed (ctime); 0: unknown */
};

/* Follows a path from its first component to its last, through symbolic links, and a glob(7) pattern through all that it
 * matches; calls `visit` for each place on the way, once before it looks at what is there, so that no change falls in between,
 * and once with the time of the last change. 0; or -1, places are missing, and *reason_r is a constant text. */
int realip_watch_walk(const char *path, bool is_pattern, void (*visit)(void *context, const struct realip_watch_place *place),
                      void *context, const char **reason_r);

#endif
