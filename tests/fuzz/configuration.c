/* Fuzzer: mail-realip.conf, read whole into rules. The file system is kept out: a configuration can name any file of the
 * machine, and what stands in those is no matter of this text. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/config.h"
#include "runtime/name_pattern.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* The linker puts these in the place of the C library's (--wrap). */
int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found_r);
int __wrap_open(const char *path, int flags, ...);

int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found_r)
{
    (void)pattern;
    (void)flags;
    (void)error;
    memset(found_r, 0, sizeof(*found_r));
    return GLOB_NOMATCH;
}

int __wrap_open(const char *path, int flags, ...)
{
    (void)path;
    (void)flags;
    errno = ENOENT;
    return -1;
}

/* The patterns that the text made are asked, too; what matches must be one of them. */
static void check_patterns(const struct realip_name_pattern *list)
{
    struct realip_origin origin;
    unsigned count = 0;

    while (realip_name_pattern_at(list, count, &origin) != NULL)
        count++;
    if (realip_name_pattern_match(list, "k8s-node7.px.test") != NULL && count == 0)
        abort();
    if (realip_name_pattern_match(list, "unknown") != NULL || realip_name_pattern_match(list, NULL) != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static int file = -1;
    static char path[64];
    struct realip_problems problems = { 0 };
    struct realip_config *config = NULL;

    if (file < 0) {
        file = memfd_create("configuration", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    }
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    if (realip_config_load(path, &config, &problems) == 0) {
        if (config == NULL || problems.text != NULL)
            abort();
        check_patterns(config->client_names);
    } else if (config != NULL || problems.text == NULL || problems.text[0] == '\0') {
        abort(); /* a refusal must say why */
    }
    realip_config_free(&config);
    realip_problems_clear(&problems);
    return 0;
}
