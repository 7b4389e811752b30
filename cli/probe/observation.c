#include "observation.h"

#include <string.h>

#define ROW(name, token, text) { token, text },
static const struct {
    const char *token;
    const char *text;
} openings[] = { { "unknown", "unknown" }, REALIP_PROBE_OPENING_TABLE(ROW) };
#undef ROW

#define ROW(name, token) token,
static const char *const fates[] = { "unknown", REALIP_PROBE_FATE_TABLE(ROW) };
#undef ROW

static const char *const protocols[] = { "unknown", "smtp", "imap", "pop3", "sieve", "lmtp" };

const char *realip_probe_opening_token(enum realip_probe_opening opening)
{
    return openings[opening < REALIP_PROBE_OPENING_COUNT ? opening : 0].token;
}

const char *realip_probe_opening_text(enum realip_probe_opening opening)
{
    return openings[opening < REALIP_PROBE_OPENING_COUNT ? opening : 0].text;
}

const char *realip_probe_fate_token(enum realip_probe_fate fate)
{
    return fates[fate < REALIP_PROBE_FATE_COUNT ? fate : 0];
}

const char *realip_probe_protocol_token(enum realip_probe_protocol protocol)
{
    return protocols[protocol < REALIP_PROBE_PROTOCOL_COUNT ? protocol : 0];
}

enum realip_probe_opening realip_probe_opening_from_token(const char *token, size_t length)
{
    for (int i = 1; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (strlen(openings[i].token) == length && strncmp(token, openings[i].token, length) == 0)
            return (enum realip_probe_opening)i;
    }
    return REALIP_PROBE_OPENING_UNKNOWN;
}

enum realip_probe_protocol realip_probe_protocol_from_token(const char *token)
{
    if (strcmp(token, "submission") == 0)
        return REALIP_PROBE_SMTP;
    for (int i = 1; i < REALIP_PROBE_PROTOCOL_COUNT; i++) {
        if (strcmp(token, protocols[i]) == 0)
            return (enum realip_probe_protocol)i;
    }
    return REALIP_PROBE_PROTOCOL_UNKNOWN;
}
