#include "text_module.h"

const char realip_text_module_version[] = REALIP_TEXT_MODULE_VERSION;

int realip_text_module_load(const char *path, struct realip_config **config_r, struct realip_problems *problems)
{
    return realip_config_load(path, config_r, problems);
}
