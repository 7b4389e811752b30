#include "text_reader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "text_module.h"

static realip_text_module_load_t *load; /* NULL: not loaded yet. It stays: what it allocated refers to it. */

/* Below the folder of this module, then beside it, as login/ and auth/ lie beside realip/. */
static void *open_module(void)
{
    static const char *const places[] = { "realip/" REALIP_TEXT_MODULE, "../realip/" REALIP_TEXT_MODULE };
    char path[PATH_MAX];
    void *module = NULL;
    Dl_info here;

    if (dladdr(places, &here) == 0 || here.dli_fname == NULL)
        return NULL;
    const char *slash = strrchr(here.dli_fname, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - here.dli_fname) + 1;
    for (size_t i = 0; module == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
        int length = snprintf(path, sizeof(path), "%.*s%s", (int)folder, here.dli_fname, places[i]);

        if (length > 0 && (size_t)length < sizeof(path))
            module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return module;
}

/* NULL; or what is wrong. */
static const char *load_module(void)
{
    void *module = open_module();
    const char *reason = dlerror();
    const char *version = module == NULL ? NULL : dlsym(module, "realip_text_module_version");
    void *function = module == NULL ? NULL : dlsym(module, "realip_text_module_load");

    if (module == NULL)
        return reason == NULL ? "it is not there" : reason;
    if (version == NULL || function == NULL || strcmp(version, REALIP_TEXT_MODULE_VERSION) != 0)
        return "it is of another version: install all modules of mail-realip together";
    memcpy(&load, &function, sizeof(load)); /* as dlsym(3) has it */
    return NULL;
}

int realip_text_reader_load(const char *path, struct realip_config **config_r, struct realip_problems *problems)
{
    const char *wrong = load == NULL ? load_module() : NULL;

    *config_r = NULL;
    if (wrong != NULL) {
        realip_problems_add(problems, (struct realip_origin){ path, 0 },
                            "cannot be read: realip/" REALIP_TEXT_MODULE ", which reads it for Dovecot, can't be loaded: %s", wrong);
        return -1;
    }
    return load(path, config_r, problems);
}
