#include "race.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define HEAD_START_USECS 250000 /* RFC 8305 section 5: Connection Attempt Delay */

struct race {
    const struct realip_probe_targets *targets;
    struct pollfd runners[REALIP_PROBE_MAX_ADDRESSES]; /* fd -1: it has failed */
    size_t begun;
    size_t running;
    int error;
};

static void give_up(struct race *race, size_t index, int error)
{
    close(race->runners[index].fd);
    race->runners[index].fd = -1;
    race->running--;
    race->error = error;
}

static void begin_next(struct race *race)
{
    const struct realip_probe_target *target = &race->targets->all[race->begun];
    struct pollfd *runner = &race->runners[race->begun++];

    *runner = (struct pollfd){ .fd = socket(target->name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .events = POLLOUT };
    if (runner->fd < 0) {
        race->error = errno;
        return;
    }
    race->running++;
    if (connect(runner->fd, (const struct sockaddr *)(const void *)&target->name, target->size) < 0 && errno != EINPROGRESS)
        give_up(race, race->begun - 1, errno);
}

/* The first that is there, or `begun` where there is none yet. */
static size_t find_winner(struct race *race)
{
    for (size_t i = 0; i < race->begun; i++) {
        int error = 0;
        socklen_t size = sizeof(error);

        if (race->runners[i].fd < 0 || race->runners[i].revents == 0)
            continue;
        if (getsockopt(race->runners[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            error = errno;
        if (error == 0)
            return i;
        give_up(race, i, error);
    }
    return race->begun;
}

/* Begins what is due and waits, until one has won (its index), or none is left or the time is over (-1). */
static int run(struct race *race, long long deadline)
{
    long long next = 0;

    for (;;) {
        long long now = realip_probe_now();
        bool more = race->begun < race->targets->count;

        if (now >= deadline) {
            race->error = ETIMEDOUT;
            return -1;
        }
        if (more && (race->running == 0 || now >= next)) {
            begin_next(race);
            next = now + HEAD_START_USECS;
            continue;
        }
        if (race->running == 0)
            return -1;
        long long until = more && next < deadline ? next : deadline;
        if (poll(race->runners, (nfds_t)race->begun, (int)((until - now) / 1000 + 1)) <= 0)
            continue; /* time for the next one, or a signal */
        size_t winner = find_winner(race);
        if (winner < race->begun)
            return (int)winner;
    }
}

int realip_probe_race(const struct realip_probe_targets *targets, long long deadline, struct realip_probe_connection **connection_r, size_t *index_r,
                      int *error_r)
{
    struct race race = { .targets = targets, .error = ETIMEDOUT };
    int winner = run(&race, deadline);

    *connection_r = NULL;
    *index_r = winner < 0 ? (race.begun == 0 ? 0 : race.begun - 1) : (size_t)winner;
    for (size_t i = 0; i < race.begun; i++) {
        if ((int)i != winner && race.runners[i].fd >= 0)
            close(race.runners[i].fd);
    }
    if (winner >= 0)
        *connection_r = realip_probe_adopt(race.runners[winner].fd, deadline);
    *error_r = winner >= 0 ? ENOMEM : race.error;
    return *connection_r == NULL ? -1 : 0;
}
