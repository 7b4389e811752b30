#include "siphash.h"

#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(struct state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s);
    mix(s);
    s->v0 ^= word;
}

/* Eight letters at once. A byte below 128 reaches its top bit when it is at least 'A', and again when it is beyond 'Z'. */
static uint64_t to_lower(uint64_t word)
{
    const uint64_t each = 0x0101010101010101;
    uint64_t low = word & each * 0x7f;
    uint64_t is_upper = (low + each * (0x80 - 'A')) & ~(low + each * (0x80 - 'Z' - 1)) & ~word & each * 0x80;

    return word | is_upper >> 2;
}

/* Of `length` bytes, at most eight: the first is the lowest, whatever the machine's order. */
static uint64_t load(const unsigned char *bytes, size_t length)
{
    uint64_t word = 0;

    for (size_t i = 0; i < length; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

static uint64_t load_whole(const unsigned char *bytes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
#else
    return load(bytes, 8);
#endif
}

uint64_t realip_siphash(const struct realip_siphash_key *key, const void *data, size_t length, bool fold_case)
{
    struct state s = {
        key->k0 ^ 0x736f6d6570736575,
        key->k1 ^ 0x646f72616e646f6d,
        key->k0 ^ 0x6c7967656e657261,
        key->k1 ^ 0x7465646279746573,
    };
    const unsigned char *bytes = data;
    size_t whole = length - length % 8;

    for (size_t i = 0; i < whole; i += 8)
        take(&s, fold_case ? to_lower(load_whole(bytes + i)) : load_whole(bytes + i));
    uint64_t rest = length == whole ? 0 : load(bytes + whole, length - whole);
    take(&s, (fold_case ? to_lower(rest) : rest) | (uint64_t)(length & 0xff) << 56);
    s.v2 ^= 0xff;
    for (unsigned i = 0; i < 4; i++)
        mix(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
