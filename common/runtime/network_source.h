/* network_source - where the networks of a set come from: values and files of CIDRs. */
#ifndef REALIP_NETWORK_SOURCE_H
#define REALIP_NETWORK_SOURCE_H

#include <glob.h>
#include <stdio.h>

#include "arena.h"
#include "core/network_set.h"
#include "problems.h"

/* Networks while they are gathered; each entry's label is the index of its origin. Zeroed is an empty list. */
struct realip_network_list {
    struct realip_network_entry *entries;
    struct realip_origin *origins;
    size_t count;
    size_t room;
};

/* Adds one network. 0; or -1 when memory is short. */
int realip_network_list_add(struct realip_network_list *list, const struct realip_network *network,
                            struct realip_origin origin);
void realip_network_list_clear(struct realip_network_list *list);

/* Reads `text` as CIDR or bare address and adds it; `set` names the set in messages. 0; or -1 and one problem added (its
 * origin is the text's). */
int realip_network_source_text(const char *set, const char *text, size_t length, struct realip_origin origin,
                               struct realip_network_list *list, struct realip_problems *problems);

/* What a file was like, besides its networks. */
struct realip_network_file {
    bool is_cut;     /* its last line has no end: as a program leaves it that wrote a part of it */
    bool says_empty; /* a line "# empty": somebody meant it to hold no network */
};

/* Reads one file, one CIDR a line, "#" starts a comment; 64 MiB at most, and 4096 bytes a line with its end. 0; or -1 and problems added, and then `list` may hold the file's
 * other networks. `named_at` is where the configuration names it. Origins' file names live in `arena`. */
int realip_network_source_file(const char *set, const char *path, struct realip_origin named_at, struct realip_arena *arena,
                               struct realip_network_list *list, struct realip_problems *problems,
                               struct realip_network_file *file_r);

/* Does a value of `files` stand for any number of files, or is it the name of one, which must be there? */
bool realip_network_source_is_pattern(const char *text);

/* Looks for the files that a glob(7) pattern matches. 0 and found_r->gl_pathv (to be freed by globfree(3)); 1: none; or -1 and
 * one problem added. */
int realip_network_source_find(const char *set, const char *pattern, struct realip_origin origin, glob_t *found_r,
                               struct realip_problems *problems);

/* Opens a plain file for reading: a device or a pipe might never end, or never begin. NULL and errno when it is none. */
FILE *realip_network_source_open(const char *path);

#endif
