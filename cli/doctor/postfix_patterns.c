#include "postfix_patterns.h"

#include <string.h>

#define DEEPEST 5 /* files that name files */

static const char *const lists[] = { "mynetworks", "smtpd_authorized_xclient_hosts" };

struct reader {
    struct realip_setup *setup;
    struct realip_list list;
    bool gathers; /* looks for files, and keeps no entries */
};

static void read_words(struct reader *reader, const char *text, const char *file, bool is_out, unsigned depth);

static void add(struct reader *reader, struct realip_list_entry entry)
{
    struct realip_list *list = &reader->list;

    if (reader->gathers)
        return;
    list->items = realip_text_grow(&reader->setup->arena, list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = entry;
}

/* This host's own files are none of a folder's set-up. */
static const char *place_of(struct realip_setup *setup, const char *path)
{
    const char *slash = strrchr(setup->postfix.main_file, '/');

    if (!setup->is_folder || slash == NULL)
        return path;
    return realip_text_format(&setup->arena, "%.*s%s", (int)(slash - setup->postfix.main_file), setup->postfix.main_file,
                              strrchr(path, '/'));
}

/* A file's text; NULL where it can't be read. */
static const char *text_of(struct reader *reader, const char *path, bool is_table)
{
    struct realip_setup *setup = reader->setup;
    const struct realip_setting *known = realip_settings_find(&setup->postfix.files, path);
    const char *reason;

    if (known != NULL || !reader->gathers)
        return known == NULL ? NULL : known->value;
    const char *place = place_of(setup, path);
    const char *text = realip_text_file(&setup->arena, place, &reason);
    realip_settings_add(&setup->arena, &setup->postfix.files, path, text, (struct realip_origin){ place, 0 });
    if (text == NULL && !(setup->is_folder && is_table))
        realip_setup_fail(setup, place,
                          realip_text_format(&setup->arena, "%s; a list of Postfix names it%s", reason,
                                             setup->is_folder ? ": put a copy there" : ""));
    return text;
}

/* "/file": its words stand in its place. What a file that is not known takes out can't be told. */
static void read_file(struct reader *reader, const char *path, const char *file, bool is_out, unsigned depth)
{
    const char *text = depth == 0 ? NULL : text_of(reader, path, false);
    const char *line;

    if (text == NULL)
        add(reader, (struct realip_list_entry){ .text = path, .file = file, .is_unread = true });
    while (text != NULL && (line = realip_text_line(&reader->setup->arena, &text)) != NULL)
        read_words(reader, line, file, is_out, depth - 1);
}

/* "cidr:/file": whoever is found in it belongs to the list, whatever stands behind his network (cidr_table(5)). */
static void read_table(struct reader *reader, const char *path, const char *file, bool is_out)
{
    struct realip_arena *arena = &reader->setup->arena;
    const char *text = text_of(reader, path, true);
    const char *line;

    while (text != NULL && !reader->gathers && (line = realip_text_line(arena, &text)) != NULL) {
        if (strchr(" \t#", line[0]) != NULL) /* a comment, nothing, or more of the line before it */
            continue;
        struct realip_list_entry entry = realip_check_entry(realip_text_copy(arena, line, strcspn(line, " \t")));

        entry.file = file;
        entry.is_network = entry.is_network && !entry.is_excluded; /* "!network" is everybody else */
        entry.is_excluded = is_out;
        add(reader, entry);
    }
}

static void read_words(struct reader *reader, const char *text, const char *file, bool is_out, unsigned depth)
{
    struct realip_words words = realip_text_words(&reader->setup->arena, text, " ,\t\r\n");

    for (size_t i = 0; i < words.count && words.items[i][0] != '#'; i++) {
        const char *word = words.items[i];
        const char *pattern = word + strspn(word, "!");
        bool except = is_out != ((pattern - word) % 2 == 1);
        const char *named = file != NULL ? file : word;

        if (pattern[0] == '/') {
            read_file(reader, pattern, named, except, depth);
        } else if (strncmp(pattern, "cidr:/", 6) == 0) {
            read_table(reader, pattern + 5, named, except);
        } else if (!reader->gathers) {
            struct realip_list_entry entry = realip_check_entry(word);

            entry.file = file;
            entry.is_excluded = except;
            add(reader, entry);
        }
    }
}

void realip_postfix_patterns_gather(struct realip_setup *setup)
{
    struct reader reader = { .setup = setup, .gathers = true };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        read_words(&reader, realip_postfix_value(setup, NULL, lists[i], NULL), NULL, false, DEEPEST);
        for (size_t k = 0; k < setup->postfix.service_count; k++) {
            const struct realip_service_entry *service = &setup->postfix.services[k];

            if (realip_postfix_override(service, lists[i]).file != NULL)
                read_words(&reader, realip_postfix_value(setup, service, lists[i], NULL), NULL, false, DEEPEST);
        }
    }
}

struct realip_list realip_postfix_patterns(struct realip_setup *setup, const char *text)
{
    struct reader reader = { .setup = setup };

    read_words(&reader, text, NULL, false, DEEPEST);
    return reader.list;
}
