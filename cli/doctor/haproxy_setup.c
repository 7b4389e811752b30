/* Reads an haproxy.cfg as far as it passes on mail: sections, binds, servers, checks (HAProxy 2.6's configuration
 * manual). */
#include <ctype.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "haproxy_condition.h"
#include "setup.h"

enum section_kind {
    SECTION_NONE = 0,
    /* the word begins no section */ SECTION_OTHER,
    SECTION_DEFAULTS,
    SECTION_FRONTEND,
    SECTION_BACKEND,
    SECTION_LISTEN
};

/* A section while the file is read. What `defaults` says is copied into the sections behind it. */
struct section {
    enum section_kind kind;
    const char *name;
    struct realip_origin origin;
    bool is_http;
    bool talks;
    bool is_tcp_check;
    bool connects_bare;    /* its tcp-check connect names neither "default" nor "send-proxy": no header then */
    unsigned connect_port; /* of that; 0: the server's */
    bool transparent;
    bool is_disabled;
    bool has_timeout[3];       /* client, server, connect */
    struct realip_sender base; /* default-server */
    struct realip_port_range *fronts;
    size_t front_count;
    bool takes_ipv6;
    struct realip_words backends; /* that a frontend names */
    size_t first_sender;          /* its servers among all senders */
    size_t sender_count;
};

struct reader {
    struct realip_setup *setup;
    const char *file;
    struct section *sections;
    size_t count;
    struct section defaults;
    struct realip_haproxy_conditions conditions;
};

/* Words with quotes and backslashes as HAProxy takes them; "#" begins a comment. */
static struct realip_words split(struct realip_arena *arena, const char *line)
{
    struct realip_words words = { 0 };

    while (*(line += strspn(line, " \t\r\v\f")) != '\0' && *line != '#') {
        char *word = realip_text_copy(arena, line, strlen(line));
        size_t length = 0;
        char quote = '\0';

        for (; *line != '\0' && (quote != '\0' || !isspace((unsigned char)*line)); line++) {
            if (*line == '\\' && quote != '\'' && line[1] != '\0')
                word[length++] = *++line;
            else if (quote == *line)
                quote = '\0';
            else if (quote == '\0' && (*line == '"' || *line == '\''))
                quote = *line;
            else if (quote == '\0' && *line == '#')
                break;
            else
                word[length++] = *line;
        }
        word[length] = '\0';
        realip_words_add(arena, &words, word);
    }
    return words;
}

/* "host:port", "[::1]:25", ":::25", "ipv6@::1:25", "host" (then the port is *port_r 0). The last colon ends the host,
 * as in HAProxy. */
static const char *split_address(struct realip_arena *arena, const char *text, const char **port_r, bool *is_ipv6_r)
{
    *is_ipv6_r = false;
    *port_r = "";
    if (strncmp(text, "ipv6@", 5) == 0 || strncmp(text, "ipv4@", 5) == 0) {
        *is_ipv6_r = text[3] == '6';
        text += 5;
    }
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strrchr(bracket != NULL ? bracket : text, ':');
    size_t length = colon == NULL ? strlen(text) : (size_t)(colon - text);

    if (colon != NULL)
        *port_r = colon + 1;
    if (bracket != NULL) {
        *is_ipv6_r = true;
        return realip_text_copy(arena, text + 1, (size_t)(bracket - text - 1));
    }
    const char *host = realip_text_copy(arena, text, length);
    *is_ipv6_r = *is_ipv6_r || strchr(host, ':') != NULL;
    return host;
}

/* bind [address]:port[-port][,…] [options] */
static void read_bind(struct reader *reader, struct section *section, const struct realip_words *words)
{
    struct realip_arena *arena = &reader->setup->arena;
    struct realip_words binds = realip_text_words(arena, words->count > 1 ? words->items[1] : "", ",");
    static const char *const both[] = { "v4v6", "v6only", NULL };

    for (size_t i = 0; i < binds.count; i++) {
        const char *port;
        bool is_ipv6;

        split_address(arena, binds.items[i], &port, &is_ipv6);
        const char *dash = strchr(port, '-');
        unsigned from = realip_text_port(dash == NULL ? port : realip_text_copy(arena, port, (size_t)(dash - port)));
        unsigned to = dash == NULL ? from : realip_text_port(dash + 1);
        section->fronts = realip_text_grow(arena, section->fronts, section->front_count, sizeof(*section->fronts));
        section->fronts[section->front_count++] = (struct realip_port_range){ from, to };
        section->takes_ipv6 = section->takes_ipv6 || is_ipv6;
    }
    for (size_t i = 2; i < words->count; i++)
        section->takes_ipv6 = section->takes_ipv6 || realip_text_is_among(words->items[i], both);
}

static void read_server_options(const struct realip_words *words, size_t from, struct realip_sender *sender)
{
    static const char *const version_2[] = { "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", NULL };
    bool is_told = false;

    for (size_t i = from; i < words->count; i++) {
        const char *word = words->items[i];
        const char *next = i + 1 < words->count ? words->items[i + 1] : "";

        if (strcmp(word, "send-proxy") == 0)
            sender->version = 1;
        else if (realip_text_is_among(word, version_2))
            sender->version = 2;
        else if (strcmp(word, "no-send-proxy") == 0 || strcmp(word, "no-send-proxy-v2") == 0)
            sender->version = 0;
        else if (strcmp(word, "disabled") == 0)
            sender->is_idle = true;
        else if (strcmp(word, "enabled") == 0)
            sender->is_idle = false;
        else if (strcmp(word, "check") == 0)
            sender->has_check = true;
        else if (strcmp(word, "no-check") == 0)
            sender->has_check = false;
        else if (strcmp(word, "check-send-proxy") == 0)
            is_told = true;
        else if (strcmp(word, "usesrc") == 0)
            sender->transparent = true;
        else if (strcmp(word, "addr") == 0)
            sender->check_apart = true;
        else if (strcmp(word, "port") == 0) {
            sender->check_apart = true;
            sender->check_port = realip_text_port(next);
        }
    }
    /* Checks go with a header by themselves, unless they go elsewhere (HAProxy's manual, check-send-proxy). */
    sender->check_proxy = sender->check_proxy || is_told;
}

static bool is_uncertain(const struct reader *reader)
{
    return realip_haproxy_condition_now(&reader->conditions) != REALIP_HAPROXY_YES;
}

/* server NAME ADDRESS [options], or server-template PREFIX COUNT ADDRESS [options] */
static void read_server(struct reader *reader, struct section *section, const struct realip_words *words)
{
    size_t at = strcmp(words->items[0], "server") == 0 ? 2 : 3; /* of the address */
    struct realip_proxies *proxies = &reader->setup->proxies;
    struct realip_arena *arena = &reader->setup->arena;
    struct realip_sender sender = section->base;
    const char *port;
    bool is_ipv6;

    if (words->count <= at || section->is_http || words->items[at][0] == '/' || strncmp(words->items[at], "unix@", 5) == 0)
        return; /* a socket of its own host is no port */
    sender.program = "haproxy";
    sender.name = realip_text_format(arena, "%s, %s %s", section->name, words->items[0], words->items[1]);
    sender.host = split_address(arena, words->items[at], &port, &is_ipv6);
    sender.port = realip_text_port(port);
    if (port[0] != '\0' && sender.port == 0) {
        proxies->leads_elsewhere = true; /* "+10000", "$PORT": where that leads can't be told here */
        return;
    }
    read_server_options(words, at + 1, &sender);
    sender.is_idle = sender.is_idle || is_uncertain(reader);
    proxies->senders = realip_text_grow(arena, proxies->senders, proxies->sender_count, sizeof(*proxies->senders));
    proxies->senders[proxies->sender_count++] = sender;
    section->sender_count++;
}

/* "tcp-check connect" has what the server's line says only where it is told so (HAProxy's manual, tcp-check connect). */
static void read_tcp_check(struct section *section, const struct realip_words *words)
{
    const char *next = words->count > 1 ? words->items[1] : "";
    bool is_told = false;

    if (strcmp(next, "connect") != 0) {
        section->talks = section->talks || strcmp(next, "comment") != 0; /* "option tcp-check" alone only connects */
        return;
    }
    for (size_t i = 2; i < words->count; i++) {
        is_told = is_told || strcmp(words->items[i], "default") == 0 || strcmp(words->items[i], "send-proxy") == 0;
        if (strcmp(words->items[i], "port") == 0 && i + 1 < words->count)
            section->connect_port = realip_text_port(words->items[i + 1]);
    }
    section->connects_bare = section->connects_bare || !is_told;
}

static void read_statement(struct reader *reader, struct section *section, const struct realip_words *words,
                           struct realip_origin origin)
{
    static const char *const talking[] = { "smtpchk",     "httpchk",     "external-check", "mysql-check",
                                           "pgsql-check", "redis-check", "ssl-hello-chk",  NULL };
    static const char *const timeouts[] = { "client", "server", "connect" };
    const char *word = words->items[0];
    const char *next = words->count > 1 ? words->items[1] : "";

    section->base.origin = origin;
    if (strcmp(word, "mode") == 0)
        section->is_http = strcmp(next, "http") == 0;
    else if (strcmp(word, "bind") == 0)
        read_bind(reader, section, words);
    else if (strcmp(word, "disabled") == 0 || strcmp(word, "enabled") == 0)
        section->is_disabled = word[0] == 'd';
    else if (strcmp(word, "default-server") == 0 && is_uncertain(reader))
        section->base.is_idle = true; /* what its servers do can't be told */
    else if (strcmp(word, "default-server") == 0)
        read_server_options(words, 1, &section->base);
    else if (strcmp(word, "server") == 0 || strcmp(word, "server-template") == 0)
        read_server(reader, section, words);
    else if (strcmp(word, "default_backend") == 0 || strcmp(word, "use_backend") == 0)
        realip_words_add(&reader->setup->arena, &section->backends, next);
    else if (strcmp(word, "option") == 0 && realip_text_is_among(next, talking))
        section->talks = true;
    else if (strcmp(word, "option") == 0 && strcmp(next, "tcp-check") == 0)
        section->is_tcp_check = true;
    else if (strcmp(word, "tcp-check") == 0)
        read_tcp_check(section, words);
    for (size_t i = 0; i < 3 && strcmp(word, "timeout") == 0; i++)
        section->has_timeout[i] = section->has_timeout[i] || strcmp(next, timeouts[i]) == 0;
    for (size_t i = 0; i < words->count && strcmp(word, "source") == 0; i++)
        section->transparent = section->transparent || strcmp(words->items[i], "usesrc") == 0;
}

static enum section_kind kind_of(const char *word)
{
    static const char *const others[] = { "global", "peers",   "resolvers", "userlist", "program",     "http-errors",
                                          "ring",   "mailers", "cache",     "fcgi-app", "log-forward", NULL };

    if (strcmp(word, "defaults") == 0)
        return SECTION_DEFAULTS;
    if (strcmp(word, "frontend") == 0)
        return SECTION_FRONTEND;
    if (strcmp(word, "backend") == 0)
        return SECTION_BACKEND;
    if (strcmp(word, "listen") == 0)
        return SECTION_LISTEN;
    return realip_text_is_among(word, others) ? SECTION_OTHER : SECTION_NONE;
}

/* "SECTION NAME from DEFAULTS" takes what that section says; without it the last defaults before it count (HAProxy's
 * manual, 4). */
static const struct section *defaults_of(const struct reader *reader, const struct realip_words *words)
{
    const char *from = NULL;

    for (size_t i = 1; i + 1 < words->count; i++) {
        if (strcmp(words->items[i], "from") == 0)
            from = words->items[i + 1];
    }
    for (size_t i = reader->count; from != NULL && i > 0; i--) {
        const struct section *section = &reader->sections[i - 1];

        if (section->kind == SECTION_DEFAULTS && strcmp(strchr(section->name, ' ') + 1, from) == 0)
            return section;
    }
    return &reader->defaults;
}

static void begin_section(struct reader *reader, enum section_kind kind, const struct realip_words *words,
                          struct realip_origin origin)
{
    struct realip_arena *arena = &reader->setup->arena;
    struct section section = { 0 };

    const struct section *defaults = defaults_of(reader, words);
    if (kind != SECTION_OTHER && (kind != SECTION_DEFAULTS || defaults != &reader->defaults))
        section = *defaults;
    section.kind = kind;
    section.origin = origin;
    section.name = realip_text_format(arena, "%s %s", words->items[0], words->count > 1 ? words->items[1] : "");
    section.first_sender = reader->setup->proxies.sender_count;
    section.sender_count = 0;
    reader->sections = realip_text_grow(arena, reader->sections, reader->count, sizeof(*reader->sections));
    reader->sections[reader->count++] = section;
}

static void read_lines(struct reader *reader, const char *text)
{
    const char *line;

    for (unsigned number = 1; (line = realip_text_line(&reader->setup->arena, &text)) != NULL; number++) {
        struct realip_words words = split(&reader->setup->arena, line);
        struct realip_origin origin = { reader->file, number };

        if (words.count == 0 || realip_haproxy_condition_read(&reader->conditions, &words)
            || realip_haproxy_condition_now(&reader->conditions) == REALIP_HAPROXY_NO)
            continue;
        enum section_kind kind = kind_of(words.items[0]);
        if (kind != SECTION_NONE)
            begin_section(reader, kind, &words, origin);
        else if (reader->count > 0)
            read_statement(reader, &reader->sections[reader->count - 1], &words, origin);
        if (reader->count > 0 && reader->sections[reader->count - 1].kind == SECTION_DEFAULTS)
            reader->defaults = reader->sections[reader->count - 1];
    }
}

static bool leads_to(const struct section *front, const struct section *back)
{
    const char *name = strchr(back->name, ' ') + 1;

    if (front == back)
        return true;
    for (size_t i = 0; front->kind == SECTION_FRONTEND && i < front->backends.count; i++) {
        if (strcmp(front->backends.items[i], name) == 0)
            return true;
    }
    return false;
}

/* Files may be those of several proxies, with the same names in them: the frontends of the backend's own file go before all others. */
static bool is_fed_by_own_file(const struct reader *reader, const struct section *back)
{
    for (size_t i = 0; i < reader->count; i++) {
        if (leads_to(&reader->sections[i], back) && strcmp(reader->sections[i].origin.file, back->origin.file) == 0
            && reader->sections[i].front_count > 0)
            return true;
    }
    return false;
}

/* What a server has from its section, and from the frontends that lead to it. */
static void finish_sender(struct reader *reader, const struct section *back, struct realip_sender *sender)
{
    struct realip_arena *arena = &reader->setup->arena;
    static const char *const names[] = { "client", "server", "connect" };
    struct realip_words missing = { 0 };
    bool misses_client = false;
    bool is_own = is_fed_by_own_file(reader, back);

    sender->is_idle = sender->is_idle || back->is_disabled;
    sender->check_talks = back->talks;
    sender->check_bare = back->is_tcp_check && back->connects_bare;
    if (back->is_tcp_check && back->connect_port > 0)
        sender->check_port = back->connect_port;
    sender->transparent = sender->transparent || back->transparent;
    sender->section = back->origin;
    for (size_t i = 0; i < reader->count; i++) {
        const struct section *front = &reader->sections[i];

        if (!leads_to(front, back) || front->is_disabled
            || (is_own && strcmp(front->origin.file, back->origin.file) != 0))
            continue;
        sender->takes_ipv6 = sender->takes_ipv6 || front->takes_ipv6;
        misses_client = misses_client || (front->front_count > 0 && !front->has_timeout[0]);
        for (size_t k = 0; k < front->front_count; k++) {
            sender->fronts = realip_text_grow(arena, sender->fronts, sender->front_count, sizeof(*sender->fronts));
            sender->fronts[sender->front_count++] = front->fronts[k];
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (i == 0 ? misses_client : !back->has_timeout[i])
            realip_words_add(arena, &missing, names[i]);
    }
    sender->missing_timeouts = missing.count == 0 ? NULL : realip_words_join(arena, &missing, ", ");
}

/* One file of several that HAProxy reads as if they were one (its management guide, -f). */
static void read_file(struct reader *reader, const char *file)
{
    struct realip_setup *setup = reader->setup;
    size_t before = reader->count;
    const char *reason;
    const char *text = realip_text_file(&setup->arena, file, &reason);

    if (text == NULL) {
        realip_setup_fail(setup, file, reason);
        return;
    }
    reader->file = file;
    reader->conditions = (struct realip_haproxy_conditions){ 0 };
    read_lines(reader, text);
    if (reader->count == before)
        realip_setup_fail(setup, file, "there is no section in it (frontend, backend, listen); is it an haproxy.cfg?");
}

/* Of a folder HAProxy reads what ends in .cfg, in the order of the names. */
static void read_folder(struct reader *reader, const char *folder)
{
    struct realip_arena *arena = &reader->setup->arena;
    glob_t found;

    if (glob(realip_text_format(arena, "%s/*.cfg", folder), 0, NULL, &found) != 0) {
        realip_setup_fail(reader->setup, folder, "there is no *.cfg in this folder, or it may not be read");
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_file(reader, realip_text_copy(arena, found.gl_pathv[i], strlen(found.gl_pathv[i])));
    globfree(&found);
}

void realip_haproxy_read_files(struct realip_setup *setup, const char *const *files, size_t count)
{
    struct reader reader = { .setup = setup };
    struct stat status;

    for (size_t i = 0; i < count; i++) {
        if (stat(files[i], &status) == 0 && S_ISDIR(status.st_mode))
            read_folder(&reader, files[i]);
        else
            read_file(&reader, files[i]);
    }
    if (reader.count == 0)
        return;
    setup->proxies.is_known = true;
    realip_words_add(&setup->arena, &setup->looked_at, "haproxy");
    for (size_t i = 0; i < reader.count; i++) {
        for (size_t k = 0; k < reader.sections[i].sender_count; k++)
            finish_sender(&reader, &reader.sections[i], &setup->proxies.senders[reader.sections[i].first_sender + k]);
    }
}

void realip_haproxy_read(struct realip_setup *setup, const char *file)
{
    realip_haproxy_read_files(setup, &file, 1);
}
