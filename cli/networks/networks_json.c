#include <stdlib.h>
#include <string.h>

#include "networks.h"
#include "runtime/name_pattern.h"

/* Paths may be no UTF-8; what is none is shown byte by byte, and cut. */
static json_t *text_json(const char *text, size_t length)
{
    json_t *value = json_stringn(text, length);

    if (value != NULL)
        return value;
    char *plain = malloc(length * 4 + 1);
    size_t at = 0;
    for (size_t i = 0; plain != NULL && i < length; i++) {
        if ((unsigned char)text[i] >= ' ' && (unsigned char)text[i] < 0x7f)
            plain[at++] = text[i];
        else
            at += (size_t)sprintf(plain + at, "\\x%02x", (unsigned char)text[i]);
    }
    value = plain == NULL ? NULL : json_stringn(plain, at);
    free(plain);
    return value;
}

static const char *detail_key(enum realip_listing_kind kind)
{
    return kind == REALIP_LISTING_NODES ? "node" : kind == REALIP_LISTING_PRESET ? "preset" : "discovered";
}

void realip_networks_place_json(const struct realip_listed *one, json_t *object)
{
    const struct realip_network_place *place = &one->place;

    json_object_set_new(object, "source", json_string(realip_listing_token(one->kind)));
    if (place->file != NULL)
        json_object_set_new(object, "file", text_json(place->file, place->file_length));
    if (place->line > 0)
        json_object_set_new(object, "line", json_integer(place->line));
    if (place->detail != NULL)
        json_object_set_new(object, detail_key(one->kind), text_json(place->detail, place->detail_length));
}

static json_t *set_json(const struct realip_listed_set *set)
{
    json_t *networks = json_array();

    for (size_t i = 0; i < set->count; i++) {
        char text[REALIP_NETWORK_TEXT_SIZE];
        json_t *one = json_pack("{s:s}", "network", realip_network_format(&set->networks[i].network, text));

        realip_networks_place_json(&set->networks[i], one);
        json_array_append_new(networks, one);
    }
    return networks;
}

static json_t *patterns_json(const struct realip_config *config)
{
    json_t *patterns = json_array();
    struct realip_origin origin;
    const char *pattern;

    for (unsigned i = 0; (pattern = realip_name_pattern_at(config->client_names, i, &origin)) != NULL; i++)
        json_array_append_new(patterns, json_pack("{s:o, s:o, s:i}", "pattern", text_json(pattern, strlen(pattern)), "file",
                                                  text_json(origin.file, strlen(origin.file)), "line", (int)origin.line));
    return patterns;
}

static json_t *in_force_json(const struct realip_listed_source *row, const struct realip_in_force *daemons, size_t daemon_count)
{
    json_t *all = json_object();

    for (size_t i = 0; i < daemon_count; i++) {
        const struct realip_in_force_source *source = realip_in_force_find(&daemons[i], realip_set_token(row->set), row->name);

        if (source != NULL)
            json_object_set_new(all, daemons[i].daemon,
                                json_pack("{s:I, s:I, s:b}", "networks", (json_int_t)source->networks, "last-good", (json_int_t)source->last_read,
                                          "stale", source->is_stale));
    }
    return all;
}

static json_t *row_json(const struct realip_listed_source *row, const struct realip_in_force *daemons, size_t daemon_count)
{
    json_t *one = json_pack("{s:s, s:s, s:I}", "set", realip_set_token(row->set), "source", realip_listing_token(row->kind), "networks",
                            (json_int_t)row->networks);

    if (row->name != NULL)
        json_object_set_new(one, "name", text_json(row->name, strlen(row->name)));
    if (row->kind != REALIP_LISTING_FILE && row->kind != REALIP_LISTING_NODES)
        return one;
    json_object_set_new(one, "written", row->written > 0 ? json_integer(row->written) : json_null());
    json_object_set_new(one, "in-force", in_force_json(row, daemons, daemon_count));
    return one;
}

static json_t *daemon_json(const struct realip_in_force *daemon)
{
    if (daemon->error[0] != '\0')
        return json_pack("{s:s, s:s, s:s}", "daemon", daemon->daemon, "url", daemon->url, "error", daemon->error);
    return json_pack("{s:s, s:s, s:I, s:b}", "daemon", daemon->daemon, "url", daemon->url, "loaded", (json_int_t)daemon->loaded, "stale",
                     daemon->is_stale);
}

json_t *realip_networks_json(const struct realip_listing *listing, const struct realip_in_force *daemons, size_t daemon_count,
                             const struct realip_networks_question *question)
{
    json_t *sets = json_object();
    json_t *rows = json_array();
    json_t *answers = json_array();

    for (unsigned set = 0; set <= REALIP_SET_OWN && !question->sources_only; set++) {
        if (!question->is_one_set || set == question->set)
            json_object_set_new(sets, realip_set_token((enum realip_set)set), set_json(&listing->sets[set]));
    }
    for (size_t i = 0; i < listing->row_count; i++) {
        if (!question->is_one_set || listing->rows[i].set == question->set)
            json_array_append_new(rows, row_json(&listing->rows[i], daemons, daemon_count));
    }
    for (size_t i = 0; i < daemon_count; i++)
        json_array_append_new(answers, daemon_json(&daemons[i]));
    json_t *value = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "read", text_json(listing->path, strlen(listing->path)), "compiled",
                              listing->is_compiled, "sets", sets, "client-names", patterns_json(listing->config), "sources", rows, "daemons", answers);
    if (value != NULL && listing->is_compiled)
        json_object_set_new(value, "published", json_integer(listing->published));
    return value;
}

int realip_networks_print_json(json_t *value)
{
    int result = value == NULL ? -1 : json_dumpf(value, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);

    json_decref(value);
    putchar('\n');
    return result < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
