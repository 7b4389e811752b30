/* text_module - what text_reader finds in librealip_text.so. */
#ifndef REALIP_DOVECOT_TEXT_MODULE_H
#define REALIP_DOVECOT_TEXT_MODULE_H

#include "realip-config.h"
#include "runtime/config.h"

#define REALIP_TEXT_MODULE_VERSION PACKAGE_VERSION

/* As realip_config_load(). The configuration may be freed by any copy of realip_config_free(). */
typedef int realip_text_module_load_t(const char *path, struct realip_config **config_r, struct realip_problems *problems);

extern const char realip_text_module_version[];
realip_text_module_load_t realip_text_module_load;

#endif
