#include "plugin_settings.h"

#include <stdlib.h>

#include "runtime/compiled.h"

#if REALIP_COMPAT_HAS_SETTINGS
#include "settings_info.h"

static void read_own(struct event *event, struct realip_settings *settings_r)
{
    const struct realip_settings_block *block;
    const char *error;

    if (settings_get(event, &realip_setting_parser_info, 0, &block, &error) < 0) {
        e_error(event, "realip: the settings can't be read: %s", error);
        return;
    }
    settings_r->config = t_strdup(block->realip_config);
    settings_r->compiled = t_strdup(block->realip_rules);
    settings_r->mode = realip_mode_from_token(block->realip_mode);
    settings_free(block);
}
#else
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL ? "" : value;
}

static void read_own(struct event *event, struct realip_settings *settings_r)
{
    const char *compiled = getenv("REALIP_RULES");

    (void)event;
    settings_r->config = environment("REALIP_CONFIG");
    settings_r->compiled = compiled == NULL ? REALIP_COMPILED_DEFAULT_PATH : compiled;
    settings_r->mode = realip_mode_from_token(environment("REALIP_MODE"));
}
#endif

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

void realip_settings_read(struct event *event, const char *config, const char *compiled, const char *mode,
                          struct realip_settings *settings_r)
{
    *settings_r = (struct realip_settings){ .config = "", .compiled = "", .mode = REALIP_MODE_UNDECIDED };
    read_own(event, settings_r);
    if (is_given(config))
        settings_r->config = config;
    if (is_given(compiled))
        settings_r->compiled = compiled;
    if (is_given(mode))
        settings_r->mode = realip_mode_from_token(mode);
    if (!is_given(settings_r->config))
        settings_r->config = REALIP_CONFIG_DEFAULT_PATH;
}
