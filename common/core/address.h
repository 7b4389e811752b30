/* address - one IP address as a value.
 *
 * An address is a pair of host-order integers, so that comparing and masking need no byte work. A v4-mapped IPv6
 * address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) is folded into the IPv4 one by every function that makes an
 * address: two spellings of one host never compare as different.
 */
#ifndef REALIP_ADDRESS_H
#define REALIP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The zero is "no address": a zeroed struct is an absent one. */
enum realip_family {
    REALIP_FAMILY_NONE = 0,
    REALIP_FAMILY_IPV4 = 4,
    REALIP_FAMILY_IPV6 = 6
};

struct realip_address {
    uint64_t hi; /* the first 64 bits of an IPv6 address; 0 for IPv4 */
    uint64_t lo; /* the last 64 bits of an IPv6 address; the 32 bits of an IPv4 one */
    enum realip_family family;
};

/* Longest text of realip_address_format() with its NUL: eight groups of four digits and seven colons. */
#define REALIP_ADDRESS_TEXT_SIZE 46

/* Reads exactly `length` bytes as an address (RFC 4291 section 2.2; IPv4 as four decimal numbers without leading
 * zeros). No zone, no brackets, no white space, no "IPv6:" prefix. 0 and *address_r set; or -1 with *address_r
 * zeroed and *reason_r a constant text. */
int realip_address_parse(const char *text, size_t length, struct realip_address *address_r, const char **reason_r);

/* Makes an address of bytes in network order: 4 (struct in_addr) or 16 (struct in6_addr). */
struct realip_address realip_address_from_ipv4(const unsigned char bytes[4]);
struct realip_address realip_address_from_ipv6(const unsigned char bytes[16]);

/* Writes the address (RFC 5952 for IPv6, "-" for an absent one) with a NUL; returns `text`. */
const char *realip_address_format(const struct realip_address *address, char text[REALIP_ADDRESS_TEXT_SIZE]);

/* Two absent addresses are equal. */
bool realip_address_equal(const struct realip_address *a, const struct realip_address *b);

/* Their order, for qsort(3): no address, IPv4, IPv6; within a family by number. Less than, equal to or greater than 0. */
int realip_address_compare(const struct realip_address *a, const struct realip_address *b);

/* 127.0.0.0/8 (RFC 1122 section 3.2.1.3) and ::1 (RFC 4291 section 2.5.3). */
bool realip_address_is_loopback(const struct realip_address *address);

/* Addresses that are not routed on the Internet: private (RFC 1918), of a provider's NAT (RFC 6598), link-local (RFC 3927, RFC 4291
 * section 2.5.6) and unique local (RFC 4193). */
bool realip_address_is_private(const struct realip_address *address);

/* Addresses that no TCP client can have: 0.0.0.0/8 and ::, 224.0.0.0/4 and ff00::/8, 255.255.255.255
 * (RFC 1122 section 3.2.1.3, RFC 5771, RFC 4291 sections 2.5.2 and 2.7). */
bool realip_address_is_unusable(const struct realip_address *address);

#endif
