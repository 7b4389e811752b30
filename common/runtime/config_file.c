#include "config_file.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "near_word.h"

#define MAX_FILE_SIZE (16U << 20)

struct seen_key {
    struct seen_key *next;
    const cfg_opt_t *option;
};

struct realip_config_file {
    cfg_t *root;
    struct realip_arena *arena;
    struct realip_problems *problems;
    const char *path; /* in the arena */
    char *text;
    struct seen_key *seen;
    bool out_of_memory;
};

/* libconfuse hands its callbacks no pointer of ours. */
static _Thread_local struct realip_config_file *reading;

static int keep_value(cfg_t *block, cfg_opt_t *option, const char *text, void *result);

#define VALUE(key) CFG_PTR_CB(key, NULL, CFGF_NODEFAULT, keep_value, NULL)
#define VALUES(key) CFG_PTR_LIST_CB(key, NULL, CFGF_NODEFAULT, keep_value, NULL)

#define REASON_OPTION(name, token, action, sentence, advice) VALUE(token),
static cfg_opt_t actions_options[] = { REALIP_REASON_TABLE(REASON_OPTION) CFG_END() };
#undef REASON_OPTION

static cfg_opt_t networks_options[] = { VALUES("cidr"),   VALUES("files"),        VALUES("kubernetes-nodes"),
                                        VALUE("discover"), VALUES("preset"),      VALUES("client-names"),
                                        CFG_END() };

static cfg_opt_t listener_options[] = { VALUES("names"), VALUES("ports"), VALUE("proxy"),
                                        VALUE("attest"), VALUE("mode"),   VALUE("allow-internal"),
                                        CFG_SEC("actions", actions_options, CFGF_NODEFAULT), CFG_END() };

static cfg_opt_t policyd_options[] = { VALUES("listen"),      VALUE("http"),        VALUE("socket-group"),
                                       VALUE("socket-mode"), VALUE("client-user"), VALUE("auth-policy"),
                                       VALUE("auth-policy-token"), CFG_END() };

static cfg_opt_t milter_options[] = { VALUE("listen"),      VALUE("http"),   VALUE("socket-group"),
                                      VALUE("socket-mode"), VALUE("header"), CFG_END() };

static cfg_opt_t suspicion_options[] = { VALUE("distinct-clients"), VALUE("window"), VALUE("scope"), VALUE("store"),
                                         VALUE("store-password-file"), VALUE("store-ca-file"),
                                         CFG_END() };

static cfg_opt_t root_options[] = {
    VALUE("mode"),
    VALUE("proxy"),
    VALUE("attest"),
    VALUE("allow-internal"),
    VALUE("user"),
    VALUE("log"),
    VALUE("log-passes"),
    VALUE("compiled"),
    CFG_SEC("networks", networks_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("actions", actions_options, CFGF_NODEFAULT),
    CFG_SEC("listener", listener_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("policyd", policyd_options, CFGF_NODEFAULT),
    CFG_SEC("milter", milter_options, CFGF_NODEFAULT),
    CFG_SEC("suspicion", suspicion_options, CFGF_NODEFAULT),
    CFG_END(),
};

static struct realip_origin here(const cfg_t *block)
{
    return (struct realip_origin){ reading->path, block->line > 0 ? (unsigned)block->line : 0 };
}

static bool is_seen(const cfg_opt_t *option)
{
    for (const struct seen_key *seen = reading->seen; seen != NULL; seen = seen->next) {
        if (seen->option == option)
            return true;
    }
    return false;
}

/* A key given twice: libconfuse would silently forget the first. The value that is read is counted already; in a list, and
 * after "+=", others stand before it. */
static int note_key(cfg_t *block, const cfg_opt_t *option)
{
    if (option->nvalues > 1 && (option->flags & CFGF_LIST) != 0)
        return 0;
    if (is_seen(option)) {
        realip_problems_add(reading->problems, here(block), "'%s' stands twice in this block: keep one", option->name);
        return -1;
    }
    struct seen_key *seen = realip_arena_alloc(reading->arena, sizeof(*seen));
    if (seen == NULL) {
        reading->out_of_memory = true;
        return -1;
    }
    *seen = (struct seen_key){ reading->seen, option };
    reading->seen = seen;
    return 0;
}

static int keep_value(cfg_t *block, cfg_opt_t *option, const char *text, void *result)
{
    struct realip_config_value *value = realip_arena_alloc(reading->arena, sizeof(*value));
    char *copy = realip_arena_copy(reading->arena, text, strlen(text));

    if (value == NULL || copy == NULL) {
        reading->out_of_memory = true;
        return -1;
    }
    if (note_key(block, option) < 0)
        return -1;
    *value = (struct realip_config_value){ copy, here(block) };
    *(void **)result = value;
    return 0;
}

static const char *nearest_key(const cfg_t *block, const char *key)
{
    const char *nearest = NULL;
    unsigned best = strlen(key) > 4 ? 4 : 3;

    for (const cfg_opt_t *option = block->opts; option->name != NULL; option++) {
        unsigned distance = realip_near_word_distance(key, option->name);

        if (distance < best) {
            best = distance;
            nearest = option->name;
        }
    }
    return nearest;
}

static void list_keys(const cfg_t *block, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (const cfg_opt_t *option = block->opts; option->name != NULL && used < size; option++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", option->name);
}

static void add_unknown_key(const cfg_t *block, const char *key)
{
    const char *nearest = nearest_key(block, key);
    char known[512];

    if (nearest != NULL) {
        realip_problems_add(reading->problems, here(block), "unknown key '%s', did you mean '%s'?", key, nearest);
        return;
    }
    list_keys(block, known, sizeof(known));
    realip_problems_add(reading->problems, here(block), "unknown key '%s'; known here: %s", key, known);
}

/* Takes libconfuse's messages; `block` is the one being read. After keep_value() has failed, its own message stands. */
static void __attribute__((format(printf, 2, 0))) note_error(cfg_t *block, const char *format, va_list args)
{
    static const char unknown[] = "no such option '";
    static const char twice[] = "found duplicate title '";
    char text[1024];
    size_t before = reading->problems->count;

    vsnprintf(text, sizeof(text), format, args);
    if (reading->out_of_memory)
        return;
    if (strncmp(text, unknown, sizeof(unknown) - 1) == 0) {
        text[strcspn(text + sizeof(unknown) - 1, "'") + sizeof(unknown) - 1] = '\0';
        add_unknown_key(block, text + sizeof(unknown) - 1);
    } else if (strncmp(text, twice, sizeof(twice) - 1) == 0) {
        realip_problems_add(reading->problems, here(block), "a second block with the title %s: put both into one",
                            text + sizeof(twice) - 2);
    } else if (before == 0) {
        realip_problems_add(reading->problems, here(block), "%s; check quotes, commas and braces up to here", text);
    }
}

/* Reads a stream to its end, at most MAX_FILE_SIZE + 1 bytes; NULL when memory is short. */
static char *read_stream(FILE *stream, size_t *size_r)
{
    size_t room = 4096;
    size_t size = 0;
    char *text = malloc(room + 1);

    while (text != NULL && size <= MAX_FILE_SIZE) {
        size_t got = fread(text + size, 1, room - size, stream);

        size += got;
        if (got == 0)
            break;
        if (size == room) {
            char *larger = realloc(text, room * 2 + 1);

            if (larger == NULL)
                free(text);
            text = larger;
            room *= 2;
        }
    }
    if (text != NULL)
        text[size] = '\0';
    *size_r = size;
    return text;
}

/* A pipe is taken (-c /dev/stdin), but not waited for: opening one that nobody writes to would hold a daemon up. */
static FILE *open_text(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *stream = NULL;

    if (fd >= 0 && fcntl(fd, F_SETFL, 0) == 0)
        stream = fdopen(fd, "r");
    if (fd >= 0 && stream == NULL)
        close(fd);
    return stream;
}

static bool is_pipe(FILE *stream)
{
    struct stat status;

    return fstat(fileno(stream), &status) == 0 && S_ISFIFO(status.st_mode);
}

static void read_text(struct realip_config_file *file)
{
    struct realip_origin origin = { file->path, 0 };
    FILE *stream = open_text(file->path);
    size_t size = 0;

    if (stream == NULL) {
        realip_problems_add(file->problems, origin, "cannot be read: %s; give the file's place with -c FILE",
                            strerror(errno));
        return;
    }
    file->text = read_stream(stream, &size);
    if (file->text == NULL)
        file->out_of_memory = true;
    else if (ferror(stream) != 0)
        realip_problems_add(file->problems, origin, "cannot be read: %s; a configuration file is wanted",
                            strerror(errno));
    else if (size == 0 && is_pipe(stream))
        realip_problems_add(file->problems, origin, "is a pipe, and nobody writes to it; a configuration file is wanted");
    else if (size > MAX_FILE_SIZE)
        realip_problems_add(file->problems, origin, "is larger than 16 MiB; put long lists into files = { ... }");
    else if (memchr(file->text, '\0', size) != NULL)
        realip_problems_add(file->problems, origin, "holds a NUL byte; a plain text file is wanted");
    else if (size >= 3 && memcmp(file->text, "\xef\xbb\xbf", 3) == 0)
        memset(file->text, ' ', 3); /* the mark that some editors put in front of UTF-8 */
    fclose(stream);
}

/* Where a quoted text that begins at `at` ends: behind its closing quote, or at the end of the file. */
static char *skip_quoted(char *at)
{
    char quote = *at++;

    while (*at != '\0' && *at != quote)
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    return *at == '\0' ? at : at + 1;
}

static char *blank(char *from, const char *end)
{
    for (; from < end; from++) {
        if (*from != '\n')
            *from = ' ';
    }
    return from;
}

static char *end_of_block_comment(char *at)
{
    char *end = strstr(at + 2, "*/");

    return end == NULL ? at + strlen(at) : end + 2;
}

/* What opens and never closes would swallow the rest of the file, and the file would count as right. */
static void check_closed(struct realip_config_file *file, const char *from, const char *end)
{
    struct realip_origin at = { file->path, 1 };
    bool closed = *from == '/' ? end - from >= 4 && end[-2] == '*' && end[-1] == '/' : end - from >= 2 && end[-1] == *from;

    if (*end != '\0' || closed)
        return;
    for (const char *c = file->text; c < from; c++)
        at.line += *c == '\n';
    realip_problems_add(file->problems, at, "%s is never closed: add %s where it ends",
                        *from == '/' ? "a comment" : "a quote", *from == '/' ? "*/" : "the other one");
}

/* libconfuse 3.3 counts the lines of comments wrongly and takes none inside a list: they are made spaces before. Its two
 * other kinds of comment count where a value could begin; inside a bare word (redis://host) they are part of it. */
static void blank_comments(struct realip_config_file *file)
{
    bool in_word = false;

    for (char *at = file->text; *at != '\0';) {
        char *from = at;

        if (*at == '"' || *at == '\'') {
            at = skip_quoted(at);
            check_closed(file, from, at);
        }
        else if (*at == '#' || (!in_word && at[0] == '/' && at[1] == '/'))
            at = blank(at, at + strcspn(at, "\n"));
        else if (!in_word && at[0] == '/' && at[1] == '*') {
            check_closed(file, from, end_of_block_comment(at));
            at = blank(at, end_of_block_comment(at));
        } else {
            in_word = strchr(" \t\r\n={}()+,;", *at++) == NULL;
            continue;
        }
        in_word = false;
    }
}

/* libconfuse takes the end of the file for the end of a block. */
static void check_braces(struct realip_config_file *file)
{
    struct realip_origin at = { file->path, 1 };
    unsigned opened[64];
    unsigned depth = 0;

    for (char *c = file->text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\'') {
            char *end = skip_quoted(c);

            for (; c + 1 < end; c++)
                at.line += *c == '\n';
        } else if (*c == '\n') {
            at.line++;
        } else if (*c == '{' && depth < sizeof(opened) / sizeof(opened[0])) {
            opened[depth++] = at.line;
        } else if (*c == '}' && depth > 0) {
            depth--;
        }
    }
    if (depth > 0) {
        at.line = opened[depth - 1];
        realip_problems_add(file->problems, at, "'{' is never closed: add '}' where the block or list ends");
    }
}

static void parse(struct realip_config_file *file)
{
    size_t before = file->problems->count;

    blank_comments(file);
    if (file->problems->count > before)
        return;
    file->root = cfg_init(root_options, CFGF_NONE);
    if (file->root == NULL) {
        file->out_of_memory = true;
        return;
    }
    cfg_set_error_function(file->root, note_error);
    reading = file;
    int result = cfg_parse_buf(file->root, file->text);
    reading = NULL;
    if (result == CFG_SUCCESS)
        check_braces(file);
    if (result != CFG_SUCCESS && file->problems->count == before && !file->out_of_memory)
        realip_problems_add(file->problems, (struct realip_origin){ file->path, 0 },
                            "is not well formed; check quotes, commas and braces");
}

int realip_config_file_read(const char *path, struct realip_arena *arena, struct realip_problems *problems,
                            struct realip_config_file **file_r)
{
    struct realip_config_file *file = realip_arena_alloc(arena, sizeof(*file));
    size_t before = problems->count;

    *file_r = NULL;
    if (file != NULL) {
        *file = (struct realip_config_file){ .arena = arena, .problems = problems };
        file->path = realip_arena_copy(arena, path, strlen(path));
    }
    if (file == NULL || file->path == NULL) {
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
        return -1;
    }
    read_text(file);
    if (file->text != NULL && problems->count == before)
        parse(file);
    if (file->out_of_memory)
        realip_problems_add(problems, (struct realip_origin){ path, 0 }, "out of memory");
    if (problems->count > before) {
        realip_config_file_free(&file);
        return -1;
    }
    *file_r = file;
    return 0;
}

void realip_config_file_free(struct realip_config_file **file)
{
    if (*file == NULL)
        return;
    if ((*file)->root != NULL)
        cfg_free((*file)->root);
    free((*file)->text);
    *file = NULL;
}

const char *realip_config_file_text(const struct realip_config_file *file)
{
    return file->text;
}

/* A block of ours is a section of libconfuse; the cast keeps confuse.h out of everybody else's files. */
static const struct realip_config_block *as_block(const cfg_t *section)
{
    return (const struct realip_config_block *)(const void *)section;
}

static cfg_t *as_section(const struct realip_config_block *block)
{
    return (cfg_t *)(void *)(uintptr_t)block;
}

const struct realip_config_block *realip_config_file_root(const struct realip_config_file *file)
{
    return as_block(file->root);
}

const struct realip_config_block *realip_config_block_at(const struct realip_config_block *parent, const char *kind,
                                                         unsigned index)
{
    cfg_t *section = as_section(parent);

    return index < cfg_size(section, kind) ? as_block(cfg_getnsec(section, kind, index)) : NULL;
}

const char *realip_config_block_title(const struct realip_config_block *block)
{
    return cfg_title(as_section(block));
}

/* Does a line open this block? libconfuse remembers only where a block ends. */
static bool opens_block(const char *line, const char *kind, const char *title)
{
    line += strspn(line, " \t");
    if (strncmp(line, kind, strlen(kind)) != 0)
        return false;
    line += strlen(kind);
    size_t gap = strspn(line, " \t\"'");
    if (title == NULL)
        return line[gap] == '{';
    line += gap;
    return gap > 0 && strncmp(line, title, strlen(title)) == 0 && strchr(" \t\"'{\n", line[strlen(title)]) != NULL;
}

struct realip_origin realip_config_block_origin(const struct realip_config_file *file, const char *kind,
                                                const struct realip_config_block *block)
{
    struct realip_origin origin = { file->path, 1 };
    const char *title = realip_config_block_title(block);

    for (const char *line = file->text; line != NULL; origin.line++) {
        if (opens_block(line, kind, title))
            return origin;
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    origin.line = (unsigned)as_section(block)->line; /* opened in the middle of a line */
    return origin;
}

const struct realip_config_value *realip_config_value_at(const struct realip_config_block *block, const char *key,
                                                         unsigned index)
{
    cfg_t *section = as_section(block);

    return index < cfg_size(section, key) ? cfg_getnptr(section, key, index) : NULL;
}
