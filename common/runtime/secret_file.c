#include "secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int realip_secret_file_read(const char *path, const char *what, struct realip_origin origin, char **secret_r, struct realip_problems *problems)
{
    FILE *file = fopen(path, "re");
    struct stat status;
    char line[REALIP_SECRET_FILE_MOST] = "";

    *secret_r = NULL;
    if (file == NULL) {
        realip_problems_add(problems, origin, "%s '%s' cannot be read: %s", what, path, strerror(errno));
        return -1;
    }
    if (fgets(line, sizeof(line), file) != NULL)
        line[strcspn(line, "\r\n")] = '\0';
    bool is_open = fstat(fileno(file), &status) < 0 || (status.st_mode & 07) != 0;
    fclose(file);
    if (is_open)
        realip_problems_add(problems, origin, "%s '%s' can be read by others: chmod 0640 it", what, path);
    else if ((*secret_r = strdup(line)) == NULL)
        realip_problems_add(problems, origin, "out of memory");
    explicit_bzero(line, sizeof(line));
    return *secret_r == NULL ? -1 : 0;
}
