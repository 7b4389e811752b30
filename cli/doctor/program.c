#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_OUTPUT (16U << 20)

/* One pipe while it is read. */
struct reading {
    int fd; /* -1: at its end */
    char *text;
    size_t length;
    size_t room;
};

const char *realip_program_find(struct realip_arena *arena, const char *name)
{
    const char *path = getenv("PATH");
    struct realip_words folders =
        realip_text_words(arena,
                          realip_text_format(arena, "%s:/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin:/bin",
                                             path != NULL ? path : ""),
                          ":");

    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0 ? name : NULL;
    for (size_t i = 0; i < folders.count; i++) {
        const char *file = realip_text_format(arena, "%s/%s", folders.items[i], name);

        if (file[0] == '/' && access(file, X_OK) == 0)
            return file;
    }
    return NULL;
}

static long long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The child: its words are read by us, so they are English and plain. */
static void become(const char *const *argv, const int out[2], const int err[2])
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
        _exit(126);
    setenv("LC_ALL", "C", 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* 1: goes on, 0: its end, -1: too much or no memory. */
static int read_some(struct reading *reading)
{
    if (reading->room - reading->length < 65536) {
        char *larger = realloc(reading->text, reading->room + 262144);

        if (larger == NULL)
            return -1;
        reading->text = larger;
        reading->room += 262144;
    }
    ssize_t got = read(reading->fd, reading->text + reading->length, 65536);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : -1;
    if (got == 0) {
        close(reading->fd);
        reading->fd = -1;
        return 0;
    }
    reading->length += (size_t)got;
    return reading->length > MAX_OUTPUT ? -1 : 1;
}

/* Reads both pipes to their ends. NULL, or what went wrong. */
static const char *read_both(struct reading pipes[2], long long deadline)
{
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        struct pollfd polled[2] = { { pipes[0].fd, POLLIN, 0 }, { pipes[1].fd, POLLIN, 0 } };
        long long left = deadline - milliseconds();

        if (left <= 0)
            return "took too long";
        if (poll(polled, 2, (int)left) < 0 && errno != EINTR)
            return strerror(errno);
        for (int i = 0; i < 2; i++) {
            if (polled[i].revents != 0 && pipes[i].fd >= 0 && read_some(&pipes[i]) < 0)
                return "printed more than 16 MiB";
        }
    }
    return NULL;
}

/* Its end, within the time; a program that closed its outputs may still hang. */
static const char *await_end(pid_t child, long long deadline, int *status_r)
{
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(child, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (milliseconds() >= deadline)
            return "took too long";
        poll(NULL, 0, 5);
    }
    *status_r = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return NULL;
}

static const char *copy_of(struct realip_arena *arena, const struct reading *reading)
{
    return realip_text_copy(arena, reading->text != NULL ? reading->text : "", reading->length);
}

int realip_program_run(struct realip_arena *arena, const char *const *argv, unsigned seconds,
                       struct realip_program_output *output_r, const char **reason_r)
{
    struct reading pipes[2] = { { -1, NULL, 0, 0 }, { -1, NULL, 0, 0 } };
    long long deadline = milliseconds() + (long long)seconds * 1000;
    int out[2] = { -1, -1 };
    int err[2] = { -1, -1 };
    pid_t child = -1;
    const char *wrong = NULL;

    if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0)
        child = fork();
    if (child == 0)
        become(argv, out, err);
    wrong = child < 0 ? strerror(errno) : NULL;
    if (out[1] >= 0)
        close(out[1]);
    if (err[1] >= 0)
        close(err[1]);
    pipes[0].fd = out[0];
    pipes[1].fd = err[0];
    if (wrong == NULL)
        wrong = read_both(pipes, deadline);
    if (wrong == NULL)
        wrong = await_end(child, deadline, &output_r->status);
    for (int i = 0; i < 2; i++) {
        if (pipes[i].fd >= 0)
            close(pipes[i].fd);
    }
    if (wrong != NULL && child > 0) {
        kill(-child, SIGKILL);
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    output_r->out = copy_of(arena, &pipes[0]);
    output_r->err = copy_of(arena, &pipes[1]);
    free(pipes[0].text);
    free(pipes[1].text);
    *reason_r = wrong == NULL ? NULL : realip_text_format(arena, "%s %s", argv[0], wrong);
    return wrong == NULL ? 0 : -1;
}
