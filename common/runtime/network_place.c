#include "network_place.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *realip_network_place_write(struct realip_arena *arena, const char *file, const char *kind, const char *name)
{
    size_t size = strlen(file) + strlen(kind) + strlen(name) + sizeof("[:]");
    char *text = realip_arena_alloc(arena, size);

    if (text != NULL)
        snprintf(text, size, "%s[%s:%s]", file, kind, name);
    return text;
}

static bool take_word(struct realip_network_place *place, const char *word)
{
    size_t length = strlen(word);

    if (place->detail_length < length || memcmp(place->detail, word, length) != 0)
        return false;
    place->detail += length;
    place->detail_length -= length;
    return true;
}

struct realip_network_place realip_network_place_read(struct realip_origin origin)
{
    struct realip_network_place place = { .line = origin.line };

    if (origin.file == NULL)
        return place;
    size_t length = strlen(origin.file);
    const char *bracket = strrchr(origin.file, '[');
    place.kind = REALIP_PLACE_LINE;
    place.file = origin.file;
    place.file_length = length;
    if (bracket == NULL || origin.file[length - 1] != ']')
        return place;
    place.file_length = (size_t)(bracket - origin.file);
    place.detail = bracket + 1;
    place.detail_length = length - place.file_length - 2;
    place.kind = take_word(&place, "preset:") ? REALIP_PLACE_PRESET
        : take_word(&place, "discover:")      ? REALIP_PLACE_DISCOVERED
                                              : REALIP_PLACE_NODE;
    return place;
}
