#include "network_source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BYTES (64L << 20)
#define LINE_BYTES 4096 /* with its end; a network and a long comment */

int realip_network_list_add(struct realip_network_list *list, const struct realip_network *network,
                            struct realip_origin origin)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : list->room * 2;
        struct realip_network_entry *entries = realloc(list->entries, room * sizeof(*entries));

        if (entries != NULL)
            list->entries = entries;
        struct realip_origin *origins = realloc(list->origins, room * sizeof(*origins));
        if (origins != NULL)
            list->origins = origins;
        if (entries == NULL || origins == NULL)
            return -1;
        list->room = room;
    }
    list->entries[list->count] = (struct realip_network_entry){ *network, (uint32_t)list->count };
    list->origins[list->count++] = origin;
    return 0;
}

void realip_network_list_clear(struct realip_network_list *list)
{
    free(list->entries);
    free(list->origins);
    *list = (struct realip_network_list){ 0 };
}

static void add_bad_network(const char *set, const char *text, size_t length, struct realip_origin origin,
                            const struct realip_network *meant, const char *reason, struct realip_problems *problems)
{
    char network[REALIP_NETWORK_TEXT_SIZE];
    size_t shown = length > 80 ? 80 : length;

    if (meant->address.family == REALIP_FAMILY_NONE) {
        realip_problems_add(problems, origin,
                            "networks %s: '%.*s': %s; write it like 10.0.20.0/24, fd00:10::/64 or 192.0.2.1", set,
                            (int)shown, text, reason);
        return;
    }
    const char *slash = memchr(text, '/', length);
    realip_problems_add(problems, origin, "networks %s: '%.*s': %s; write %s for the network, or %.*s for the one host",
                        set, (int)shown, text, reason, realip_network_format(meant, network),
                        slash == NULL ? 0 : (int)(slash - text), text);
}

int realip_network_source_text(const char *set, const char *text, size_t length, struct realip_origin origin,
                               struct realip_network_list *list, struct realip_problems *problems)
{
    struct realip_network network;
    const char *reason = "";

    if (realip_network_parse(text, length, &network, &reason) < 0) {
        add_bad_network(set, text, length, origin, &network, reason, problems);
        return -1;
    }
    if (realip_network_list_add(list, &network, origin) < 0) {
        realip_problems_add(problems, origin, "networks %s: out of memory", set);
        return -1;
    }
    return 0;
}

/* The part of a line in front of a comment, without the white space around it. */
static const char *trimmed(const char *line, size_t *length_r)
{
    line += strspn(line, " \t");
    size_t length = strcspn(line, "#\r\n");
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        length--;
    *length_r = length;
    return line;
}

/* "# empty", in a line of its own. */
static bool says_empty(const char *line)
{
    line += strspn(line, " \t");
    if (*line != '#')
        return false;
    line += 1 + strspn(line + 1, " \t");
    return strncmp(line, "empty", 5) == 0 && line[5 + strspn(line + 5, " \t\r\n")] == '\0';
}

/* Memory for it is bounded, whatever the file is. The line's length, with its end; 0 at the end of the file; or -1: it is too long. */
static ssize_t read_line(FILE *stream, char line[LINE_BYTES + 1])
{
    size_t length = 0;
    int byte = '\0';

    while (byte != '\n' && (byte = getc_unlocked(stream)) != EOF) {
        if (length == LINE_BYTES)
            return -1;
        line[length++] = (char)byte;
    }
    line[length] = '\0';
    return (ssize_t)length;
}

static int read_lines(FILE *stream, const char *set, struct realip_origin origin, struct realip_network_list *list,
                      struct realip_problems *problems, struct realip_network_file *file_r)
{
    char line[LINE_BYTES + 1];
    ssize_t got;
    int result = 0;

    while ((got = read_line(stream, line)) > 0) {
        size_t length;
        bool marked = origin.line == 0 && got >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0; /* UTF-8's mark */
        const char *text = trimmed(line + (marked ? 3 : 0), &length);

        origin.line++;
        file_r->is_cut = line[got - 1] != '\n';
        file_r->says_empty = file_r->says_empty || says_empty(line);
        if (strlen(line) != (size_t)got) {
            realip_problems_add(problems, origin, "networks %s: a NUL byte; a plain text file is wanted", set);
            result = -1;
        } else if (length > 0 && realip_network_source_text(set, text, length, origin, list, problems) < 0)
            result = -1;
    }
    if (got == 0)
        return result;
    origin.line++;
    realip_problems_add(problems, origin, "networks %s: a line of more than %d bytes; write one network a line, or shorten its comment", set, LINE_BYTES);
    return -1;
}

static int check_size(FILE *stream, const char *set, struct realip_origin origin, struct realip_problems *problems)
{
    struct stat status;

    if (fstat(fileno(stream), &status) < 0 || status.st_size <= MOST_BYTES)
        return 0;
    realip_problems_add(problems, origin, "networks %s: is larger than %ld MiB: no list of networks is; write networks alone into it, one a line", set,
                        MOST_BYTES >> 20);
    return -1;
}

FILE *realip_network_source_open(const char *path)
{
    struct stat status = { .st_mode = 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        FILE *stream = fdopen(fd, "r");

        if (stream == NULL)
            close(fd);
        return stream;
    }
    if (fd >= 0) {
        bool is_folder = S_ISDIR(status.st_mode);

        close(fd);
        errno = is_folder ? EISDIR : EINVAL;
    }
    return NULL;
}

int realip_network_source_file(const char *set, const char *path, struct realip_origin named_at, struct realip_arena *arena,
                               struct realip_network_list *list, struct realip_problems *problems,
                               struct realip_network_file *file_r)
{
    struct realip_origin origin = { realip_arena_copy(arena, path, strlen(path)), 0 };
    FILE *stream = realip_network_source_open(path);

    *file_r = (struct realip_network_file){ 0 };
    if (stream == NULL || origin.file == NULL) {
        realip_problems_add(problems, named_at, "networks %s: cannot read '%s': %s; create it or take it out of files",
                            set, path, strerror(errno));
        if (stream != NULL)
            fclose(stream);
        return -1;
    }
    int result = check_size(stream, set, origin, problems);
    if (result == 0)
        result = read_lines(stream, set, origin, list, problems, file_r);
    if (ferror(stream) != 0) {
        realip_problems_add(problems, named_at, "networks %s: reading '%s' failed: %s; a text file is wanted", set,
                            path, strerror(errno));
        result = -1;
    }
    fclose(stream);
    return result;
}

bool realip_network_source_is_pattern(const char *text)
{
    return strpbrk(text, "*?[") != NULL;
}

int realip_network_source_find(const char *set, const char *pattern, struct realip_origin origin, glob_t *found_r,
                               struct realip_problems *problems)
{
    int status = glob(pattern, GLOB_ERR, NULL, found_r);

    if (status == 0)
        return 0;
    if (status == GLOB_NOMATCH || (status == GLOB_ABORTED && errno == ENOENT)) {
        if (status == GLOB_ABORTED)
            globfree(found_r);
        return 1;
    }
    realip_problems_add(problems, origin, "networks %s: cannot look for '%s': %s; make the folder readable", set, pattern,
                        status == GLOB_NOSPACE ? "out of memory" : strerror(errno));
    globfree(found_r);
    return -1;
}
