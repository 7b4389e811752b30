/* Reads an nginx.conf: its mail and stream modules. */
#include <glob.h>
#include <string.h>

#include "setup.h"

#define MAX_INCLUDES 200

struct reader {
    struct realip_setup *setup;
    const char *file;
    unsigned includes_left;
};

static bool is_for_mail(const struct realip_block *block)
{
    return block->is_block && (strcmp(block->name, "mail") == 0 || strcmp(block->name, "stream") == 0);
}

/* The value of a directive in the server, else around it. */
static const char *inherited(const struct realip_block *context, const struct realip_block *server, const char *name)
{
    const char *value = realip_block_value(server, name);

    return value != NULL ? value : realip_block_value(context, name);
}

static bool has_word(struct realip_arena *arena, const char *text, const char *word)
{
    struct realip_words words = realip_text_words(arena, text, " ");

    for (size_t i = 0; i < words.count; i++) {
        if (strcmp(words.items[i], word) == 0)
            return true;
    }
    return false;
}

/* "host:port", "[::1]:25", "port" (in listen), "unix:/path". */
static const char *split_address(struct realip_arena *arena, const char *text, unsigned *port_r)
{
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strrchr(bracket != NULL ? bracket : text, ':');

    *port_r = realip_text_port(colon != NULL ? colon + 1 : text);
    if (bracket != NULL)
        return realip_text_copy(arena, text + 1, (size_t)(bracket - text - 1));
    return colon == NULL ? "" : realip_text_copy(arena, text, (size_t)(colon - text));
}

static void collect_real_ip(struct reader *reader, const struct realip_block *block, struct realip_nginx_server *server)
{
    struct realip_arena *arena = &reader->setup->arena;

    for (const struct realip_block *child = block->first; child != NULL; child = child->next) {
        if (strcmp(child->name, "set_real_ip_from") != 0)
            continue;
        server->real_ip = realip_text_grow(arena, server->real_ip, server->real_ip_count, sizeof(*server->real_ip));
        server->real_ip[server->real_ip_count++] = (struct realip_setting){ child->name, child->value, child->origin };
    }
}

/* The server's listeners; true where one takes IPv6. */
static bool read_listens(struct reader *reader, const struct realip_block *block, struct realip_nginx_server *server,
                         struct realip_sender *sender)
{
    struct realip_arena *arena = &reader->setup->arena;
    bool takes_ipv6 = false;

    for (const struct realip_block *child = block->first; child != NULL; child = child->next) {
        unsigned port;

        if (strcmp(child->name, "listen") != 0)
            continue;
        struct realip_words words = realip_text_words(arena, child->value, " ");
        const char *host = split_address(arena, words.count > 0 ? words.items[0] : "", &port);
        sender->fronts = realip_text_grow(arena, sender->fronts, sender->front_count, sizeof(*sender->fronts));
        sender->fronts[sender->front_count++] = (struct realip_port_range){ port, port };
        takes_ipv6 = takes_ipv6 || strchr(host, ':') != NULL;
        if (server->takes_proxy.file == NULL && has_word(arena, child->value, "proxy_protocol"))
            server->takes_proxy = child->origin;
    }
    return takes_ipv6;
}

static void add_sender(struct reader *reader, const struct realip_sender *sender, const char *target)
{
    struct realip_proxies *proxies = &reader->setup->proxies;
    struct realip_sender one = *sender;

    if (strncmp(target, "unix:", 5) == 0)
        return; /* no port */
    one.host = split_address(&reader->setup->arena, target, &one.port);
    if (one.port == 0) {
        proxies->leads_elsewhere = true; /* a variable */
        return;
    }
    proxies->senders =
        realip_text_grow(&reader->setup->arena, proxies->senders, proxies->sender_count, sizeof(*proxies->senders));
    proxies->senders[proxies->sender_count++] = one;
}

/* proxy_pass names a server, or an upstream of several. */
static void add_senders(struct reader *reader, const struct realip_block *context, const struct realip_sender *sender,
                        const char *target)
{
    for (const struct realip_block *block = context->first; block != NULL; block = block->next) {
        if (strcmp(block->name, "upstream") != 0 || strcmp(block->value, target) != 0)
            continue;
        for (const struct realip_block *server = block->first; server != NULL; server = server->next) {
            struct realip_words words = realip_text_words(&reader->setup->arena, server->value, " ");

            if (strcmp(server->name, "server") == 0 && words.count > 0)
                add_sender(reader, sender, words.items[0]);
        }
        return;
    }
    add_sender(reader, sender, target);
}

static void read_server(struct reader *reader, const struct realip_block *context, const struct realip_block *block,
                        bool is_mail)
{
    struct realip_proxies *proxies = &reader->setup->proxies;
    struct realip_nginx_server server = { .origin = block->origin, .is_mail = is_mail };
    const char *protocol = inherited(context, block, "protocol");
    const char *xclient = inherited(context, block, "xclient");
    const char *target = realip_block_value(block, "proxy_pass");
    const char *bind = inherited(context, block, "proxy_bind");
    struct realip_sender sender = {
        .program = "nginx", .name = "stream, server", .origin = block->origin, .section = block->origin
    };

    server.protocol = protocol != NULL ? protocol : "";
    server.sends_proxy = realip_text_is_yes(inherited(context, block, "proxy_protocol"));
    if (xclient != NULL && !realip_text_is_yes(xclient)) {
        const struct realip_block *said = realip_block_find(block, "xclient");

        server.xclient_off = said != NULL ? said->origin : realip_block_find(context, "xclient")->origin;
    }
    sender.takes_ipv6 = read_listens(reader, block, &server, &sender);
    collect_real_ip(reader, block, &server);
    if (server.real_ip_count == 0)
        collect_real_ip(reader, context, &server);
    proxies->nginx =
        realip_text_grow(&reader->setup->arena, proxies->nginx, proxies->nginx_count, sizeof(*proxies->nginx));
    proxies->nginx[proxies->nginx_count++] = server;
    sender.version = server.sends_proxy ? 1 : 0;
    sender.transparent = bind != NULL && strstr(bind, "transparent") != NULL;
    if (!is_mail && target != NULL)
        add_senders(reader, context, &sender, target);
}

/* The statements of one file; NULL where it can't be read. */
static struct realip_block *read_file(struct reader *reader, const char *path)
{
    const char *reason;
    const char *text = realip_text_file(&reader->setup->arena, path, &reason);
    bool is_whole = false;
    struct realip_block *root = text == NULL ? NULL : realip_block_read_nginx(&reader->setup->arena, path, text, &is_whole);

    if (text == NULL)
        realip_setup_fail(reader->setup, path, reason);
    else if (!is_whole)
        realip_setup_fail(reader->setup, path, "its braces don't match; nginx -t tells where");
    return is_whole ? root : NULL;
}

static void take_includes(struct reader *reader, struct realip_block *block, bool is_top);

/* What the files hold that "include PATTERN;" names, relative to the main one (nginx's manual, include). */
static struct realip_block *included(struct reader *reader, const char *pattern, bool is_top)
{
    struct realip_arena *arena = &reader->setup->arena;
    struct realip_block *all = realip_text_alloc(arena, 1, sizeof(*all));
    const char *slash = strrchr(reader->file, '/');
    glob_t found;

    if (pattern[0] != '/' && slash != NULL)
        pattern = realip_text_format(arena, "%.*s/%s", (int)(slash - reader->file), reader->file, pattern);
    if (glob(pattern, 0, NULL, &found) != 0) {
        if (strpbrk(pattern, "*?[") == NULL)
            realip_setup_fail(reader->setup, pattern, "nginx includes it, and it is not there");
        return all;
    }
    for (size_t i = 0; i < found.gl_pathc && reader->includes_left > 0; i++) {
        reader->includes_left--;
        struct realip_block *root = read_file(reader, realip_text_copy(arena, found.gl_pathv[i], strlen(found.gl_pathv[i])));

        if (root == NULL)
            continue;
        take_includes(reader, root, is_top);
        if (all->last == NULL)
            all->first = root->first;
        else
            all->last->next = root->first;
        all->last = root->last != NULL ? root->last : all->last;
    }
    globfree(&found);
    return all;
}

/* Puts what files hold in place of the statements that include them: in nginx.conf itself, and in what is for mail. */
static void take_includes(struct reader *reader, struct realip_block *block, bool is_top)
{
    struct realip_block *before = NULL;

    for (struct realip_block *child = block->first; child != NULL; child = child->next) {
        if (child->is_block && (!is_top || is_for_mail(child)))
            take_includes(reader, child, false);
        if (child->is_block || strcmp(child->name, "include") != 0) {
            before = child;
            continue;
        }
        if (reader->setup->is_folder) { /* this host's own files are none of that set-up's */
            if (!is_top)
                realip_setup_fail(reader->setup, realip_text_format(&reader->setup->arena, "%s:%u", child->origin.file, child->origin.line),
                                  "what it includes is not in the folder: write it in place of this line");
            before = child;
            continue;
        }
        struct realip_block *inner = included(reader, child->value, is_top);
        struct realip_block *next = inner->first != NULL ? inner->first : child->next;

        if (inner->last != NULL)
            inner->last->next = child->next;
        if (before == NULL)
            block->first = next;
        else
            before->next = next;
        before = inner->last != NULL ? inner->last : before;
        if (child->next == NULL)
            block->last = before;
    }
}

/* All servers of mail{} or stream{}. */
static void read_context(struct reader *reader, const struct realip_block *context)
{
    for (const struct realip_block *block = context->first; block != NULL; block = block->next) {
        if (block->is_block && strcmp(block->name, "server") == 0)
            read_server(reader, context, block, strcmp(context->name, "mail") == 0);
    }
}

void realip_nginx_read(struct realip_setup *setup, const char *file)
{
    struct reader reader = { setup, file, MAX_INCLUDES };
    struct realip_block *root = read_file(&reader, file);

    if (root == NULL)
        return;
    if (root->first == NULL) {
        realip_setup_fail(setup, file, "it is empty");
        return;
    }
    take_includes(&reader, root, true);
    setup->proxies.is_known = true;
    realip_words_add(&setup->arena, &setup->looked_at, "nginx");
    for (const struct realip_block *block = root->first; block != NULL; block = block->next) {
        if (is_for_mail(block))
            read_context(&reader, block);
    }
}
