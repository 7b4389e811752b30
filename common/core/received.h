/* received - one Received header: which address did its writer itself see?
 *
 * A trace header (RFC 5321 section 4.4) begins with what the client called itself and says then, in a comment, whom the
 * server saw. Only the latter counts. Each MTA has a form of its own, and nothing else than these forms is understood:
 *
 *   Postfix, Sendmail, Gmail,    from HELO (name [ADDRESS]) by …   also ([ADDRESS]), (ident@name [ADDRESS] (may be forged)),
 *   OpenSMTPD, Haraka, Stalwart                                    [IPv6:ADDRESS]
 *   Exim                         from name ([ADDRESS] helo=HELO) by …   from [ADDRESS] (helo=HELO) by …
 *                                from [ADDRESS] by … (Exim …)           and [ADDRESS]:port in all of them
 *   Exchange                     from HELO (ADDRESS) by …
 *   qmail                        from name (HELO HELO) (ident@ADDRESS) by …
 *
 * Words end at white space alone, so that a client's name that holds parentheses or brackets is still one word; a second
 * address, or a second "by", makes the header unclear, and an unclear header tells nothing.
 */
#ifndef REALIP_RECEIVED_H
#define REALIP_RECEIVED_H

#include "address.h"

/* Longer headers are not read: no MTA writes one. */
#define REALIP_RECEIVED_MAX 8192

enum realip_received_kind {
    REALIP_RECEIVED_UNDECIDED = 0, /* it tells nothing that can be believed */
    REALIP_RECEIVED_CLIENT,        /* its writer saw `client` */
    REALIP_RECEIVED_BEGAN,         /* the message began on the writer's own host: nobody sent it by SMTP */
    REALIP_RECEIVED_CONTINUED      /* the same writer's next header tells (qmail writes two) */
};

struct realip_received {
    enum realip_received_kind kind;
    struct realip_address client; /* of kind CLIENT; else family NONE */
};

/* Reads the value of a Received header: what stands behind the colon, folded or not. 0; or -1 with *received_r zeroed and
 * *reason_r a constant text: too long, malformed, unclear, or no address where one should be. */
int realip_received_parse(const char *value, size_t length, struct realip_received *received_r, const char **reason_r);

#endif
