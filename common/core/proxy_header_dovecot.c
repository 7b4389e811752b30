#include <string.h>

#include "proxy_header_reading.h"
#include "proxy_header_tlv.h"

#define DOVECOT_PEEK     232  /* a v2 header with two unix paths; a v1 line has to end in it, too */
#define DOVECOT_2_3_MOST 1500 /* bytes of a v2 header */
#define DOVECOT_2_4_MOST 1504

/* A field of t_strsplit(line, " "): one space separates, so fields can be empty. False behind the last. */
static bool dovecot_field(const char **at, const char *end, struct realip_proxy_word *word_r)
{
    if (*at == NULL)
        return false;
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    *word_r = (struct realip_proxy_word){ *at, (size_t)((space != NULL ? space : end) - *at) };
    *at = space != NULL ? space + 1 : NULL;
    return true;
}

/* A decimal number with any zeros in front, as far as it goes; NULL when there is none or it has more than 32 bits. */
static const char *dovecot_number(const char *at, const char *end, uint64_t *value_r)
{
    const char *start = at;

    *value_r = 0;
    while (at < end && realip_proxy_reading_is_digit(*at)) {
        *value_r = *value_r * 10 + (uint64_t)(*at++ - '0');
        if (*value_r > 0xffffffffU)
            return NULL;
    }
    return at > start ? at : NULL;
}

/* net_addr2ip_inet4_fast(): a single number, or four decimal ones; 010 is ten. */
static int dovecot_decimal(const struct realip_proxy_word *word, struct realip_address *address_r)
{
    const char *end = word->text + word->length;
    uint64_t number;
    const char *at = dovecot_number(word->text, end, &number);
    uint32_t value = 0;

    if (at == end && word->length > 0) {
        realip_proxy_reading_ipv4((uint32_t)number, address_r);
        return 0;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (at == NULL || number > 255)
            return -1;
        value = value << 8 | (uint32_t)number;
        if (i == 3)
            break;
        if (at == end || *at != '.')
            return -1;
        at = dovecot_number(at + 1, end, &number);
    }
    realip_proxy_reading_ipv4(value, address_r);
    return at == end ? 0 : -1;
}

/* Dovecot 2.4 takes a zone, as getaddrinfo(3) does. Only a number can be told apart from here: an interface's name is
 * another matter on each host. */
static void drop_zone(struct realip_proxy_word *word)
{
    const char *percent = memchr(word->text, '%', word->length);
    size_t digits = 0;

    if (percent == NULL)
        return;
    size_t zone = word->length - (size_t)(percent - word->text) - 1;
    while (digits < zone && realip_proxy_reading_is_digit(percent[1 + digits]))
        digits++;
    if (zone > 0 && digits == zone && zone < 10)
        word->length -= zone + 1;
}

/* net_addr2ip(); *ipv6_r tells how it was written. */
static int dovecot_address(enum realip_proxy_host host, const struct realip_proxy_word *field, bool ipv6,
                           struct realip_address *address_r)
{
    bool exact = host == REALIP_PROXY_HOST_DOVECOT_2_4;
    struct realip_proxy_word word = *field;
    const char *reason;

    if (memchr(word.text, ':', word.length) == NULL) {
        if (ipv6)
            return -1;
        return dovecot_decimal(&word, address_r) == 0 ? 0 : realip_proxy_reading_aton(&word, exact, address_r);
    }
    if (!ipv6)
        return -1;
    if (word.text[0] == '[' && word.text[word.length - 1] == ']')
        word = (struct realip_proxy_word){ word.text + 1, word.length - 2 };
    if (exact)
        drop_zone(&word);
    return realip_address_parse(word.text, word.length, address_r, &reason);
}

/* net_str2port(): 0 is none, zeros in front are fine. */
static int dovecot_port(const struct realip_proxy_word *word, uint16_t *port_r)
{
    uint64_t value;
    const char *end = word->text + word->length;

    if (dovecot_number(word->text, end, &value) != end || word->length == 0 || value == 0 || value > 65535)
        return -1;
    *port_r = (uint16_t)value;
    return 0;
}

static const char *dovecot_fields(enum realip_proxy_host host, const char *at, const char *end, bool ipv6,
                                  struct realip_proxy_outcome *outcome)
{
    struct realip_proxy_word word;

    if (!dovecot_field(&at, end, &word))
        return "Field for proxied remote address is missing";
    if (dovecot_address(host, &word, ipv6, &outcome->source) < 0)
        return "Proxied remote address is invalid";
    if (!dovecot_field(&at, end, &word))
        return "Field for proxied local address is missing";
    if (dovecot_address(host, &word, ipv6, &outcome->destination) < 0)
        return "Proxied local address is invalid";
    if (!dovecot_field(&at, end, &word))
        return "Field for proxied local port is missing"; /* Dovecot's word: it means the remote one */
    if (dovecot_port(&word, &outcome->source_port) < 0)
        return "Proxied remote port is invalid";
    if (!dovecot_field(&at, end, &word))
        return "Field for proxied local port is missing";
    if (dovecot_port(&word, &outcome->destination_port) < 0)
        return "Proxied local port is invalid";
    return dovecot_field(&at, end, &word) ? "Header line has spurius extra field" : NULL;
}

static void dovecot_line(enum realip_proxy_host host, const char *at, const char *end, size_t size,
                         struct realip_proxy_outcome *outcome)
{
    const char *reason = NULL;
    struct realip_proxy_word word;

    if (!dovecot_field(&at, end, &word) || !realip_proxy_reading_word_is(&word, "PROXY")) {
        /* "PROXY" is looked for as five letters, and asserted as a word */
        realip_proxy_reading_crash(outcome, "assertion failed: (strcmp(*fields, \"PROXY\") == 0)");
        return;
    }
    if (!dovecot_field(&at, end, &word))
        reason = "Field for proxied protocol is missing";
    else if (realip_proxy_reading_word_is(&word, "UNKNOWN"))
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_PEER, size);
    else if (!realip_proxy_reading_word_is(&word, "TCP4") && !realip_proxy_reading_word_is(&word, "TCP6"))
        reason = "Unknown proxied protocol";
    else
        reason = dovecot_fields(host, at, end, realip_proxy_reading_word_is(&word, "TCP6"), outcome);
    if (reason != NULL)
        realip_proxy_reading_refuse(outcome, reason);
    else if (outcome->fate == REALIP_PROXY_FATE_UNKNOWN)
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_CLIENT, size);
}

static void dovecot_v1(enum realip_proxy_host host, const char *text, size_t length,
                       struct realip_proxy_outcome *outcome)
{
    size_t seen = length < DOVECOT_PEEK ? length : DOVECOT_PEEK;
    const char *end = memchr(text, '\r', seen - 1);

    if (end == NULL || end[1] != '\n') {
        realip_proxy_reading_refuse(outcome, ""); /* without a word in the log */
        return;
    }
    size_t size = (size_t)(end - text) + 2;
    const char *nul = memchr(text, '\0', (size_t)(end - text));
    dovecot_line(host, text, nul != NULL ? nul : end, size, outcome);
}

/* connection_is_valid_dns_name(), new in 2.4, of the value up to its first NUL. */
static bool dovecot_name_is_good(const struct realip_proxy_tlv *tlv)
{
    const unsigned char *nul = tlv->size == 0 ? NULL : memchr(tlv->value, '\0', tlv->size);
    size_t length = nul != NULL ? (size_t)(nul - tlv->value) : tlv->size;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = tlv->value[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || realip_proxy_reading_is_digit((char)c);

        if (!letter && (c == '\0' || strchr(".-_:", c) == NULL))
            return false;
        if (c == '.' && i + 1 < length && tlv->value[i + 1] == '.')
            return false;
    }
    return length > 0 && length < 256;
}

static const char *dovecot_tlv(enum realip_proxy_host host, const struct realip_proxy_tlv *tlv)
{
    struct realip_proxy_ssl ssl;
    struct realip_proxy_tlv part;
    int result;

    if (tlv->type == REALIP_PROXY_TLV_AUTHORITY && host == REALIP_PROXY_HOST_DOVECOT_2_4 && !dovecot_name_is_good(tlv))
        return "Invalid TLV: get_tlv(2) failed: Invalid characters in value";
    if (tlv->type != REALIP_PROXY_TLV_SSL)
        return NULL;
    if (!realip_proxy_tlv_ssl(tlv, &ssl))
        return "Invalid TLV: get_ssl_tlv() failed: Truncated data";
    while ((result = realip_proxy_tlv_next(&ssl.parts, &ssl.parts_size, &part)) > 0)
        ;
    return result == 0 ? NULL : "Invalid TLV: get_tlv() failed: Truncated data";
}

static void dovecot_tlvs(enum realip_proxy_host host, const unsigned char *at, size_t left,
                         struct realip_proxy_outcome *outcome)
{
    struct realip_proxy_tlv tlv;
    bool alpn = false;
    int result;

    while ((result = realip_proxy_tlv_next(&at, &left, &tlv)) > 0) {
        const char *reason = dovecot_tlv(host, &tlv);

        if (reason != NULL) {
            realip_proxy_reading_refuse(outcome, reason);
            return;
        }
        if (tlv.type != REALIP_PROXY_TLV_ALPN)
            continue;
        if (tlv.size == 0) {
            realip_proxy_reading_crash(outcome, "Trying to allocate 0 bytes");
            return;
        }
        alpn = true;
    }
    /* 2.4 compares it with the login process's protocols ("imap"), up to 2.4.3 from memory that it has freed: no value fits. */
    if (result != 0)
        realip_proxy_reading_refuse(outcome, "Invalid TLV: get_tlv() failed: Truncated data");
    else if (alpn && host == REALIP_PROXY_HOST_DOVECOT_2_4)
        realip_proxy_reading_refuse(outcome, "HAproxy application protocol mismatch");
}

/* The addresses of a PROXY command. Returns the bytes they take, or -1 when refused. A family that Dovecot does not know
 * takes none: it then reads the addresses as TLVs. */
static int dovecot_proxy(const unsigned char *data, size_t body, struct realip_proxy_outcome *outcome)
{
    unsigned family = data[13] >> 4;

    if ((data[13] & 0xf) != REALIP_PROXY_TRANSPORT_STREAM) {
        realip_proxy_reading_refuse(outcome, "Not using TCP");
        return -1;
    }
    if (family > 3) {
        realip_proxy_reading_refuse(outcome, "Unknown address family");
        return -1;
    }
    if (family == REALIP_PROXY_FAMILY_UNSPEC || family == REALIP_PROXY_FAMILY_UNIX) {
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_PEER, 16 + body);
        outcome->reason = "Unsupported address family";
        return 0;
    }
    int size = family == REALIP_PROXY_FAMILY_INET ? 12 : 36;
    if (body < (size_t)size) {
        realip_proxy_reading_refuse(outcome, size == 12 ? "IPv4 data is incomplete" : "IPv6 data is incomplete");
        return -1;
    }
    if (size == 12)
        realip_proxy_reading_inet(data + 16, outcome);
    else
        realip_proxy_reading_inet6(data + 16, outcome);
    realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_CLIENT, 16 + body);
    return size;
}

static void dovecot_v2(enum realip_proxy_host host, const unsigned char *data, size_t length,
                       struct realip_proxy_outcome *outcome)
{
    size_t body = realip_proxy_reading_number(data + 14);
    int addresses;

    if (16 + body > (host == REALIP_PROXY_HOST_DOVECOT_2_3 ? DOVECOT_2_3_MOST : DOVECOT_2_4_MOST)) {
        realip_proxy_reading_refuse(outcome, "Too long header");
    } else if (length < 16 + body) {
        realip_proxy_reading_refuse(outcome, "Failed to read full header");
    } else if (data[12] >> 4 != 2) {
        realip_proxy_reading_refuse(outcome, "Unsupported protocol version");
    } else if ((data[12] & 0xf) == 0) {
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_PEER, 16 + body);
    } else if ((data[12] & 0xf) != 1) {
        realip_proxy_reading_refuse(outcome, "Invalid command");
    } else if ((addresses = dovecot_proxy(data, body, outcome)) >= 0) {
        dovecot_tlvs(host, data + 16 + addresses, body - (size_t)addresses, outcome);
    }
}

void realip_proxy_header_dovecot(enum realip_proxy_host host, const unsigned char *data, size_t length,
                                 struct realip_proxy_outcome *outcome)
{
    if (length >= 8 && memcmp(data, "PROXY", 5) == 0)
        dovecot_v1(host, (const char *)data, length, outcome);
    else if (length >= 16 && memcmp(data, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE) == 0)
        dovecot_v2(host, data, length, outcome);
    else
        realip_proxy_reading_refuse(outcome, "Failed to read valid HAproxy data");
}
