/* message - the headers of a message in a file, for realipctl explain: the walk through its Received headers, and what other
 * headers claim. */
#ifndef REALIP_CLI_MESSAGE_H
#define REALIP_CLI_MESSAGE_H

#include "core/received_walk.h"

/* Headers that anybody can write: told, never believed. Family NONE: absent, or no address. */
struct realip_message_claims {
    struct realip_address originating;   /* X-Originating-IP */
    struct realip_address forwarded_for; /* X-Forwarded-For */
    struct realip_address forwarded;     /* Forwarded */
};

/* Reads the headers of `path` ("-": standard input) and takes the walk, which has been started, through them to its end. Each
 * claim is that of the first such header. 0; or -1 with errno. */
int realip_message_read(const char *path, struct realip_received_walk *walk, struct realip_message_claims *claims_r);

#endif
