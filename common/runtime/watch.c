#include "watch.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host_networks.h"
#include "watch_walk.h"

#define QUIET_MS 100      /* a burst of changes makes one reading */
#define OPEN_QUIET_MS 500 /* while somebody may be in the middle of writing a file */
#define LATEST_MS 1000    /* changes that never end are read, too */
#define MOST_TURNS 8      /* of events that are taken in at once: who floods us must not hold up the caller */
#define CLOCK_STEP_NS 10000000 /* files get the time of the kernel's last tick, which is a little old */

/* Closing a file that was written says that it is whole. IN_MODIFY and IN_CREATE say that it may become so. */
#define APPEARS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define SETTLED (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)
#define GOING_ON (IN_MODIFY | IN_CREATE)

/* What is looked for in a folder. */
struct interest {
    int folder; /* the watch descriptor */
    char *name; /* NULL: the thing itself */
    bool is_pattern;
};

struct list {
    int *folders;
    size_t count;
};

struct realip_watch {
    int poll; /* of the others: the caller's one descriptor */
    int inotify;
    int timer;
    struct realip_host_events *host; /* NULL: the host's networks are not watched */
    uint64_t host_stamp;
    bool host_pending; /* the kernel told something of them; the stamp will say whether it matters */
    unsigned most;
    struct interest *interests;
    size_t interest_count;
    size_t interest_room;
    struct list now;
    struct list before;
    struct timespec changed; /* the latest change seen on the way to the files */
    char wrong[512];         /* of this naming; "" is nothing */
    char told[512];
    bool pending;      /* the timer runs */
    bool file_pending; /* because of a file */
    long long first; /* of what is pending; milliseconds, CLOCK_MONOTONIC */
    long long due;
};

static int add_to_poll(const struct realip_watch *watch, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };

    return fd < 0 ? -1 : epoll_ctl(watch->poll, EPOLL_CTL_ADD, fd, &event);
}

int realip_watch_new(unsigned most, struct realip_watch **watch_r, struct realip_problems *problems)
{
    struct realip_watch *watch = calloc(1, sizeof(*watch));
    struct realip_origin nowhere = { NULL, 0 };

    *watch_r = NULL;
    if (watch == NULL) {
        realip_problems_add(problems, nowhere, "files are not watched: out of memory; send SIGHUP after each change");
        return -1;
    }
    watch->most = most;
    watch->poll = epoll_create1(EPOLL_CLOEXEC);
    watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int error = errno;
    watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watch->inotify >= 0)
        error = errno;
    if (watch->poll < 0 || add_to_poll(watch, watch->inotify) < 0 || add_to_poll(watch, watch->timer) < 0) {
        realip_problems_add(problems, nowhere,
                            "files are not watched: %s; raise fs.inotify.max_user_instances, or send SIGHUP after each change",
                            strerror(error));
        realip_watch_free(&watch);
        return -1;
    }
    *watch_r = watch;
    return 0;
}

static void clear_interests(struct realip_watch *watch)
{
    for (size_t i = 0; i < watch->interest_count; i++)
        free(watch->interests[i].name);
    watch->interest_count = 0;
}

void realip_watch_free(struct realip_watch **watch)
{
    if (*watch == NULL)
        return;
    clear_interests(*watch);
    free((*watch)->interests);
    free((*watch)->now.folders);
    free((*watch)->before.folders);
    realip_host_events_close(&(*watch)->host);
    const int fds[] = { (*watch)->inotify, (*watch)->timer, (*watch)->poll };
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(*watch);
    *watch = NULL;
}

/* ---- when ------------------------------------------------------------------------------------------------------------ */

static long long now_ms(void)
{
    struct timespec now = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void put_off(struct realip_watch *watch, int quiet)
{
    long long now = now_ms();

    if (!watch->pending)
        watch->first = now;
    watch->pending = true;
    watch->due = now + quiet < watch->first + LATEST_MS ? now + quiet : watch->first + LATEST_MS;
    struct itimerspec when = { .it_value = { watch->due / 1000, watch->due % 1000 * 1000000 } };
    timerfd_settime(watch->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void put_off_for_file(struct realip_watch *watch, int quiet)
{
    watch->file_pending = true;
    put_off(watch, quiet);
}

int realip_watch_host(struct realip_watch *watch, struct realip_problems *problems)
{
    if (realip_host_events_open(&watch->host) == 0 && add_to_poll(watch, realip_host_events_fd(watch->host)) == 0) {
        watch->host_pending = true;
        put_off(watch, QUIET_MS);
        return 0;
    }
    realip_problems_add(problems, (struct realip_origin){ NULL, 0 },
                        "this host's addresses and routes are not watched: %s; allow AF_NETLINK sockets, or send SIGHUP after each change",
                        strerror(errno));
    realip_host_events_close(&watch->host);
    return -1;
}

int realip_watch_fd(const struct realip_watch *watch)
{
    return watch->poll;
}

/* ---- what happened --------------------------------------------------------------------------------------------------- */

static bool has_folder(const struct list *list, int folder)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->folders[i] == folder)
            return true;
    }
    return false;
}

static bool concerns(const struct interest *interest, const struct inotify_event *event)
{
    if (interest->folder != event->wd)
        return false;
    if (event->len == 0 || interest->name == NULL)
        return event->len == 0;
    return interest->is_pattern ? fnmatch(interest->name, event->name, FNM_PERIOD) == 0 : strcmp(interest->name, event->name) == 0;
}

static void take_in(struct realip_watch *watch, const struct inotify_event *event)
{
    bool relevant = (event->mask & (SETTLED | GOING_ON)) != 0;
    bool settled = (event->mask & (SETTLED | IN_ISDIR)) != 0;

    if ((event->mask & IN_Q_OVERFLOW) != 0) { /* anything may have happened */
        put_off_for_file(watch, QUIET_MS);
        return;
    }
    for (size_t i = 0; relevant && i < watch->interest_count; i++) {
        if (concerns(&watch->interests[i], event)) {
            put_off_for_file(watch, settled ? QUIET_MS : OPEN_QUIET_MS);
            return;
        }
    }
}

/* Containers come and go, and routes are told again each time that a router tells them. */
static bool host_has_changed(struct realip_watch *watch)
{
    uint64_t stamp;

    if (!watch->host_pending)
        return false;
    watch->host_pending = false;
    if (realip_host_networks_stamp(&stamp) < 0) /* who reads will tell why */
        return true;
    bool changed = stamp != watch->host_stamp;
    watch->host_stamp = stamp;
    return changed;
}

static void read_host(struct realip_watch *watch)
{
    if (watch->host == NULL || !realip_host_events_read(watch->host))
        return;
    watch->host_pending = true;
    if (!watch->pending) /* else it is due soon, and somebody may still be writing a file */
        put_off(watch, QUIET_MS);
}

int realip_watch_read(struct realip_watch *watch)
{
    union {
        struct inotify_event event; /* for its alignment */
        char bytes[16384];
    } buffer;
    uint64_t expired;
    ssize_t got;

    for (int turns = 0; turns < MOST_TURNS && (got = read(watch->inotify, &buffer, sizeof(buffer))) > 0; turns++) {
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const void *)(buffer.bytes + at);

            take_in(watch, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    read_host(watch);
    if (read(watch->timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
        return 0;
    if (!watch->pending || now_ms() < watch->due)
        return 0;
    bool due = host_has_changed(watch) || watch->file_pending;
    watch->pending = false;
    watch->file_pending = false;
    return due ? 1 : 0;
}

/* ---- where ----------------------------------------------------------------------------------------------------------- */

void realip_watch_begin(struct realip_watch *watch)
{
    clear_interests(watch);
    free(watch->before.folders);
    watch->before = watch->now;
    watch->now = (struct list){ 0 };
    watch->changed = (struct timespec){ 0 };
    watch->wrong[0] = '\0';
}

/* The first of several. */
static void note_wrong(struct realip_watch *watch, const char *folder, const char *reason)
{
    if (watch->wrong[0] == '\0')
        snprintf(watch->wrong, sizeof(watch->wrong), "'%.300s' is not watched: %s; send SIGHUP when something changes there",
                 folder, reason);
}

static int add_folder(struct realip_watch *watch, int folder)
{
    if (has_folder(&watch->now, folder))
        return 0;
    int *folders = realloc(watch->now.folders, (watch->now.count + 1) * sizeof(*folders));
    if (folders == NULL)
        return -1;
    watch->now.folders = folders;
    watch->now.folders[watch->now.count++] = folder;
    return 0;
}

static int add_interest(struct realip_watch *watch, int folder, const char *name, bool is_pattern)
{
    if (watch->interest_count == watch->interest_room) {
        size_t room = watch->interest_room == 0 ? 32 : watch->interest_room * 2;
        struct interest *interests = realloc(watch->interests, room * sizeof(*interests));

        if (interests == NULL)
            return -1;
        watch->interests = interests;
        watch->interest_room = room;
    }
    char *copy = name == NULL ? NULL : strdup(name);
    if (name != NULL && copy == NULL)
        return -1;
    watch->interests[watch->interest_count++] = (struct interest){ folder, copy, is_pattern };
    return 0;
}

static bool is_known(const struct realip_watch *watch, int folder, const char *name, bool is_pattern)
{
    for (size_t i = 0; i < watch->interest_count; i++) {
        const struct interest *known = &watch->interests[i];

        if (known->folder == folder && known->is_pattern == is_pattern && (known->name == NULL) == (name == NULL)
            && (name == NULL || strcmp(known->name, name) == 0))
            return true;
    }
    return false;
}

static const char *why_not(int error)
{
    if (error == ENOSPC)
        return "the limit of watches is reached, raise fs.inotify.max_user_watches";
    return error == EACCES ? "this program's user may not read it, let it" : strerror(error);
}

/* The walk calls this for each thing that it comes by. */
static void on_place(void *context, const struct realip_watch_place *place)
{
    struct realip_watch *watch = context;
    /* On the way only names matter: others may write much in such a folder. */
    uint32_t events = (place->is_end ? SETTLED | GOING_ON : APPEARS) | IN_EXCL_UNLINK | IN_MASK_ADD;

    if (place->changed.tv_sec > watch->changed.tv_sec
        || (place->changed.tv_sec == watch->changed.tv_sec && place->changed.tv_nsec > watch->changed.tv_nsec))
        watch->changed = place->changed;
    int folder = inotify_add_watch(watch->inotify, place->path, place->name == NULL ? events : events | IN_ONLYDIR);
    if (folder < 0) {
        /* One on the way that can be passed and not read hides little: what it leads to is watched. */
        if (errno != ENOENT && errno != ENOTDIR && (place->is_end || errno != EACCES))
            note_wrong(watch, place->path, why_not(errno));
        return;
    }
    if (watch->now.count >= watch->most && !has_folder(&watch->now, folder)) {
        (void)inotify_rm_watch(watch->inotify, folder);
        note_wrong(watch, place->path, "it is one folder too many");
        return;
    }
    if (add_folder(watch, folder) < 0
        || (!is_known(watch, folder, place->name, place->is_pattern)
            && add_interest(watch, folder, place->name, place->is_pattern) < 0))
        note_wrong(watch, place->path, "out of memory");
}

void realip_watch_add(struct realip_watch *watch, const char *path, bool is_pattern)
{
    const char *reason;

    if (realip_watch_walk(path, is_pattern, on_place, watch, &reason) < 0)
        note_wrong(watch, path, reason);
}

static long long nanoseconds(const struct timespec *time)
{
    return (long long)time->tv_sec * 1000000000 + time->tv_nsec;
}

int realip_watch_end(struct realip_watch *watch, const struct timespec *since, struct realip_problems *problems)
{
    bool any_new = false;

    for (size_t i = 0; i < watch->before.count; i++) {
        if (!has_folder(&watch->now, watch->before.folders[i]))
            (void)inotify_rm_watch(watch->inotify, watch->before.folders[i]); /* which may have ended with its folder */
    }
    for (size_t i = 0; i < watch->now.count; i++)
        any_new = any_new || !has_folder(&watch->before, watch->now.folders[i]);
    /* The second condition may be true for as long as a file's time lies ahead of ours; the first one is so but once. */
    if (any_new && nanoseconds(&watch->changed) >= nanoseconds(since) - CLOCK_STEP_NS)
        put_off_for_file(watch, QUIET_MS);
    bool is_news = watch->wrong[0] != '\0' && strcmp(watch->wrong, watch->told) != 0;
    memcpy(watch->told, watch->wrong, sizeof(watch->told));
    if (is_news)
        realip_problems_add(problems, (struct realip_origin){ NULL, 0 }, "%s", watch->wrong);
    return is_news ? -1 : 0;
}
