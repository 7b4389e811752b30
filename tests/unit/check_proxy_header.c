#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/proxy_header.h"
#include "core/proxy_header_host.h"
#include "core/proxy_header_tlv.h"
#include "random_number.h"
#include "suites.h"
#include "vectors.h"

static const char *const files[] = { "v1_good", "v1_bad", "v2_good", "v2_bad", "v2_tlvs", "published", "parts" };
#define FILES (int)(sizeof(files) / sizeof(files[0]))

/* ---- as text, the way the vectors write it ------------------------------------------------------------------------ */

struct text {
    char bytes[1024];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->bytes + text->length, sizeof(text->bytes) - text->length, format, arguments);
    va_end(arguments);
    ck_assert(length >= 0 && text->length + (size_t)length < sizeof(text->bytes));
    text->length += (size_t)length;
}

static void add_end(struct text *text, const struct realip_address *address, unsigned port)
{
    char buffer[REALIP_ADDRESS_TEXT_SIZE];

    add(text, " %s %u", realip_address_format(address, buffer), port);
}

static void add_header(struct text *text, const struct realip_proxy_header *header, size_t size)
{
    static const char *const commands[] = { "?", "local", "proxy" };
    static const char *const families[] = { "unspec", "inet", "inet6", "unix" };
    static const char *const transports[] = { "unspec", "stream", "dgram" };
    const unsigned char *at = header->tlvs;
    size_t left = header->tlvs_size;
    struct realip_proxy_tlv tlv;
    const char *before = " notes=";

    add(text, "done %zu v%u %s %s %s", size, header->version, commands[header->command], families[header->family],
        transports[header->transport]);
    add_end(text, &header->source, header->source_port);
    add_end(text, &header->destination, header->destination_port);
    for (unsigned note = 0; note < 32; note++) {
        static const unsigned order[] = { REALIP_PROXY_NOTE_NUMBER_NO_ADDRESS, REALIP_PROXY_NOTE_NUMBER_IGNORED,
                                          REALIP_PROXY_NOTE_NUMBER_MAPPED, REALIP_PROXY_NOTE_NUMBER_DOTTED,
                                          REALIP_PROXY_NOTE_NUMBER_OVER_536, REALIP_PROXY_NOTE_NUMBER_SECOND_HEADER };

        if (note < REALIP_PROXY_NOTE_COUNT && (header->notes & 1U << order[note]) != 0) {
            add(text, "%s%s", before, realip_proxy_note_token((enum realip_proxy_note_number)order[note]));
            before = ",";
        }
    }
    before = " tlvs=";
    while (realip_proxy_tlv_next(&at, &left, &tlv) > 0) {
        add(text, "%s%s", before, realip_proxy_tlv_token(tlv.type));
        before = ",";
    }
}

static void decode_as_text(const unsigned char *data, size_t length, struct text *text)
{
    struct realip_proxy_header header;
    enum realip_proxy_reason reason;
    size_t size;

    *text = (struct text){ .length = 0 };
    switch (realip_proxy_header_decode(data, length, &header, &size, &reason)) {
    case REALIP_PROXY_NEED_MORE:
        add(text, "need-more %zu", size);
        break;
    case REALIP_PROXY_DONE:
        add_header(text, &header, size);
        break;
    case REALIP_PROXY_MALFORMED:
        add(text, "malformed %s", realip_proxy_reason_token(reason));
        break;
    case REALIP_PROXY_ABSENT:
        add(text, "absent %s", realip_proxy_reason_token(reason));
        break;
    }
}

static void host_as_text(enum realip_proxy_host host, const struct realip_vector *vector, struct text *text)
{
    struct realip_proxy_outcome outcome;

    *text = (struct text){ .length = 0 };
    realip_proxy_header_host(host, vector->bytes, vector->length, &outcome);
    add(text, "%s", realip_proxy_fate_token(outcome.fate));
    if (outcome.fate == REALIP_PROXY_FATE_CLIENT || outcome.fate == REALIP_PROXY_FATE_PEER)
        add(text, " %zu", outcome.size);
    if (outcome.fate == REALIP_PROXY_FATE_CLIENT) {
        add_end(text, &outcome.source, outcome.source_port);
        add_end(text, &outcome.destination, outcome.destination_port);
    }
    add(text, "%s%s", outcome.reason[0] == '\0' ? "" : " ", outcome.reason);
}

/* ---- the vectors -------------------------------------------------------------------------------------------------- */

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

START_TEST(vectors_decode_as_written)
{
    struct realip_vectors vectors;
    struct text text;

    realip_vectors_read("proxy_header", files[_i], &vectors);
    ck_assert_uint_ge(vectors.count, 10);
    for (size_t i = 0; i < vectors.count; i++) {
        const char *expected = realip_vector_line(&vectors.rows[i], "expect");

        ck_assert_msg(expected != NULL, "%s expects nothing", vectors.rows[i].name);
        decode_as_text(vectors.rows[i].bytes, vectors.rows[i].length, &text);
        ck_assert_msg(strcmp(text.bytes, expected) == 0, "%s: %s, expected %s", vectors.rows[i].name, text.bytes, expected);
    }
    realip_vectors_free(&vectors);
}
END_TEST

START_TEST(hosts_do_as_written)
{
    struct realip_vectors vectors;
    struct text text;

    realip_vectors_read("proxy_header", files[_i], &vectors);
    for (size_t i = 0; i < vectors.count; i++) {
        for (int host = REALIP_PROXY_HOST_POSTFIX; host < REALIP_PROXY_HOST_COUNT; host++) {
            const char *token = realip_proxy_host_token((enum realip_proxy_host)host);
            const char *expected = realip_vector_line(&vectors.rows[i], token);

            host_as_text((enum realip_proxy_host)host, &vectors.rows[i], &text);
            ck_assert_msg(expected != NULL && strcmp(text.bytes, expected) == 0, "%s, %s: %s, expected %s",
                          vectors.rows[i].name, token, text.bytes, expected == NULL ? "a line" : expected);
        }
    }
    realip_vectors_free(&vectors);
}
END_TEST

/* A copy of the exact size, so that a sanitizer sees a read behind what has arrived. */
static void decode_part(const struct realip_vector *vector, size_t length, struct text *text)
{
    unsigned char *part = length == 0 ? NULL : malloc(length);

    if (part != NULL)
        memcpy(part, vector->bytes, length);
    decode_as_text(part, length, text);
    free(part);
}

/* Byte by byte: what is decided stays decided (but for the note about what follows), and NEED_MORE never asks for more
 * than is needed. */
START_TEST(parts_never_contradict_the_whole)
{
    struct realip_vectors vectors;
    struct text whole;
    struct text part;

    realip_vectors_read("proxy_header", files[_i], &vectors);
    for (size_t i = 0; i < vectors.count; i++) {
        const struct realip_vector *vector = &vectors.rows[i];
        size_t asked = 0;

        decode_as_text(vector->bytes, vector->length, &whole);
        if (strstr(whole.bytes, "second-header") != NULL)
            whole.bytes[strlen("done NNN")] = '\0'; /* the note comes with the bytes that it is about */
        for (size_t length = 0; length <= vector->length; length++) {
            decode_part(vector, length, &part);
            if (starts(part.bytes, "need-more")) {
                asked = strtoul(part.bytes + strlen("need-more"), NULL, 10);
                ck_assert_msg(asked > length, "%s: %zu bytes: %s", vector->name, length, part.bytes);
                continue;
            }
            ck_assert_msg(starts(part.bytes, whole.bytes), "%s: %zu bytes say %s, all of them %s", vector->name, length,
                          part.bytes, whole.bytes);
            if (starts(part.bytes, "done"))
                ck_assert_msg(asked <= length, "%s was asked for too much", vector->name);
        }
    }
    realip_vectors_free(&vectors);
}
END_TEST

START_TEST(there_are_enough_vectors)
{
    struct realip_vectors vectors;
    size_t count = 0;

    for (int i = 0; i < FILES; i++) {
        realip_vectors_read("proxy_header", files[i], &vectors);
        count += vectors.count;
        realip_vectors_free(&vectors);
    }
    ck_assert_uint_ge(count, 150);
}
END_TEST

/* Every reason that a decoder can give, and every note, is shown by a vector. */
START_TEST(each_word_has_a_vector)
{
    static const enum realip_proxy_reason of_encode[]
        = { REALIP_PROXY_REASON_NONE, REALIP_PROXY_REASON_NO_ROOM, REALIP_PROXY_REASON_NOT_IN_V1, REALIP_PROXY_REASON_MIXED };
    bool seen[REALIP_PROXY_REASON_COUNT] = { false };
    unsigned notes = 0;

    for (int i = 0; i < FILES; i++) {
        struct realip_vectors vectors;

        realip_vectors_read("proxy_header", files[i], &vectors);
        for (size_t row = 0; row < vectors.count; row++) {
            struct realip_proxy_header header;
            enum realip_proxy_reason reason;
            size_t size;

            realip_proxy_header_decode(vectors.rows[row].bytes, vectors.rows[row].length, &header, &size, &reason);
            seen[reason] = true;
            notes |= header.notes;
        }
        realip_vectors_free(&vectors);
    }
    for (size_t i = 0; i < sizeof(of_encode) / sizeof(of_encode[0]); i++)
        seen[of_encode[i]] = true;
    for (int reason = 0; reason < REALIP_PROXY_REASON_COUNT; reason++)
        ck_assert_msg(seen[reason], "no vector is %s", realip_proxy_reason_token((enum realip_proxy_reason)reason));
    ck_assert_uint_eq(notes, (1U << REALIP_PROXY_NOTE_COUNT) - 1);
}
END_TEST

/* ---- TLVs --------------------------------------------------------------------------------------------------------- */

static struct realip_proxy_header decode_named(const char *file, const char *name, unsigned char *bytes, size_t room)
{
    struct realip_proxy_header header = { 0 };
    struct realip_vectors vectors;
    enum realip_proxy_reason reason;
    size_t size;

    realip_vectors_read("proxy_header", file, &vectors);
    for (size_t i = 0; i < vectors.count; i++) {
        if (strcmp(vectors.rows[i].name, name) != 0)
            continue;
        ck_assert_uint_le(vectors.rows[i].length, room);
        memcpy(bytes, vectors.rows[i].bytes, vectors.rows[i].length);
        ck_assert_int_eq(realip_proxy_header_decode(bytes, vectors.rows[i].length, &header, &size, &reason),
                         REALIP_PROXY_DONE);
    }
    realip_vectors_free(&vectors);
    ck_assert_uint_ne(header.version, 0);
    return header;
}

START_TEST(vendors_tlvs_are_read)
{
    unsigned char bytes[512];
    struct realip_proxy_tlv tlv;
    const char *id;
    size_t length;
    uint32_t link;
    uint64_t connection;
    struct realip_proxy_header header = decode_named("published", "aws-vpce", bytes, sizeof(bytes));

    ck_assert(header.has_crc32c);
    ck_assert(realip_proxy_tlv_find(header.tlvs, header.tlvs_size, REALIP_PROXY_TLV_AWS_VPCE, &tlv));
    ck_assert(realip_proxy_tlv_aws_vpce(&tlv, &id, &length));
    ck_assert_uint_eq(length, 22);
    ck_assert_mem_eq(id, "vpce-08d2bf15fac5001c9", 22);
    ck_assert(!realip_proxy_tlv_find(header.tlvs, header.tlvs_size, REALIP_PROXY_TLV_AZURE, &tlv));
    header = decode_named("published", "azure-link-id", bytes, sizeof(bytes));
    ck_assert(realip_proxy_tlv_find(header.tlvs, header.tlvs_size, REALIP_PROXY_TLV_AZURE, &tlv));
    ck_assert(realip_proxy_tlv_azure_link_id(&tlv, &link));
    ck_assert_uint_eq(link, 0x210045c1);
    ck_assert(!realip_proxy_tlv_aws_vpce(&tlv, &id, &length) && !realip_proxy_tlv_gcp_psc_id(&tlv, &connection));
    header = decode_named("published", "gcp-psc", bytes, sizeof(bytes));
    ck_assert(realip_proxy_tlv_find(header.tlvs, header.tlvs_size, REALIP_PROXY_TLV_GCP_PSC, &tlv));
    ck_assert(realip_proxy_tlv_gcp_psc_id(&tlv, &connection));
    ck_assert_uint_eq(connection, 18446744072646845442U);
    ck_assert(!realip_proxy_tlv_azure_link_id(&tlv, &link));
    header = decode_named("v2_tlvs", "tlv-aws-vpce-other-subtype", bytes, sizeof(bytes));
    ck_assert(realip_proxy_tlv_find(header.tlvs, header.tlvs_size, REALIP_PROXY_TLV_AWS_VPCE, &tlv));
    ck_assert(!realip_proxy_tlv_aws_vpce(&tlv, &id, &length));
}
END_TEST

START_TEST(what_is_no_vendors_tlv_is_not_read)
{
    static const unsigned char one[8] = { 1, 'v', 'p', 'c', 'e', 0, 0, 0 };
    static const unsigned char two[8] = { 2, 'v', 'p', 'c', 'e', 0, 0, 0 };
    const struct {
        struct realip_proxy_tlv tlv;
        bool aws, azure, gcp;
    } rows[] = {
        { { .type = REALIP_PROXY_TLV_AWS_VPCE, .value = one, .size = 5 }, true, false, false },
        { { .type = REALIP_PROXY_TLV_AWS_VPCE, .value = one, .size = 1 }, false, false, false },
        { { .type = REALIP_PROXY_TLV_AWS_VPCE, .value = two, .size = 5 }, false, false, false },
        { { .type = REALIP_PROXY_TLV_AZURE, .value = one, .size = 5 }, false, true, false },
        { { .type = REALIP_PROXY_TLV_AZURE, .value = one, .size = 4 }, false, false, false },
        { { .type = REALIP_PROXY_TLV_AZURE, .value = two, .size = 5 }, false, false, false },
        { { .type = REALIP_PROXY_TLV_GCP_PSC, .value = one, .size = 8 }, false, false, true },
        { { .type = REALIP_PROXY_TLV_GCP_PSC, .value = one, .size = 7 }, false, false, false },
        { { .type = REALIP_PROXY_TLV_NETNS, .value = one, .size = 8 }, false, false, false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *id;
        size_t length;
        uint32_t link;
        uint64_t connection;

        ck_assert_msg(realip_proxy_tlv_aws_vpce(&rows[i].tlv, &id, &length) == rows[i].aws, "row %zu", i);
        ck_assert_msg(realip_proxy_tlv_azure_link_id(&rows[i].tlv, &link) == rows[i].azure, "row %zu", i);
        ck_assert_msg(realip_proxy_tlv_gcp_psc_id(&rows[i].tlv, &connection) == rows[i].gcp, "row %zu", i);
    }
}
END_TEST

/* Paths that nobody gave are written as empty ones. */
START_TEST(unix_sockets_may_have_no_name)
{
    static const unsigned char nothing[2 * REALIP_PROXY_UNIX_SIZE];
    const struct realip_proxy_header header
        = { .version = 2, .command = REALIP_PROXY_PROXY, .family = REALIP_PROXY_FAMILY_UNIX, .transport = REALIP_PROXY_TRANSPORT_STREAM };
    unsigned char bytes[512];
    enum realip_proxy_reason reason;
    size_t size;

    ck_assert_int_eq(realip_proxy_header_encode(&header, bytes, sizeof(bytes), &size, &reason), 0);
    ck_assert_uint_eq(size, 16 + sizeof(nothing));
    ck_assert_mem_eq(bytes + 16, nothing, sizeof(nothing));
}
END_TEST

START_TEST(the_ssl_tlv_is_read)
{
    unsigned char bytes[512];
    struct realip_proxy_tlv tlv;
    struct realip_proxy_ssl ssl;
    struct realip_proxy_header header = decode_named("published", "ssl-cn", bytes, sizeof(bytes));

    ck_assert(realip_proxy_tlv_find(header.tlvs, header.tlvs_size, REALIP_PROXY_TLV_SSL, &tlv));
    ck_assert(realip_proxy_tlv_ssl(&tlv, &ssl));
    ck_assert_uint_eq(ssl.client, REALIP_PROXY_SSL_USED | REALIP_PROXY_SSL_CERT_CONN | REALIP_PROXY_SSL_CERT_SESS);
    ck_assert_uint_eq(ssl.verify, 0);
    ck_assert(realip_proxy_tlv_find(ssl.parts, ssl.parts_size, REALIP_PROXY_TLV_SSL_VERSION, &tlv));
    ck_assert_mem_eq(tlv.value, "TLSv1.3", 7);
    ck_assert(realip_proxy_tlv_find(ssl.parts, ssl.parts_size, REALIP_PROXY_TLV_SSL_CN, &tlv));
    ck_assert_uint_eq(tlv.size, 31);
    ck_assert_mem_eq(tlv.value, "Example Common Name Client Cert", 31);
    ck_assert(!realip_proxy_tlv_ssl(&tlv, &ssl));
}
END_TEST

/* RFC 3720 appendix B.4 and the check value of the CRC catalogues. */
START_TEST(crc32c_is_castagnolis)
{
    unsigned char zeros[32] = { 0 };
    unsigned char ones[32];

    memset(ones, 0xff, sizeof(ones));
    ck_assert_uint_eq(realip_proxy_tlv_crc32c((const unsigned char *)"123456789", 9, NULL), 0xe3069283);
    ck_assert_uint_eq(realip_proxy_tlv_crc32c(zeros, sizeof(zeros), NULL), 0x8a9136aa);
    ck_assert_uint_eq(realip_proxy_tlv_crc32c(ones, sizeof(ones), NULL), 0x62a8ab43);
    memset(ones + 7, 0, 4);
    uint32_t with_hole = realip_proxy_tlv_crc32c(ones, sizeof(ones), NULL);
    memset(ones + 7, 0x5a, 4);
    ck_assert_uint_eq(realip_proxy_tlv_crc32c(ones, sizeof(ones), ones + 7), with_hole);
}
END_TEST

START_TEST(tlvs_have_words)
{
    ck_assert_str_eq(realip_proxy_tlv_token(0x20), "ssl");
    ck_assert_str_eq(realip_proxy_tlv_token(0x31), "unknown");
    ck_assert_str_eq(realip_proxy_tlv_token(0xef), "custom");
    ck_assert_str_eq(realip_proxy_tlv_token(0xf7), "experiment");
    ck_assert_str_eq(realip_proxy_tlv_token(0xf8), "future");
    for (unsigned type = 1; type < 0xe0; type++) {
        if (strcmp(realip_proxy_tlv_token(type), "unknown") != 0)
            ck_assert_int_eq(realip_proxy_tlv_from_token(realip_proxy_tlv_token(type)), (int)type);
    }
    ck_assert_int_eq(realip_proxy_tlv_from_token("azure"), 0xee);
    ck_assert_int_eq(realip_proxy_tlv_from_token("nonsense"), REALIP_PROXY_TLV_UNKNOWN);
    ck_assert_str_eq(realip_proxy_reason_token(REALIP_PROXY_REASON_COUNT), realip_proxy_reason_token(REALIP_PROXY_REASON_NONE));
    for (unsigned reason = 0; reason < REALIP_PROXY_REASON_COUNT; reason++)
        ck_assert_uint_gt(strlen(realip_proxy_reason_sentence((enum realip_proxy_reason)reason)), 8);
    ck_assert_str_eq(realip_proxy_note_token(REALIP_PROXY_NOTE_COUNT), "unknown");
    for (unsigned note = 0; note < REALIP_PROXY_NOTE_COUNT; note++)
        ck_assert_uint_gt(strlen(realip_proxy_note_sentence((enum realip_proxy_note_number)note)), 8);
    ck_assert_str_eq(realip_proxy_reason_sentence(REALIP_PROXY_REASON_COUNT), "nothing is wrong");
    ck_assert_str_eq(realip_proxy_note_sentence(REALIP_PROXY_NOTE_COUNT), "unknown");
    ck_assert_str_eq(realip_proxy_fate_token((enum realip_proxy_fate)99), "unknown");
    ck_assert_str_eq(realip_proxy_host_token((enum realip_proxy_host)99), "unknown");
}
END_TEST

/* ---- encode, and round trips -------------------------------------------------------------------------------------- */

static struct realip_address random_address(bool ipv6)
{
    struct realip_address address = { 0, realip_random_number(1ULL << 32), REALIP_FAMILY_IPV4 };

    if (ipv6 && realip_random_number(4) > 0) {
        address.family = REALIP_FAMILY_IPV6;
        address.hi = 0x2000000000000000U | realip_random_number(1ULL << 60);
        address.lo = realip_random_number(3) == 0 ? 0 : realip_random_number(1ULL << 63);
    }
    return address;
}

static size_t random_tlvs(unsigned char *tlvs, size_t room)
{
    unsigned char value[300];
    size_t size = 0;
    bool crc32c = false;

    for (uint64_t count = realip_random_number(5); count > 0; count--) {
        unsigned type = (unsigned)realip_random_number(256);
        size_t length = realip_random_number(sizeof(value));

        for (size_t i = 0; i < length; i++)
            value[i] = (unsigned char)realip_random_number(256);
        if (type < 0x40 && !crc32c) {
            crc32c = true;
            type = REALIP_PROXY_TLV_CRC32C;
            length = 4;
        }
        if (type != REALIP_PROXY_TLV_SSL && type != REALIP_PROXY_TLV_UNIQUE_ID && (type != 3 || length == 4))
            ck_assert_int_eq(realip_proxy_tlv_put(tlvs, room, &size, type, value, length), 0);
    }
    return size;
}

static struct realip_proxy_header random_header(unsigned char *tlvs, size_t room, const unsigned char *path)
{
    struct realip_proxy_header header = { .version = 1 + (unsigned)realip_random_number(2), .command = REALIP_PROXY_PROXY };

    header.family = (enum realip_proxy_family)realip_random_number(header.version == 1 ? 3 : 4);
    header.transport = REALIP_PROXY_TRANSPORT_UNSPEC;
    if (header.family != REALIP_PROXY_FAMILY_UNSPEC)
        header.transport = header.version == 1 || realip_random_number(2) == 0 ? REALIP_PROXY_TRANSPORT_STREAM
                                                                        : REALIP_PROXY_TRANSPORT_DGRAM;
    if (header.family == REALIP_PROXY_FAMILY_INET || header.family == REALIP_PROXY_FAMILY_INET6) {
        header.source = random_address(header.family == REALIP_PROXY_FAMILY_INET6);
        header.destination = random_address(header.family == REALIP_PROXY_FAMILY_INET6);
        header.source_port = (uint16_t)realip_random_number(65536);
        header.destination_port = (uint16_t)realip_random_number(65536);
    }
    if (header.family == REALIP_PROXY_FAMILY_UNIX) {
        header.unix_source = path;
        header.unix_destination = path + REALIP_PROXY_UNIX_SIZE;
    }
    if (header.version == 2 && realip_random_number(8) == 0)
        header = (struct realip_proxy_header){ .version = 2, .command = REALIP_PROXY_LOCAL };
    if (header.version == 2) {
        header.tlvs = tlvs;
        header.tlvs_size = random_tlvs(tlvs, room);
    }
    return header;
}

static void check_same(const struct realip_proxy_header *a, const struct realip_proxy_header *b)
{
    ck_assert_uint_eq(a->version, b->version);
    ck_assert_int_eq(a->command, b->command);
    ck_assert_int_eq(a->family, b->family);
    ck_assert_int_eq(a->transport, b->transport);
    ck_assert(realip_address_equal(&a->source, &b->source) && realip_address_equal(&a->destination, &b->destination));
    ck_assert_uint_eq(a->source_port, b->source_port);
    ck_assert_uint_eq(a->destination_port, b->destination_port);
    ck_assert_int_eq(a->unix_source == NULL, b->unix_source == NULL);
    if (a->unix_source != NULL) {
        ck_assert_mem_eq(a->unix_source, b->unix_source, REALIP_PROXY_UNIX_SIZE);
        ck_assert_mem_eq(a->unix_destination, b->unix_destination, REALIP_PROXY_UNIX_SIZE);
    }
    ck_assert_uint_eq(a->tlvs_size, b->tlvs_size);
}

/* All TLVs are the same, but for the checksum, which the encoder makes. */
static void check_same_tlvs(const struct realip_proxy_header *a, const struct realip_proxy_header *b)
{
    const unsigned char *left = a->tlvs;
    const unsigned char *right = b->tlvs;
    size_t left_size = a->tlvs_size;
    size_t right_size = b->tlvs_size;
    struct realip_proxy_tlv one;
    struct realip_proxy_tlv other;

    while (realip_proxy_tlv_next(&left, &left_size, &one) > 0) {
        ck_assert_int_eq(realip_proxy_tlv_next(&right, &right_size, &other), 1);
        ck_assert_uint_eq(one.type, other.type);
        ck_assert_uint_eq(one.size, other.size);
        if (one.type == REALIP_PROXY_TLV_CRC32C)
            ck_assert(b->has_crc32c);
        else if (one.size > 0)
            ck_assert_mem_eq(one.value, other.value, one.size);
    }
}

START_TEST(what_is_encoded_decodes_the_same)
{
    unsigned char tlvs[2048];
    unsigned char path[2 * REALIP_PROXY_UNIX_SIZE];
    unsigned char bytes[4096];

    realip_random_number_seed(0x9e3779b97f4a7c15U);
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = (unsigned char)realip_random_number(256);
    for (int round = 0; round < 20000; round++) {
        struct realip_proxy_header header = random_header(tlvs, sizeof(tlvs), path);
        struct realip_proxy_header again;
        enum realip_proxy_reason reason;
        size_t size;
        size_t decoded;

        ck_assert_msg(realip_proxy_header_encode(&header, bytes, sizeof(bytes), &size, &reason) == 0, "%s",
                      realip_proxy_reason_token(reason));
        ck_assert_int_eq(realip_proxy_header_decode(bytes, size, &again, &decoded, &reason), REALIP_PROXY_DONE);
        ck_assert_uint_eq(decoded, size);
        check_same(&header, &again);
        check_same_tlvs(&header, &again);
        /* One byte of room less, and it is refused; nothing is written behind the room. */
        bytes[size - 1] ^= 0xff;
        unsigned char before = bytes[size - 1];
        ck_assert_int_eq(realip_proxy_header_encode(&header, bytes, size - 1, &decoded, &reason), -1);
        ck_assert_int_eq(reason, REALIP_PROXY_REASON_NO_ROOM);
        ck_assert_uint_eq(bytes[size - 1], before);
    }
}
END_TEST

/* The other way round: every header of the vectors, decoded and encoded, decodes to the same again. */
START_TEST(what_is_decoded_encodes_the_same)
{
    struct realip_vectors vectors;
    unsigned char bytes[4096];
    size_t same = 0;

    realip_vectors_read("proxy_header", files[_i], &vectors);
    for (size_t i = 0; i < vectors.count; i++) {
        struct realip_proxy_header header;
        struct realip_proxy_header again;
        enum realip_proxy_reason reason;
        size_t size;
        size_t written;

        if (realip_proxy_header_decode(vectors.rows[i].bytes, vectors.rows[i].length, &header, &size, &reason)
            != REALIP_PROXY_DONE)
            continue;
        ck_assert_msg(realip_proxy_header_encode(&header, bytes, sizeof(bytes), &written, &reason) == 0, "%s: %s",
                      vectors.rows[i].name, realip_proxy_reason_token(reason));
        ck_assert_int_eq(realip_proxy_header_decode(bytes, written, &again, &size, &reason), REALIP_PROXY_DONE);
        if ((header.notes & REALIP_PROXY_NOTE(IGNORED)) == 0 && header.transport != REALIP_PROXY_TRANSPORT_UNSPEC)
            check_same(&header, &again);
        if (written == vectors.rows[i].length && memcmp(bytes, vectors.rows[i].bytes, written) == 0)
            same++;
    }
    if (strcmp(files[_i], "v2_tlvs") == 0)
        ck_assert_uint_eq(same, vectors.count); /* byte for byte, checksums made anew */
    realip_vectors_free(&vectors);
}
END_TEST

START_TEST(what_cant_be_said_is_refused)
{
    const struct realip_address ipv4 = { 0, 1, REALIP_FAMILY_IPV4 };
    const struct realip_address ipv6 = { 1, 1, REALIP_FAMILY_IPV6 };
    static const unsigned char overrun[] = { 4, 0, 9 };
    const struct {
        struct realip_proxy_header header;
        enum realip_proxy_reason reason;
    } rows[] = {
        { { .version = 0, .command = REALIP_PROXY_PROXY }, REALIP_PROXY_REASON_VERSION },
        { { .version = 3, .command = REALIP_PROXY_PROXY }, REALIP_PROXY_REASON_VERSION },
        { { .version = 2 }, REALIP_PROXY_REASON_COMMAND },
        { { .version = 1, .command = REALIP_PROXY_LOCAL }, REALIP_PROXY_REASON_NOT_IN_V1 },
        { { .version = 1, .command = REALIP_PROXY_PROXY, .family = REALIP_PROXY_FAMILY_UNIX, .transport = 1 },
          REALIP_PROXY_REASON_NOT_IN_V1 },
        { { .version = 1, .command = REALIP_PROXY_PROXY, .family = 1, .transport = 2, .source = ipv4, .destination = ipv4 },
          REALIP_PROXY_REASON_NOT_IN_V1 },
        { { .version = 1, .command = REALIP_PROXY_PROXY, .tlvs = overrun, .tlvs_size = 3 }, REALIP_PROXY_REASON_NOT_IN_V1 },
        { { .version = 2, .command = REALIP_PROXY_PROXY, .family = 1, .transport = 1, .source = ipv4, .destination = ipv6 },
          REALIP_PROXY_REASON_MIXED },
        { { .version = 1, .command = REALIP_PROXY_PROXY, .family = 1, .transport = 1, .source = ipv6, .destination = ipv4 },
          REALIP_PROXY_REASON_MIXED },
        { { .version = 2, .command = REALIP_PROXY_PROXY, .family = 2, .transport = 1, .source = ipv6 },
          REALIP_PROXY_REASON_MIXED },
        { { .version = 2, .command = REALIP_PROXY_PROXY, .family = (enum realip_proxy_family)4 }, REALIP_PROXY_REASON_FAMILY },
        { { .version = 2, .command = REALIP_PROXY_PROXY, .transport = (enum realip_proxy_transport)3 },
          REALIP_PROXY_REASON_TRANSPORT },
        { { .version = 2, .command = REALIP_PROXY_LOCAL, .tlvs = overrun, .tlvs_size = 3 }, REALIP_PROXY_REASON_TLV_OVERRUN },
        { { .version = 2, .command = REALIP_PROXY_LOCAL, .tlvs = overrun, .tlvs_size = 65536 }, REALIP_PROXY_REASON_NO_ROOM },
    };
    unsigned char bytes[512];
    enum realip_proxy_reason reason;
    size_t size;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(realip_proxy_header_encode(&rows[i].header, bytes, sizeof(bytes), &size, &reason), -1);
        ck_assert_str_eq(realip_proxy_reason_token(reason), realip_proxy_reason_token(rows[i].reason));
        ck_assert_uint_eq(size, 0);
    }
}
END_TEST

START_TEST(tlvs_are_put_where_they_fit)
{
    unsigned char tlvs[8];
    size_t size = 0;

    ck_assert_int_eq(realip_proxy_tlv_put(tlvs, sizeof(tlvs), &size, 4, "abc", 3), 0);
    ck_assert_mem_eq(tlvs, "\4\0\3abc", 6);
    ck_assert_int_eq(realip_proxy_tlv_put(tlvs, sizeof(tlvs), &size, 4, NULL, 0), -1);
    ck_assert_uint_eq(size, 6);
    size = 0;
    ck_assert_int_eq(realip_proxy_tlv_put(tlvs, sizeof(tlvs), &size, 4, "abcdef", 6), -1);
    ck_assert_int_eq(realip_proxy_tlv_put(tlvs, (size_t)1 << 20, &size, 4, "", 65536), -1);
    ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(no_host_no_fate)
{
    struct realip_proxy_outcome outcome;

    realip_proxy_header_host(REALIP_PROXY_HOST_UNKNOWN, (const unsigned char *)"x", 1, &outcome);
    ck_assert_int_eq(outcome.fate, REALIP_PROXY_FATE_UNKNOWN);
    realip_proxy_header_host(REALIP_PROXY_HOST_COUNT, (const unsigned char *)"x", 1, &outcome);
    ck_assert_int_eq(outcome.fate, REALIP_PROXY_FATE_UNKNOWN);
}
END_TEST

Suite *realip_proxy_header_suite(void)
{
    Suite *suite = suite_create("proxy_header");
    TCase *tests = tcase_create("proxy_header");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, vectors_decode_as_written, 0, FILES);
    tcase_add_loop_test(tests, hosts_do_as_written, 0, FILES);
    tcase_add_loop_test(tests, parts_never_contradict_the_whole, 0, FILES);
    tcase_add_test(tests, there_are_enough_vectors);
    tcase_add_test(tests, each_word_has_a_vector);
    tcase_add_test(tests, vendors_tlvs_are_read);
    tcase_add_test(tests, what_is_no_vendors_tlv_is_not_read);
    tcase_add_test(tests, unix_sockets_may_have_no_name);
    tcase_add_test(tests, the_ssl_tlv_is_read);
    tcase_add_test(tests, crc32c_is_castagnolis);
    tcase_add_test(tests, tlvs_have_words);
    tcase_add_test(tests, what_is_encoded_decodes_the_same);
    tcase_add_loop_test(tests, what_is_decoded_encodes_the_same, 0, FILES);
    tcase_add_test(tests, what_cant_be_said_is_refused);
    tcase_add_test(tests, tlvs_are_put_where_they_fit);
    tcase_add_test(tests, no_host_no_fate);
    suite_add_tcase(suite, tests);
    return suite;
}
