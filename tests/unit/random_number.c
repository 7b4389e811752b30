#include "random_number.h"

static uint64_t state;

void realip_random_number_seed(uint64_t seed)
{
    state = seed;
}

/* Marsaglia's xorshift with a multiplication behind it. */
uint64_t realip_random_number(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dU % below;
}
