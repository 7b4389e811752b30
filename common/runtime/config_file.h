/* config_file - the grammar of mail-realip.conf (libconfuse), as values that remember their line.
 *
 * libconfuse knows blocks, lists, quotes and comments; every value is kept here as text with its line, so that whoever
 * gives it a meaning can say where it stands.
 */
#ifndef REALIP_CONFIG_FILE_H
#define REALIP_CONFIG_FILE_H

#include "arena.h"
#include "problems.h"

struct realip_config_value {
    const char *text;
    struct realip_origin origin;
};

struct realip_config_file;
struct realip_config_block;

/* Reads a file. 0 and *file_r; or -1, *file_r NULL and at least one problem added: it can't be read, is no text, larger
 * than 16 MiB, has unknown keys, blocks or keys that stand twice, or is no well-formed text. Texts and origins live in
 * `arena`. Not for two threads at once (libconfuse has one scanner). */
int realip_config_file_read(const char *path, struct realip_arena *arena, struct realip_problems *problems,
                            struct realip_config_file **file_r);
void realip_config_file_free(struct realip_config_file **file);

/* The text, its comments made spaces. */
const char *realip_config_file_text(const struct realip_config_file *file);

/* The top level as a block; lives as long as the file. */
const struct realip_config_block *realip_config_file_root(const struct realip_config_file *file);

/* Blocks of a kind ("listener", "networks", …) inside a block, by index from 0 in the file's order; NULL behind the last. */
const struct realip_config_block *realip_config_block_at(const struct realip_config_block *parent, const char *kind,
                                                         unsigned index);

/* The title, or NULL for a block without one; and the place of its first line. */
const char *realip_config_block_title(const struct realip_config_block *block);
struct realip_origin realip_config_block_origin(const struct realip_config_file *file, const char *kind,
                                                const struct realip_config_block *block);

/* Values of a key by index from 0; NULL behind the last (so for a key that was not given). */
const struct realip_config_value *realip_config_value_at(const struct realip_config_block *block, const char *key,
                                                         unsigned index);

#endif
