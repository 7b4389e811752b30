/* export_output - a file that is written beside its place and moved there when it is whole. */
#ifndef REALIP_CLI_EXPORT_OUTPUT_H
#define REALIP_CLI_EXPORT_OUTPUT_H

#include "export.h"

/* Writes one part to `path` (mode 0644), or to standard output where it is "-"; the first line says who wrote it. 0; or -1 with
 * errno, and what was there is still there. */
int realip_export_output_write(const struct realip_export *export, const char *form, const struct realip_export_part *part,
                               const char *path);

#endif
