#include <stdio.h>

#include "subcommand.h"

int realip_subcommand_load(const char *path, struct realip_config **config_r)
{
    struct realip_problems problems = { 0 };

    if (realip_config_load(path, config_r, &problems) < 0) {
        fputs(problems.text != NULL ? problems.text : "out of memory\n", stderr);
        realip_problems_clear(&problems);
        return REALIP_EXIT_CONFIG;
    }
    if ((*config_r)->warnings.text != NULL)
        fputs((*config_r)->warnings.text, stderr);
    return 0;
}
