#include "postfix_text.h"

#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

/* A logical line: several lines of the file in one text, and where each of them begins in it. */
struct logical {
    const char *text;
    struct realip_origin origin; /* of its first line */
    struct realip_words parts;
    size_t *starts;
    unsigned *lines;
    size_t length;
};

static void append(struct realip_arena *arena, struct logical *logical, const char *line, unsigned number)
{
    size_t count = logical->parts.count;

    logical->starts = realip_text_grow(arena, logical->starts, count, sizeof(*logical->starts));
    logical->lines = realip_text_grow(arena, logical->lines, count, sizeof(*logical->lines));
    logical->starts[count] = logical->length;
    logical->lines[count] = number;
    logical->length += strlen(line) + 1;
    realip_words_add(arena, &logical->parts, line);
}

/* The next logical line. Comments and blank lines don't end one (postconf(5)). False at the end. */
static bool next_logical(struct realip_arena *arena, const char *file, const char **rest, unsigned *number,
                         struct logical *logical_r)
{
    *logical_r = (struct logical){ .text = "" };
    for (;;) {
        const char *before = *rest;
        const char *line = realip_text_line(arena, rest);
        size_t blanks = line == NULL ? 0 : strspn(line, " \t\r\f\v");

        if (line == NULL || (blanks == 0 && line[0] != '\0' && line[0] != '#' && logical_r->parts.count > 0)) {
            *rest = line == NULL ? *rest : before;
            logical_r->text = realip_words_join(arena, &logical_r->parts, "\n");
            return logical_r->parts.count > 0;
        }
        ++*number;
        if (line[blanks] == '\0' || line[blanks] == '#')
            continue;
        if (logical_r->parts.count == 0)
            logical_r->origin = (struct realip_origin){ file, *number };
        append(arena, logical_r, line, *number);
    }
}

static unsigned line_at(const struct logical *logical, size_t offset)
{
    unsigned line = logical->origin.line;

    for (size_t i = 0; i < logical->parts.count && logical->starts[i] <= offset; i++)
        line = logical->lines[i];
    return line;
}

/* A value on one line: all white space is a blank, as Postfix's own readers take it. */
static const char *flat(struct realip_arena *arena, const char *text, size_t length)
{
    char *copy = realip_text_copy(arena, text, length);

    for (char *c = copy; *c != '\0'; c++)
        *c = isspace((unsigned char)*c) ? ' ' : *c;
    return realip_text_trim(arena, copy);
}

void realip_postfix_text_main(struct realip_arena *arena, const char *file, const char *text,
                              struct realip_settings *settings)
{
    struct logical logical;
    unsigned number = 0;

    while (next_logical(arena, file, &text, &number, &logical)) {
        const char *sign = strchr(logical.text, '=');

        if (sign != NULL)
            realip_settings_add(arena, settings, flat(arena, logical.text, (size_t)(sign - logical.text)),
                                flat(arena, sign + 1, strlen(sign + 1)), logical.origin);
    }
}

static unsigned port_of(const char *name)
{
    unsigned port = realip_text_port(name);
    const struct servent *known;

    if (port > 0)
        return port;
    if (strcmp(name, "smtps") == 0 || strcmp(name, "submissions") == 0)
        return 465; /* not in every /etc/services */
    if (strcmp(name, "smtp") == 0)
        return 25;
    if (strcmp(name, "submission") == 0)
        return 587;
    known = getservbyname(name, "tcp");
    return known == NULL ? 0 : ntohs((uint16_t)known->s_port);
}

/* "host:port" or "port" (master(5)); the host may stand in brackets. */
static void read_place(struct realip_arena *arena, struct realip_service_entry *entry)
{
    const char *colon = strrchr(entry->name, ':');

    if (strcmp(entry->type, "inet") != 0)
        return;
    entry->port = port_of(colon == NULL ? entry->name : colon + 1);
    if (colon == NULL || colon == entry->name)
        return;
    const char *host = entry->name;
    size_t length = (size_t)(colon - host);
    if (host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    entry->host = realip_text_copy(arena, host, length);
}

/* "-o name=value", "-oname=value", "-o { name = value }". */
static void add_option(struct realip_arena *arena, struct realip_service_entry *entry, const char *word,
                       struct realip_origin origin)
{
    const char *text = realip_text_bare(arena, word);
    const char *sign = strchr(text, '=');

    if (sign != NULL)
        realip_settings_add(arena, &entry->options,
                            realip_text_trim(arena, realip_text_copy(arena, text, (size_t)(sign - text))),
                            flat(arena, sign + 1, strlen(sign + 1)), origin);
}

/* The words of an entry with the lines on which they begin. */
static void read_entry(struct realip_arena *arena, const struct logical *logical, struct realip_postfix *postfix)
{
    struct realip_service_entry entry = { .origin = logical->origin };
    const char *rest = logical->text;
    bool expects_option = false;
    size_t count = 0;

    for (; *(rest += strspn(rest, " \t\r\n\f\v")) != '\0'; count++) {
        const char *begin = rest;
        unsigned depth = 0;

        for (; *rest != '\0' && (depth > 0 || !isspace((unsigned char)*rest)); rest++)
            depth = *rest == '{' ? depth + 1 : *rest == '}' && depth > 0 ? depth - 1 : depth;
        const char *word = realip_text_copy(arena, begin, (size_t)(rest - begin));
        struct realip_origin origin = { logical->origin.file, line_at(logical, (size_t)(begin - logical->text)) };

        if (count == 0)
            entry.name = word;
        else if (count == 1)
            entry.type = word;
        else if (count == 7)
            entry.command = word;
        else if (expects_option)
            add_option(arena, &entry, word, origin);
        else if (count > 7 && strncmp(word, "-o", 2) == 0 && word[2] != '\0')
            add_option(arena, &entry, word + 2, origin);
        expects_option = !expects_option && count > 7 && strcmp(word, "-o") == 0;
    }
    if (count < 8)
        return;
    read_place(arena, &entry);
    postfix->services = realip_text_grow(arena, postfix->services, postfix->service_count, sizeof(*postfix->services));
    postfix->services[postfix->service_count++] = entry;
}

void realip_postfix_text_master(struct realip_arena *arena, const char *file, const char *text,
                                struct realip_postfix *postfix)
{
    struct logical logical;
    unsigned number = 0;

    while (next_logical(arena, file, &text, &number, &logical))
        read_entry(arena, &logical, postfix);
}

/* "smtp/inet/name", where the service's name may hold slashes of its own. */
static void apply(struct realip_arena *arena, struct realip_postfix *postfix, const struct realip_setting *setting)
{
    for (size_t i = 0; i < postfix->service_count; i++) {
        struct realip_service_entry *entry = &postfix->services[i];
        const char *head = realip_text_format(arena, "%s/%s/", entry->name, entry->type);
        size_t length = strlen(head);

        if (strncmp(setting->name, head, length) == 0)
            realip_settings_add(arena, &entry->options, setting->name + length, setting->value, setting->origin);
    }
}

void realip_postfix_text_options(struct realip_arena *arena, const char *file, const char *text,
                                 struct realip_postfix *postfix)
{
    struct realip_settings settings = { 0 };

    realip_postfix_text_main(arena, file, text, &settings);
    for (size_t i = 0; i < settings.count; i++)
        apply(arena, postfix, &settings.items[i]);
}
