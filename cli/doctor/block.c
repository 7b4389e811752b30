#include "block.h"

#include <ctype.h>
#include <string.h>

#define MAX_DEPTH 32

static struct realip_block *add(struct realip_arena *arena, struct realip_block *parent, const char *name,
                                const char *value, struct realip_origin origin)
{
    struct realip_block *block = realip_text_alloc(arena, 1, sizeof(*block));

    *block = (struct realip_block){ .name = name, .value = value, .origin = origin };
    if (parent->last == NULL)
        parent->first = block;
    else
        parent->last->next = block;
    parent->last = block;
    return block;
}

/* The way from the root to the block that is open now. */
struct path {
    struct realip_block *open[MAX_DEPTH];
    size_t depth;
    bool is_whole;
};

static struct realip_block *root_of(struct realip_arena *arena, const char *file, struct path *path)
{
    struct realip_block *root = realip_text_alloc(arena, 1, sizeof(*root));

    *root = (struct realip_block){ .name = "", .value = "", .origin = { file, 0 }, .is_block = true };
    *path = (struct path){ .open = { root }, .depth = 1, .is_whole = true };
    return root;
}

static void enter(struct path *path, struct realip_block *block)
{
    block->is_block = true;
    if (path->depth < MAX_DEPTH)
        path->open[path->depth++] = block;
    else
        path->is_whole = false;
}

static void leave(struct path *path)
{
    if (path->depth > 1)
        path->depth--;
    else
        path->is_whole = false;
}

/* One word of nginx's, from *at on; quotes are taken off. */
static const char *nginx_word(struct realip_arena *arena, const char **at, unsigned *line)
{
    const char *begin = *at;
    const char *end = begin;

    if (*begin == '"' || *begin == '\'') {
        for (end = begin + 1; *end != '\0' && *end != *begin; end++) {
            *line += *end == '\n' ? 1 : 0;
            end += *end == '\\' && end[1] != '\0' ? 1 : 0;
        }
        *at = *end == '\0' ? end : end + 1;
        return realip_text_copy(arena, begin + 1, (size_t)(end - begin - 1));
    }
    while (*end != '\0' && !isspace((unsigned char)*end) && *end != ';' && *end != '{' && *end != '}') {
        if (end[0] == '$' && end[1] == '{') /* ${variable} */
            end += strcspn(end, "}\n") - (end[strcspn(end, "}\n")] == '}' ? 0 : 1);
        end++;
    }
    *at = end;
    return realip_text_copy(arena, begin, (size_t)(end - begin));
}

struct realip_block *realip_block_read_nginx(struct realip_arena *arena, const char *file, const char *text,
                                             bool *is_whole_r)
{
    struct path path;
    struct realip_block *root = root_of(arena, file, &path);
    struct realip_words words = { 0 };
    unsigned line = 1;
    unsigned first_line = 1;

    while (*text != '\0') {
        if (isspace((unsigned char)*text)) {
            line += *text++ == '\n' ? 1 : 0;
        } else if (*text == '#') {
            text += strcspn(text, "\n");
        } else if (*text == '}') {
            leave(&path);
            text++;
        } else if (*text == ';' || *text == '{') {
            if (words.count > 0) {
                struct realip_words rest = { words.items + 1, words.count - 1 };
                struct realip_block *block =
                    add(arena, path.open[path.depth - 1], words.items[0], realip_words_join(arena, &rest, " "),
                        (struct realip_origin){ file, first_line });

                if (*text == '{')
                    enter(&path, block);
            }
            words = (struct realip_words){ 0 };
            text++;
        } else {
            first_line = words.count == 0 ? line : first_line;
            realip_words_add(arena, &words, nginx_word(arena, &text, &line));
        }
    }
    *is_whole_r = path.is_whole && path.depth == 1 && words.count == 0;
    return root;
}

/* `key = value`, or `name value {`; the braces are off. */
static struct realip_block *dovecot_statement(struct realip_arena *arena, struct realip_block *parent, const char *line,
                                              struct realip_origin origin)
{
    size_t length = strcspn(line, line[0] == '"' ? "=" : " \t=");
    const char *name = realip_text_bare(arena, realip_text_copy(arena, line, length));
    const char *value = line + length;

    value += strspn(value, " \t");
    if (*value == '=')
        value++;
    return add(arena, parent, name, realip_text_bare(arena, value), origin);
}

struct realip_block *realip_block_read_dovecot(struct realip_arena *arena, const char *file, const char *text,
                                               bool *is_whole_r)
{
    struct path path;
    struct realip_block *root = root_of(arena, file, &path);
    const char *raw;

    for (unsigned number = 1; (raw = realip_text_line(arena, &text)) != NULL; number++) {
        const char *line = realip_text_trim(arena, raw);
        size_t length = strlen(line);
        struct realip_origin origin = { file, number };

        if (length == 0 || line[0] == '#')
            continue;
        if (strcmp(line, "}") == 0) {
            leave(&path);
        } else if (line[length - 1] == '{') {
            enter(&path, dovecot_statement(arena, path.open[path.depth - 1],
                                           realip_text_trim(arena, realip_text_copy(arena, line, length - 1)), origin));
        } else {
            path.is_whole = path.is_whole && strchr(line, '=') != NULL;
            dovecot_statement(arena, path.open[path.depth - 1], line, origin);
        }
    }
    *is_whole_r = path.is_whole && path.depth == 1;
    return root;
}

const struct realip_block *realip_block_find(const struct realip_block *block, const char *name)
{
    const struct realip_block *found = NULL;

    for (const struct realip_block *child = block->first; child != NULL; child = child->next) {
        if (strcmp(child->name, name) == 0)
            found = child;
    }
    return found;
}

const struct realip_block *realip_block_find_grouped(const struct realip_block *block, const char *name)
{
    const struct realip_block *found = realip_block_find(block, name);

    for (const struct realip_block *child = block->first; child != NULL && found == NULL; child = child->next) {
        size_t length = strlen(child->name);

        if (child->is_block && child->value[0] == '\0' && strncmp(child->name, name, length) == 0
            && name[length] == '_')
            found = realip_block_find_grouped(child, name + length + 1);
    }
    return found;
}

const char *realip_block_value(const struct realip_block *block, const char *name)
{
    const struct realip_block *found = realip_block_find(block, name);

    return found == NULL ? NULL : found->value;
}
