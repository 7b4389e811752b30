#include "facts.h"

#include <strings.h>

bool realip_facts_is_login(const char *method, const char *user)
{
    return user != NULL && user[0] != '\0' && method != NULL && method[0] != '\0' && strcasecmp(method, "XCLIENT") != 0
        && strcasecmp(method, "ANONYMOUS") != 0;
}

const char *realip_source_token(enum realip_source source)
{
    switch (source) {
    case REALIP_SOURCE_POLICYD:
        return "policyd";
    case REALIP_SOURCE_MILTER:
        return "milter";
    case REALIP_SOURCE_DOVECOT_LOGIN:
        return "dovecot-login";
    case REALIP_SOURCE_DOVECOT_AUTH:
        return "dovecot-auth";
    case REALIP_SOURCE_DOVECOT_MAIL:
        return "dovecot-mail";
    case REALIP_SOURCE_UNDECIDED:
    case REALIP_SOURCE_COUNT:
        break;
    }
    return "undecided";
}
