#include "watch_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 40  /* as the kernel has it */
#define MOST_STEPS 200 /* of one path, those of its links too */

struct walk {
    void (*visit)(void *context, const struct realip_watch_place *place);
    void *context;
    bool is_pattern;
    unsigned steps;
    const char *wrong;
};

/* A place on the way: where we stand, and what is still to go. */
struct step {
    const char *folder; /* "/", "." or a path without a slash at its end */
    const char *name;
    const char *rest; /* behind the name, without slashes in front; "" is the end */
    unsigned links;   /* already followed */
};

static void follow(struct walk *walk, const char *folder, const char *path, unsigned links);

static char *join(struct walk *walk, const char *folder, const char *name)
{
    size_t length = strlen(folder);
    size_t size = length + strlen(name) + 2;
    char *path = malloc(size);

    if (path == NULL) {
        walk->wrong = "out of memory";
        return NULL;
    }
    memcpy(path, folder, length);
    if (length > 0 && path[length - 1] != '/')
        path[length++] = '/';
    memcpy(path + length, name, strlen(name) + 1);
    return path;
}

static struct timespec changed_at(const char *path, struct stat *status_r)
{
    return lstat(path, status_r) < 0 ? (struct timespec){ 0 } : status_r->st_ctim;
}

/* Its own mount point: changes to it from elsewhere are not told to its folder here, as in a container to which one file
 * was given. */
static bool is_mounted(const char *path)
{
    struct statx status;

    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0
        && (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* To the target of a link; its own rest goes behind it. */
static void follow_link(struct walk *walk, const struct step *step, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);

    if (length <= 0 || step->links == MOST_LINKS)
        return;
    target[length] = '\0';
    char *way = join(walk, target, step->rest);
    if (way != NULL)
        follow(walk, target[0] == '/' ? "/" : step->folder, way, step->links + 1);
    free(way);
}

/* A name that is there, or not. It is watched before it is looked at. */
static void take_step(struct walk *walk, const struct step *step)
{
    struct realip_watch_place place = { .path = step->folder, .name = step->name, .is_end = step->rest[0] == '\0' };
    struct stat status = { .st_mode = 0 };
    struct stat of_folder;
    char *path = join(walk, step->folder, step->name);

    if (path == NULL)
        return;
    walk->visit(walk->context, &place);
    place.changed = changed_at(path, &status);
    if (status.st_mode == 0) {
        place.changed = changed_at(step->folder, &of_folder);
        place.is_end = true;
    }
    walk->visit(walk->context, &place);
    if (S_ISLNK(status.st_mode)) {
        follow_link(walk, step, path);
    } else if (S_ISDIR(status.st_mode)) {
        follow(walk, path, step->rest, step->links);
    } else if (status.st_mode != 0 && is_mounted(path)) {
        place.path = path;
        place.name = NULL;
        walk->visit(walk->context, &place);
    }
    free(path);
}

/* Of what a pattern matches: what leads elsewhere. Of plain files the folder's own watch tells. */
static void take_match(struct walk *walk, const struct step *step, const struct realip_watch_place *pattern)
{
    struct realip_watch_place place = *pattern;
    struct stat status = { .st_mode = 0 };
    char *path = join(walk, step->folder, step->name);

    if (path == NULL)
        return;
    place.changed = changed_at(path, &status);
    if (S_ISREG(status.st_mode) && !is_mounted(path))
        walk->visit(walk->context, &place);
    else if (status.st_mode != 0 && (step->rest[0] != '\0' || !S_ISDIR(status.st_mode)))
        take_step(walk, step);
    free(path);
}

static void take_matches(struct walk *walk, const struct step *pattern)
{
    struct realip_watch_place place = { .path = pattern->folder, .name = pattern->name, .is_pattern = true, .is_end = true };
    struct stat status;

    walk->visit(walk->context, &place);
    place.changed = changed_at(pattern->folder, &status);
    walk->visit(walk->context, &place);
    DIR *folder = opendir(pattern->folder);
    if (folder == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct step step = *pattern;

        step.name = entry->d_name;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0
            && fnmatch(pattern->name, entry->d_name, FNM_PERIOD) == 0)
            take_match(walk, &step, &place);
    }
    closedir(folder);
}

/* The folder above one without links in its path. */
static char *above(struct walk *walk, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    bool is_below = strcmp(folder, "/") != 0 && strcmp(folder, ".") != 0 && (slash == NULL || strcmp(slash, "/..") != 0)
        && strcmp(folder, "..") != 0;

    if (!is_below)
        return strcmp(folder, "/") == 0 ? join(walk, "/", "") : join(walk, folder, "..");
    char *path = join(walk, folder, "");
    if (path != NULL)
        path[slash == NULL ? 0 : slash == folder ? 1 : slash - folder] = '\0';
    if (path != NULL && slash == NULL)
        memcpy(path, ".", 2);
    return path;
}

static void take_name(struct walk *walk, const struct step *step)
{
    if (strcmp(step->name, ".") == 0) {
        follow(walk, step->folder, step->rest, step->links);
    } else if (strcmp(step->name, "..") == 0) {
        char *parent = above(walk, step->folder);

        if (parent != NULL)
            follow(walk, parent, step->rest, step->links);
        free(parent);
    } else if (walk->is_pattern && strpbrk(step->name, "*?[\\") != NULL) {
        take_matches(walk, step);
    } else {
        take_step(walk, step);
    }
}

/* Goes on from a folder by what is left of the path. */
static void follow(struct walk *walk, const char *folder, const char *path, unsigned links)
{
    path += strspn(path, "/");
    size_t length = strcspn(path, "/");

    if (length == 0)
        return;
    if (++walk->steps > MOST_STEPS) {
        walk->wrong = "its way is too long";
    } else {
        char *name = strndup(path, length);
        struct step step = { folder, name, path + length + strspn(path + length, "/"), links };

        if (name == NULL)
            walk->wrong = "out of memory";
        else
            take_name(walk, &step);
        free(name);
    }
    walk->steps--;
}

int realip_watch_walk(const char *path, bool is_pattern, void (*visit)(void *context, const struct realip_watch_place *place),
                      void *context, const char **reason_r)
{
    struct walk walk = { .visit = visit, .context = context, .is_pattern = is_pattern };

    follow(&walk, path[0] == '/' ? "/" : ".", path, 0);
    *reason_r = walk.wrong;
    return walk.wrong == NULL ? 0 : -1;
}
