/* config_reader - one configuration file while it is given its meaning, and what all its parts read alike: a word of a
 * few, a number, a switch. A value that makes no sense becomes a problem with its file and line; reading goes on, so
 * that all of them are told at once.
 */
#ifndef REALIP_CONFIG_READER_H
#define REALIP_CONFIG_READER_H

#include "config.h"
#include "config_file.h"
#include "network_source.h"

struct realip_config_reader {
    struct realip_config *config;
    const struct realip_config_file *file;
    struct realip_problems *problems;
    struct realip_sources *sources; /* NULL: nothing is kept of them */
    struct realip_network_list networks[REALIP_SET_COUNT];
};

struct realip_config_word {
    const char *token; /* NULL: the end of a list */
    int value;
};

/* The problem that memory ran out. */
void realip_config_reader_out_of_memory(struct realip_config_reader *reader);

/* `count` things of `size` bytes, zeroed, that live as long as the configuration; NULL when memory is short, which is a
 * problem then. */
void *realip_config_reader_allocate(struct realip_config_reader *reader, size_t count, size_t size);

/* Reads one of a few words; leaves *value_r alone when the key is not there or has another value, which is a problem.
 * The value as written, for its place; or NULL. */
const struct realip_config_value *realip_config_reader_word(struct realip_config_reader *reader,
                                                            const struct realip_config_block *block, const char *key,
                                                            const struct realip_config_word *words, int *value_r);

/* Reads a switch: true, yes, on or their contraries. `otherwise` when it is not there. */
bool realip_config_reader_bool(struct realip_config_reader *reader, const struct realip_config_block *block,
                               const char *key, bool otherwise);

/* Reads a number of `least` to `most`; `otherwise` when it is not there. */
unsigned realip_config_reader_number(struct realip_config_reader *reader, const struct realip_config_block *block,
                                     const char *key, unsigned otherwise, unsigned least, unsigned most);

/* How many values a key has. */
unsigned realip_config_reader_count(const struct realip_config_block *block, const char *key);

#endif
