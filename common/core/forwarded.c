#include "forwarded.h"

#include <string.h>

struct text {
    const char *at;
    size_t length;
};

static const char too_long[] = "longer than such a header can be";
static const char no_address[] = "not an address";
static const char malformed[] = "not the header's form";

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct text trimmed(const char *at, size_t length)
{
    while (length > 0 && is_space(*at)) {
        at++;
        length--;
    }
    while (length > 0 && is_space(at[length - 1]))
        length--;
    return (struct text){ at, length };
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* `word` is in lower case. */
static bool begins(struct text text, const char *word)
{
    for (; *word != '\0'; word++, text.at++, text.length--) {
        if (text.length == 0 || lower(*text.at) != *word)
            return false;
    }
    return true;
}

static int parse(struct text text, struct realip_address *address_r)
{
    const char *reason;

    if (begins(text, "ipv6:")) {
        text.at += 5;
        text.length -= 5;
    }
    return realip_address_parse(text.at, text.length, address_r, &reason);
}

/* RFC 7239 section 6.2: digits, or a name in place of them that begins with an underscore. */
static bool is_port(struct text text)
{
    bool hidden = text.length > 0 && text.at[0] == '_';

    if (text.length == 0 || (!hidden && text.length > 5))
        return false;
    for (size_t i = 0; i < text.length && !hidden; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

/* "[ADDRESS]", "[ADDRESS]:port", "ADDRESS", and for IPv4 "ADDRESS:port". */
static int read_node(struct text text, struct realip_address *address_r)
{
    const char *colon;
    const char *close;

    if (text.length > 0 && text.at[0] == '[') {
        close = memchr(text.at, ']', text.length);
        if (close == NULL)
            return -1;
        struct text rest = { close + 1, (size_t)(text.at + text.length - close) - 1 };
        struct text inside = { text.at + 1, (size_t)(close - text.at) - 1 };
        if (rest.length > 0 && (*rest.at != ':' || !is_port((struct text){ rest.at + 1, rest.length - 1 })))
            return -1;
        return parse(inside, address_r);
    }
    if (parse(text, address_r) == 0)
        return 0;
    colon = memchr(text.at, ':', text.length);
    if (colon == NULL)
        return -1;
    struct text port = { colon + 1, (size_t)(text.at + text.length - colon) - 1 };
    struct text host = { text.at, (size_t)(colon - text.at) };
    return is_port(port) ? parse(host, address_r) : -1;
}

static int fail(struct realip_address *client_r, const char **reason_r, const char *reason)
{
    *client_r = (struct realip_address){ .family = REALIP_FAMILY_NONE };
    *reason_r = reason;
    return -1;
}

int realip_forwarded_read_originating(const char *value, size_t length, struct realip_address *client_r,
                                      const char **reason_r)
{
    if (length > REALIP_FORWARDED_MAX)
        return fail(client_r, reason_r, too_long);
    return read_node(trimmed(value, length), client_r) == 0 ? 0 : fail(client_r, reason_r, no_address);
}

static bool is_listed(const struct realip_rules *rules, const struct realip_address *address)
{
    return realip_network_set_contains(rules->sets[REALIP_SET_RELAYS], address)
        || realip_network_set_contains(rules->sets[REALIP_SET_PROXIES], address);
}

/* Where the last element begins: behind the last comma that stands in no quotes. */
static int find_last(struct text list, size_t *start_r)
{
    bool quoted = false;

    *start_r = 0;
    for (size_t i = 0; i < list.length; i++) {
        if (list.at[i] == '"')
            quoted = !quoted;
        else if (quoted && list.at[i] == '\\')
            i++;
        else if (!quoted && list.at[i] == ',')
            *start_r = i + 1;
    }
    return quoted ? -1 : 0;
}

/* The value of the for parameter of one element; quotes are taken off, and a value with escapes in it is none of ours. */
static int find_for(struct text element, struct text *value_r)
{
    struct text found = { NULL, 0 };

    while (element.length > 0) {
        const char *end = memchr(element.at, ';', element.length);
        size_t length = end == NULL ? element.length : (size_t)(end - element.at);
        struct text pair = trimmed(element.at, length);

        if (begins(pair, "for=")) {
            if (found.at != NULL)
                return -1; /* section 4: once in each element */
            found = (struct text){ pair.at + 4, pair.length - 4 };
        }
        element.at += length;
        element.length -= length;
        if (element.length > 0) {
            element.at++;
            element.length--;
        }
    }
    if (found.at == NULL)
        return -1;
    if (found.length >= 2 && found.at[0] == '"' && found.at[found.length - 1] == '"')
        found = (struct text){ found.at + 1, found.length - 2 };
    *value_r = found;
    return 0;
}

/* From the right end to the first address that is not listed. Each step looks at the rest once more: the length is bounded,
 * and elements that are no address end it. */
static int walk(struct text list, bool with_parameters, const struct realip_rules *rules, struct realip_address *client_r,
                const char **reason_r)
{
    for (;;) {
        size_t start;

        if (find_last(list, &start) < 0)
            return fail(client_r, reason_r, malformed);
        struct text element = trimmed(list.at + start, list.length - start);
        if (with_parameters && find_for(element, &element) < 0)
            return fail(client_r, reason_r, malformed);
        if (read_node(element, client_r) < 0)
            return fail(client_r, reason_r, no_address);
        if (start == 0 || !is_listed(rules, client_r))
            return 0;
        list.length = start - 1;
    }
}

int realip_forwarded_read_list(const char *value, size_t length, const struct realip_rules *rules,
                               struct realip_address *client_r, const char **reason_r)
{
    if (length > REALIP_FORWARDED_MAX)
        return fail(client_r, reason_r, too_long);
    return walk((struct text){ value, length }, false, rules, client_r, reason_r);
}

int realip_forwarded_read_elements(const char *value, size_t length, const struct realip_rules *rules,
                                   struct realip_address *client_r, const char **reason_r)
{
    if (length > REALIP_FORWARDED_MAX)
        return fail(client_r, reason_r, too_long);
    return walk((struct text){ value, length }, true, rules, client_r, reason_r);
}
