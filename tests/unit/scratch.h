/* scratch - a folder for the files of one test. */
#ifndef REALIP_SCRATCH_H
#define REALIP_SCRATCH_H

#include <stddef.h>

/* Makes it. `folder` ends in XXXXXX, as mkdtemp(3) wants it, and has its name then. */
void realip_scratch_make(char *folder);

/* Removes it, which must be empty, and readies `folder` for the next test. */
void realip_scratch_remove(char *folder);

/* Writes a file beside itself and renames it, so that nobody sees half of it. `path` has at most 75 bytes. */
void realip_scratch_write(const char *path, const void *bytes, size_t size);

#endif
