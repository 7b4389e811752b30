#include "export_output.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int print(const struct realip_export *export, const char *form, const struct realip_export_part *part, FILE *out)
{
    fprintf(out, "# Written by realipctl export %s. Changes here are lost: change mail-realip.conf and run it again.\n", form);
    return part->print(export, out);
}

/* Moves a whole file to its place, or takes it away. */
static int finish(FILE *out, bool failed, const char *fresh, const char *path)
{
    int error = errno;

    if (!failed && (ferror(out) != 0 || fflush(out) != 0 || fchmod(fileno(out), 0644) < 0 || fsync(fileno(out)) < 0)) {
        failed = true;
        error = errno;
    }
    if (fclose(out) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    if (!failed && rename(fresh, path) == 0)
        return 0;
    error = failed ? error : errno;
    unlink(fresh);
    errno = error;
    return -1;
}

/* A device or a pipe is written to and never replaced: root's "--to /dev/null" must leave a device behind. */
static bool is_replaceable(const char *path)
{
    struct stat status;

    return stat(path, &status) < 0 || S_ISREG(status.st_mode);
}

static int write_in_place(const struct realip_export *export, const char *form, const struct realip_export_part *part, const char *path)
{
    FILE *out = fopen(path, "we");

    if (out == NULL)
        return -1;
    bool failed = print(export, form, part, out) < 0 || ferror(out) != 0;
    int error = errno;
    if (fclose(out) != 0 && !failed)
        return -1;
    errno = error;
    return failed ? -1 : 0;
}

int realip_export_output_write(const struct realip_export *export, const char *form, const struct realip_export_part *part,
                               const char *path)
{
    char fresh[PATH_MAX];
    char real[PATH_MAX];

    if (strcmp(path, "-") == 0)
        return print(export, form, part, stdout) < 0 || fflush(stdout) != 0 || ferror(stdout) != 0 ? -1 : 0;
    if (!is_replaceable(path))
        return write_in_place(export, form, part, path);
    if (realpath(path, real) != NULL) /* a link stays one: what it leads to is replaced */
        path = real;
    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    FILE *out = fopen(fresh, "we");
    if (out == NULL)
        return -1;
    return finish(out, print(export, form, part, out) < 0, fresh, path);
}
