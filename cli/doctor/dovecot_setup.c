/* Reads a Dovecot, 2.3 or 2.4: what `doveconf -n` prints, from the program or from a file. */
#include <glob.h>
#include <string.h>

#include "program.h"
#include "setup.h"

#define DOVECONF_SECONDS 10
#define MAX_INCLUDES     200

/* What Dovecot listens on by itself where a protocol is switched on. */
static const struct {
    const char *protocol;
    const char *service;
    const char *name;
    unsigned port;
} known_listeners[] = {
    { "imap", "imap-login", "imap", 143 },
    { "imap", "imap-login", "imaps", 993 },
    { "pop3", "pop3-login", "pop3", 110 },
    { "pop3", "pop3-login", "pop3s", 995 },
    { "submission", "submission-login", "submission", 587 },
    { "submission", "submission-login", "submissions", 465 },
    { "sieve", "managesieve-login", "sieve", 4190 },
};

static unsigned usual_port(const char *service, const char *name)
{
    for (size_t i = 0; i < sizeof(known_listeners) / sizeof(known_listeners[0]); i++) {
        if (strcmp(known_listeners[i].service, service) == 0 && strcmp(known_listeners[i].name, name) == 0)
            return known_listeners[i].port;
    }
    return 0;
}

static void add_listener(struct realip_setup *setup, struct realip_dovecot_listener listener)
{
    struct realip_dovecot *dovecot = &setup->dovecot;

    dovecot->listeners =
        realip_text_grow(&setup->arena, dovecot->listeners, dovecot->listener_count, sizeof(*dovecot->listeners));
    dovecot->listeners[dovecot->listener_count++] = listener;
}

static void read_service(struct realip_setup *setup, const struct realip_block *service)
{
    for (const struct realip_block *block = service->first; block != NULL; block = block->next) {
        const char *port = realip_block_value(block, "port");

        if (strcmp(block->name, "inet_listener") != 0)
            continue;
        add_listener(setup,
                     (struct realip_dovecot_listener){
                         .service = service->value,
                         .name = block->value,
                         .port = port != NULL ? realip_text_port(port) : usual_port(service->value, block->value),
                         .haproxy = realip_text_is_yes(realip_block_value(block, "haproxy")),
                         .origin = block->origin });
    }
}

static bool has_listener(const struct realip_dovecot *dovecot, const char *service, const char *name)
{
    for (size_t i = 0; i < dovecot->listener_count; i++) {
        if (strcmp(dovecot->listeners[i].service, service) == 0 && strcmp(dovecot->listeners[i].name, name) == 0)
            return true;
    }
    return false;
}

/* "protocols = imap pop3", or 2.4's "protocols { imap = yes }". */
static bool has_protocol(struct realip_setup *setup, const char *protocol)
{
    const struct realip_block *protocols = realip_block_find(setup->dovecot.root, "protocols");

    if (protocols == NULL)
        return false;
    if (protocols->is_block)
        return realip_text_is_yes(realip_block_value(protocols, protocol));
    struct realip_words words = realip_text_words(&setup->arena, protocols->value, " ,\t");
    for (size_t i = 0; i < words.count; i++) {
        if (strcmp(words.items[i], protocol) == 0)
            return true;
    }
    return false;
}

static void read_passdb(struct realip_setup *setup, const struct realip_block *block)
{
    struct realip_dovecot *dovecot = &setup->dovecot;
    const char *driver = realip_block_value(block, "driver");

    dovecot->passdbs =
        realip_text_grow(&setup->arena, dovecot->passdbs, dovecot->passdb_count, sizeof(*dovecot->passdbs));
    dovecot->passdbs[dovecot->passdb_count++] = (struct realip_passdb){
        .driver = driver != NULL ? driver : block->value, /* 2.4: the block's own name */
        .is_master = realip_text_is_yes(realip_block_value(block, "master")),
        .denies = realip_text_is_yes(realip_block_value(block, "deny")),
        .origin = block->origin,
    };
}

static void read_text(struct realip_setup *setup, const char *file, const char *text)
{
    struct realip_dovecot *dovecot = &setup->dovecot;
    bool is_whole;

    dovecot->root = realip_block_read_dovecot(&setup->arena, file, text, &is_whole);
    if (!is_whole || dovecot->root->first == NULL) {
        realip_setup_fail(setup, file, "this is not what doveconf -n prints: its braces don't match, or it is empty");
        return;
    }
    dovecot->is_known = true;
    dovecot->file = file;
    realip_words_add(&setup->arena, &setup->looked_at, "dovecot");
    for (const struct realip_block *block = dovecot->root->first; block != NULL; block = block->next) {
        if (block->is_block && strcmp(block->name, "service") == 0)
            read_service(setup, block);
        else if (block->is_block && strcmp(block->name, "passdb") == 0)
            read_passdb(setup, block);
    }
    for (size_t i = 0; i < sizeof(known_listeners) / sizeof(known_listeners[0]); i++) {
        if (has_protocol(setup, known_listeners[i].protocol)
            && !has_listener(dovecot, known_listeners[i].service, known_listeners[i].name))
            add_listener(setup, (struct realip_dovecot_listener){ .service = known_listeners[i].service,
                                                                  .name = known_listeners[i].name,
                                                                  .port = known_listeners[i].port });
    }
}

void realip_dovecot_read_output(struct realip_setup *setup, const char *file)
{
    const char *reason;
    const char *text = realip_text_file(&setup->arena, file, &reason);

    if (text == NULL)
        realip_setup_fail(setup, file, reason);
    else
        read_text(setup, file, text);
}

/* ---- the files behind what doveconf printed: it tells no lines ---- */

static void scan(struct realip_setup *setup, const char *path, unsigned *left);

static void scan_included(struct realip_setup *setup, const char *from, const char *pattern, unsigned *left)
{
    const char *slash = strrchr(from, '/');
    glob_t found;

    if (pattern[0] != '/' && slash != NULL)
        pattern = realip_text_format(&setup->arena, "%.*s/%s", (int)(slash - from), from, pattern);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        scan(setup, realip_text_copy(&setup->arena, found.gl_pathv[i], strlen(found.gl_pathv[i])), left);
    globfree(&found);
}

static void scan(struct realip_setup *setup, const char *path, unsigned *left)
{
    struct realip_arena *arena = &setup->arena;
    const char *reason;
    const char *text = *left == 0 ? NULL : realip_text_file(arena, path, &reason);
    const char *raw;

    if (text == NULL)
        return; /* then a finding names the file alone */
    --*left;
    for (unsigned number = 1; (raw = realip_text_line(arena, &text)) != NULL; number++) {
        const char *line = realip_text_trim(arena, raw);
        const char *rest = line + strcspn(line, " \t={");
        const char *name = realip_text_copy(arena, line, (size_t)(rest - line));

        rest += strspn(rest, " \t=");
        if (strcmp(name, "!include") == 0 || strcmp(name, "!include_try") == 0)
            scan_included(setup, path, rest, left);
        if (strcmp(name, "inet_listener") == 0 || strcmp(name, "driver") == 0 || strcmp(name, "passdb") == 0)
            name = realip_text_format(arena, "%s %s", name, realip_text_copy(arena, rest, strcspn(rest, " \t{")));
        if (line[0] != '#' && line[0] != '\0')
            realip_settings_add(arena, &setup->dovecot.source, name, "", (struct realip_origin){ path, number });
    }
}

/* Gives blocks the places where the files say them, as far as a name tells. A setting of a group ("auth_policy {
 * server_url") may be written with the group's name in front of its own. */
static void place(struct realip_setup *setup, struct realip_block *block, const char *group, const char *path)
{
    struct realip_arena *arena = &setup->arena;

    for (struct realip_block *child = block->first; child != NULL; child = child->next) {
        bool is_listener = child->is_block && strcmp(child->name, "inet_listener") == 0;
        const char *name = is_listener ? realip_text_format(arena, "inet_listener %s", child->value) : child->name;
        const char *whole = realip_text_format(arena, "%s%s", group, name);
        const struct realip_setting *found = realip_settings_find(&setup->dovecot.source, whole);

        if (found == NULL)
            found = realip_settings_find(&setup->dovecot.source, name);
        child->origin = found != NULL ? found->origin : (struct realip_origin){ path, 0 };
        place(setup, child, child->value[0] == '\0' ? realip_text_format(arena, "%s_", whole) : "", path);
    }
}

static void place_all(struct realip_setup *setup, const char *path)
{
    struct realip_dovecot *dovecot = &setup->dovecot;
    unsigned left = MAX_INCLUDES;

    dovecot->file = path;
    scan(setup, path, &left);
    place(setup, dovecot->root, "", path);
    for (size_t i = 0; i < dovecot->listener_count; i++) {
        struct realip_dovecot_listener *listener = &dovecot->listeners[i];
        const struct realip_setting *found = realip_settings_find(
            &dovecot->source, realip_text_format(&setup->arena, "inet_listener %s", listener->name));

        if (listener->origin.file != NULL)
            listener->origin = found != NULL ? found->origin : (struct realip_origin){ path, 0 };
    }
    for (size_t i = 0; i < dovecot->passdb_count; i++) {
        struct realip_passdb *passdb = &dovecot->passdbs[i];
        const struct realip_setting *found =
            realip_settings_find(&dovecot->source, realip_text_format(&setup->arena, "driver %s", passdb->driver));

        if (found == NULL)
            found =
                realip_settings_find(&dovecot->source, realip_text_format(&setup->arena, "passdb %s", passdb->driver));
        passdb->origin = found != NULL ? found->origin : (struct realip_origin){ path, 0 };
    }
}

void realip_dovecot_read_host(struct realip_setup *setup, const char *file)
{
    const char *doveconf = realip_program_find(&setup->arena, "doveconf");
    const char *argv[] = { doveconf, "-n", file != NULL ? "-c" : NULL, file, NULL };
    struct realip_program_output output;
    const char *reason;

    if (doveconf == NULL) {
        if (file != NULL)
            realip_setup_fail(setup, "Dovecot",
                              "there is no doveconf; install Dovecot here, or judge a folder: --setup FOLDER");
        return;
    }
    if (realip_program_run(&setup->arena, argv, DOVECONF_SECONDS, &output, &reason) < 0) {
        realip_setup_fail(setup, "Dovecot", reason);
        return;
    }
    if (output.status != 0) {
        const char *words = output.err;
        const char *line = realip_text_line(&setup->arena, &words);

        if (line != NULL && strstr(line, "Permission denied") != NULL)
            line = realip_text_format(&setup->arena, "%s; root may read it", line);
        realip_setup_fail(setup, "Dovecot", line != NULL ? line : "doveconf failed and gave no reason");
        return;
    }
    const char *rest = output.out;
    const char *first =
        realip_text_line(&setup->arena, &rest); /* "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf" */
    const char *path = first == NULL ? NULL : strstr(first, ": /");
    path = file != NULL ? file : path != NULL ? path + 2 : "/etc/dovecot/dovecot.conf";
    read_text(setup, path, output.out);
    if (setup->dovecot.is_known)
        place_all(setup, path);
}
