#include "handover.h"

#include <stdlib.h>
#include <string.h>

/* The value of a field, or NULL. */
static const char *value_of(const char *field, const char *name)
{
    size_t length = strlen(name);

    return strncmp(field, name, length) == 0 && field[length] == '=' ? field + length + 1 : NULL;
}

static void read_peer(const char *text, struct realip_facts *facts)
{
    struct realip_address peer;
    const char *reason;

    if (realip_address_parse(text, strlen(text), &peer, &reason) < 0)
        return;
    facts->peer = peer;
    facts->peer_state = REALIP_PEER_KNOWN;
}

void realip_handover_read(const char *const *fields, struct realip_facts *facts)
{
    for (; fields != NULL && *fields != NULL; fields++) {
        const char *peer = value_of(*fields, REALIP_HANDOVER_PEER);
        const char *port = value_of(*fields, REALIP_HANDOVER_PORT);

        if (peer != NULL)
            read_peer(peer, facts);
        if (port != NULL)
            facts->listener_port = (uint16_t)strtoul(port, NULL, 10);
    }
}

bool realip_handover_is_judged(const char *const *fields, const struct realip_settings *settings)
{
    const char *config = NULL;
    const char *rules = NULL;

    for (; fields != NULL && *fields != NULL; fields++) {
        const char *judged = value_of(*fields, REALIP_HANDOVER_JUDGED);
        const char *judged_by = value_of(*fields, REALIP_HANDOVER_RULES);

        config = judged != NULL ? judged : config;
        rules = judged_by != NULL ? judged_by : rules;
    }
    return config != NULL && rules != NULL && strcmp(config, settings->config) == 0 && strcmp(rules, settings->compiled) == 0;
}
