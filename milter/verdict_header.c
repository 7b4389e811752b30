#include "verdict_header.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "runtime/log.h"

static char header_name[] = REALIP_VERDICT_HEADER_NAME;

bool realip_verdict_header_is_ours(const char *name)
{
    size_t length = sizeof(header_name) - 1;

    return strncasecmp(name, header_name, length) == 0 && name[length + strspn(name + length, " \t")] == '\0';
}

size_t realip_verdict_header_format(const struct realip_facts *facts, const struct realip_verdict *verdict, char *value,
                                    size_t size)
{
    char client[REALIP_ADDRESS_TEXT_SIZE];
    char relay[REALIP_ADDRESS_TEXT_SIZE];
    char listener[256];
    bool told = facts->relay.family != REALIP_FAMILY_NONE;

    realip_log_escape(verdict->listener->title, listener, sizeof(listener));
    int length = snprintf(value, size, "reason=%s; action=%s; wanted=%s; client=%s; listener=%s; source=%s; origin=%s%s",
                          realip_reason_token(verdict->reason), realip_action_token(verdict->action),
                          realip_action_token(verdict->wanted), realip_address_format(&facts->client, client), listener,
                          realip_source_token(facts->source), told ? "received; relay=" : "session",
                          told ? realip_address_format(&facts->relay, relay) : "");
    if (length < 0)
        return 0;
    return (size_t)length < size ? (size_t)length : size - 1;
}

int realip_verdict_header_remove(SMFICTX *ctx, size_t count)
{
    /* From the last to the first: Postfix numbers anew after each deletion, Sendmail does not; so both mean the same. */
    for (size_t i = count; i > 0; i--) {
        if (smfi_chgheader(ctx, header_name, (int)i, NULL) != MI_SUCCESS)
            return -1;
    }
    return 0;
}

int realip_verdict_header_insert(SMFICTX *ctx, char *value)
{
    /* Index 0 is above the MTA's own Received: what stands below may be older than this host. */
    return smfi_insheader(ctx, 0, header_name, value) == MI_SUCCESS ? 0 : -1;
}
