#include "stamp.h"

#include <string.h>

/* FNV-1a over words; FNV alone lets high bits of a word touch high bits only. */
static uint64_t add(uint64_t stamp, uint64_t word)
{
    stamp = (stamp ^ word) * UINT64_C(1099511628211);
    return stamp ^ stamp >> 29;
}

uint64_t realip_stamp_text(uint64_t stamp, const char *text)
{
    size_t length = strlen(text);

    stamp = add(stamp, UINT64_C(14695981039346656037) + length);
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t word = 0;

        memcpy(&word, text + i, length - i < sizeof(word) ? length - i : sizeof(word));
        stamp = add(stamp, word);
    }
    return stamp;
}

uint64_t realip_stamp_networks(uint64_t stamp, const struct realip_network_list *list)
{
    const char *file = NULL;
    bool is_node = false;

    stamp = add(stamp, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct realip_network *network = &list->entries[i].network;
        const struct realip_origin *origin = &list->origins[i];

        if (origin->file != NULL && origin->file != file) {
            file = origin->file;
            is_node = file[0] != '\0' && file[strlen(file) - 1] == ']';
            stamp = realip_stamp_text(stamp, file);
        }
        stamp = add(stamp, network->address.hi);
        stamp = add(stamp, network->address.lo);
        stamp = add(stamp, ((uint64_t)network->address.family << 8 | network->prefix) << 32 | (is_node ? 0 : origin->line));
    }
    return stamp;
}
