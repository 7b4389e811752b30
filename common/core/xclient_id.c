#include "xclient_id.h"

#include <string.h>
#include <strings.h>

struct reader {
    char *at;
    char *end;
};

/* A string; NIL has no text. */
struct string {
    const char *text;
    size_t length;
};

static const char *const keys[] = {
#define REALIP_XCLIENT_KEY(name, key) key,
    REALIP_XCLIENT_ID_FIELD_TABLE(REALIP_XCLIENT_KEY)
#undef REALIP_XCLIENT_KEY
};

static bool next_is(const struct reader *reader, char c)
{
    return reader->at < reader->end && *reader->at == c;
}

/* RFC 3501: a backslash stands before a quote or a backslash; no CR, LF or NUL. The text is drawn together in place. */
static int read_quoted(struct reader *reader, struct string *string_r)
{
    char *to = ++reader->at;

    string_r->text = to;
    for (; reader->at < reader->end && *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\') {
            if (++reader->at == reader->end || (*reader->at != '"' && *reader->at != '\\'))
                return -1;
        } else if (*reader->at == '\r' || *reader->at == '\n' || *reader->at == '\0') {
            return -1;
        }
        *to++ = *reader->at;
    }
    if (reader->at == reader->end)
        return -1;
    reader->at++;
    string_r->length = (size_t)(to - string_r->text);
    return 0;
}

static int read_literal(struct reader *reader, struct string *string_r)
{
    size_t length = 0;
    const char *start = ++reader->at;

    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
        length = length * 10 + (size_t)(*reader->at - '0');
        if (length > REALIP_XCLIENT_ID_MAX_VALUE + 1)
            length = REALIP_XCLIENT_ID_MAX_VALUE + 1; /* too long, and still behind the end or refused later */
    }
    if (reader->at == start)
        return -1;
    if (next_is(reader, '+')) /* RFC 7888 */
        reader->at++;
    if (reader->end - reader->at < 3 || memcmp(reader->at, "}\r\n", 3) != 0)
        return -1;
    reader->at += 3;
    if ((size_t)(reader->end - reader->at) < length)
        return -1;
    *string_r = (struct string){ reader->at, length };
    reader->at += length;
    return 0;
}

static int read_nil(struct reader *reader, struct string *string_r)
{
    if (reader->end - reader->at < 3 || strncasecmp(reader->at, "NIL", 3) != 0)
        return -1;
    reader->at += 3;
    *string_r = (struct string){ NULL, 0 };
    return 0;
}

static int read_string(struct reader *reader, struct string *string_r)
{
    if (next_is(reader, '"'))
        return read_quoted(reader, string_r);
    if (next_is(reader, '{'))
        return read_literal(reader, string_r);
    return read_nil(reader, string_r);
}

static int read_number(const struct string *value, uint64_t least, uint64_t most, uint64_t *number_r)
{
    *number_r = 0;
    if (value->length == 0 || value->length > 10)
        return -1;
    for (size_t i = 0; i < value->length; i++) {
        if (value->text[i] < '0' || value->text[i] > '9')
            return -1;
        *number_r = *number_r * 10 + (uint64_t)(value->text[i] - '0');
    }
    return *number_r >= least && *number_r <= most ? 0 : -1;
}

static enum realip_xclient_id_reason read_port(const struct string *value, uint16_t *port_r)
{
    uint64_t number;

    if (read_number(value, 1, 65535, &number) < 0)
        return REALIP_XCLIENT_ID_REASON_PORT;
    *port_r = (uint16_t)number;
    return REALIP_XCLIENT_ID_REASON_NONE;
}

static enum realip_xclient_id_reason read_address(const struct string *value, struct realip_address *address_r)
{
    const char *reason;

    if (realip_address_parse(value->text, value->length, address_r, &reason) < 0)
        return REALIP_XCLIENT_ID_REASON_ADDRESS;
    return REALIP_XCLIENT_ID_REASON_NONE;
}

static enum realip_xclient_id_reason read_session(const struct string *value, struct realip_xclient_id *id)
{
    if (value->length == 0 || value->length > REALIP_XCLIENT_ID_MAX_SESSION)
        return REALIP_XCLIENT_ID_REASON_SESSION;
    id->session = value->text;
    id->session_length = value->length;
    return REALIP_XCLIENT_ID_REASON_NONE;
}

static enum realip_xclient_id_reason read_value(struct realip_xclient_id *id, enum realip_xclient_id_field field,
                                                const struct string *value)
{
    uint64_t number;

    switch (field) {
    case REALIP_XCLIENT_ID_ORIGINATING_IP:
        return read_address(value, &id->client);
    case REALIP_XCLIENT_ID_CONNECTED_IP:
        return read_address(value, &id->server);
    case REALIP_XCLIENT_ID_ORIGINATING_PORT:
        return read_port(value, &id->client_port);
    case REALIP_XCLIENT_ID_CONNECTED_PORT:
        return read_port(value, &id->server_port);
    case REALIP_XCLIENT_ID_PROXY_TTL:
        if (read_number(value, 0, UINT32_MAX, &number) < 0)
            return REALIP_XCLIENT_ID_REASON_TTL;
        id->ttl = (uint32_t)number;
        break;
    case REALIP_XCLIENT_ID_SESSION_ID:
    case REALIP_XCLIENT_ID_SESSION_EXT_ID:
        return read_session(value, id);
    case REALIP_XCLIENT_ID_FORWARD:
    case REALIP_XCLIENT_ID_FIELD_COUNT:
        break;
    }
    return REALIP_XCLIENT_ID_REASON_NONE;
}

static size_t find_field(const struct string *key)
{
    for (size_t i = 0; i < REALIP_XCLIENT_ID_FORWARD; i++) {
        if (key->length == strlen(keys[i]) && strncasecmp(key->text, keys[i], key->length) == 0)
            return i;
    }
    size_t prefix = strlen(keys[REALIP_XCLIENT_ID_FORWARD]);
    if (key->length > prefix && strncasecmp(key->text, keys[REALIP_XCLIENT_ID_FORWARD], prefix) == 0)
        return REALIP_XCLIENT_ID_FORWARD;
    return REALIP_XCLIENT_ID_FIELD_COUNT;
}

/* Both names of the session id are one field. Many x-forward- fields can stand side by side. */
static unsigned rivals(size_t field)
{
    if (field == REALIP_XCLIENT_ID_SESSION_ID || field == REALIP_XCLIENT_ID_SESSION_EXT_ID)
        return 1U << REALIP_XCLIENT_ID_SESSION_ID | 1U << REALIP_XCLIENT_ID_SESSION_EXT_ID;
    return field == REALIP_XCLIENT_ID_FORWARD ? 0 : 1U << field;
}

static enum realip_xclient_id_reason keep(struct realip_xclient_id *id, const struct string *key,
                                          const struct string *value)
{
    if (++id->pairs > REALIP_XCLIENT_ID_MAX_PAIRS)
        return REALIP_XCLIENT_ID_REASON_TOO_MANY;
    if (key->length > REALIP_XCLIENT_ID_MAX_KEY)
        return REALIP_XCLIENT_ID_REASON_KEY_TOO_LONG;
    if (value->length > REALIP_XCLIENT_ID_MAX_VALUE)
        return REALIP_XCLIENT_ID_REASON_VALUE_TOO_LONG;
    size_t field = find_field(key);
    if (field == REALIP_XCLIENT_ID_FIELD_COUNT || value->text == NULL)
        return REALIP_XCLIENT_ID_REASON_NONE;
    if ((id->fields & rivals(field)) != 0)
        return REALIP_XCLIENT_ID_REASON_TWICE;
    id->fields |= 1U << field;
    return read_value(id, (enum realip_xclient_id_field)field, value);
}

/* Behind the opening parenthesis, up to and with the closing one. */
static enum realip_xclient_id_reason read_pairs(struct reader *reader, struct realip_xclient_id *id)
{
    while (!next_is(reader, ')')) {
        struct string key;
        struct string value;

        if (id->pairs > 0) {
            if (!next_is(reader, ' '))
                return REALIP_XCLIENT_ID_REASON_STRING;
            reader->at++;
        }
        if (read_string(reader, &key) < 0 || key.text == NULL)
            return REALIP_XCLIENT_ID_REASON_STRING;
        if (!next_is(reader, ' '))
            return REALIP_XCLIENT_ID_REASON_PAIR;
        reader->at++;
        if (read_string(reader, &value) < 0)
            return REALIP_XCLIENT_ID_REASON_STRING;
        enum realip_xclient_id_reason reason = keep(id, &key, &value);
        if (reason != REALIP_XCLIENT_ID_REASON_NONE)
            return reason;
    }
    reader->at++;
    return REALIP_XCLIENT_ID_REASON_NONE;
}

static enum realip_xclient_id_reason read_list(struct reader *reader, struct realip_xclient_id *id)
{
    enum realip_xclient_id_reason reason = REALIP_XCLIENT_ID_REASON_NONE;
    struct string nil;

    if (next_is(reader, '(')) {
        reader->at++;
        reason = read_pairs(reader, id);
    } else if (read_nil(reader, &nil) < 0) {
        reason = REALIP_XCLIENT_ID_REASON_LIST;
    }
    if (reason != REALIP_XCLIENT_ID_REASON_NONE)
        return reason;
    if (reader->end - reader->at == 2 && memcmp(reader->at, "\r\n", 2) == 0)
        reader->at += 2;
    return reader->at == reader->end ? REALIP_XCLIENT_ID_REASON_NONE : REALIP_XCLIENT_ID_REASON_EXTRA;
}

int realip_xclient_id_parse(char *text, size_t length, struct realip_xclient_id *id_r,
                            enum realip_xclient_id_reason *reason_r)
{
    struct reader reader = { text, length == 0 ? text : text + length };

    *id_r = (struct realip_xclient_id){ 0 };
    *reason_r = read_list(&reader, id_r);
    if (*reason_r == REALIP_XCLIENT_ID_REASON_NONE)
        return 0;
    *id_r = (struct realip_xclient_id){ 0 };
    return -1;
}

#define REALIP_XCLIENT_TOKEN(name, token, sentence) token,
#define REALIP_XCLIENT_SENTENCE(name, token, sentence) sentence,

const char *realip_xclient_id_field_key(enum realip_xclient_id_field field)
{
    return field < REALIP_XCLIENT_ID_FIELD_COUNT ? keys[field] : "?";
}

const char *realip_xclient_id_reason_token(enum realip_xclient_id_reason reason)
{
    static const char *const tokens[] = { REALIP_XCLIENT_ID_REASON_TABLE(REALIP_XCLIENT_TOKEN) };

    return reason < REALIP_XCLIENT_ID_REASON_COUNT ? tokens[reason] : tokens[REALIP_XCLIENT_ID_REASON_NONE];
}

const char *realip_xclient_id_reason_sentence(enum realip_xclient_id_reason reason)
{
    static const char *const sentences[] = { REALIP_XCLIENT_ID_REASON_TABLE(REALIP_XCLIENT_SENTENCE) };

    return reason < REALIP_XCLIENT_ID_REASON_COUNT ? sentences[reason] : sentences[REALIP_XCLIENT_ID_REASON_NONE];
}
