#include "network.h"

#include <string.h>

/* The bits of a 128-bit address that stand behind the prefix. An IPv4 prefix counts from bit 96. */
static void host_mask(enum realip_family family, unsigned prefix, uint64_t *hi_r, uint64_t *lo_r)
{
    unsigned bits = family == REALIP_FAMILY_IPV4 ? 32 - prefix : 128 - prefix;

    *hi_r = bits <= 64 ? 0 : bits == 128 ? UINT64_MAX : (UINT64_C(1) << (bits - 64)) - 1;
    *lo_r = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static int read_prefix(const char *text, size_t length, unsigned *prefix_r)
{
    unsigned value = 0;

    if (length == 0 || length > 3 || (length > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *prefix_r = value;
    return 0;
}

/* A mapped address was folded to IPv4 while its prefix still counts from the IPv6 start. */
static int fold_prefix(bool was_ipv6, struct realip_network *network, const char **reason_r)
{
    if (was_ipv6 && network->address.family == REALIP_FAMILY_IPV4) {
        if (network->prefix < 96 || network->prefix > 128) {
            *reason_r = "a v4-mapped network needs a prefix of 96 to 128";
            return -1;
        }
        network->prefix -= 96;
    }
    if (network->prefix > (network->address.family == REALIP_FAMILY_IPV4 ? 32U : 128U)) {
        *reason_r = network->address.family == REALIP_FAMILY_IPV4 ? "the prefix of an IPv4 network is 0 to 32"
                                                                  : "the prefix of an IPv6 network is 0 to 128";
        return -1;
    }
    return 0;
}

static int clear_host_bits(struct realip_network *network, const char **reason_r)
{
    uint64_t hi;
    uint64_t lo;

    host_mask(network->address.family, network->prefix, &hi, &lo);
    if ((network->address.hi & hi) == 0 && (network->address.lo & lo) == 0)
        return 0;
    network->address.hi &= ~hi;
    network->address.lo &= ~lo;
    *reason_r = "bits are set behind the prefix";
    return -1;
}

int realip_network_parse(const char *text, size_t length, struct realip_network *network_r, const char **reason_r)
{
    const char *slash = memchr(text, '/', length);
    size_t address_length = slash == NULL ? length : (size_t)(slash - text);
    struct realip_network network = { .prefix = 0 };

    *network_r = (struct realip_network){ 0 };
    if (realip_address_parse(text, address_length, &network.address, reason_r) < 0)
        return -1;
    if (slash == NULL) {
        network.prefix = network.address.family == REALIP_FAMILY_IPV4 ? 32 : 128;
    } else {
        bool was_ipv6 = memchr(text, ':', address_length) != NULL;

        if (read_prefix(slash + 1, length - address_length - 1, &network.prefix) < 0) {
            *reason_r = "the prefix after '/' is no number";
            return -1;
        }
        if (fold_prefix(was_ipv6, &network, reason_r) < 0)
            return -1;
    }
    int result = clear_host_bits(&network, reason_r);
    *network_r = network;
    return result;
}

const char *realip_network_format(const struct realip_network *network, char text[REALIP_NETWORK_TEXT_SIZE])
{
    realip_address_format(&network->address, text);
    if (network->address.family == REALIP_FAMILY_NONE)
        return text;
    char *out = text + strlen(text);
    *out++ = '/';
    if (network->prefix >= 100)
        *out++ = (char)('0' + network->prefix / 100);
    if (network->prefix >= 10)
        *out++ = (char)('0' + network->prefix / 10 % 10);
    *out++ = (char)('0' + network->prefix % 10);
    *out = '\0';
    return text;
}

bool realip_network_equal(const struct realip_network *a, const struct realip_network *b)
{
    return a->prefix == b->prefix && realip_address_equal(&a->address, &b->address);
}

bool realip_network_contains(const struct realip_network *network, const struct realip_address *address)
{
    uint64_t hi;
    uint64_t lo;

    if (address->family != network->address.family || address->family == REALIP_FAMILY_NONE)
        return false;
    host_mask(address->family, network->prefix, &hi, &lo);
    return (address->hi & ~hi) == network->address.hi && (address->lo & ~lo) == network->address.lo;
}

struct realip_address realip_network_last(const struct realip_network *network)
{
    struct realip_address last = network->address;
    uint64_t hi;
    uint64_t lo;

    if (last.family == REALIP_FAMILY_NONE)
        return last;
    host_mask(last.family, network->prefix, &hi, &lo);
    last.hi |= hi;
    last.lo |= lo;
    return last;
}
