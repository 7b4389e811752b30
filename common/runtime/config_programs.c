#include "config_programs.h"

#include <stdlib.h>

#include "endpoint.h"

static void read_endpoint(struct realip_config_reader *reader, const struct realip_config_value *value,
                          struct realip_endpoint *endpoint_r)
{
    const char *reason = "";

    if (realip_endpoint_parse(value->text, &reader->config->arena, endpoint_r, &reason) < 0)
        realip_problems_add(reader->problems, value->origin, "'%s' is no place to listen: %s", value->text, reason);
    endpoint_r->origin = value->origin;
}

static mode_t read_mode(struct realip_config_reader *reader, const struct realip_config_block *block)
{
    const struct realip_config_value *value = realip_config_value_at(block, "socket-mode", 0);
    char *end;

    if (value == NULL)
        return 0660;
    unsigned long mode = strtoul(value->text, &end, 8);
    if (*end != '\0' || value->text[0] == '\0' || value->text[0] == '-' || mode > 0777) {
        realip_problems_add(reader->problems, value->origin, "socket-mode = '%s': it is an octal mode such as 0660",
                            value->text);
        return 0660;
    }
    return (mode_t)mode;
}

static void read_service(struct realip_config_reader *reader, const struct realip_config_block *block,
                         struct realip_service *service)
{
    unsigned count = realip_config_reader_count(block, "listen");
    struct realip_endpoint *listen = realip_config_reader_allocate(reader, count, sizeof(*listen));
    const struct realip_config_value *http = realip_config_value_at(block, "http", 0);
    const struct realip_config_value *group = realip_config_value_at(block, "socket-group", 0);

    for (unsigned i = 0; listen != NULL && i < count; i++)
        read_endpoint(reader, realip_config_value_at(block, "listen", i), &listen[i]);
    service->listen = listen;
    service->listen_count = listen == NULL ? 0 : count;
    if (http != NULL) {
        struct realip_endpoint *endpoint = realip_config_reader_allocate(reader, 1, sizeof(*endpoint));

        if (endpoint != NULL)
            read_endpoint(reader, http, endpoint);
        service->http = endpoint;
    }
    if (group != NULL) {
        service->socket_group = group->text;
        service->socket_group_origin = group->origin;
    }
    service->socket_mode = read_mode(reader, block);
}

/* It tells whether an address and a user may log in: for others than this host only with a token. */
static void read_auth_policy(struct realip_config_reader *reader, const struct realip_config_block *policyd)
{
    const struct realip_config_value *value = realip_config_value_at(policyd, "auth-policy", 0);
    struct realip_config *config = reader->config;

    config->auth_policy_token = realip_config_value_at(policyd, "auth-policy-token", 0);
    if (value == NULL)
        return;
    struct realip_endpoint *endpoint = realip_config_reader_allocate(reader, 1, sizeof(*endpoint));
    if (endpoint == NULL)
        return;
    read_endpoint(reader, value, endpoint);
    config->auth_policy = endpoint;
    if (!realip_endpoint_is_local(endpoint) && config->auth_policy_token == NULL)
        realip_problems_add(reader->problems, value->origin,
                            "auth-policy = '%s' is open to other hosts: listen at 127.0.0.1 or a unix socket, or add "
                            "auth-policy-token = FILE",
                            value->text);
}

void realip_config_programs_read(struct realip_config_reader *reader, const struct realip_config_block *root)
{
    static const struct realip_config_word header_words[] = {
        { "all", REALIP_HEADER_ALL }, { "flagged", REALIP_HEADER_FLAGGED }, { "none", REALIP_HEADER_NONE }, { NULL, 0 }
    };
    const struct realip_config_block *policyd = realip_config_block_at(root, "policyd", 0);
    const struct realip_config_block *milter = realip_config_block_at(root, "milter", 0);
    const struct realip_config_value *value;
    int header = REALIP_HEADER_ALL;

    reader->config->client_user = "postfix";
    if (policyd != NULL) {
        read_service(reader, policyd, &reader->config->policyd);
        read_auth_policy(reader, policyd);
        if ((value = realip_config_value_at(policyd, "client-user", 0)) != NULL)
            reader->config->client_user = value->text;
    }
    if (milter != NULL) {
        read_service(reader, milter, &reader->config->milter);
        realip_config_reader_word(reader, milter, "header", header_words, &header);
    }
    reader->config->milter_header = (enum realip_milter_header)header;
}
