#include "module_loader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Below the folder of this module, then beside it. NULL: neither is there. */
static void *open_module(const char *file)
{
    static const char *const folders[] = { "realip", "../realip" };
    char path[PATH_MAX];
    void *handle = NULL;
    Dl_info here;

    if (dladdr(folders, &here) == 0 || here.dli_fname == NULL)
        return NULL;
    const char *slash = strrchr(here.dli_fname, '/');
    size_t length_of_folder = slash == NULL ? 0 : (size_t)(slash - here.dli_fname) + 1;
    for (size_t i = 0; handle == NULL && i < sizeof(folders) / sizeof(folders[0]); i++) {
        int length = snprintf(path, sizeof(path), "%.*s%s/%s", (int)length_of_folder, here.dli_fname, folders[i], file);

        if (length > 0 && (size_t)length < sizeof(path))
            handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return handle;
}

int realip_module_loader_find(const struct realip_module *module, void **function_r, const char **reason_r)
{
    void *handle = open_module(module->file);
    const char *reason = handle == NULL ? dlerror() : NULL;
    const char *version = handle == NULL ? NULL : dlsym(handle, module->symbol);

    *function_r = handle == NULL ? NULL : dlsym(handle, module->function);
    *reason_r = NULL;
    if (handle == NULL)
        *reason_r = reason == NULL ? "it is not there" : reason;
    else if (version == NULL || *function_r == NULL || strcmp(version, module->version) != 0)
        *reason_r = "it is of another version: install all modules of mail-realip together";
    return *reason_r == NULL ? 0 : -1;
}
