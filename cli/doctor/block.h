/* block - files of blocks in braces as a tree: nginx.conf, and what doveconf prints. */
#ifndef REALIP_DOCTOR_BLOCK_H
#define REALIP_DOCTOR_BLOCK_H

#include "core/verdict.h"
#include "text.h"

/* A line `name value`, `name = value`, or a block `name value { … }`. */
struct realip_block {
    const char *name;
    const char *value; /* "" where there is none; quotes are kept off */
    struct realip_origin origin;
    bool is_block;
    struct realip_block *first; /* what stands in it */
    struct realip_block *last;
    struct realip_block *next; /* what stands behind it */
};

/* Reads nginx's syntax: words, each statement ended by ";" or "{ … }"; quotes, "#" comments. Reads what is there to its
 * end, also where it is none: braces that don't match close at the end of the file. *is_whole_r: false then. Never
 * NULL. */
struct realip_block *realip_block_read_nginx(struct realip_arena *arena, const char *file, const char *text,
                                             bool *is_whole_r);

/* Reads Dovecot's: one statement a line, `key = value` or `name value {`, `}` alone; "#" begins a comment
 * line. A line that is none of these is read as far as it goes, and *is_whole_r is false. */
struct realip_block *realip_block_read_dovecot(struct realip_arena *arena, const char *file, const char *text,
                                               bool *is_whole_r);

/* The last child of that name, as the later setting counts; NULL: none. */
const struct realip_block *realip_block_find(const struct realip_block *block, const char *name);

/* As realip_block_find(), and where blocks without a title hold it as a group: "auth_policy { server_url = … }" is
 * auth_policy_server_url (so doveconf 2.4 prints it). */
const struct realip_block *realip_block_find_grouped(const struct realip_block *block, const char *name);

/* Its value; NULL where it is not there. */
const char *realip_block_value(const struct realip_block *block, const char *name);

#endif
