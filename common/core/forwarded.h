/* forwarded - what HTTP's and webmail's headers tell of a client: X-Originating-IP, X-Forwarded-For, Forwarded.
 *
 * Anybody can write these; only the part that a listed host appended counts. The lists grow at their right end, so they are
 * read from there: the caller says of each address whether it is one of his, and the first that is not is the client.
 */
#ifndef REALIP_FORWARDED_H
#define REALIP_FORWARDED_H

#include "rules.h"

/* Longer values are not read. */
#define REALIP_FORWARDED_MAX 4096

/* X-Originating-IP: one address, in brackets or not, "IPv6:" in front or not. 0; or -1, *client_r zeroed and *reason_r a
 * constant text. */
int realip_forwarded_read_originating(const char *value, size_t length, struct realip_address *client_r,
                                      const char **reason_r);

/* X-Forwarded-For: addresses with commas between, with or without brackets and ports, the newest last. Goes from the last
 * through `networks relays` and `networks proxies` to the first that is neither; where all are listed, the oldest one.
 * 0; or -1, *client_r zeroed and *reason_r: an element on the way is no address ("unknown"), or there is none. */
int realip_forwarded_read_list(const char *value, size_t length, const struct realip_rules *rules,
                               struct realip_address *client_r, const char **reason_r);

/* Forwarded (RFC 7239): the same over the for= parameters of its elements. An element without one, and the names that stand
 * for no address ("unknown", "_hidden", section 6.3), end the walk with nothing known. */
int realip_forwarded_read_elements(const char *value, size_t length, const struct realip_rules *rules,
                                   struct realip_address *client_r, const char **reason_r);

#endif
