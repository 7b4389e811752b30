#include "config_listeners.h"

#include <stdlib.h>
#include <string.h>

static void read_actions(struct realip_config_reader *reader, const struct realip_config_block *block,
                         enum realip_action actions[REALIP_REASON_COUNT])
{
    static const struct realip_config_word words[] = { { "pass", REALIP_ACTION_PASS },
                                                       { "flag", REALIP_ACTION_FLAG },
                                                       { "no-relay", REALIP_ACTION_NO_RELAY },
                                                       { "quarantine", REALIP_ACTION_QUARANTINE },
                                                       { "defer", REALIP_ACTION_DEFER },
                                                       { "reject", REALIP_ACTION_REJECT },
                                                       { NULL, 0 } };

    if (block == NULL)
        return;
    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++) {
        enum realip_reason reason = (enum realip_reason)i;
        const char *token = realip_reason_token(reason);
        const struct realip_config_value *value = realip_config_value_at(block, token, 0);
        int action = (int)actions[i];

        if (value == NULL)
            continue;
        if (!realip_reason_is_problem(reason))
            realip_problems_add(reader->problems, value->origin,
                                "'%s' always passes and takes no action; only problem reasons do: take the line out",
                                token);
        else if (realip_config_reader_word(reader, block, token, words, &action) != NULL)
            actions[i] = (enum realip_action)action;
    }
}

/* What a listener block and the top level have in common. */
void realip_config_listeners_settings(struct realip_config_reader *reader, const struct realip_config_block *block,
                                      struct realip_listener *listener)
{
    static const struct realip_config_word proxy_words[] = { { "required", REALIP_PROXY_REQUIRED },
                                                             { "optional", REALIP_PROXY_OPTIONAL },
                                                             { "forbidden", REALIP_PROXY_FORBIDDEN },
                                                             { NULL, 0 } };
    static const struct realip_config_word attest_words[] = { { "off", REALIP_ATTEST_OFF },
                                                              { "available", REALIP_ATTEST_AVAILABLE },
                                                              { "required", REALIP_ATTEST_REQUIRED },
                                                              { NULL, 0 } };
    static const struct realip_config_word mode_words[] = { { "monitor", REALIP_MODE_MONITOR },
                                                            { "protect", REALIP_MODE_PROTECT },
                                                            { "enforce", REALIP_MODE_ENFORCE },
                                                            { NULL, 0 } };
    const struct realip_config_value *value;
    int proxy = (int)listener->proxy;
    int attest = (int)listener->attest;
    int mode = (int)listener->mode;

    if ((value = realip_config_reader_word(reader, block, "proxy", proxy_words, &proxy)) != NULL)
        listener->proxy_origin = value->origin;
    if ((value = realip_config_reader_word(reader, block, "attest", attest_words, &attest)) != NULL)
        listener->attest_origin = value->origin;
    realip_config_reader_word(reader, block, "mode", mode_words, &mode);
    listener->proxy = (enum realip_proxy_need)proxy;
    listener->attest = (enum realip_attest_need)attest;
    listener->mode = (enum realip_mode)mode;
    listener->allow_internal = realip_config_reader_bool(reader, block, "allow-internal", listener->allow_internal);
    read_actions(reader, realip_config_block_at(block, "actions", 0), listener->actions);
}

/* Names are compared with what Postfix and Dovecot were told, and are labels of metrics. */
static void check_name(struct realip_config_reader *reader, const char *name, struct realip_origin origin)
{
    bool good = name[0] != '\0';

    for (const char *c = name; *c != '\0'; c++)
        good = good && *c >= ' ' && *c <= '~';
    if (!good)
        realip_problems_add(reader->problems, origin,
                            "'%s' is no name for a listener: use letters, digits and signs of ASCII", name);
}

static void read_listener_names(struct realip_config_reader *reader, const struct realip_config_block *block,
                                struct realip_listener *listener)
{
    unsigned count = realip_config_reader_count(block, "names");
    const char **names = realip_config_reader_allocate(reader, count, sizeof(*names));

    for (unsigned i = 0; names != NULL && i < count; i++) {
        const struct realip_config_value *value = realip_config_value_at(block, "names", i);

        check_name(reader, value->text, value->origin);
        names[i] = value->text;
    }
    listener->names = names;
    listener->name_count = names == NULL ? 0 : count;
}

static void read_listener_ports(struct realip_config_reader *reader, const struct realip_config_block *block,
                                struct realip_listener *listener)
{
    unsigned count = realip_config_reader_count(block, "ports");
    uint16_t *ports = realip_config_reader_allocate(reader, count, sizeof(*ports));

    for (unsigned i = 0; ports != NULL && i < count; i++) {
        const struct realip_config_value *value = realip_config_value_at(block, "ports", i);
        char *end;
        unsigned long port = strtoul(value->text, &end, 10);

        if (*end != '\0' || value->text[0] < '0' || value->text[0] > '9' || port == 0 || port > 65535)
            realip_problems_add(reader->problems, value->origin, "ports: '%s': a port is a number of 1 to 65535",
                                value->text);
        else
            ports[i] = (uint16_t)port;
    }
    listener->ports = ports;
    listener->port_count = ports == NULL ? 0 : count;
}

/* Two blocks for one session: nobody could say which one judges it. */
static void check_listener_pair(struct realip_config_reader *reader, const struct realip_listener *earlier,
                                const struct realip_listener *later, const struct realip_config_block *block)
{
    struct realip_origin origin = realip_config_block_origin(reader->file, "listener", block);

    if (realip_listener_has_name(earlier, later->title))
        realip_problems_add(reader->problems, origin,
                            "listener %s: its title is already a name of listener %s: rename one", later->title,
                            earlier->title);
    for (unsigned i = 0; i < later->name_count; i++) {
        if (realip_listener_has_name(earlier, later->names[i]))
            realip_problems_add(reader->problems, realip_config_value_at(block, "names", i)->origin,
                                "listener %s: the name '%s' already belongs to listener %s: keep it in one of them",
                                later->title, later->names[i], earlier->title);
    }
    for (unsigned i = 0; i < later->port_count; i++) {
        if (later->ports[i] != 0 && realip_listener_has_port(earlier, later->ports[i]))
            realip_problems_add(reader->problems, realip_config_value_at(block, "ports", i)->origin,
                                "listener %s: port %u already belongs to listener %s: keep it in one of them",
                                later->title, later->ports[i], earlier->title);
    }
}

static void check_port_count(struct realip_config_reader *reader, const struct realip_listener *listeners,
                             unsigned count)
{
    size_t ports = 0;

    for (unsigned i = 0; i < count; i++)
        ports += listeners[i].port_count;
    if (ports > REALIP_RULES_MAX_PORTS)
        realip_problems_add(reader->problems, (struct realip_origin){ reader->config->path, 0 },
                            "all listeners together name %zu ports: at most %d can be told apart; use names", ports,
                            REALIP_RULES_MAX_PORTS);
}

void realip_config_listeners_read(struct realip_config_reader *reader, const struct realip_config_block *root)
{
    struct realip_rules *rules = &reader->config->rules;
    unsigned count = 0;

    while (realip_config_block_at(root, "listener", count) != NULL)
        count++;
    struct realip_listener *listeners = realip_config_reader_allocate(reader, count, sizeof(*listeners));
    for (unsigned i = 0; listeners != NULL && i < count; i++) {
        const struct realip_config_block *block = realip_config_block_at(root, "listener", i);
        const char *title = realip_config_block_title(block);

        listeners[i] = rules->fallback;
        listeners[i].title = realip_arena_copy(&reader->config->arena, title, strlen(title));
        if (listeners[i].title == NULL) {
            realip_config_reader_out_of_memory(reader);
            return;
        }
        check_name(reader, title, realip_config_block_origin(reader->file, "listener", block));
        read_listener_names(reader, block, &listeners[i]);
        read_listener_ports(reader, block, &listeners[i]);
        realip_config_listeners_settings(reader, block, &listeners[i]);
        for (unsigned k = 0; k < i; k++)
            check_listener_pair(reader, &listeners[k], &listeners[i], block);
    }
    rules->listeners = listeners;
    rules->listener_count = listeners == NULL ? 0 : count;
    check_port_count(reader, listeners, listeners == NULL ? 0 : count);
}
