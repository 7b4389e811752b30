#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One state of a file. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* A mail process serves one user at a time and has one thread. */
static struct realip_config *rules;
static char *rules_path;
static struct stamp rules_stamp; /* of the last attempt to read, successful or not */

static struct stamp take_stamp(const char *path)
{
    struct stamp stamp = { 0 };
    struct stat status;

    if (stat(path, &status) < 0)
        return stamp;
    stamp.device = status.st_dev;
    stamp.inode = status.st_ino;
    stamp.size = status.st_size;
    stamp.changed = status.st_mtim;
    return stamp;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec
        && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Users can have different files by userdb fields: rules of another file never stay in force. */
static void use_path(const char *path)
{
    if (rules_path != NULL && strcmp(rules_path, path) == 0)
        return;
    realip_settings_deinit();
    rules_path = strdup(path);
}

const struct realip_config *realip_settings_rules(struct mail_user *user, struct realip_problems *problems)
{
    const char *path = realip_compat_setting(user, "realip_config");
    struct realip_config *fresh;
    struct stamp stamp;

    if (path == NULL || path[0] == '\0')
        path = REALIP_CONFIG_DEFAULT_PATH;
    use_path(path);
    stamp = take_stamp(path);
    if (rules != NULL && is_same(&stamp, &rules_stamp))
        return rules;
    rules_stamp = stamp;
    if (realip_config_load(path, &fresh, problems) == 0) {
        realip_config_free(&rules);
        rules = fresh;
    }
    return rules;
}

enum realip_mode realip_settings_mode(struct mail_user *user)
{
    const char *mode = realip_compat_setting(user, "realip_mode");

    return mode == NULL ? REALIP_MODE_UNDECIDED : realip_mode_from_token(mode);
}

void realip_settings_deinit(void)
{
    realip_config_free(&rules);
    free(rules_path);
    rules_path = NULL;
}
