#include "scratch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void realip_scratch_make(char *folder)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void realip_scratch_remove(char *folder)
{
    rmdir(folder);
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

void realip_scratch_write(const char *path, const void *bytes, size_t size)
{
    char fresh[80];

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = fopen(fresh, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
    ck_assert_int_eq(rename(fresh, path), 0);
}
