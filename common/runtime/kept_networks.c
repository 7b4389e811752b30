#include "kept_networks.h"

#include <stdlib.h>
#include <string.h>

struct kept_network {
    uint64_t hi;
    uint64_t lo;
    uint32_t text; /* where in the texts its file's name begins */
    uint32_t line;
    uint8_t family;
    uint8_t prefix;
};

struct realip_kept_networks {
    unsigned references;
    struct kept_network *networks;
    size_t count;
    char *texts;
    size_t text_size;
    size_t text_room;
};

static int add_text(struct realip_kept_networks *kept, const char *text, uint32_t *at_r)
{
    size_t size = strlen(text) + 1;

    if (kept->text_room - kept->text_size < size) {
        size_t room = (kept->text_size + size) * 2;
        char *texts = room > UINT32_MAX ? NULL : realloc(kept->texts, room);

        if (texts == NULL)
            return -1;
        kept->texts = texts;
        kept->text_room = room;
    }
    *at_r = (uint32_t)kept->text_size;
    memcpy(kept->texts + kept->text_size, text, size);
    kept->text_size += size;
    return 0;
}

static int fill(struct realip_kept_networks *kept, const struct realip_network_list *list, size_t from)
{
    const char *file = NULL;
    uint32_t text = 0;

    for (size_t i = from; i < list->count; i++) {
        const struct realip_network *network = &list->entries[i].network;

        /* A file's networks, and a node's, stand together and share one text. */
        if (list->origins[i].file != file && add_text(kept, list->origins[i].file, &text) < 0)
            return -1;
        file = list->origins[i].file;
        kept->networks[kept->count++]
            = (struct kept_network){ network->address.hi, network->address.lo, text, list->origins[i].line,
                                     (uint8_t)network->address.family, (uint8_t)network->prefix };
    }
    return 0;
}

struct realip_kept_networks *realip_kept_networks_new(const struct realip_network_list *list, size_t from)
{
    struct realip_kept_networks *kept = calloc(1, sizeof(*kept));
    size_t count = list->count - from;

    if (kept == NULL)
        return NULL;
    kept->references = 1;
    if (count > 0)
        kept->networks = malloc(count * sizeof(*kept->networks));
    if ((count > 0 && kept->networks == NULL) || fill(kept, list, from) < 0)
        realip_kept_networks_release(&kept);
    return kept;
}

struct realip_kept_networks *realip_kept_networks_share(struct realip_kept_networks *kept)
{
    kept->references++;
    return kept;
}

void realip_kept_networks_release(struct realip_kept_networks **kept)
{
    if (*kept != NULL && --(*kept)->references == 0) {
        free((*kept)->networks);
        free((*kept)->texts);
        free(*kept);
    }
    *kept = NULL;
}

size_t realip_kept_networks_count(const struct realip_kept_networks *kept)
{
    return kept->count;
}

bool realip_kept_networks_have(const struct realip_kept_networks *kept, const struct realip_network *network)
{
    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_network *one = &kept->networks[i];

        if (one->hi == network->address.hi && one->lo == network->address.lo && one->family == network->address.family && one->prefix == network->prefix)
            return true;
    }
    return false;
}

int realip_kept_networks_add(const struct realip_kept_networks *kept, struct realip_arena *arena,
                             struct realip_network_list *list)
{
    struct realip_origin origin = { NULL, 0 };
    uint32_t text = 0;

    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_network *one = &kept->networks[i];
        const struct realip_network network = { { one->hi, one->lo, (enum realip_family)one->family }, one->prefix };

        if (origin.file == NULL || one->text != text)
            origin.file = realip_arena_copy(arena, kept->texts + one->text, strlen(kept->texts + one->text));
        text = one->text;
        origin.line = one->line;
        if (origin.file == NULL || realip_network_list_add(list, &network, origin) < 0)
            return -1;
    }
    return 0;
}
