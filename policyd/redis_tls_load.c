#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "redis_tls.h"

#define MODULE "realip_redis_tls.so"

/* The module of a program that was built and not installed: where libtool puts it. */
static void *load_beside(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("/.libs/" MODULE));

    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    strcpy(slash, "/.libs/" MODULE);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

const struct realip_redis_tls *realip_redis_tls_load(const char **reason_r)
{
    void *module = load_beside();

    if (module == NULL)
        module = dlopen(REALIP_PKGLIBDIR "/" MODULE, RTLD_NOW | RTLD_LOCAL);
    const struct realip_redis_tls *calls = module == NULL ? NULL : dlsym(module, "realip_redis_tls");
    if (calls == NULL)
        *reason_r = dlerror();
    return calls;
}
