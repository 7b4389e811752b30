#include "address.h"

#include <string.h>

/* Folds ::ffff:a.b.c.d; the only place where mapped addresses are known. */
static struct realip_address ipv6_folded(uint64_t hi, uint64_t lo)
{
    struct realip_address address = { hi, lo, REALIP_FAMILY_IPV6 };

    if (hi == 0 && lo >> 32 == 0xffff) {
        address.lo = lo & 0xffffffffU;
        address.family = REALIP_FAMILY_IPV4;
    }
    return address;
}

struct realip_address realip_address_from_ipv4(const unsigned char bytes[4])
{
    uint32_t value = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];

    return (struct realip_address){ 0, value, REALIP_FAMILY_IPV4 };
}

/* Written out, as compilers make one load of it. */
static uint64_t read_half(const unsigned char *at)
{
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 | (uint64_t)at[3] << 32
        | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 | (uint64_t)at[6] << 8 | at[7];
}

struct realip_address realip_address_from_ipv6(const unsigned char bytes[16])
{
    return ipv6_folded(read_half(bytes), read_half(bytes + 8));
}

/* Four decimal numbers of 0..255; "01" is refused because some hosts read it as octal. */
static int read_ipv4(const char *at, const char *end, uint32_t *value_r)
{
    uint32_t value = 0;
    uint32_t octet = 0;
    unsigned digits = 0;
    unsigned dots = 0;

    for (; at < end; at++) {
        uint32_t digit = (uint32_t)(unsigned char)*at - '0';

        if (digit <= 9) {
            octet = octet * 10 + digit;
            if (++digits > 3 || octet > 255 || (digits == 2 && octet < 10))
                return -1; /* two digits below ten, so a leading zero; three with one would have been two before */
        } else if (*at == '.' && digits > 0 && dots < 3) {
            value = value << 8 | octet;
            octet = 0;
            digits = 0;
            dots++;
        } else {
            return -1;
        }
    }
    *value_r = value << 8 | octet;
    return dots == 3 && digits > 0 ? 0 : -1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

struct groups {
    uint16_t value[8];
    unsigned count;
    int gap; /* index of the group in front of which "::" stands, or -1 */
};

/* Reads one group of hex digits, or an IPv4 tail that ends the text. Returns the place behind it, or NULL. */
static const char *read_group(struct groups *groups, const char *at, const char *end)
{
    const char *start = at;
    unsigned value = 0;

    while (at < end && hex_digit(*at) >= 0 && at - start < 5)
        value = value << 4 | (unsigned)hex_digit(*at++);
    if (at < end && *at == '.') {
        uint32_t tail;

        if (groups->count > 6 || read_ipv4(start, end, &tail) < 0)
            return NULL;
        groups->value[groups->count++] = (uint16_t)(tail >> 16);
        groups->value[groups->count++] = (uint16_t)tail;
        return end;
    }
    if (at == start || at - start > 4 || groups->count > 7)
        return NULL;
    groups->value[groups->count++] = (uint16_t)value;
    return at;
}

static int read_groups(struct groups *groups, const char *at, const char *end)
{
    if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
        groups->gap = 0;
        at += 2;
    }
    while (at < end) {
        at = read_group(groups, at, end);
        if (at == NULL)
            return -1;
        if (at == end)
            break;
        if (*at++ != ':' || at == end)
            return -1;
        if (*at == ':') {
            if (groups->gap >= 0)
                return -1;
            groups->gap = (int)groups->count;
            at++;
        }
    }
    /* "::" stands for at least one group (RFC 5952 section 4.2.2 warns of less; RFC 4291 says "one or more"). */
    return groups->gap >= 0 ? (groups->count <= 7 ? 0 : -1) : (groups->count == 8 ? 0 : -1);
}

static int read_ipv6(const char *at, const char *end, struct realip_address *address_r)
{
    struct groups groups = { .gap = -1 };
    uint64_t half[2] = { 0, 0 };

    if (read_groups(&groups, at, end) < 0)
        return -1;
    for (unsigned i = 0, from = 0; i < 8; i++) {
        bool in_gap = groups.gap >= 0 && i >= (unsigned)groups.gap && i < (unsigned)groups.gap + 8 - groups.count;

        half[i / 4] = half[i / 4] << 16 | (in_gap ? 0U : groups.value[from++]);
    }
    *address_r = ipv6_folded(half[0], half[1]);
    return 0;
}

int realip_address_parse(const char *text, size_t length, struct realip_address *address_r, const char **reason_r)
{
    const char *end = text + length;

    *address_r = (struct realip_address){ 0 };
    if (length == 0) {
        *reason_r = "empty address";
        return -1;
    }
    uint32_t value;

    if (read_ipv4(text, end, &value) == 0) {
        *address_r = (struct realip_address){ 0, value, REALIP_FAMILY_IPV4 };
        return 0;
    }
    if (memchr(text, ':', length) != NULL) {
        if (read_ipv6(text, end, address_r) == 0)
            return 0;
        *reason_r = memchr(text, '%', length) != NULL ? "an address with a zone" : "not an IPv6 address";
        return -1;
    }
    *reason_r = "not an IP address";
    return -1;
}

static char *put_decimal(char *out, unsigned value)
{
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *put_hex(char *out, unsigned value)
{
    static const char digits[] = "0123456789abcdef";
    int shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0;

    for (; shift >= 0; shift -= 4)
        *out++ = digits[value >> shift & 0xf];
    return out;
}

static void format_ipv4(uint32_t value, char *out)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        out = put_decimal(out, value >> shift & 0xff);
        if (shift > 0)
            *out++ = '.';
    }
    *out = '\0';
}

/* RFC 5952 section 4.2: the longest run of zero groups, the first of equal ones, and never a single group. */
static void find_zero_run(const unsigned group[8], int *start_r, int *length_r)
{
    *start_r = -1;
    *length_r = 1;
    for (int i = 0; i < 8; i++) {
        int run = 0;

        while (i + run < 8 && group[i + run] == 0)
            run++;
        if (run > *length_r) {
            *start_r = i;
            *length_r = run;
        }
    }
}

static void format_ipv6(const struct realip_address *address, char *out)
{
    unsigned group[8];
    int zero_start;
    int zero_length;

    for (unsigned i = 0; i < 8; i++)
        group[i] = (unsigned)((i < 4 ? address->hi : address->lo) >> (48 - i % 4 * 16)) & 0xffff;
    find_zero_run(group, &zero_start, &zero_length);
    for (int i = 0; i < 8; i++) {
        if (i == zero_start) {
            *out++ = ':';
            if (i == 0)
                *out++ = ':';
            i += zero_length - 1;
            continue;
        }
        out = put_hex(out, group[i]);
        if (i < 7)
            *out++ = ':';
    }
    *out = '\0';
}

const char *realip_address_format(const struct realip_address *address, char text[REALIP_ADDRESS_TEXT_SIZE])
{
    switch (address->family) {
    case REALIP_FAMILY_IPV4:
        format_ipv4((uint32_t)address->lo, text);
        break;
    case REALIP_FAMILY_IPV6:
        format_ipv6(address, text);
        break;
    case REALIP_FAMILY_NONE:
        text[0] = '-';
        text[1] = '\0';
        break;
    }
    return text;
}

bool realip_address_equal(const struct realip_address *a, const struct realip_address *b)
{
    return a->family == b->family && a->hi == b->hi && a->lo == b->lo;
}

int realip_address_compare(const struct realip_address *a, const struct realip_address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->hi != b->hi)
        return a->hi < b->hi ? -1 : 1;
    return a->lo < b->lo ? -1 : a->lo > b->lo;
}

bool realip_address_is_loopback(const struct realip_address *address)
{
    if (address->family == REALIP_FAMILY_IPV4)
        return address->lo >> 24 == 127;
    return address->family == REALIP_FAMILY_IPV6 && address->hi == 0 && address->lo == 1;
}

bool realip_address_is_private(const struct realip_address *address)
{
    if (address->family == REALIP_FAMILY_IPV4)
        return address->lo >> 24 == 10 || address->lo >> 20 == 0xac1 || address->lo >> 16 == 0xc0a8 || address->lo >> 22 == 0x191
            || address->lo >> 16 == 0xa9fe;
    return address->family == REALIP_FAMILY_IPV6 && (address->hi >> 57 == 0x7e || address->hi >> 54 == 0x3fa);
}

bool realip_address_is_unusable(const struct realip_address *address)
{
    if (address->family == REALIP_FAMILY_IPV4)
        return address->lo >> 24 == 0 || address->lo >> 28 == 0xe || address->lo == 0xffffffffU;
    return address->family == REALIP_FAMILY_IPV6
        && (address->hi >> 56 == 0xff || (address->hi == 0 && address->lo == 0));
}
