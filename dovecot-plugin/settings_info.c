#include "settings_info.h"

const char *realip_settings_version = DOVECOT_ABI_VERSION;

#if REALIP_COMPAT_HAS_SETTINGS
#include "runtime/compiled.h"

static const struct setting_define defines[] = {
    SETTING_DEFINE_STRUCT_STR_NOVARS("realip_config", realip_config, struct realip_settings_block),
    SETTING_DEFINE_STRUCT_STR_NOVARS("realip_rules", realip_rules, struct realip_settings_block),
    SETTING_DEFINE_STRUCT_ENUM("realip_mode", realip_mode, struct realip_settings_block),
    SETTING_DEFINE_LIST_END,
};

/* Without rules only a monitor lets sessions pass: the first mode is the default. */
static const struct realip_settings_block defaults = {
    .realip_config = REALIP_CONFIG_DEFAULT_PATH,
    .realip_rules = REALIP_COMPILED_DEFAULT_PATH,
    .realip_mode = "enforce:protect:monitor",
};

const struct setting_parser_info realip_setting_parser_info = {
    .name = "realip",
    .defines = defines,
    .defaults = &defaults,
    .struct_size = sizeof(struct realip_settings_block),
    .pool_offset1 = 1 + offsetof(struct realip_settings_block, pool),
};

const struct setting_parser_info *realip_settings_set_infos[] = { &realip_setting_parser_info, NULL };
#endif
