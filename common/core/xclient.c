#include "xclient.h"

#include <string.h>
#include <strings.h>

enum kind { KIND_TEXT, KIND_HOST, KIND_ADDRESS, KIND_PORT, KIND_PROTOCOL, KIND_ORIGIN, KIND_NUMBER };

static const struct {
    const char *word;
    enum kind kind;
    bool xclient;
    bool xforward;
} attributes[] = {
#define REALIP_XCLIENT_ROW(name, word, kind, xclient, xforward) { word, KIND_##kind, xclient, xforward },
    REALIP_XCLIENT_ATTRIBUTE_TABLE(REALIP_XCLIENT_ROW)
#undef REALIP_XCLIENT_ROW
};

/* Part of a line. */
struct span {
    char *text;
    size_t length;
};

static bool span_is(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* ---- xtext -------------------------------------------------------------------------------------------------------- */

/* RFC 3461: capitals alone. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_xtext(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '!' || text[i] > '~' || text[i] == '=')
            return false;
        if (text[i] != '+')
            continue;
        if (length - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
            return false;
        i += 2;
    }
    return true;
}

int realip_xclient_xtext_decode(char *text, size_t *length)
{
    size_t to = 0;

    if (!is_xtext(text, *length))
        return -1;
    for (size_t from = 0; from < *length; from++) {
        char c = text[from];

        if (c == '+') {
            c = (char)(hex_digit(text[from + 1]) << 4 | hex_digit(text[from + 2]));
            from += 2;
        }
        text[to++] = c;
    }
    *length = to;
    return 0;
}

int realip_xclient_xtext_encode(const char *text, size_t length, char *out, size_t room, size_t *used)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c > ' ' && c < 0x7f && c != '+' && c != '=';

        if (room - *used < (plain ? 1U : 3U))
            return -1;
        if (!plain) {
            out[(*used)++] = '+';
            out[(*used)++] = digits[c >> 4];
            c = (unsigned char)digits[c & 0xf];
        }
        out[(*used)++] = (char)c;
    }
    return 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static enum realip_xclient_reason read_address(const struct span *value, struct realip_address *address_r)
{
    const char *text = value->text;
    size_t length = value->length;
    bool ipv6 = length > 5 && strncasecmp(text, "IPV6:", 5) == 0;
    const char *reason;

    if (ipv6) {
        text += 5;
        length -= 5;
    }
    if ((memchr(text, ':', length) != NULL) != ipv6 || realip_address_parse(text, length, address_r, &reason) < 0)
        return REALIP_XCLIENT_REASON_ADDRESS;
    return REALIP_XCLIENT_REASON_NONE;
}

static int read_number(const struct span *value, uint32_t most, uint32_t *number_r)
{
    uint64_t number = 0;

    if (value->length == 0 || value->length > 10 || (value->length > 1 && value->text[0] == '0'))
        return -1;
    for (size_t i = 0; i < value->length; i++) {
        if (value->text[i] < '0' || value->text[i] > '9')
            return -1;
        number = number * 10 + (uint64_t)(value->text[i] - '0');
    }
    *number_r = (uint32_t)number;
    return number <= most ? 0 : -1;
}

static enum realip_xclient_reason read_port(const struct span *value, uint16_t *port_r)
{
    uint32_t port;

    if (read_number(value, 65535, &port) < 0)
        return REALIP_XCLIENT_REASON_PORT;
    *port_r = (uint16_t)port;
    return REALIP_XCLIENT_REASON_NONE;
}

static bool is_protocol(const struct span *value, enum realip_xclient_verb verb)
{
    if (verb == REALIP_XCLIENT_XFORWARD)
        return value->length <= 64;
    return span_is(value->text, value->length, "SMTP") || span_is(value->text, value->length, "ESMTP")
        || span_is(value->text, value->length, "LMTP");
}

/* XFORWARD_README, note 1: no control characters, no white space, ASCII. A login or a HELO of XCLIENT may be in UTF-8, and a
 * login may hold spaces; control characters are nobody's. */
static bool has_only_good_characters(const struct span *value, enum realip_xclient_verb verb)
{
    for (size_t i = 0; i < value->length; i++) {
        unsigned char c = (unsigned char)value->text[i];

        if (c < ' ' || c == 0x7f || (verb == REALIP_XCLIENT_XFORWARD && (c == ' ' || c > 0x7f)))
            return false;
    }
    return true;
}

/* [UNAVAILABLE] and [TEMPUNAVAIL], in any case (note 2). */
static enum realip_xclient_state state_of(const struct span *value)
{
    if (span_is(value->text, value->length, "[UNAVAILABLE]"))
        return REALIP_XCLIENT_UNAVAILABLE;
    if (span_is(value->text, value->length, "[TEMPUNAVAIL]"))
        return REALIP_XCLIENT_TEMPORARY;
    return REALIP_XCLIENT_GIVEN;
}

/* A name's look-up alone can fail for a while; XCLIENT's PROTO and Dovecot's numbers are always known. */
static bool may_be(enum realip_xclient_state state, enum kind kind, enum realip_xclient_verb verb)
{
    switch (state) {
    case REALIP_XCLIENT_GIVEN:
        return true;
    case REALIP_XCLIENT_TEMPORARY:
        return kind == KIND_HOST && verb == REALIP_XCLIENT_XCLIENT;
    case REALIP_XCLIENT_UNAVAILABLE:
        return kind != KIND_NUMBER && (kind != KIND_PROTOCOL || verb == REALIP_XCLIENT_XFORWARD);
    case REALIP_XCLIENT_ABSENT:
        break;
    }
    return false;
}

static enum realip_xclient_reason read_meaning(struct realip_xclient *command, enum realip_xclient_attribute attribute,
                                               const struct span *value)
{
    bool server = attribute == REALIP_XCLIENT_DESTADDR || attribute == REALIP_XCLIENT_DESTPORT;
    uint32_t number;

    switch (attributes[attribute].kind) {
    case KIND_ADDRESS:
        return read_address(value, server ? &command->server : &command->client);
    case KIND_PORT:
        return read_port(value, server ? &command->server_port : &command->client_port);
    case KIND_PROTOCOL:
        return is_protocol(value, command->verb) ? REALIP_XCLIENT_REASON_NONE : REALIP_XCLIENT_REASON_PROTOCOL;
    case KIND_ORIGIN:
        return span_is(value->text, value->length, "LOCAL") || span_is(value->text, value->length, "REMOTE")
                   ? REALIP_XCLIENT_REASON_NONE
                   : REALIP_XCLIENT_REASON_ORIGIN;
    case KIND_NUMBER:
        return read_number(value, UINT32_MAX, &number) == 0 ? REALIP_XCLIENT_REASON_NONE : REALIP_XCLIENT_REASON_NUMBER;
    case KIND_HOST:
    case KIND_TEXT:
        break;
    }
    return REALIP_XCLIENT_REASON_NONE;
}

static enum realip_xclient_reason read_value(struct realip_xclient *command, enum realip_xclient_attribute attribute,
                                             struct span value)
{
    if (command->values[attribute].state != REALIP_XCLIENT_ABSENT)
        return REALIP_XCLIENT_REASON_TWICE;
    if (value.length > REALIP_XCLIENT_MAX_VALUE)
        return REALIP_XCLIENT_REASON_VALUE_TOO_LONG;
    if (realip_xclient_xtext_decode(value.text, &value.length) < 0)
        return REALIP_XCLIENT_REASON_XTEXT;
    if (!has_only_good_characters(&value, command->verb))
        return REALIP_XCLIENT_REASON_CHARACTER;
    enum realip_xclient_state state = state_of(&value);
    if (!may_be(state, attributes[attribute].kind, command->verb))
        return REALIP_XCLIENT_REASON_UNAVAILABLE;
    command->values[attribute].state = state;
    if (state != REALIP_XCLIENT_GIVEN)
        return REALIP_XCLIENT_REASON_NONE;
    command->values[attribute].text = value.text;
    command->values[attribute].length = value.length;
    return read_meaning(command, attribute, &value);
}

/* ---- lines -------------------------------------------------------------------------------------------------------- */

static bool has_attribute(enum realip_xclient_verb verb, size_t attribute)
{
    return verb == REALIP_XCLIENT_XFORWARD ? attributes[attribute].xforward : attributes[attribute].xclient;
}

static size_t find_attribute(enum realip_xclient_verb verb, const char *text, size_t length)
{
    size_t i = 0;

    while (i < REALIP_XCLIENT_ATTRIBUTE_COUNT
           && !(has_attribute(verb, i) && span_is(text, length, attributes[i].word)))
        i++;
    return i;
}

static enum realip_xclient_verb find_verb(const char *text, size_t length)
{
    if (span_is(text, length, "XCLIENT"))
        return REALIP_XCLIENT_XCLIENT;
    return span_is(text, length, "XFORWARD") ? REALIP_XCLIENT_XFORWARD : REALIP_XCLIENT_NONE;
}

/* Up to a space or the end. */
static size_t word_length(const char *text, size_t length)
{
    const char *space = length == 0 ? NULL : memchr(text, ' ', length);

    return space == NULL ? length : (size_t)(space - text);
}

static size_t without_line_end(const char *line, size_t length)
{
    if (length >= 2 && line[length - 2] == '\r' && line[length - 1] == '\n')
        return length - 2;
    return length;
}

static enum realip_xclient_reason read_attribute(struct realip_xclient *command, struct span word)
{
    char *equals = word.length == 0 ? NULL : memchr(word.text, '=', word.length);

    if (word.length == 0)
        return REALIP_XCLIENT_REASON_SPACES;
    if (equals == NULL || equals == word.text + word.length - 1)
        return REALIP_XCLIENT_REASON_EQUALS;
    size_t name_length = (size_t)(equals - word.text);
    size_t attribute = find_attribute(command->verb, word.text, name_length);
    if (attribute == REALIP_XCLIENT_ATTRIBUTE_COUNT)
        return REALIP_XCLIENT_REASON_ATTRIBUTE;
    struct span value = { equals + 1, word.length - name_length - 1 };
    return read_value(command, (enum realip_xclient_attribute)attribute, value);
}

static enum realip_xclient_reason read_line(struct realip_xclient *command, char *line, size_t length)
{
    if (length > REALIP_XCLIENT_MAX_LINE)
        return REALIP_XCLIENT_REASON_TOO_LONG;
    length = without_line_end(line, length);
    size_t at = word_length(line, length);
    command->verb = find_verb(line, at);
    if (command->verb == REALIP_XCLIENT_NONE)
        return REALIP_XCLIENT_REASON_VERB;
    if (at == length)
        return REALIP_XCLIENT_REASON_NO_ATTRIBUTE;
    while (at < length) {
        struct span word = { line + at + 1, word_length(line + at + 1, length - at - 1) };
        enum realip_xclient_reason reason = read_attribute(command, word);

        if (reason != REALIP_XCLIENT_REASON_NONE)
            return reason;
        at += 1 + word.length;
    }
    return REALIP_XCLIENT_REASON_NONE;
}

int realip_xclient_parse(char *line, size_t length, struct realip_xclient *command_r,
                         enum realip_xclient_reason *reason_r)
{
    *command_r = (struct realip_xclient){ 0 };
    *reason_r = read_line(command_r, line, length);
    if (*reason_r == REALIP_XCLIENT_REASON_NONE)
        return 0;
    *command_r = (struct realip_xclient){ 0 };
    return -1;
}

int realip_xclient_announcement(const char *line, size_t length, enum realip_xclient_verb *verb_r,
                                unsigned *attributes_r, bool *others_r)
{
    *attributes_r = 0;
    *others_r = false;
    length = without_line_end(line, length);
    if (length >= 4 && memcmp(line, "250", 3) == 0 && (line[3] == '-' || line[3] == ' ')) {
        line += 4;
        length -= 4;
    }
    size_t word = word_length(line, length);
    *verb_r = find_verb(line, word);
    if (*verb_r == REALIP_XCLIENT_NONE)
        return -1;
    while (word < length) {
        line += word + 1;
        length -= word + 1;
        word = word_length(line, length);
        size_t attribute = find_attribute(*verb_r, line, word);
        if (attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT)
            *attributes_r |= 1U << attribute;
        else
            *others_r = *others_r || word > 0;
    }
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

struct output {
    char *text;
    size_t room;
    size_t used;
    bool short_of;
};

static void put(struct output *out, const char *text, size_t length)
{
    if (length > out->room - out->used)
        out->short_of = true;
    if (out->short_of || length == 0)
        return;
    memcpy(out->text + out->used, text, length);
    out->used += length;
}

static void put_text(struct output *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_xtext(struct output *out, const char *text, size_t length)
{
    if (realip_xclient_xtext_encode(text, length, out->text, out->room, &out->used) < 0)
        out->short_of = true;
}

static void put_address(struct output *out, const struct realip_address *address)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    if (address->family == REALIP_FAMILY_IPV6)
        put_text(out, "IPV6:");
    put_text(out, realip_address_format(address, text));
}

static void put_port(struct output *out, uint16_t port)
{
    char text[6];
    char *at = text + sizeof(text) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + port % 10);
        port = (uint16_t)(port / 10);
    } while (port > 0);
    put_text(out, at);
}

static void put_given(struct output *out, const struct realip_xclient *command, size_t attribute)
{
    const struct realip_xclient_value *value = &command->values[attribute];
    bool server = attribute == REALIP_XCLIENT_DESTADDR || attribute == REALIP_XCLIENT_DESTPORT;

    switch (attributes[attribute].kind) {
    case KIND_ADDRESS:
        put_address(out, server ? &command->server : &command->client);
        break;
    case KIND_PORT:
        put_port(out, server ? command->server_port : command->client_port);
        break;
    case KIND_TEXT:
    case KIND_HOST:
    case KIND_PROTOCOL:
    case KIND_ORIGIN:
    case KIND_NUMBER:
        put_xtext(out, value->text, value->length);
        break;
    }
}

static void put_attribute(struct output *out, const struct realip_xclient *command, size_t attribute)
{
    put_text(out, " ");
    put_text(out, attributes[attribute].word);
    put_text(out, "=");
    switch (command->values[attribute].state) {
    case REALIP_XCLIENT_GIVEN:
        put_given(out, command, attribute);
        break;
    case REALIP_XCLIENT_UNAVAILABLE:
        put_text(out, "[UNAVAILABLE]");
        break;
    case REALIP_XCLIENT_TEMPORARY:
        put_text(out, "[TEMPUNAVAIL]");
        break;
    case REALIP_XCLIENT_ABSENT:
        break;
    }
}

int realip_xclient_format(const struct realip_xclient *command, char *out, size_t room, size_t *length_r,
                          enum realip_xclient_reason *reason_r)
{
    struct output output = { .text = out, .room = room };
    bool any = false;

    *length_r = 0;
    *reason_r = REALIP_XCLIENT_REASON_NONE;
    put_text(&output, command->verb == REALIP_XCLIENT_XFORWARD ? "XFORWARD" : "XCLIENT");
    for (size_t i = 0; i < REALIP_XCLIENT_ATTRIBUTE_COUNT; i++) {
        if (command->values[i].state == REALIP_XCLIENT_ABSENT)
            continue;
        any = true;
        if (!has_attribute(command->verb, i))
            *reason_r = REALIP_XCLIENT_REASON_ATTRIBUTE;
        put_attribute(&output, command, i);
    }
    put_text(&output, "\r\n");
    if (command->verb == REALIP_XCLIENT_NONE)
        *reason_r = REALIP_XCLIENT_REASON_VERB;
    else if (!any)
        *reason_r = REALIP_XCLIENT_REASON_NO_ATTRIBUTE;
    else if (output.short_of)
        *reason_r = REALIP_XCLIENT_REASON_NO_ROOM;
    if (*reason_r != REALIP_XCLIENT_REASON_NONE)
        return -1;
    *length_r = output.used;
    return 0;
}

/* ---- words -------------------------------------------------------------------------------------------------------- */

#define REALIP_XCLIENT_TOKEN(name, token, sentence) token,
#define REALIP_XCLIENT_SENTENCE(name, token, sentence) sentence,

const char *realip_xclient_attribute_word(enum realip_xclient_attribute attribute)
{
    return attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT ? attributes[attribute].word : "?";
}

const char *realip_xclient_reason_token(enum realip_xclient_reason reason)
{
    static const char *const tokens[] = { REALIP_XCLIENT_REASON_TABLE(REALIP_XCLIENT_TOKEN) };

    return reason < REALIP_XCLIENT_REASON_COUNT ? tokens[reason] : tokens[REALIP_XCLIENT_REASON_NONE];
}

const char *realip_xclient_reason_sentence(enum realip_xclient_reason reason)
{
    static const char *const sentences[] = { REALIP_XCLIENT_REASON_TABLE(REALIP_XCLIENT_SENTENCE) };

    return reason < REALIP_XCLIENT_REASON_COUNT ? sentences[reason] : sentences[REALIP_XCLIENT_REASON_NONE];
}
