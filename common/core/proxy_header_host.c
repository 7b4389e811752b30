#include "proxy_header_host.h"

#include <string.h>
#include <strings.h>

#include "proxy_header_tlv.h"

#define POSTFIX_PEEK     536  /* HAPROXY_HEADER_MAX_LEN */
#define POSTFIX_ADDRESS  45   /* letters of an address */
#define DOVECOT_PEEK     232  /* a v2 header with two unix paths; a v1 line has to end in it, too */
#define DOVECOT_2_3_MOST 1500 /* bytes of a v2 header */
#define DOVECOT_2_4_MOST 1504

struct word {
    const char *text;
    size_t length;
};

static void refuse(struct realip_proxy_outcome *outcome, const char *reason)
{
    *outcome = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_REFUSES, .reason = reason };
}

static void crash(struct realip_proxy_outcome *outcome, const char *reason)
{
    *outcome = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_CRASHES, .reason = reason };
}

static void go_on(struct realip_proxy_outcome *outcome, enum realip_proxy_fate fate, size_t size)
{
    outcome->fate = fate;
    outcome->size = size;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word_is(const struct word *word, const char *text)
{
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

static uint16_t read_number(const unsigned char *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void read_inet(const unsigned char *at, struct realip_proxy_outcome *outcome)
{
    outcome->source = realip_address_from_ipv4(at);
    outcome->destination = realip_address_from_ipv4(at + 4);
    outcome->source_port = read_number(at + 8);
    outcome->destination_port = read_number(at + 10);
}

static void read_inet6(const unsigned char *at, struct realip_proxy_outcome *outcome)
{
    outcome->source = realip_address_from_ipv6(at);
    outcome->destination = realip_address_from_ipv6(at + 16);
    outcome->source_port = read_number(at + 32);
    outcome->destination_port = read_number(at + 34);
}

static void set_ipv4(uint32_t value, struct realip_address *address_r)
{
    *address_r = (struct realip_address){ 0, value, REALIP_FAMILY_IPV4 };
}

/* ---- numbers as the C library reads them -------------------------------------------------------------------------- */

static unsigned digit_value(char c)
{
    if (is_digit(c))
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

/* inet_aton(3): one to four parts, the last one fills what is left. `exact`: nothing may follow, as getaddrinfo(3) wants
 * it; else white space may, and anything behind that. */
static int read_aton(const struct word *word, bool exact, struct realip_address *address_r)
{
    static const uint64_t most[4] = { 0xffffffffU, 0xffffffU, 0xffffU, 0xffU };
    const char *at = word->text;
    const char *end = at + word->length;
    uint32_t value = 0;

    for (unsigned parts = 0; parts < 4; parts++) {
        uint64_t part;

        if (at == end || !is_digit(*at))
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
        set_ipv4(value | (uint32_t)part, address_r);
        return 0;
    }
    return -1;
}

/* ---- Postfix ------------------------------------------------------------------------------------------------------ */

/* mystrtok(3) with " \r": runs of both separate, and lead nowhere at the ends. */
static struct word postfix_word(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\r'))
        ++*at;
    const char *start = *at;
    while (*at < end && **at != ' ' && **at != '\r')
        ++*at;
    return (struct word){ start, (size_t)(*at - start) };
}

/* valid_ipv4_hostaddr(): four decimal numbers with any zeros in front, 0.x refused unless all is zero. What passes goes
 * to getaddrinfo(3), to which a leading zero means octal. */
static int postfix_ipv4(const struct word *word, struct realip_address *address_r)
{
    unsigned numbers = 0;
    unsigned value = 0;
    bool in_number = false;
    bool all_zero = true;

    for (size_t i = 0; i < word->length; i++)
        all_zero = all_zero && (word->text[i] == '0' || word->text[i] == '.');
    for (size_t i = 0; i < word->length; i++) {
        if (is_digit(word->text[i])) {
            numbers += in_number ? 0 : 1;
            value = (in_number ? value * 10 : 0) + (unsigned)(word->text[i] - '0');
            in_number = true;
            if (value > 255)
                return -1;
        } else if (word->text[i] == '.') {
            if (!in_number || i + 1 == word->length || (numbers == 1 && value == 0 && !all_zero))
                return -1;
            in_number = false;
        } else {
            return -1;
        }
    }
    return numbers == 4 ? read_aton(word, true, address_r) : -1;
}

/* valid_ipv6_hostaddr() counts colons: at most 7, at most 6 in front of dots; the dots are checked as above. */
static int postfix_ipv6(const struct word *word, struct realip_address *address_r)
{
    struct word tail = { word->text, word->length };
    struct realip_address unused;
    const char *reason;
    unsigned colons = 0;

    for (size_t i = 0; i < word->length; i++) {
        if (word->text[i] != ':')
            continue;
        colons++;
        tail = (struct word){ word->text + i + 1, word->length - i - 1 };
    }
    bool dots = memchr(word->text, '.', word->length) != NULL;
    if (colons < 2 || colons > (dots ? 6U : 7U) || (dots && postfix_ipv4(&tail, &unused) < 0))
        return -1;
    return realip_address_parse(word->text, word->length, address_r, &reason);
}

static int postfix_address(const struct word *word, bool ipv6, struct realip_address *address_r)
{
    if (word->length == 0 || word->length > POSTFIX_ADDRESS)
        return -1;
    return ipv6 ? postfix_ipv6(word, address_r) : postfix_ipv4(word, address_r);
}

/* valid_hostport() */
static int postfix_port(const struct word *word, uint16_t *port_r)
{
    unsigned value = 0;

    if (word->length == 0 || word->length > 5 || (word->text[0] == '0' && word->length > 1))
        return -1;
    for (size_t i = 0; i < word->length; i++) {
        if (!is_digit(word->text[i]))
            return -1;
        value = value * 10 + (unsigned)(word->text[i] - '0');
    }
    *port_r = (uint16_t)value;
    return value <= 65535 ? 0 : -1;
}

static bool postfix_protocol(const struct word *word, bool *ipv6_r)
{
    *ipv6_r = word->length == 4 && strncasecmp(word->text, "TCP6", 4) == 0;
    return *ipv6_r || (word->length == 4 && strncasecmp(word->text, "TCP4", 4) == 0);
}

static const char *postfix_words(const char *at, const char *end, struct realip_proxy_outcome *outcome)
{
    bool ipv6;
    struct word word = postfix_word(&at, end);

    if (!word_is(&word, "PROXY"))
        return "bad or missing protocol header";
    word = postfix_word(&at, end);
    if (!postfix_protocol(&word, &ipv6))
        return "bad or missing protocol type";
    word = postfix_word(&at, end);
    if (postfix_address(&word, ipv6, &outcome->source) < 0)
        return "bad or missing client address";
    word = postfix_word(&at, end);
    if (postfix_address(&word, ipv6, &outcome->destination) < 0)
        return "bad or missing server address";
    word = postfix_word(&at, end);
    if (postfix_port(&word, &outcome->source_port) < 0)
        return "bad or missing client port";
    word = postfix_word(&at, end);
    if (postfix_port(&word, &outcome->destination_port) < 0)
        return "bad or missing server port";
    return NULL; /* further words are not looked at */
}

/* LF alone ends the line, a NUL ends what Postfix sees. */
static void postfix_v1(const char *text, size_t length, struct realip_proxy_outcome *outcome)
{
    const char *nul = memchr(text, '\0', length);
    const char *end = memchr(text, '\n', nul == NULL ? length : (size_t)(nul - text));

    if (end == NULL) {
        refuse(outcome, "missing protocol header terminator");
        return;
    }
    const char *reason = postfix_words(text, end, outcome);
    if (reason != NULL)
        refuse(outcome, reason);
    else
        go_on(outcome, REALIP_PROXY_FATE_CLIENT, (size_t)(end - text) + 1);
}

static void postfix_v2(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome)
{
    if (length < 16) {
        refuse(outcome, "short protocol header");
        return;
    }
    size_t body = read_number(data + 14);
    if (memcmp(data, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE) != 0)
        refuse(outcome, "unrecognized protocol header");
    else if (data[12] >> 4 != 2)
        refuse(outcome, "unrecognized protocol version");
    else if (length - 16 < body)
        refuse(outcome, "short version 2 protocol header");
    else if ((data[12] & 0xf) == 0)
        go_on(outcome, REALIP_PROXY_FATE_PEER, 16 + body);
    else if ((data[12] & 0xf) != 1)
        refuse(outcome, "bad command in proxy header");
    else if (data[13] != 0x11 && data[13] != 0x21)
        refuse(outcome, "unsupported network protocol");
    else if (body < (data[13] == 0x11 ? 12U : 36U))
        refuse(outcome, "short address field");
    else
        go_on(outcome, REALIP_PROXY_FATE_CLIENT, 16 + body);
    if (outcome->fate == REALIP_PROXY_FATE_CLIENT && data[13] == 0x11)
        read_inet(data + 16, outcome);
    else if (outcome->fate == REALIP_PROXY_FATE_CLIENT)
        read_inet6(data + 16, outcome);
}

static void postfix(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome)
{
    size_t seen = length < POSTFIX_PEEK ? length : POSTFIX_PEEK;

    if (seen >= 6 && memcmp(data, "PROXY ", 6) == 0)
        postfix_v1((const char *)data, seen, outcome);
    else
        postfix_v2(data, seen, outcome);
}

/* What postscreen has read goes to an smtpd as text, which is checked once more (smtpd_peer_from_pass_attr) and takes no
 * IPv4 address of 0.0.0.0/8 but 0.0.0.0. The text of ::0.1.2.3 ends in such a one. */
static bool behind_takes(const struct realip_address *address)
{
    bool dots = address->family == REALIP_FAMILY_IPV4
        || (address->hi == 0 && address->lo >> 32 == 0 && address->lo >> 16 != 0);

    return !dots || address->lo >> 24 != 0 || address->lo == 0;
}

static void postscreen(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome)
{
    const char *reason;

    postfix(data, length, outcome);
    if (outcome->fate != REALIP_PROXY_FATE_CLIENT)
        return;
    if (!behind_takes(&outcome->source))
        reason = outcome->source.family == REALIP_FAMILY_IPV4 ? "bad IPv4 client address syntax from proxy"
                                                              : "bad IPv6 client address syntax from proxy";
    else if (!behind_takes(&outcome->destination))
        reason = "bad IPv6 server address syntax from proxy"; /* Postfix's words for IPv4, too */
    else
        return;
    crash(outcome, reason);
}

/* ---- Dovecot ------------------------------------------------------------------------------------------------------ */

/* A field of t_strsplit(line, " "): one space separates, so fields can be empty. False behind the last. */
static bool dovecot_field(const char **at, const char *end, struct word *word_r)
{
    if (*at == NULL)
        return false;
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    *word_r = (struct word){ *at, (size_t)((space != NULL ? space : end) - *at) };
    *at = space != NULL ? space + 1 : NULL;
    return true;
}

/* A decimal number with any zeros in front, as far as it goes; NULL when there is none or it has more than 32 bits. */
static const char *dovecot_number(const char *at, const char *end, uint64_t *value_r)
{
    const char *start = at;

    *value_r = 0;
    while (at < end && is_digit(*at)) {
        *value_r = *value_r * 10 + (uint64_t)(*at++ - '0');
        if (*value_r > 0xffffffffU)
            return NULL;
    }
    return at > start ? at : NULL;
}

/* net_addr2ip_inet4_fast(): a single number, or four decimal ones; 010 is ten. */
static int dovecot_decimal(const struct word *word, struct realip_address *address_r)
{
    const char *end = word->text + word->length;
    uint64_t number;
    const char *at = dovecot_number(word->text, end, &number);
    uint32_t value = 0;

    if (at == end && word->length > 0) {
        set_ipv4((uint32_t)number, address_r);
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
    set_ipv4(value, address_r);
    return at == end ? 0 : -1;
}

/* Dovecot 2.4 takes a zone, as getaddrinfo(3) does. Only a number can be told apart from here: an interface's name is
 * another matter on each host. */
static void drop_zone(struct word *word)
{
    const char *percent = memchr(word->text, '%', word->length);
    size_t digits = 0;

    if (percent == NULL)
        return;
    size_t zone = word->length - (size_t)(percent - word->text) - 1;
    while (digits < zone && is_digit(percent[1 + digits]))
        digits++;
    if (zone > 0 && digits == zone && zone < 10)
        word->length -= zone + 1;
}

/* net_addr2ip(); *ipv6_r tells how it was written. */
static int dovecot_address(enum realip_proxy_host host, const struct word *field, bool ipv6,
                           struct realip_address *address_r)
{
    bool exact = host == REALIP_PROXY_HOST_DOVECOT_2_4;
    struct word word = *field;
    const char *reason;

    if (memchr(word.text, ':', word.length) == NULL) {
        if (ipv6)
            return -1;
        return dovecot_decimal(&word, address_r) == 0 ? 0 : read_aton(&word, exact, address_r);
    }
    if (!ipv6)
        return -1;
    if (word.text[0] == '[' && word.text[word.length - 1] == ']')
        word = (struct word){ word.text + 1, word.length - 2 };
    if (exact)
        drop_zone(&word);
    return realip_address_parse(word.text, word.length, address_r, &reason);
}

/* net_str2port(): 0 is none, zeros in front are fine. */
static int dovecot_port(const struct word *word, uint16_t *port_r)
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
    struct word word;

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
    struct word word;

    if (!dovecot_field(&at, end, &word) || !word_is(&word, "PROXY")) {
        /* "PROXY" is looked for as five letters, and asserted as a word */
        crash(outcome, "assertion failed: (strcmp(*fields, \"PROXY\") == 0)");
        return;
    }
    if (!dovecot_field(&at, end, &word))
        reason = "Field for proxied protocol is missing";
    else if (word_is(&word, "UNKNOWN"))
        go_on(outcome, REALIP_PROXY_FATE_PEER, size);
    else if (!word_is(&word, "TCP4") && !word_is(&word, "TCP6"))
        reason = "Unknown proxied protocol";
    else
        reason = dovecot_fields(host, at, end, word_is(&word, "TCP6"), outcome);
    if (reason != NULL)
        refuse(outcome, reason);
    else if (outcome->fate == REALIP_PROXY_FATE_UNKNOWN)
        go_on(outcome, REALIP_PROXY_FATE_CLIENT, size);
}

static void dovecot_v1(enum realip_proxy_host host, const char *text, size_t length,
                       struct realip_proxy_outcome *outcome)
{
    size_t seen = length < DOVECOT_PEEK ? length : DOVECOT_PEEK;
    const char *end = memchr(text, '\r', seen - 1);

    if (end == NULL || end[1] != '\n') {
        refuse(outcome, ""); /* without a word in the log */
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
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit((char)c);

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
            refuse(outcome, reason);
            return;
        }
        if (tlv.type != REALIP_PROXY_TLV_ALPN)
            continue;
        if (tlv.size == 0) {
            crash(outcome, "Trying to allocate 0 bytes");
            return;
        }
        alpn = true;
    }
    /* 2.4 compares it with the login process's protocols ("imap"), up to 2.4.3 from memory that it has freed: no value fits. */
    if (result != 0)
        refuse(outcome, "Invalid TLV: get_tlv() failed: Truncated data");
    else if (alpn && host == REALIP_PROXY_HOST_DOVECOT_2_4)
        refuse(outcome, "HAproxy application protocol mismatch");
}

/* The addresses of a PROXY command. Returns the bytes they take, or -1 when refused. A family that Dovecot does not know
 * takes none: it then reads the addresses as TLVs. */
static int dovecot_proxy(const unsigned char *data, size_t body, struct realip_proxy_outcome *outcome)
{
    unsigned family = data[13] >> 4;

    if ((data[13] & 0xf) != REALIP_PROXY_TRANSPORT_STREAM) {
        refuse(outcome, "Not using TCP");
        return -1;
    }
    if (family > 3) {
        refuse(outcome, "Unknown address family");
        return -1;
    }
    if (family == REALIP_PROXY_FAMILY_UNSPEC || family == REALIP_PROXY_FAMILY_UNIX) {
        go_on(outcome, REALIP_PROXY_FATE_PEER, 16 + body);
        outcome->reason = "Unsupported address family";
        return 0;
    }
    int size = family == REALIP_PROXY_FAMILY_INET ? 12 : 36;
    if (body < (size_t)size) {
        refuse(outcome, size == 12 ? "IPv4 data is incomplete" : "IPv6 data is incomplete");
        return -1;
    }
    if (size == 12)
        read_inet(data + 16, outcome);
    else
        read_inet6(data + 16, outcome);
    go_on(outcome, REALIP_PROXY_FATE_CLIENT, 16 + body);
    return size;
}

static void dovecot_v2(enum realip_proxy_host host, const unsigned char *data, size_t length,
                       struct realip_proxy_outcome *outcome)
{
    size_t body = read_number(data + 14);
    int addresses;

    if (16 + body > (host == REALIP_PROXY_HOST_DOVECOT_2_3 ? DOVECOT_2_3_MOST : DOVECOT_2_4_MOST)) {
        refuse(outcome, "Too long header");
    } else if (length < 16 + body) {
        refuse(outcome, "Failed to read full header");
    } else if (data[12] >> 4 != 2) {
        refuse(outcome, "Unsupported protocol version");
    } else if ((data[12] & 0xf) == 0) {
        go_on(outcome, REALIP_PROXY_FATE_PEER, 16 + body);
    } else if ((data[12] & 0xf) != 1) {
        refuse(outcome, "Invalid command");
    } else if ((addresses = dovecot_proxy(data, body, outcome)) >= 0) {
        dovecot_tlvs(host, data + 16 + addresses, body - (size_t)addresses, outcome);
    }
}

static void dovecot(enum realip_proxy_host host, const unsigned char *data, size_t length,
                    struct realip_proxy_outcome *outcome)
{
    if (length >= 8 && memcmp(data, "PROXY", 5) == 0)
        dovecot_v1(host, (const char *)data, length, outcome);
    else if (length >= 16 && memcmp(data, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE) == 0)
        dovecot_v2(host, data, length, outcome);
    else
        refuse(outcome, "Failed to read valid HAproxy data");
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

void realip_proxy_header_host(enum realip_proxy_host host, const unsigned char *data, size_t length,
                              struct realip_proxy_outcome *outcome_r)
{
    *outcome_r = (struct realip_proxy_outcome){ .reason = "" };
    switch (host) {
    case REALIP_PROXY_HOST_POSTFIX:
        if (length == 0)
            *outcome_r = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_WAITS, .reason = "timeout error" };
        else
            postfix(data, length, outcome_r);
        break;
    case REALIP_PROXY_HOST_POSTSCREEN:
        if (length == 0)
            *outcome_r = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_WAITS, .reason = "time limit exceeded" };
        else
            postscreen(data, length, outcome_r);
        break;
    case REALIP_PROXY_HOST_DOVECOT_2_3:
    case REALIP_PROXY_HOST_DOVECOT_2_4:
        if (length == 0)
            *outcome_r = (struct realip_proxy_outcome){ .fate = REALIP_PROXY_FATE_WAITS, .reason = "Client timed out" };
        else
            dovecot(host, data, length, outcome_r);
        break;
    case REALIP_PROXY_HOST_UNKNOWN:
    case REALIP_PROXY_HOST_COUNT:
        break;
    }
}

const char *realip_proxy_host_token(enum realip_proxy_host host)
{
    static const char *const tokens[REALIP_PROXY_HOST_COUNT] = { "unknown", "postfix", "postscreen", "dovecot-2.3",
                                                                     "dovecot-2.4" };

    return host < REALIP_PROXY_HOST_COUNT ? tokens[host] : tokens[0];
}

const char *realip_proxy_fate_token(enum realip_proxy_fate fate)
{
    static const char *const tokens[] = { "unknown", "waits", "refuses", "crashes", "client", "peer" };

    return (size_t)fate < sizeof(tokens) / sizeof(tokens[0]) ? tokens[fate] : tokens[0];
}
