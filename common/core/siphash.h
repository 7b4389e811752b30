/* siphash - SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed hash of 64 bits.
 *
 * Who does not know the key can neither choose texts that collide nor tell a text from its hash.
 */
#ifndef REALIP_SIPHASH_H
#define REALIP_SIPHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct realip_siphash_key {
    uint64_t k0; /* the key's bytes 0 to 7 as a little-endian number */
    uint64_t k1; /* bytes 8 to 15 */
};

/* The hash of `length` bytes (`data` may be NULL when there are none). With `fold_case` the letters A to Z count as a to z:
 * host names are compared so (RFC 1035 section 2.3.3). */
uint64_t realip_siphash(const struct realip_siphash_key *key, const void *data, size_t length, bool fold_case);

#endif
