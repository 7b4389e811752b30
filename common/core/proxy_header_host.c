#include "proxy_header_host.h"

#include "proxy_header_reading.h"

void realip_proxy_header_host(enum realip_proxy_host host, const unsigned char *data, size_t length,
                              struct realip_proxy_outcome *outcome_r)
{
    *outcome_r = (struct realip_proxy_outcome){ .reason = "" };
    switch (host) {
    case REALIP_PROXY_HOST_POSTFIX:
        if (length == 0)
            *outcome_r = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_WAITS, .reason = "timeout error" };
        else
            realip_proxy_header_postfix(data, length, outcome_r);
        break;
    case REALIP_PROXY_HOST_POSTSCREEN:
        if (length == 0)
            *outcome_r = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_WAITS, .reason = "time limit exceeded" };
        else
            realip_proxy_header_postscreen(data, length, outcome_r);
        break;
    case REALIP_PROXY_HOST_DOVECOT_2_3:
    case REALIP_PROXY_HOST_DOVECOT_2_4:
        if (length == 0)
            *outcome_r = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_WAITS, .reason = "Client timed out" };
        else
            realip_proxy_header_dovecot(host, data, length, outcome_r);
        break;
    case REALIP_PROXY_HOST_UNKNOWN:
    case REALIP_PROXY_HOST_COUNT:
        break;
    }
}

const char *realip_proxy_host_token(enum realip_proxy_host host)
{
    static const char *const tokens[REALIP_PROXY_HOST_COUNT] = { "unknown", "postfix", "postscreen", "dovecot-2.3",
                                                                     "dovecot-2.4" };

    return host < REALIP_PROXY_HOST_COUNT ? tokens[host] : tokens[0];
}

const char *realip_proxy_fate_token(enum realip_proxy_fate fate)
{
    static const char *const tokens[] = { "unknown", "waits", "refuses", "crashes", "client", "peer" };

    return (size_t)fate < sizeof(tokens) / sizeof(tokens[0]) ? tokens[fate] : tokens[0];
}
