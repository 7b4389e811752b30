#include "rules_source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/compiled.h"
#include "text_reader.h"
#include "trusted_networks.h"

/* One state of a file. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

static struct realip_config *rules;
static bool rules_are_compiled;
static struct realip_compiled *compiled;
static char *compiled_path;
static char *text_path;
static struct stamp text_stamp; /* of the last attempt to read, successful or not */
static bool sealed;
static bool text_was_there; /* when that was sealed */
static char *last_problem; /* with the compiled rules: told once */

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

static bool is_there(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0;
}

static void adopt(struct realip_config *fresh, bool is_compiled)
{
    realip_trusted_networks_fill_in(fresh);
    realip_config_free(&rules);
    rules = fresh;
    rules_are_compiled = is_compiled;
}

/* The same problem at each session would fill the log. */
static void tell_once(struct realip_problems *found, struct realip_problems *problems)
{
    if (found->text != NULL && (last_problem == NULL || strcmp(found->text, last_problem) != 0)) {
        struct realip_origin nowhere = { NULL, 0 };

        free(last_problem);
        last_problem = strdup(found->text);
        realip_problems_add(problems, nowhere, "%.*s", (int)strcspn(found->text, "\n"), found->text);
    }
    realip_problems_clear(found);
}

static bool is_of_text(const struct realip_config *config)
{
    return strcmp(config->path, text_path) == 0 || !(sealed ? text_was_there : is_there(text_path));
}

static void look_for_compiled(struct realip_problems *problems)
{
    struct realip_problems found = { 0 };
    struct realip_config *fresh = NULL;

    if (compiled == NULL)
        return;
    if (realip_compiled_refresh(compiled, &fresh, &found) == 0) {
        if (is_of_text(fresh))
            adopt(fresh, true);
        else
            realip_config_free(&fresh);
    }
    /* Without realip-policyd there is no such file, and nothing is wrong. */
    if (rules_are_compiled || (!sealed && is_there(compiled_path)))
        tell_once(&found, problems);
    realip_problems_clear(&found);
}

static void look_at_text(struct realip_problems *problems)
{
    struct stamp stamp = take_stamp(text_path);
    struct realip_config *fresh;

    if (rules != NULL && is_same(&stamp, &text_stamp))
        return;
    text_stamp = stamp;
    if (realip_text_reader_load(text_path, &fresh, problems) == 0)
        adopt(fresh, false);
}

/* Users can have different files by userdb fields: rules of another file never stay in force. */
static bool use_paths(const struct realip_settings *settings)
{
    struct realip_problems found = { 0 };

    if (text_path != NULL && strcmp(text_path, settings->config) == 0 && strcmp(compiled_path, settings->compiled) == 0)
        return true;
    realip_rules_source_close();
    text_path = strdup(settings->config);
    compiled_path = strdup(settings->compiled);
    if (text_path == NULL || compiled_path == NULL) {
        realip_rules_source_close();
        return false;
    }
    if (compiled_path[0] != '\0')
        realip_compiled_open(compiled_path, &compiled, &found); /* no such folder: no compiled rules */
    realip_problems_clear(&found);
    return true;
}

const struct realip_config *realip_rules_source_look(const struct realip_settings *settings,
                                                     struct realip_problems *problems)
{
    if (!use_paths(settings)) {
        realip_problems_add(problems, (struct realip_origin){ settings->config, 0 }, "out of memory");
        return NULL;
    }
    look_for_compiled(problems);
    if (!rules_are_compiled)
        look_at_text(problems);
    return rules;
}

bool realip_rules_source_is_compiled(void)
{
    return rules != NULL && rules_are_compiled;
}

void realip_rules_source_seal(void)
{
    sealed = true;
    text_was_there = text_path != NULL && is_there(text_path);
}

const struct realip_config *realip_rules_source_look_sealed(struct realip_problems *problems)
{
    look_for_compiled(problems);
    return rules;
}

void realip_rules_source_close(void)
{
    realip_config_free(&rules);
    realip_compiled_close(&compiled);
    free(text_path);
    free(compiled_path);
    free(last_problem);
    text_path = compiled_path = last_problem = NULL;
    text_stamp = (struct stamp){ 0 };
    rules_are_compiled = false;
    sealed = false;
}
