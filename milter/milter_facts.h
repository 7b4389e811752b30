/* milter_facts - what an MTA tells a milter of one session, as facts. */
#ifndef REALIP_MILTER_FACTS_H
#define REALIP_MILTER_FACTS_H

#include <libmilter/mfapi.h>

#include "runtime/config.h"

/* What a connect callback gave; it holds for the whole connection. */
struct realip_milter_client {
    struct realip_address address;         /* family NONE: the MTA showed none */
    const struct realip_origin *name_rule; /* belongs to the configuration */
};

/* Asks for the macros that the facts are made of, in place of those that the MTA sends by default. */
void realip_milter_facts_ask(SMFICTX *ctx);

/* Reads the client of a connect callback: `name` as the MTA verified it, `shown` as the callback got it (may be NULL). */
struct realip_milter_client realip_milter_facts_client(SMFICTX *ctx, const struct realip_config *config, const char *name,
                                                       const struct sockaddr *shown);

/* The facts at `stage`. Texts belong to libmilter and hold until the callback returns. */
struct realip_facts realip_milter_facts(SMFICTX *ctx, const struct realip_milter_client *client, enum realip_stage stage);

/* Is this a Received header, in any case, with or without the white space before the colon (RFC 5322 section 4.5)? */
bool realip_milter_facts_is_received(const char *name);

#endif
