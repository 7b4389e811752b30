#include "proxy_header_reading.h"

#include <string.h>

void realip_proxy_reading_refuse(struct realip_proxy_outcome *outcome, const char *reason)
{
    *outcome = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_REFUSES, .reason = reason };
}

void realip_proxy_reading_crash(struct realip_proxy_outcome *outcome, const char *reason)
{
    *outcome = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_CRASHES, .reason = reason };
}

void realip_proxy_reading_go_on(struct realip_proxy_outcome *outcome, enum realip_proxy_fate fate, size_t size)
{
    outcome->fate = fate;
    outcome->size = size;
}

bool realip_proxy_reading_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool realip_proxy_reading_word_is(const struct realip_proxy_word *word, const char *text)
{
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

uint16_t realip_proxy_reading_number(const unsigned char *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

void realip_proxy_reading_inet(const unsigned char *at, struct realip_proxy_outcome *outcome)
{
    outcome->source = realip_address_from_ipv4(at);
    outcome->destination = realip_address_from_ipv4(at + 4);
    outcome->source_port = realip_proxy_reading_number(at + 8);
    outcome->destination_port = realip_proxy_reading_number(at + 10);
}

void realip_proxy_reading_inet6(const unsigned char *at, struct realip_proxy_outcome *outcome)
{
    outcome->source = realip_address_from_ipv6(at);
    outcome->destination = realip_address_from_ipv6(at + 16);
    outcome->source_port = realip_proxy_reading_number(at + 32);
    outcome->destination_port = realip_proxy_reading_number(at + 34);
}

void realip_proxy_reading_ipv4(uint32_t value, struct realip_address *address_r)
{
    *address_r = (struct realip_address){ 0, value, REALIP_FAMILY_IPV4 };
}

static unsigned digit_value(char c)
{
    if (realip_proxy_reading_is_digit(c))
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* One part as strtoul() with base 0 reads it: 0x is hexadecimal, a leading 0 octal. Returns the place behind it; a value
 * that does not fit 32 bits is no part. */
static const char *read_part(const char *at, const char *end, uint64_t *value_r)
{
    const char *start = at;
    unsigned base = 10;

    if (at < end && *at == '0') {
        base = 8;
        if (end - at > 2 && (at[1] == 'x' || at[1] == 'X') && digit_value(at[2]) < 16) {
            base = 16;
            at += 2;
        }
    }
    *value_r = 0;
    while (at < end && digit_value(*at) < base) {
        *value_r = *value_r * base + digit_value(*at++);
        if (*value_r > 0xffffffffU)
            return NULL;
    }
    return at > start ? at : NULL;
}

int realip_proxy_reading_aton(const struct realip_proxy_word *word, bool exact, struct realip_address *address_r)
{
    static const uint64_t most[4] = { 0xffffffffU, 0xffffffU, 0xffffU, 0xffU };
    const char *at = word->text;
    const char *end = at + word->length;
    uint32_t value = 0;

    for (unsigned parts = 0; parts < 4; parts++) {
        uint64_t part;

        if (at == end || !realip_proxy_reading_is_digit(*at))
            return -1;
        at = read_part(at, end, &part);
        if (at == NULL)
            return -1;
        if (at < end && *at == '.') {
            if (part > 0xff || parts == 3)
                return -1;
            value |= (uint32_t)part << (24 - 8 * parts);
            at++;
            continue;
        }
        if (part > most[parts] || (at < end && (exact || strchr("\t\n\v\f", *at) == NULL || *at == '\0')))
            return -1;
        realip_proxy_reading_ipv4(value | (uint32_t)part, address_r);
        return 0;
    }
    return -1;
}
