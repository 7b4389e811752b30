/* network - a CIDR prefix as a value: an address and the number of its leading bits that count. */
#ifndef REALIP_NETWORK_H
#define REALIP_NETWORK_H

#include "address.h"

struct realip_network {
    struct realip_address address; /* the first address; all bits behind the prefix are zero */
    unsigned prefix;               /* 0..32 for IPv4, 0..128 for IPv6 */
};

/* Longest text of realip_network_format() with its NUL. */
#define REALIP_NETWORK_TEXT_SIZE (REALIP_ADDRESS_TEXT_SIZE + 4)

/* Reads "ADDRESS/PREFIX", or a bare address as a network of one host (RFC 4632 section 3.1). A v4-mapped network
 * (::ffff:a.b.c.d/96 and longer) becomes the IPv4 one. Bits set behind the prefix are an error: the writer meant another
 * network. 0; or -1 with *network_r zeroed and *reason_r a constant text. Where the only fault is host bits,
 * *network_r holds the network that was probably meant, so that a message can offer it. */
int realip_network_parse(const char *text, size_t length, struct realip_network *network_r, const char **reason_r);

/* Writes "ADDRESS/PREFIX" with a NUL; returns `text`. */
const char *realip_network_format(const struct realip_network *network, char text[REALIP_NETWORK_TEXT_SIZE]);

bool realip_network_equal(const struct realip_network *a, const struct realip_network *b);

/* False for an address of the other family, and for an absent one. */
bool realip_network_contains(const struct realip_network *network, const struct realip_address *address);

/* The last address of the network. */
struct realip_address realip_network_last(const struct realip_network *network);

#endif
