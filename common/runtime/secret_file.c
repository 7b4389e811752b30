#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As much as there is, up to `size`; without a buffer of stdio's, which would keep the secret. Bytes, or -1. */
static ssize_t read_some(int fd, char *text, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(fd, text + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

/* What is wrong with the first line, and the mend; or NULL, and the line ends with a NUL in place of its end. A secret that is cut would be another one,
 * and the server would only say that it is wrong. */
static const char *cut_line(char *text, size_t length)
{
    char *end = memchr(text, '\n', length);
    size_t size = end == NULL ? length : (size_t)(end - text);

    if (size > 0 && text[size - 1] == '\r')
        size--;
    if (size > REALIP_SECRET_FILE_MOST)
        return "has a first line of more than 1023 bytes: put a shorter secret there";
    if (memchr(text, '\0', size) != NULL)
        return "holds a zero byte: write the secret as text, `openssl rand -hex 24` makes a good one";
    text[size] = '\0';
    return NULL;
}

/* 0; or -1 and one problem added. */
static int read_line(int fd, const char *path, const char *what, struct realip_origin origin, char *text, size_t size, struct realip_problems *problems)
{
    struct stat status;
    ssize_t length = fstat(fd, &status) < 0 ? -1 : read_some(fd, text, size - 1);
    const char *fault;

    if (length < 0)
        realip_problems_add(problems, origin, "%s '%s' cannot be read: %s", what, path, strerror(errno));
    else if ((status.st_mode & 07) != 0)
        realip_problems_add(problems, origin, "%s '%s' can be read by others: chmod 0640 it", what, path);
    else if ((fault = cut_line(text, (size_t)length)) != NULL)
        realip_problems_add(problems, origin, "%s '%s' %s", what, path, fault);
    else
        return 0;
    return -1;
}

int realip_secret_file_read(const char *path, const char *what, struct realip_origin origin, char **secret_r, struct realip_problems *problems)
{
    char text[REALIP_SECRET_FILE_MOST + 4] = ""; /* one byte too many is seen, the line's end, and a NUL */
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *secret_r = NULL;
    if (fd < 0) {
        realip_problems_add(problems, origin, "%s '%s' cannot be read: %s", what, path, strerror(errno));
        return -1;
    }
    if (read_line(fd, path, what, origin, text, sizeof(text), problems) == 0 && (*secret_r = strdup(text)) == NULL)
        realip_problems_add(problems, origin, "out of memory");
    close(fd);
    explicit_bzero(text, sizeof(text));
    return *secret_r == NULL ? -1 : 0;
}
