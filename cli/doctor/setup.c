#include "setup.h"

#include <string.h>

void realip_setup_fail(struct realip_setup *setup, const char *what, const char *why)
{
    realip_words_add(&setup->arena, &setup->failures, realip_text_format(&setup->arena, "%s: %s", what, why));
}

void realip_settings_add(struct realip_arena *arena, struct realip_settings *settings, const char *name,
                         const char *value, struct realip_origin origin)
{
    settings->items = realip_text_grow(arena, settings->items, settings->count, sizeof(*settings->items));
    settings->items[settings->count++] = (struct realip_setting){ name, value, origin };
}

const struct realip_setting *realip_settings_find(const struct realip_settings *settings, const char *name)
{
    for (size_t i = settings->count; i > 0; i--) {
        if (strcmp(settings->items[i - 1].name, name) == 0)
            return &settings->items[i - 1];
    }
    return NULL;
}

bool realip_host_is_here(const struct realip_host *host, const struct realip_address *address)
{
    if (realip_address_is_loopback(address))
        return true;
    for (size_t i = 0; i < host->address_count; i++) {
        if (realip_address_equal(&host->addresses[i].address, address))
            return true;
    }
    return false;
}

void realip_setup_free(struct realip_setup *setup)
{
    realip_config_free(&setup->rules.config);
    realip_arena_clear(&setup->arena);
}
