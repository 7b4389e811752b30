/* settings_info - our settings in the form in which Dovecot 2.4 wants them; the same in each module and in
 * settings/librealip_settings.so, by which doveconf knows them. */
#ifndef REALIP_DOVECOT_SETTINGS_INFO_H
#define REALIP_DOVECOT_SETTINGS_INFO_H

#include "compat.h"

/* The names that doveconf looks for. */
extern const char *realip_settings_version;

#if REALIP_COMPAT_HAS_SETTINGS
struct realip_settings_block {
    pool_t pool;
    const char *realip_config;
    const char *realip_rules;
    const char *realip_mode;
};

extern const struct setting_parser_info realip_setting_parser_info;
extern const struct setting_parser_info *realip_settings_set_infos[];
#endif

#endif
