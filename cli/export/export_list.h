/* export_list - files with one network a line and # for comments, as HAProxy and rspamd read them. */
#ifndef REALIP_CLI_EXPORT_LIST_H
#define REALIP_CLI_EXPORT_LIST_H

#include "export.h"

/* Compares such a file with the networks of these sets. 0; or -1 (see struct realip_export_part). */
int realip_export_list_compare(const struct realip_export *export, const struct realip_export_text *text,
                               struct realip_export_report *report, const char *name, unsigned sets);

/* Compares what words hold that have been found with the networks of these sets; `found` need not be merged. 0; or -1 when memory
 * is short. */
int realip_export_list_compare_found(const struct realip_export *export, struct realip_export_report *report, const char *name,
                                     unsigned sets, struct realip_ranges *found);

#endif
