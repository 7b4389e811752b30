#include "sources.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "kept_networks.h"
#include "kubernetes_nodes.h"
#include "log.h"

enum kind { KIND_UNKNOWN = 0, KIND_FILES, KIND_NODES };

struct file {
    char *path;
    struct realip_kept_networks *networks;
    bool is_cut;
    long long modified; /* 0: not known */
};

struct item {
    enum realip_set set;
    enum kind kind;
    char *text;
    struct file *files;
    size_t file_count;
    size_t networks;
    long long modified; /* of its newest file; 0: it has none */
    long long last_read;
    char *stale;  /* the reason, or NULL */
    char *blame;  /* why its last content is taken whatever it holds now, or NULL */
    size_t first; /* what it gave stands in the set's list from here on */
    size_t end;
};

struct realip_sources {
    const struct realip_sources *last;
    long long now;
    struct item *items;
    size_t count;
    size_t room;
    struct item *blamed; /* the items as they were when the load was begun again */
    size_t blamed_count;
    bool is_blamed; /* one, since the load was begun, or begun again */
};

/* One source while it is read. */
struct reading {
    struct item *item;       /* NULL: nothing is kept */
    const struct item *last; /* NULL: nothing to fall back upon */
    enum kind kind;
    enum realip_set set;
    struct realip_origin origin;
    const struct realip_sources_target *target;
};

/* ---- items ----------------------------------------------------------------------------------------------------------- */

static const struct item *find_among(const struct item *items, size_t count, enum realip_set set, enum kind kind, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].set == set && items[i].kind == kind && strcmp(items[i].text, text) == 0)
            return &items[i];
    }
    return NULL;
}

static const struct item *find_item(const struct realip_sources *sources, enum realip_set set, enum kind kind, const char *text)
{
    return sources == NULL ? NULL : find_among(sources->items, sources->count, set, kind, text);
}

static const struct file *find_file(const struct item *item, const char *path)
{
    for (size_t i = 0; item != NULL && i < item->file_count; i++) {
        if (strcmp(item->files[i].path, path) == 0)
            return &item->files[i];
    }
    return NULL;
}

static struct item *add_item(struct realip_sources *sources, enum realip_set set, enum kind kind, const char *text)
{
    char *copy = strdup(text);

    if (copy != NULL && sources->count == sources->room) {
        size_t room = sources->room == 0 ? 8 : sources->room * 2;
        struct item *items = realloc(sources->items, room * sizeof(*items));

        if (items == NULL) {
            free(copy);
            return NULL;
        }
        sources->items = items;
        sources->room = room;
    }
    if (copy == NULL)
        return NULL;
    sources->items[sources->count] = (struct item){ .set = set, .kind = kind, .text = copy, .last_read = sources->now };
    return &sources->items[sources->count++];
}

static void clear_item(struct item *item)
{
    for (size_t i = 0; i < item->file_count; i++) {
        realip_kept_networks_release(&item->files[i].networks);
        free(item->files[i].path);
    }
    free(item->files);
    free(item->text);
    free(item->stale);
    free(item->blame);
}

static void free_items(struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        clear_item(&items[i]);
    free(items);
}

struct realip_sources *realip_sources_new(const struct realip_sources *last, long long now)
{
    struct realip_sources *sources = calloc(1, sizeof(*sources));

    if (sources != NULL) {
        sources->last = last;
        sources->now = now;
    }
    return sources;
}

void realip_sources_free(struct realip_sources **sources)
{
    if (*sources == NULL)
        return;
    free_items((*sources)->items, (*sources)->count);
    free_items((*sources)->blamed, (*sources)->blamed_count);
    free(*sources);
    *sources = NULL;
}

/* ---- reading one source ---------------------------------------------------------------------------------------------- */

static int add_out_of_memory(const struct reading *reading)
{
    realip_problems_add(reading->target->problems, reading->origin, "networks %s: out of memory",
                        realip_set_token(reading->set));
    return -1;
}

/* Takes over the caller's reference, also when memory is short; NULL: it was short already. */
static int add_file(const struct reading *reading, const char *path, struct realip_kept_networks *networks, bool is_cut,
                    long long modified)
{
    struct item *item = reading->item;
    char *copy = strdup(path);
    struct file *files = NULL;

    if (copy != NULL && networks != NULL)
        files = realloc(item->files, (item->file_count + 1) * sizeof(*files));
    if (files == NULL) {
        free(copy);
        realip_kept_networks_release(&networks);
        return add_out_of_memory(reading);
    }
    item->files = files;
    item->files[item->file_count++] = (struct file){ copy, networks, is_cut, modified };
    item->networks += realip_kept_networks_count(networks);
    if (modified > item->modified)
        item->modified = modified;
    return 0;
}

static int remember(const struct reading *reading, const char *path, size_t from, bool is_cut, long long modified)
{
    if (reading->item == NULL)
        return 0;
    return add_file(reading, path, realip_kept_networks_new(reading->target->list, from), is_cut, modified);
}

/* The first reason of several. */
static int turn_stale(const struct reading *reading, const struct realip_problems *found)
{
    const char *text = found->text == NULL ? "memory was short" : found->text;

    reading->item->last_read = reading->last->last_read;
    if (reading->item->stale == NULL)
        reading->item->stale = strndup(text, strcspn(text, "\n"));
    return reading->item->stale == NULL ? add_out_of_memory(reading) : 0;
}

/* Falls back upon what the file gave last; one that is new and wrong gives nothing, and its pattern's other files go on. */
static int keep(const struct reading *reading, const struct file *last, const struct realip_problems *found)
{
    if (turn_stale(reading, found) < 0)
        return -1;
    if (last == NULL)
        return 0;
    if (add_file(reading, last->path, realip_kept_networks_share(last->networks), last->is_cut, last->modified) < 0)
        return -1;
    if (realip_kept_networks_add(last->networks, reading->target->arena, reading->target->list) < 0)
        return add_out_of_memory(reading);
    return 0;
}

/* What has just been read well may still be less than it was, or will be. `last` NULL: the file is new. 0; or -1 and one
 * problem added. */
static int compare(const struct reading *reading, const char *path, const struct file *last, size_t count,
                   const struct realip_network_file *file, struct realip_problems *found)
{
    struct realip_origin at = { path, 0 };

    if (count == 0 && file->says_empty)
        return 0;
    if (last != NULL && count == 0 && realip_kept_networks_count(last->networks) > 0) {
        realip_problems_add(found, at, "has no network any more; write a line '# empty' into it if that is meant");
        return -1;
    }
    /* The half of an address may be another host's. */
    if (reading->kind == KIND_FILES && file->is_cut && (last == NULL || !last->is_cut)) {
        realip_problems_add(found, at, "ends in the middle of a line, as if it was cut off; end its last line, or write it whole beside and rename it");
        return -1;
    }
    return 0;
}

/* Asked before it is read: one that is replaced meanwhile looks older than it is, until it is read again, and never newer. */
static long long modified_at(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (long long)status.st_mtim.tv_sec : 0;
}

static int read_one(const struct reading *reading, const char *path)
{
    const struct realip_sources_target *target = reading->target;
    const struct file *last = find_file(reading->last, path);
    struct realip_problems found = { 0 };
    struct realip_problems *problems = reading->last == NULL ? target->problems : &found;
    struct realip_network_file file = { 0 };
    const char *set = realip_set_token(reading->set);
    size_t from = target->list->count;
    long long modified = modified_at(path);
    int result;

    if (reading->kind == KIND_NODES)
        result = realip_kubernetes_nodes_read(set, path, reading->origin, reading->set == REALIP_SET_INFRASTRUCTURE,
                                              target->arena, target->list, problems, target->warnings);
    else
        result = realip_network_source_file(set, path, reading->origin, target->arena, target->list, problems, &file);
    if (result == 0 && reading->last != NULL)
        result = compare(reading, path, last, target->list->count - from, &file, problems);
    if (result == 0) {
        result = remember(reading, path, from, file.is_cut, modified);
    } else {
        target->list->count = from;
        if (reading->last != NULL)
            result = keep(reading, last, &found);
    }
    realip_problems_clear(&found);
    return result;
}

static int keep_all(const struct reading *reading, const struct realip_problems *found)
{
    if (turn_stale(reading, found) < 0)
        return -1;
    for (size_t i = 0; i < reading->last->file_count; i++) {
        if (keep(reading, &reading->last->files[i], found) < 0)
            return -1;
    }
    return 0;
}

static int find_nothing(const struct reading *reading, const char *pattern)
{
    const char *set = realip_set_token(reading->set);
    struct realip_problems found = { 0 };

    if (reading->last == NULL || reading->last->networks == 0) {
        realip_problems_add(reading->target->warnings, reading->origin, "networks %s: no file matches '%s'", set, pattern);
        return 0;
    }
    realip_problems_add(&found, reading->origin, "networks %s: no file matches '%s' any more; take it out of files if that is meant",
                        set, pattern);
    int result = keep_all(reading, &found);
    realip_problems_clear(&found);
    return result;
}

static int read_pattern(const struct reading *reading, const char *pattern)
{
    struct realip_problems found = { 0 };
    glob_t paths;
    int result = realip_network_source_find(realip_set_token(reading->set), pattern, reading->origin, &paths,
                                            reading->last == NULL ? reading->target->problems : &found);

    if (result == 0) {
        for (size_t i = 0; i < paths.gl_pathc; i++) {
            if (read_one(reading, paths.gl_pathv[i]) < 0)
                result = -1;
        }
        globfree(&paths);
    } else if (result > 0) {
        result = find_nothing(reading, pattern);
    } else if (reading->last != NULL) {
        result = keep_all(reading, &found);
    }
    realip_problems_clear(&found);
    return result;
}

/* Content that contradicts the rest: what was there before stays. */
static int keep_blamed(const struct reading *reading, const char *why)
{
    struct realip_problems found = { 0 };

    reading->item->blame = strdup(why);
    if (reading->item->blame == NULL)
        return add_out_of_memory(reading);
    realip_problems_add(&found, (struct realip_origin){ NULL, 0 }, "%s", why);
    int result = keep_all(reading, &found);
    realip_problems_clear(&found);
    return result;
}

static int read_content(const struct realip_sources *sources, const struct reading *reading, const char *text)
{
    const struct item *blamed = sources == NULL ? NULL : find_among(sources->blamed, sources->blamed_count, reading->set, reading->kind, text);

    if (blamed != NULL && blamed->blame != NULL)
        return keep_blamed(reading, blamed->blame);
    if (reading->kind == KIND_FILES && realip_network_source_is_pattern(text))
        return read_pattern(reading, text);
    return read_one(reading, text);
}

static int read_source(struct realip_sources *sources, const struct reading *plan, const char *text)
{
    struct reading reading = *plan;

    if (sources != NULL) {
        if (find_item(sources, reading.set, reading.kind, text) != NULL)
            return 0;
        reading.last = find_item(sources->last, reading.set, reading.kind, text);
        reading.item = add_item(sources, reading.set, reading.kind, text);
        if (reading.item == NULL)
            return add_out_of_memory(&reading);
        reading.item->first = reading.target->list->count;
    }
    int result = read_content(sources, &reading, text);
    if (reading.item != NULL)
        reading.item->end = reading.target->list->count;
    return result;
}

int realip_sources_read_files(struct realip_sources *sources, enum realip_set set, const char *pattern,
                              struct realip_origin origin, const struct realip_sources_target *target)
{
    const struct reading plan = { .kind = KIND_FILES, .set = set, .origin = origin, .target = target };

    return read_source(sources, &plan, pattern);
}

int realip_sources_read_nodes(struct realip_sources *sources, enum realip_set set, const char *path,
                              struct realip_origin origin, const struct realip_sources_target *target)
{
    const struct reading plan = { .kind = KIND_NODES, .set = set, .origin = origin, .target = target };

    return read_source(sources, &plan, path);
}

/* ---- contradictions -------------------------------------------------------------------------------------------------- */

static struct item *item_at(struct realip_sources *sources, enum realip_set set, size_t index)
{
    for (size_t i = 0; i < sources->count; i++) {
        if (sources->items[i].set == set && index >= sources->items[i].first && index < sources->items[i].end)
            return &sources->items[i];
    }
    return NULL;
}

static bool had(const struct item *last, const struct realip_network *network)
{
    for (size_t i = 0; i < last->file_count; i++) {
        if (realip_kept_networks_have(last->files[i].networks, network))
            return true;
    }
    return false;
}

void realip_sources_blame(struct realip_sources *sources, enum realip_set set, size_t index, const struct realip_network *network,
                          const char *why)
{
    struct item *item = sources == NULL ? NULL : item_at(sources, set, index);
    const struct item *last = item == NULL ? NULL : find_item(sources->last, set, item->kind, item->text);

    if (last == NULL || item->blame != NULL || had(last, network))
        return;
    item->blame = strndup(why, strcspn(why, "\n"));
    if (item->blame != NULL)
        sources->is_blamed = true;
}

bool realip_sources_begin_again(struct realip_sources *sources)
{
    if (sources == NULL || !sources->is_blamed)
        return false;
    free_items(sources->blamed, sources->blamed_count);
    sources->blamed = sources->items;
    sources->blamed_count = sources->count;
    sources->items = NULL;
    sources->count = 0;
    sources->room = 0;
    sources->is_blamed = false;
    return true;
}

/* ---- telling --------------------------------------------------------------------------------------------------------- */

size_t realip_sources_count(const struct realip_sources *sources)
{
    return sources == NULL ? 0 : sources->count;
}

struct realip_sources_state realip_sources_at(const struct realip_sources *sources, size_t index)
{
    const struct item *item = &sources->items[index];

    return (struct realip_sources_state){ .set = item->set,
                                          .text = item->text,
                                          .is_pattern = item->kind == KIND_FILES && realip_network_source_is_pattern(item->text),
                                          .is_nodes = item->kind == KIND_NODES,
                                          .networks = item->networks,
                                          .modified = item->modified,
                                          .last_read = item->last_read,
                                          .stale = item->stale };
}

static void tell_stale(const struct item *item)
{
    time_t seconds = (time_t)item->last_read;
    char when[32] = "?";
    struct tm parts;

    if (gmtime_r(&seconds, &parts) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
    realip_log(LOG_ERR, "networks %s: '%s' is stale, its last good content stays in force (%zu networks, of %s): %s",
               realip_set_token(item->set), item->text, item->networks, when, item->stale);
}

static void tell_gone(const struct item *item, const struct item *before)
{
    for (size_t i = 0; i < before->file_count; i++) {
        if (find_file(item, before->files[i].path) == NULL)
            realip_log(LOG_NOTICE, "networks %s: '%s' is gone, and what it listed (%zu networks)", realip_set_token(item->set),
                       before->files[i].path, realip_kept_networks_count(before->files[i].networks));
    }
}

void realip_sources_tell(const struct realip_sources *sources, const struct realip_sources *before)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct item *item = &sources->items[i];
        const struct item *earlier = find_item(before, item->set, item->kind, item->text);

        if (item->stale != NULL && (earlier == NULL || earlier->stale == NULL))
            tell_stale(item);
        if (item->stale == NULL && earlier != NULL && earlier->stale != NULL)
            realip_log(LOG_NOTICE, "networks %s: '%s' is good again (%zu networks)", realip_set_token(item->set), item->text,
                       item->networks);
        if (earlier != NULL)
            tell_gone(item, earlier);
    }
}
