#include <string.h>
#include <strings.h>

#include "proxy_header.h"
#include "proxy_header_reading.h"

#define POSTFIX_PEEK     536  /* HAPROXY_HEADER_MAX_LEN */
#define POSTFIX_ADDRESS  45   /* letters of an address */

/* mystrtok(3) with " \r": runs of both separate, and lead nowhere at the ends. */
static struct realip_proxy_word postfix_word(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\r'))
        ++*at;
    const char *start = *at;
    while (*at < end && **at != ' ' && **at != '\r')
        ++*at;
    return (struct realip_proxy_word){ start, (size_t)(*at - start) };
}

/* valid_ipv4_hostaddr(): four decimal numbers with any zeros in front, 0.x refused unless all is zero. What passes goes
 * to getaddrinfo(3), to which a leading zero means octal. */
static int postfix_ipv4(const struct realip_proxy_word *word, struct realip_address *address_r)
{
    unsigned numbers = 0;
    unsigned value = 0;
    bool in_number = false;
    bool all_zero = true;

    for (size_t i = 0; i < word->length; i++)
        all_zero = all_zero && (word->text[i] == '0' || word->text[i] == '.');
    for (size_t i = 0; i < word->length; i++) {
        if (realip_proxy_reading_is_digit(word->text[i])) {
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
    return numbers == 4 ? realip_proxy_reading_aton(word, true, address_r) : -1;
}

/* valid_ipv6_hostaddr() counts colons: at most 7, at most 6 in front of dots; the dots are checked as above. */
static int postfix_ipv6(const struct realip_proxy_word *word, struct realip_address *address_r)
{
    struct realip_proxy_word tail = { word->text, word->length };
    struct realip_address unused;
    const char *reason;
    unsigned colons = 0;

    for (size_t i = 0; i < word->length; i++) {
        if (word->text[i] != ':')
            continue;
        colons++;
        tail = (struct realip_proxy_word){ word->text + i + 1, word->length - i - 1 };
    }
    bool dots = memchr(word->text, '.', word->length) != NULL;
    if (colons < 2 || colons > (dots ? 6U : 7U) || (dots && postfix_ipv4(&tail, &unused) < 0))
        return -1;
    return realip_address_parse(word->text, word->length, address_r, &reason);
}

static int postfix_address(const struct realip_proxy_word *word, bool ipv6, struct realip_address *address_r)
{
    if (word->length == 0 || word->length > POSTFIX_ADDRESS)
        return -1;
    return ipv6 ? postfix_ipv6(word, address_r) : postfix_ipv4(word, address_r);
}

/* valid_hostport() */
static int postfix_port(const struct realip_proxy_word *word, uint16_t *port_r)
{
    unsigned value = 0;

    if (word->length == 0 || word->length > 5 || (word->text[0] == '0' && word->length > 1))
        return -1;
    for (size_t i = 0; i < word->length; i++) {
        if (!realip_proxy_reading_is_digit(word->text[i]))
            return -1;
        value = value * 10 + (unsigned)(word->text[i] - '0');
    }
    *port_r = (uint16_t)value;
    return value <= 65535 ? 0 : -1;
}

static bool postfix_protocol(const struct realip_proxy_word *word, bool *ipv6_r)
{
    *ipv6_r = word->length == 4 && strncasecmp(word->text, "TCP6", 4) == 0;
    return *ipv6_r || (word->length == 4 && strncasecmp(word->text, "TCP4", 4) == 0);
}

static const char *postfix_words(const char *at, const char *end, struct realip_proxy_outcome *outcome)
{
    bool ipv6;
    struct realip_proxy_word word = postfix_word(&at, end);

    if (!realip_proxy_reading_word_is(&word, "PROXY"))
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
        realip_proxy_reading_refuse(outcome, "missing protocol header terminator");
        return;
    }
    const char *reason = postfix_words(text, end, outcome);
    if (reason != NULL)
        realip_proxy_reading_refuse(outcome, reason);
    else
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_CLIENT, (size_t)(end - text) + 1);
}

static void postfix_v2(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome)
{
    if (length < 16) {
        realip_proxy_reading_refuse(outcome, "short protocol header");
        return;
    }
    size_t body = realip_proxy_reading_number(data + 14);
    if (memcmp(data, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE) != 0)
        realip_proxy_reading_refuse(outcome, "unrecognized protocol header");
    else if (data[12] >> 4 != 2)
        realip_proxy_reading_refuse(outcome, "unrecognized protocol version");
    else if (length - 16 < body)
        realip_proxy_reading_refuse(outcome, "short version 2 protocol header");
    else if ((data[12] & 0xf) == 0)
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_PEER, 16 + body);
    else if ((data[12] & 0xf) != 1)
        realip_proxy_reading_refuse(outcome, "bad command in proxy header");
    else if (data[13] != 0x11 && data[13] != 0x21)
        realip_proxy_reading_refuse(outcome, "unsupported network protocol");
    else if (body < (data[13] == 0x11 ? 12U : 36U))
        realip_proxy_reading_refuse(outcome, "short address field");
    else
        realip_proxy_reading_go_on(outcome, REALIP_PROXY_FATE_CLIENT, 16 + body);
    if (outcome->fate == REALIP_PROXY_FATE_CLIENT && data[13] == 0x11)
        realip_proxy_reading_inet(data + 16, outcome);
    else if (outcome->fate == REALIP_PROXY_FATE_CLIENT)
        realip_proxy_reading_inet6(data + 16, outcome);
}

void realip_proxy_header_postfix(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome)
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

void realip_proxy_header_postscreen(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome)
{
    const char *reason;

    realip_proxy_header_postfix(data, length, outcome);
    if (outcome->fate != REALIP_PROXY_FATE_CLIENT)
        return;
    if (!behind_takes(&outcome->source))
        reason = outcome->source.family == REALIP_FAMILY_IPV4 ? "bad IPv4 client address syntax from proxy"
                                                              : "bad IPv6 client address syntax from proxy";
    else if (!behind_takes(&outcome->destination))
        reason = "bad IPv6 server address syntax from proxy"; /* Postfix's words for IPv4, too */
    else
        return;
    realip_proxy_reading_crash(outcome, reason);
}
