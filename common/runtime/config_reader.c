#include "config_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void realip_config_reader_out_of_memory(struct realip_config_reader *reader)
{
    realip_problems_add(reader->problems, (struct realip_origin){ reader->config->path, 0 }, "out of memory");
}

/* Memory of the configuration's lifetime; says so itself when there is none. */
void *realip_config_reader_allocate(struct realip_config_reader *reader, size_t count, size_t size)
{
    void *memory = realip_arena_alloc(&reader->config->arena, (count == 0 ? 1 : count) * size);

    if (memory == NULL)
        realip_config_reader_out_of_memory(reader);
    return memory;
}

/* Reads one of a few words; leaves *value_r alone when the key is not there. Returns the value's place or NULL. */
const struct realip_config_value *realip_config_reader_word(struct realip_config_reader *reader,
                                                            const struct realip_config_block *block, const char *key,
                                                            const struct realip_config_word *words, int *value_r)
{
    const struct realip_config_value *value = realip_config_value_at(block, key, 0);
    char known[256] = "";

    if (value == NULL)
        return NULL;
    for (const struct realip_config_word *word = words; word->token != NULL; word++) {
        if (strcmp(word->token, value->text) == 0) {
            *value_r = word->value;
            return value;
        }
        if (word != words)
            strncat(known, word[1].token == NULL ? " or " : ", ", sizeof(known) - strlen(known) - 1);
        strncat(known, word->token, sizeof(known) - strlen(known) - 1);
    }
    realip_problems_add(reader->problems, value->origin, "%s = '%s': it is %s", key, value->text, known);
    return NULL;
}

bool realip_config_reader_bool(struct realip_config_reader *reader, const struct realip_config_block *block,
                               const char *key, bool otherwise)
{
    static const struct realip_config_word words[] = { { "true", 1 }, { "false", 0 }, { "yes", 1 }, { "no", 0 },
                                                       { "on", 1 },   { "off", 0 },   { NULL, 0 } };
    int value = otherwise ? 1 : 0;

    realip_config_reader_word(reader, block, key, words, &value);
    return value != 0;
}

unsigned realip_config_reader_number(struct realip_config_reader *reader, const struct realip_config_block *block,
                                     const char *key, unsigned otherwise, unsigned least, unsigned most)
{
    const struct realip_config_value *value = realip_config_value_at(block, key, 0);
    char *end;

    if (value == NULL)
        return otherwise;
    errno = 0;
    unsigned long number = strtoul(value->text, &end, 10);
    if (errno != 0 || *end != '\0' || value->text[0] < '0' || value->text[0] > '9' || number < least || number > most) {
        realip_problems_add(reader->problems, value->origin, "%s = '%s': it is a number of %u to %u", key, value->text,
                            least, most);
        return otherwise;
    }
    return (unsigned)number;
}

unsigned realip_config_reader_count(const struct realip_config_block *block, const char *key)
{
    unsigned count = 0;

    while (realip_config_value_at(block, key, count) != NULL)
        count++;
    return count;
}
