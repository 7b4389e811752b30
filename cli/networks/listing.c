#include "listing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/compiled.h"
#include "runtime/sources.h"

const char *realip_listing_token(enum realip_listing_kind kind)
{
#define TOKEN(name, token) token,
    static const char *const tokens[] = { "-", REALIP_LISTING_KIND_TABLE(TOKEN) };
#undef TOKEN

    return tokens[kind < REALIP_LISTING_KIND_COUNT ? kind : REALIP_LISTING_UNKNOWN];
}

bool realip_listing_is_compiled(const char *path)
{
    char head[sizeof(REALIP_COMPILED_MAGIC) - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) && memcmp(head, REALIP_COMPILED_MAGIC, sizeof(head)) == 0;

    if (fd >= 0)
        close(fd);
    return is;
}

/* ---- networks -------------------------------------------------------------------------------------------------------- */

static enum realip_listing_kind kind_of(const struct realip_listing *listing, const struct realip_network_place *place)
{
    const char *own = listing->config->path;

    switch (place->kind) {
    case REALIP_PLACE_UNKNOWN:
        return REALIP_LISTING_OWN;
    case REALIP_PLACE_LINE:
        return strlen(own) == place->file_length && memcmp(own, place->file, place->file_length) == 0 ? REALIP_LISTING_CIDR
                                                                                                   : REALIP_LISTING_FILE;
    case REALIP_PLACE_NODE:
        return REALIP_LISTING_NODES;
    case REALIP_PLACE_PRESET:
        return REALIP_LISTING_PRESET;
    case REALIP_PLACE_DISCOVERED:
        return REALIP_LISTING_DISCOVERED;
    }
    return REALIP_LISTING_UNKNOWN;
}

static int by_network(const void *a, const void *b)
{
    const struct realip_network *one = &((const struct realip_listed *)a)->network;
    const struct realip_network *other = &((const struct realip_listed *)b)->network;
    int order = realip_address_compare(&one->address, &other->address);

    return order != 0 ? order : (one->prefix > other->prefix) - (one->prefix < other->prefix);
}

static int list_set(struct realip_listing *listing, enum realip_set set)
{
    const struct realip_network_set *networks = listing->config->rules.sets[set];
    struct realip_listed_set *listed = &listing->sets[set];
    size_t count = networks == NULL ? 0 : realip_network_set_count(networks);

    listed->set = set;
    listed->networks = calloc(count == 0 ? 1 : count, sizeof(*listed->networks));
    if (listed->networks == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct realip_network_entry *entry = realip_network_set_entry(networks, i);
        struct realip_listed *one = &listed->networks[i];

        one->network = entry->network;
        one->place = realip_network_place_read(realip_rules_origin(&listing->config->rules, entry->label));
        one->kind = kind_of(listing, &one->place);
    }
    listed->count = count;
    qsort(listed->networks, count, sizeof(*listed->networks), by_network);
    return 0;
}

static bool same_text(const char *one, size_t one_length, const char *other, size_t other_length)
{
    return one_length == other_length && (one_length == 0 || memcmp(one, other, one_length) == 0);
}

bool realip_listing_same_source(const struct realip_listed *one, const struct realip_listed *other)
{
    bool has_file = one->kind == REALIP_LISTING_FILE || one->kind == REALIP_LISTING_NODES;

    return one->kind == other->kind
        && (!has_file || same_text(one->place.file, one->place.file_length, other->place.file, other->place.file_length))
        && same_text(one->place.detail, one->place.detail_length, other->place.detail, other->place.detail_length);
}

/* ---- sources --------------------------------------------------------------------------------------------------------- */

/* 0: there is no such file. */
static long long written(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (long long)status.st_mtim.tv_sec : 0;
}

/* The part of a place by which its source is named; NULL: the kind alone. */
static const char *name_of(const struct realip_listed *one, size_t *length_r)
{
    bool is_preset = one->kind == REALIP_LISTING_PRESET;
    bool has_file = one->kind == REALIP_LISTING_FILE || one->kind == REALIP_LISTING_NODES;

    *length_r = is_preset ? one->place.detail_length : has_file ? one->place.file_length : 0;
    return is_preset ? one->place.detail : has_file ? one->place.file : NULL;
}

static struct realip_listed_source *add_row(struct realip_listing *listing, enum realip_set set, enum realip_listing_kind kind)
{
    struct realip_listed_source *rows = realloc(listing->rows, (listing->row_count + 1) * sizeof(*rows));

    if (rows == NULL)
        return NULL;
    listing->rows = rows;
    rows[listing->row_count] = (struct realip_listed_source){ .set = set, .kind = kind };
    return &rows[listing->row_count++];
}

static struct realip_listed_source *find_row(struct realip_listing *listing, enum realip_set set, const struct realip_listed *one)
{
    size_t length;
    const char *name = name_of(one, &length);

    for (size_t i = listing->row_count; i > 0; i--) { /* networks of one source stand together */
        struct realip_listed_source *row = &listing->rows[i - 1];

        if (row->set == set && row->kind == one->kind
            && (name == NULL ? row->name == NULL : row->name != NULL && same_text(name, length, row->name, strlen(row->name))))
            return row;
    }
    struct realip_listed_source *row = add_row(listing, set, one->kind);
    if (row == NULL || name == NULL)
        return row;
    row->name = realip_arena_copy(&listing->config->arena, name, length);
    if (one->kind != REALIP_LISTING_PRESET && row->name != NULL)
        row->written = written(row->name);
    return row->name == NULL ? NULL : row;
}

static int count_rows(struct realip_listing *listing, enum realip_set set)
{
    const struct realip_listed_set *listed = &listing->sets[set];

    for (size_t i = 0; i < listed->count; i++) {
        enum realip_listing_kind kind = listed->networks[i].kind;

        /* The configuration's own sources know their files, also those that hold nothing. */
        if (listing->sources != NULL && (kind == REALIP_LISTING_FILE || kind == REALIP_LISTING_NODES))
            continue;
        struct realip_listed_source *row = find_row(listing, set, &listed->networks[i]);
        if (row == NULL)
            return -1;
        row->networks++;
    }
    return 0;
}

static int add_sources(struct realip_listing *listing, enum realip_set set)
{
    for (size_t i = 0; i < realip_sources_count(listing->sources); i++) {
        struct realip_sources_state state = realip_sources_at(listing->sources, i);

        if (state.set != set)
            continue;
        struct realip_listed_source *row = add_row(listing, set, state.is_nodes ? REALIP_LISTING_NODES : REALIP_LISTING_FILE);
        if (row == NULL)
            return -1;
        row->name = state.text;
        row->networks = state.networks;
        row->written = state.modified;
    }
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static int load(struct realip_listing *listing, struct realip_problems *problems)
{
    struct realip_compiled *compiled = NULL;

    if (!listing->is_compiled) {
        listing->sources = realip_sources_new(NULL, (long long)time(NULL));
        return listing->sources == NULL ? -1 : realip_config_load_sources(listing->path, listing->sources, &listing->config, problems);
    }
    int result = realip_compiled_open(listing->path, &compiled, problems);
    if (result == 0)
        result = realip_compiled_refresh(compiled, &listing->config, problems);
    realip_compiled_close(&compiled);
    listing->published = written(listing->path);
    return result;
}

static int list_all(struct realip_listing *listing)
{
    for (unsigned set = 0; set <= REALIP_SET_OWN; set++) {
        if (list_set(listing, (enum realip_set)set) < 0 || count_rows(listing, (enum realip_set)set) < 0
            || add_sources(listing, (enum realip_set)set) < 0)
            return -1;
    }
    return 0;
}

int realip_listing_read(const char *path, struct realip_listing **listing_r, struct realip_problems *problems)
{
    struct realip_listing *listing = calloc(1, sizeof(*listing));
    size_t before = problems->count;
    int result = -1;

    *listing_r = NULL;
    if (listing != NULL) {
        listing->path = path;
        listing->is_compiled = realip_listing_is_compiled(path);
        result = load(listing, problems) == 0 && list_all(listing) == 0 ? 0 : -1;
    }
    if (result == 0) {
        *listing_r = listing;
        return 0;
    }
    if (problems->count == before)
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
    realip_listing_free(&listing);
    return -1;
}

void realip_listing_free(struct realip_listing **listing)
{
    if (*listing == NULL)
        return;
    for (unsigned set = 0; set <= REALIP_SET_OWN; set++)
        free((*listing)->sets[set].networks);
    free((*listing)->rows);
    realip_config_free(&(*listing)->config);
    realip_sources_free(&(*listing)->sources);
    free(*listing);
    *listing = NULL;
}
