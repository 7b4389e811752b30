#include "proxy_header.h"

#include <string.h>

#include "proxy_header_tlv.h"

#define FIRST_SEGMENT 536 /* section 2: 576 - 40, what every host has to take at once */

#define PREFIX      "PROXY "
#define PREFIX_SIZE 6

/* Bytes of source, destination and ports by family; sections 2.2. */
static const unsigned char address_sizes[4] = { 0, 12, 36, 216 };

static bool equal(const unsigned char *data, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(data, text, length) == 0;
}

static bool begins_with(const unsigned char *data, size_t length, const char *start, size_t start_length)
{
    return length >= start_length && memcmp(data, start, start_length) == 0;
}

bool realip_proxy_header_begins(const unsigned char *data, size_t length)
{
    return begins_with(data, length, PREFIX, PREFIX_SIZE)
        || begins_with(data, length, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE);
}

/* ---- version 1 ---------------------------------------------------------------------------------------------------- */

/* What is left of a line; words stand behind exactly one space each. */
struct line {
    const unsigned char *at;
    const unsigned char *end;
};

/* The next word, up to a space or the end; -1 when there is none or it is empty. */
static int next_word(struct line *line, const char **word_r, size_t *length_r)
{
    if (line->at == line->end || *line->at != ' ')
        return -1;
    const unsigned char *start = line->at + 1;
    const unsigned char *space = memchr(start, ' ', (size_t)(line->end - start));
    line->at = space != NULL ? space : line->end;
    *word_r = (const char *)start;
    *length_r = (size_t)(line->at - start);
    return *length_r > 0 ? 0 : -1;
}

static int read_address(struct line *line, struct realip_proxy_header *header, struct realip_address *address_r)
{
    const char *word;
    const char *reason;
    size_t length;

    if (next_word(line, &word, &length) < 0)
        return -1;
    bool colons = memchr(word, ':', length) != NULL;
    if (colons != (header->family == REALIP_PROXY_FAMILY_INET6))
        return -1;
    if (realip_address_parse(word, length, address_r, &reason) < 0)
        return -1;
    /* HAProxy writes mapped addresses so, as inet_ntop() does. */
    if (colons && memchr(word, '.', length) != NULL)
        header->notes |= REALIP_PROXY_NOTE(DOTTED);
    return 0;
}

/* A number of 0..65535 without leading zeros. */
static int read_port(struct line *line, uint16_t *port_r)
{
    const char *word;
    size_t length;
    uint32_t port = 0;

    if (next_word(line, &word, &length) < 0 || length > 5 || (length > 1 && word[0] == '0'))
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9')
            return -1;
        port = port * 10 + (uint32_t)(word[i] - '0');
    }
    if (port > 65535)
        return -1;
    *port_r = (uint16_t)port;
    return 0;
}

static enum realip_proxy_reason read_words(struct line *line, struct realip_proxy_header *header)
{
    if (read_address(line, header, &header->source) < 0)
        return REALIP_PROXY_REASON_SOURCE;
    if (read_address(line, header, &header->destination) < 0)
        return REALIP_PROXY_REASON_DESTINATION;
    if (read_port(line, &header->source_port) < 0)
        return REALIP_PROXY_REASON_SOURCE_PORT;
    if (read_port(line, &header->destination_port) < 0)
        return REALIP_PROXY_REASON_DESTINATION_PORT;
    return line->at == line->end ? REALIP_PROXY_REASON_NONE : REALIP_PROXY_REASON_EXTRA;
}

static enum realip_proxy_reason read_line(struct line *line, struct realip_proxy_header *header)
{
    const char *word;
    size_t length;

    header->version = 1;
    header->command = REALIP_PROXY_PROXY;
    if (next_word(line, &word, &length) < 0)
        return REALIP_PROXY_REASON_PROTOCOL;
    const unsigned char *bytes = (const unsigned char *)word;
    if (equal(bytes, length, "UNKNOWN")) {
        /* "must ignore anything presented before the CRLF" */
        header->notes |= line->at < line->end ? REALIP_PROXY_NOTE(IGNORED) : 0;
        return REALIP_PROXY_REASON_NONE;
    }
    if (equal(bytes, length, "TCP4"))
        header->family = REALIP_PROXY_FAMILY_INET;
    else if (equal(bytes, length, "TCP6"))
        header->family = REALIP_PROXY_FAMILY_INET6;
    else
        return REALIP_PROXY_REASON_PROTOCOL;
    header->transport = REALIP_PROXY_TRANSPORT_STREAM;
    return read_words(line, header);
}

/* Finds the CRLF. A lone CR or LF is refused wherever it stands, also in what UNKNOWN lets be ignored: hosts differ
 * about where such a line ends, and then a client could write the rest of it. */
static enum realip_proxy_result find_line_end(const unsigned char *data, size_t length, size_t *size_r,
                                              enum realip_proxy_reason *reason_r)
{
    size_t most = length < REALIP_PROXY_V1_MAX_SIZE ? length : REALIP_PROXY_V1_MAX_SIZE;
    size_t at = PREFIX_SIZE;

    while (at < most && data[at] != '\r' && data[at] != '\n')
        at++;
    if (at + 1 < most || (at < most && data[at] == '\n')) {
        *size_r = at + 2;
        if (data[at] == '\r' && data[at + 1] == '\n')
            return REALIP_PROXY_DONE;
        *reason_r = data[at] == '\n' ? REALIP_PROXY_REASON_BARE_LF : REALIP_PROXY_REASON_BARE_CR;
        return REALIP_PROXY_MALFORMED;
    }
    if (length >= REALIP_PROXY_V1_MAX_SIZE) {
        *reason_r = REALIP_PROXY_REASON_TOO_LONG;
        return REALIP_PROXY_MALFORMED;
    }
    *size_r = length + 1;
    return REALIP_PROXY_NEED_MORE;
}

static enum realip_proxy_result decode_v1(const unsigned char *data, size_t length, struct realip_proxy_header *header,
                                          size_t *size_r, enum realip_proxy_reason *reason_r)
{
    enum realip_proxy_result result = find_line_end(data, length, size_r, reason_r);

    if (result != REALIP_PROXY_DONE)
        return result;
    struct line line = { data + PREFIX_SIZE - 1, data + *size_r - 2 };
    *reason_r = read_line(&line, header);
    return *reason_r == REALIP_PROXY_REASON_NONE ? REALIP_PROXY_DONE : REALIP_PROXY_MALFORMED;
}

/* ---- version 2 ---------------------------------------------------------------------------------------------------- */

static uint16_t read_number(const unsigned char *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* True where the addresses count: PROXY, of a family and a transport that are told. */
static bool has_addresses(const struct realip_proxy_header *header)
{
    return header->command == REALIP_PROXY_PROXY && header->family != REALIP_PROXY_FAMILY_UNSPEC
        && header->transport != REALIP_PROXY_TRANSPORT_UNSPEC;
}

static void read_addresses(const unsigned char *at, struct realip_proxy_header *header)
{
    switch (header->family) {
    case REALIP_PROXY_FAMILY_INET:
        header->source = realip_address_from_ipv4(at);
        header->destination = realip_address_from_ipv4(at + 4);
        header->source_port = read_number(at + 8);
        header->destination_port = read_number(at + 10);
        break;
    case REALIP_PROXY_FAMILY_INET6:
        header->source = realip_address_from_ipv6(at);
        header->destination = realip_address_from_ipv6(at + 16);
        header->source_port = read_number(at + 32);
        header->destination_port = read_number(at + 34);
        break;
    case REALIP_PROXY_FAMILY_UNIX:
        header->unix_source = at;
        header->unix_destination = at + REALIP_PROXY_UNIX_SIZE;
        break;
    case REALIP_PROXY_FAMILY_UNSPEC:
        break;
    }
}

/* The checksum is right, or there is none. */
static enum realip_proxy_reason check_sum(const unsigned char *data, size_t size, const unsigned char *checksum,
                                          struct realip_proxy_header *header)
{
    if (checksum == NULL)
        return REALIP_PROXY_REASON_NONE;
    uint32_t told = (uint32_t)read_number(checksum) << 16 | read_number(checksum + 2);
    header->has_crc32c = realip_proxy_tlv_crc32c(data, size, checksum) == told;
    return header->has_crc32c ? REALIP_PROXY_REASON_NONE : REALIP_PROXY_REASON_CRC32C_WRONG;
}

/* Where addresses don't count a receiver ignores what stands behind the length (section 2.2). HAProxy's own checks put
 * TLVs there, so what reads as TLVs is told as such; a wrong checksum among them still is a wrong checksum. */
static enum realip_proxy_reason read_ignored(const unsigned char *data, size_t size, struct realip_proxy_header *header)
{
    size_t offset = address_sizes[header->family];
    const unsigned char *payload = data + REALIP_PROXY_V2_MIN_SIZE;
    size_t payload_size = size - REALIP_PROXY_V2_MIN_SIZE;
    const unsigned char *checksum;

    if (payload_size == 0)
        return REALIP_PROXY_REASON_NONE;
    header->notes |= offset > 0 ? REALIP_PROXY_NOTE(IGNORED) : 0;
    if (payload_size < offset
        || realip_proxy_tlv_check(payload + offset, payload_size - offset, &checksum) != REALIP_PROXY_REASON_NONE) {
        header->notes |= REALIP_PROXY_NOTE(IGNORED);
        return REALIP_PROXY_REASON_NONE;
    }
    header->tlvs = payload + offset;
    header->tlvs_size = payload_size - offset;
    return check_sum(data, size, checksum, header);
}

static enum realip_proxy_reason read_body(const unsigned char *data, size_t size, struct realip_proxy_header *header)
{
    const unsigned char *checksum = NULL;

    if (!has_addresses(header))
        return read_ignored(data, size, header);
    size_t offset = REALIP_PROXY_V2_MIN_SIZE + address_sizes[header->family];
    read_addresses(data + REALIP_PROXY_V2_MIN_SIZE, header);
    if (size == offset)
        return REALIP_PROXY_REASON_NONE;
    enum realip_proxy_reason reason = realip_proxy_tlv_check(data + offset, size - offset, &checksum);
    if (reason != REALIP_PROXY_REASON_NONE)
        return reason;
    header->tlvs = data + offset;
    header->tlvs_size = size - offset;
    return check_sum(data, size, checksum, header);
}

/* The 13th byte and, if it is there, the 14th. */
static enum realip_proxy_reason read_kind(const unsigned char *data, size_t length, struct realip_proxy_header *header)
{
    header->version = 2;
    if (data[12] >> 4 != 2)
        return REALIP_PROXY_REASON_VERSION;
    if ((data[12] & 0xf) > 1)
        return REALIP_PROXY_REASON_COMMAND;
    header->command = (data[12] & 0xf) == 0 ? REALIP_PROXY_LOCAL : REALIP_PROXY_PROXY;
    if (length < 14)
        return REALIP_PROXY_REASON_NONE;
    unsigned family = data[13] >> 4;
    unsigned transport = data[13] & 0xf;
    bool ignored = header->command == REALIP_PROXY_LOCAL; /* "discard the protocol block including the family" */
    if (family > 3 && !ignored)
        return REALIP_PROXY_REASON_FAMILY;
    if (transport > 2 && !ignored)
        return REALIP_PROXY_REASON_TRANSPORT;
    header->family = family > 3 ? REALIP_PROXY_FAMILY_UNSPEC : (enum realip_proxy_family)family;
    header->transport = transport > 2 ? REALIP_PROXY_TRANSPORT_UNSPEC : (enum realip_proxy_transport)transport;
    return REALIP_PROXY_REASON_NONE;
}

static enum realip_proxy_result decode_v2(const unsigned char *data, size_t length, struct realip_proxy_header *header,
                                          size_t *size_r, enum realip_proxy_reason *reason_r)
{
    *size_r = REALIP_PROXY_V2_MIN_SIZE;
    if (length == REALIP_PROXY_SIGNATURE_SIZE)
        return REALIP_PROXY_NEED_MORE;
    *reason_r = read_kind(data, length, header);
    if (*reason_r != REALIP_PROXY_REASON_NONE)
        return REALIP_PROXY_MALFORMED;
    if (length < REALIP_PROXY_V2_MIN_SIZE)
        return REALIP_PROXY_NEED_MORE;
    size_t size = REALIP_PROXY_V2_MIN_SIZE + (size_t)read_number(data + 14);
    if (has_addresses(header) && size < REALIP_PROXY_V2_MIN_SIZE + (size_t)address_sizes[header->family]) {
        *reason_r = REALIP_PROXY_REASON_SHORT_ADDRESS;
        return REALIP_PROXY_MALFORMED;
    }
    *size_r = size;
    if (length < size)
        return REALIP_PROXY_NEED_MORE;
    *reason_r = read_body(data, size, header);
    return *reason_r == REALIP_PROXY_REASON_NONE ? REALIP_PROXY_DONE : REALIP_PROXY_MALFORMED;
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

static void add_notes(const unsigned char *data, size_t length, size_t size, struct realip_proxy_header *header)
{
    bool ipv4 = header->source.family == REALIP_FAMILY_IPV4 || header->destination.family == REALIP_FAMILY_IPV4;

    if (header->source.family == REALIP_FAMILY_NONE)
        header->notes |= REALIP_PROXY_NOTE(NO_ADDRESS);
    else if (header->family == REALIP_PROXY_FAMILY_INET6 && ipv4)
        header->notes |= REALIP_PROXY_NOTE(MAPPED);
    if (size > FIRST_SEGMENT)
        header->notes |= REALIP_PROXY_NOTE(OVER_536);
    if (length > size && realip_proxy_header_begins(data + size, length - size))
        header->notes |= REALIP_PROXY_NOTE(SECOND_HEADER);
}

/* Before either mark is whole: do the bytes still agree with one of them? */
static enum realip_proxy_result decode_start(const unsigned char *data, size_t length, size_t *size_r,
                                             enum realip_proxy_reason *reason_r)
{
    size_t word = PREFIX_SIZE - 1;

    if (length > word && memcmp(data, PREFIX, word) == 0) {
        *reason_r = REALIP_PROXY_REASON_PREFIX;
        return REALIP_PROXY_MALFORMED;
    }
    if (length == 0 || (length <= word && memcmp(data, PREFIX, length) == 0)) {
        *size_r = PREFIX_SIZE;
        return REALIP_PROXY_NEED_MORE;
    }
    if (length < REALIP_PROXY_SIGNATURE_SIZE && memcmp(data, REALIP_PROXY_SIGNATURE, length) == 0) {
        *size_r = REALIP_PROXY_V2_MIN_SIZE;
        return REALIP_PROXY_NEED_MORE;
    }
    *reason_r = REALIP_PROXY_REASON_NO_HEADER;
    return REALIP_PROXY_ABSENT;
}

enum realip_proxy_result realip_proxy_header_decode(const unsigned char *data, size_t length,
                                                    struct realip_proxy_header *header_r, size_t *size_r,
                                                    enum realip_proxy_reason *reason_r)
{
    enum realip_proxy_result result;

    *header_r = (struct realip_proxy_header){ 0 };
    *size_r = 0;
    *reason_r = REALIP_PROXY_REASON_NONE;
    if (begins_with(data, length, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE))
        result = decode_v2(data, length, header_r, size_r, reason_r);
    else if (begins_with(data, length, PREFIX, PREFIX_SIZE))
        result = decode_v1(data, length, header_r, size_r, reason_r);
    else
        result = decode_start(data, length, size_r, reason_r);
    if (result == REALIP_PROXY_DONE)
        add_notes(data, length, *size_r, header_r);
    else
        *header_r = (struct realip_proxy_header){ 0 };
    return result;
}

/* ---- encode ------------------------------------------------------------------------------------------------------- */

/* Bytes while they are written; `short_of` stays set once something did not fit. */
struct output {
    unsigned char *start;
    size_t room;
    size_t size;
    bool short_of;
};

static void put(struct output *out, const void *bytes, size_t size)
{
    if (size > out->room - out->size) {
        out->short_of = true;
        return;
    }
    if (size > 0)
        memcpy(out->start + out->size, bytes, size);
    out->size += size;
}

static void put_text(struct output *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_word(struct output *out, uint16_t number)
{
    unsigned char bytes[2] = { (unsigned char)(number >> 8), (unsigned char)number };

    put(out, bytes, sizeof(bytes));
}

static void put_decimal(struct output *out, uint16_t number)
{
    char text[6];
    char *at = text + sizeof(text) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number = (uint16_t)(number / 10);
    } while (number > 0);
    put_text(out, at);
}

/* Version 1 spells an address of an IPv6 header with colons, the mapped one as inet_ntop() does. */
static void put_address_text(struct output *out, const struct realip_proxy_header *header,
                             const struct realip_address *address)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    if (header->family == REALIP_PROXY_FAMILY_INET6 && address->family == REALIP_FAMILY_IPV4)
        put_text(out, "::ffff:");
    put_text(out, realip_address_format(address, text));
    put_text(out, " ");
}

static enum realip_proxy_reason encode_v1(const struct realip_proxy_header *header, struct output *out)
{
    bool inet = header->family == REALIP_PROXY_FAMILY_INET || header->family == REALIP_PROXY_FAMILY_INET6;

    if (header->tlvs_size > 0 || header->command != REALIP_PROXY_PROXY)
        return REALIP_PROXY_REASON_NOT_IN_V1;
    if (header->family == REALIP_PROXY_FAMILY_UNSPEC) {
        put_text(out, "PROXY UNKNOWN\r\n");
        return REALIP_PROXY_REASON_NONE;
    }
    if (!inet || header->transport != REALIP_PROXY_TRANSPORT_STREAM)
        return REALIP_PROXY_REASON_NOT_IN_V1;
    put_text(out, header->family == REALIP_PROXY_FAMILY_INET ? "PROXY TCP4 " : "PROXY TCP6 ");
    put_address_text(out, header, &header->source);
    put_address_text(out, header, &header->destination);
    put_decimal(out, header->source_port);
    put_text(out, " ");
    put_decimal(out, header->destination_port);
    put_text(out, "\r\n");
    return REALIP_PROXY_REASON_NONE;
}

static void put_address(struct output *out, const struct realip_proxy_header *header,
                        const struct realip_address *address)
{
    uint64_t hi = address->hi;
    uint64_t lo = address->lo;

    if (header->family == REALIP_PROXY_FAMILY_INET6) {
        if (address->family == REALIP_FAMILY_IPV4)
            lo |= (uint64_t)0xffff << 32;
        for (int shift = 48; shift >= 0; shift -= 16)
            put_word(out, (uint16_t)(hi >> shift));
        for (int shift = 48; shift >= 32; shift -= 16)
            put_word(out, (uint16_t)(lo >> shift));
    }
    put_word(out, (uint16_t)(lo >> 16));
    put_word(out, (uint16_t)lo);
}

static void put_addresses(struct output *out, const struct realip_proxy_header *header)
{
    static const unsigned char no_path[REALIP_PROXY_UNIX_SIZE] = { 0 };

    switch (header->family) {
    case REALIP_PROXY_FAMILY_INET:
    case REALIP_PROXY_FAMILY_INET6:
        put_address(out, header, &header->source);
        put_address(out, header, &header->destination);
        put_word(out, header->source_port);
        put_word(out, header->destination_port);
        break;
    case REALIP_PROXY_FAMILY_UNIX:
        put(out, header->unix_source != NULL ? header->unix_source : no_path, REALIP_PROXY_UNIX_SIZE);
        put(out, header->unix_destination != NULL ? header->unix_destination : no_path, REALIP_PROXY_UNIX_SIZE);
        break;
    case REALIP_PROXY_FAMILY_UNSPEC:
        break;
    }
}

/* Section 2.2.3: the sum over the whole header with the checksum's own bytes as 0. */
static void fill_checksum(struct output *out, size_t offset)
{
    const unsigned char *found = NULL;

    if (realip_proxy_tlv_check(out->start + offset, out->size - offset, &found) != REALIP_PROXY_REASON_NONE
        || found == NULL)
        return;
    unsigned char *checksum = out->start + (found - out->start);
    uint32_t crc = realip_proxy_tlv_crc32c(out->start, out->size, checksum);
    for (int i = 0; i < 4; i++)
        checksum[i] = (unsigned char)(crc >> (24 - 8 * i));
}

static enum realip_proxy_reason encode_v2(const struct realip_proxy_header *header, struct output *out)
{
    bool local = header->command == REALIP_PROXY_LOCAL;
    bool addresses = has_addresses(header);
    unsigned char kind[2] = { local ? 0x20 : 0x21, 0 };
    const unsigned char *checksum;

    if (!local)
        kind[1] = (unsigned char)((unsigned)header->family << 4 | (unsigned)header->transport);
    /* Without addresses a family would make readers look for them. */
    if (!addresses)
        kind[1] &= 0x0f;
    size_t length = header->tlvs_size + (addresses ? address_sizes[header->family] : 0);
    if (length > 0xffff)
        return REALIP_PROXY_REASON_NO_ROOM;
    enum realip_proxy_reason reason = realip_proxy_tlv_check(header->tlvs, header->tlvs_size, &checksum);
    if (reason != REALIP_PROXY_REASON_NONE)
        return reason;
    put(out, REALIP_PROXY_SIGNATURE, REALIP_PROXY_SIGNATURE_SIZE);
    put(out, kind, sizeof(kind));
    put_word(out, (uint16_t)length);
    if (addresses)
        put_addresses(out, header);
    size_t offset = out->size;
    put(out, header->tlvs, header->tlvs_size);
    if (!out->short_of)
        fill_checksum(out, offset);
    return REALIP_PROXY_REASON_NONE;
}

/* IPv4 under INET6 is written mapped; nothing else may be mixed. */
static bool fits_family(const struct realip_proxy_header *header, const struct realip_address *address)
{
    if (header->family == REALIP_PROXY_FAMILY_INET6)
        return address->family != REALIP_FAMILY_NONE;
    return address->family == REALIP_FAMILY_IPV4;
}

static enum realip_proxy_reason check_kind(const struct realip_proxy_header *header)
{
    bool inet = header->family == REALIP_PROXY_FAMILY_INET || header->family == REALIP_PROXY_FAMILY_INET6;

    if (header->version != 1 && header->version != 2)
        return REALIP_PROXY_REASON_VERSION;
    if (header->command == REALIP_PROXY_COMMAND_UNKNOWN)
        return REALIP_PROXY_REASON_COMMAND;
    if (header->family > REALIP_PROXY_FAMILY_UNIX)
        return REALIP_PROXY_REASON_FAMILY;
    if (header->transport > REALIP_PROXY_TRANSPORT_DGRAM)
        return REALIP_PROXY_REASON_TRANSPORT;
    if (has_addresses(header) && inet
        && (!fits_family(header, &header->source) || !fits_family(header, &header->destination)))
        return REALIP_PROXY_REASON_MIXED;
    return REALIP_PROXY_REASON_NONE;
}

int realip_proxy_header_encode(const struct realip_proxy_header *header, unsigned char *out, size_t room, size_t *size_r,
                               enum realip_proxy_reason *reason_r)
{
    struct output output = { .start = out, .room = room };

    *size_r = 0;
    *reason_r = check_kind(header);
    if (*reason_r == REALIP_PROXY_REASON_NONE)
        *reason_r = header->version == 1 ? encode_v1(header, &output) : encode_v2(header, &output);
    if (*reason_r == REALIP_PROXY_REASON_NONE && output.short_of)
        *reason_r = REALIP_PROXY_REASON_NO_ROOM;
    if (*reason_r != REALIP_PROXY_REASON_NONE)
        return -1;
    *size_r = output.size;
    return 0;
}

/* ---- words -------------------------------------------------------------------------------------------------------- */

#define REALIP_PROXY_TOKEN(name, token, sentence) token,
#define REALIP_PROXY_SENTENCE(name, token, sentence) sentence,

const char *realip_proxy_reason_token(enum realip_proxy_reason reason)
{
    static const char *const tokens[] = { REALIP_PROXY_REASON_TABLE(REALIP_PROXY_TOKEN) };

    return reason < REALIP_PROXY_REASON_COUNT ? tokens[reason] : tokens[REALIP_PROXY_REASON_NONE];
}

const char *realip_proxy_reason_sentence(enum realip_proxy_reason reason)
{
    static const char *const sentences[] = { REALIP_PROXY_REASON_TABLE(REALIP_PROXY_SENTENCE) };

    return reason < REALIP_PROXY_REASON_COUNT ? sentences[reason] : sentences[REALIP_PROXY_REASON_NONE];
}

const char *realip_proxy_note_token(enum realip_proxy_note_number note)
{
    static const char *const tokens[] = { REALIP_PROXY_NOTE_TABLE(REALIP_PROXY_TOKEN) };

    return note < REALIP_PROXY_NOTE_COUNT ? tokens[note] : "unknown";
}

const char *realip_proxy_note_sentence(enum realip_proxy_note_number note)
{
    static const char *const sentences[] = { REALIP_PROXY_NOTE_TABLE(REALIP_PROXY_SENTENCE) };

    return note < REALIP_PROXY_NOTE_COUNT ? sentences[note] : "unknown";
}
