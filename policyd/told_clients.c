#include "told_clients.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/siphash.h"

#define PLACES 32768U /* many times what two lists of the largest suspects hold */
#define PROBES 64U

struct place {
    uint64_t hi;
    uint64_t lo;
    uint32_t family;
    uint32_t clients;
    uint64_t since; /* of what it is: what another number left there is forgotten */
};

struct realip_told_clients {
    struct realip_siphash_key key; /* random: whoever chooses addresses can't choose places */
    uint64_t since;                /* from 1; how many quarters there were */
    uint64_t quarter;
    uint32_t window;
    struct place places[PLACES];
};

struct realip_told_clients *realip_told_clients_new(void)
{
    struct realip_told_clients *told = calloc(1, sizeof(*told));

    if (told != NULL && getrandom(&told->key, sizeof(told->key), 0) != sizeof(told->key))
        realip_told_clients_free(&told);
    if (told != NULL)
        told->since = 1;
    return told;
}

void realip_told_clients_free(struct realip_told_clients **told)
{
    free(*told);
    *told = NULL;
}

void realip_told_clients_begin(struct realip_told_clients *told, uint32_t window, uint64_t quarter)
{
    if (told->window == window && told->quarter == quarter)
        return;
    told->window = window;
    told->quarter = quarter;
    told->since++;
}

uint32_t realip_told_clients_most(struct realip_told_clients *told, const struct realip_address *address, uint32_t clients)
{
    const struct place new = { address->hi, address->lo, (uint32_t)address->family, clients, told->since };
    const uint64_t words[3] = { new.hi, new.lo, new.family };
    uint64_t hash = realip_siphash(&told->key, words, sizeof(words), false);

    for (uint64_t i = 0; i < PROBES; i++) {
        struct place *place = &told->places[(hash + i) % PLACES];

        if (place->since != told->since) {
            *place = new;
            return clients;
        }
        if (place->hi != new.hi || place->lo != new.lo || place->family != new.family)
            continue;
        if (place->clients < clients)
            place->clients = clients;
        return place->clients;
    }
    return 0;
}
