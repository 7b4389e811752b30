#include "tell_once.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEAD_SIZE 64

/* The master's number and the text: a restart and a change are told anew. */
static const char *make_mark(const struct realip_problems *problems)
{
    uint64_t sum = 0xcbf29ce484222325ULL; /* FNV-1a */

    for (const char *at = problems->text; *at != '\0'; at++)
        sum = (sum ^ (unsigned char)*at) * 0x100000001b3ULL;
    return t_strdup_printf("%ld %016llx\n", (long)getppid(), (unsigned long long)sum);
}

/* 1: it was there; 0: it is now; -1: it can't be. */
static int leave_mark(const char *path, const char *mark)
{
    char before[HEAD_SIZE];
    size_t length = strlen(mark);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t size;
    int result;

    if (fd < 0)
        return -1;
    size = read(fd, before, sizeof(before));
    if (size == (ssize_t)length && memcmp(before, mark, length) == 0)
        result = 1;
    else
        result = ftruncate(fd, 0) == 0 && pwrite(fd, mark, length, 0) == (ssize_t)length ? 0 : -1;
    close(fd);
    return result;
}

bool realip_tell_once(const char *service, const struct realip_problems *problems)
{
    const struct master_service_settings *settings = realip_compat_service_settings();
    int result = -1;

    if (problems->text == NULL)
        return false;
    if (settings != NULL)
        result = leave_mark(t_strdup_printf("%s/realip-told.%s", settings->base_dir, service), make_mark(problems));
    return result == 0 || (result < 0 && realip_compat_clients_of_process() != 1);
}
