/* export_arguments - the command line of `realipctl export`. */
#ifndef REALIP_CLI_EXPORT_ARGUMENTS_H
#define REALIP_CLI_EXPORT_ARGUMENTS_H

#include "export.h"

struct realip_export_arguments {
    const struct realip_export_form *form;
    const char *to;    /* where to write; NULL: --check */
    const char *check; /* what to compare */
    struct realip_export export; /* without its configuration and folder */
};

/* 0; 1: --help has been printed; or -1: what is wrong has been told. */
int realip_export_arguments_read(int argc, char **argv, struct realip_export_arguments *arguments_r);

#endif
