#include "text_reader.h"

#include <string.h>

#include "module_loader.h"
#include "text_module.h"

int realip_text_reader_load(const char *path, struct realip_config **config_r, struct realip_problems *problems)
{
    static const struct realip_module module = {
        .file = REALIP_TEXT_MODULE,
        .symbol = "realip_text_module_version",
        .version = REALIP_TEXT_MODULE_VERSION,
        .function = "realip_text_module_load",
    };
    static realip_text_module_load_t *load; /* NULL: not loaded yet */
    const char *reason;
    void *function;

    *config_r = NULL;
    if (load == NULL) {
        if (realip_module_loader_find(&module, &function, &reason) < 0) {
            realip_problems_add(problems, (struct realip_origin){ path, 0 },
                                "cannot be read: realip/" REALIP_TEXT_MODULE ", which reads it for Dovecot, can't be loaded: %s", reason);
            return -1;
        }
        memcpy(&load, &function, sizeof(load)); /* as dlsym(3) has it */
    }
    return load(path, config_r, problems);
}
