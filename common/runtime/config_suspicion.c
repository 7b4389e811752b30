#include "config_suspicion.h"

#include <string.h>

#include "store_place.h"

/* A file beside the store's place: of no use without it. */
static const char *read_store_file(struct realip_config_reader *reader, const struct realip_config_block *block,
                                   const char *key, bool is_of_use, const char *why)
{
    const struct realip_config_value *value = realip_config_value_at(block, key, 0);

    if (value == NULL)
        return NULL;
    if (!is_of_use)
        realip_problems_add(reader->problems, value->origin, "%s is of no use: %s", key, why);
    else if (value->text[0] != '/')
        realip_problems_add(reader->problems, value->origin, "%s = '%s': write the file's whole path, from /", key,
                            value->text);
    return value->text;
}

static void read_store(struct realip_config_reader *reader, const struct realip_config_block *block,
                       struct realip_suspicion *suspicion)
{
    const struct realip_config_value *value = realip_config_value_at(block, "store", 0);
    bool is_shared = value != NULL && strcmp(value->text, "memory") != 0;
    struct realip_store_place *place = realip_config_reader_allocate(reader, 1, sizeof(*place));
    const char *reason = "";

    if (place == NULL)
        return;
    *place = (struct realip_store_place){ .text = NULL };
    if (is_shared && realip_store_place_parse(value->text, &reader->config->arena, place, &reason) < 0)
        realip_problems_add(reader->problems, value->origin, "store = '%s': %s", value->text, reason);
    place->password_file =
        read_store_file(reader, block, "store-password-file", is_shared, "add store = \"redis://HOST:PORT/DATABASE\"");
    place->ca_file = read_store_file(reader, block, "store-ca-file", place->tls,
                                     "it is for store = \"rediss://HOST:PORT/DATABASE\"");
    if (place->password_file != NULL)
        place->password_origin = realip_config_value_at(block, "store-password-file", 0)->origin;
    if (place->user != NULL && place->password_file == NULL)
        realip_problems_add(reader->problems, value->origin,
                            "store = '%s': a user needs a password: add store-password-file = FILE", value->text);
    if (is_shared) {
        place->origin = value->origin;
        suspicion->store = place;
    }
}

void realip_config_suspicion_read(struct realip_config_reader *reader, const struct realip_config_block *root)
{
    static const struct realip_config_word scope_words[] = { { "private", REALIP_SUSPICION_PRIVATE },
                                                             { "all", REALIP_SUSPICION_ALL },
                                                             { NULL, 0 } };
    const struct realip_config_block *block = realip_config_block_at(root, "suspicion", 0);
    struct realip_suspicion *suspicion = &reader->config->suspicion;
    int scope = REALIP_SUSPICION_PRIVATE;

    if (block == NULL)
        return;
    suspicion->configured = true;
    suspicion->origin = realip_config_block_origin(reader->file, "suspicion", block);
    suspicion->distinct_clients = realip_config_reader_number(reader, block, "distinct-clients", 20, 2, 1000000);
    suspicion->window = realip_config_reader_number(reader, block, "window", 3600, 60, 604800);
    realip_config_reader_word(reader, block, "scope", scope_words, &scope);
    suspicion->scope = (enum realip_suspicion_scope)scope;
    read_store(reader, block, suspicion);
    reader->config->rules.suspicion_origin = suspicion->origin;
}
