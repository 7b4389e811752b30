/* Fuzzer: the first bytes of a connection, as PROXY header; what each host makes of them; and the way back. */
#include <stdlib.h>
#include <string.h>

#include "core/proxy_header.h"
#include "core/proxy_header_host.h"
#include "core/proxy_header_tlv.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_inside(const unsigned char *data, size_t size, const unsigned char *part, size_t part_size)
{
    require(part == NULL || (part >= data && part_size <= size && part <= data + size - part_size));
}

/* Reads everything that the accessors give, so that the sanitizer sees a step outside. */
static unsigned read_tlvs(const unsigned char *at, size_t left, bool parts)
{
    struct realip_proxy_tlv tlv;
    unsigned sum = 0;
    int result;

    while ((result = realip_proxy_tlv_next(&at, &left, &tlv)) > 0) {
        struct realip_proxy_ssl ssl;
        const char *id;
        size_t length;
        uint32_t link;
        uint64_t connection;

        for (size_t i = 0; i < tlv.size; i++)
            sum += tlv.value[i];
        if (!parts && realip_proxy_tlv_ssl(&tlv, &ssl))
            sum += read_tlvs(ssl.parts, ssl.parts_size, true);
        if (realip_proxy_tlv_aws_vpce(&tlv, &id, &length))
            sum += (unsigned char)id[length - 1];
        sum += realip_proxy_tlv_azure_link_id(&tlv, &link) ? link : 0;
        sum += realip_proxy_tlv_gcp_psc_id(&tlv, &connection) ? (unsigned)connection : 0;
        sum += (unsigned)realip_proxy_tlv_token(tlv.type)[0];
    }
    require(result == 0);
    return sum;
}

static void check_encode(const struct realip_proxy_header *header)
{
    static unsigned char bytes[REALIP_PROXY_V2_MAX_SIZE];
    struct realip_proxy_header again;
    enum realip_proxy_reason reason;
    size_t size;
    size_t decoded;

    require(realip_proxy_header_encode(header, bytes, sizeof(bytes), &size, &reason) == 0);
    require(realip_proxy_header_decode(bytes, size, &again, &decoded, &reason) == REALIP_PROXY_DONE);
    require(decoded == size && again.version == header->version && again.command == header->command);
    require(realip_address_equal(&again.source, &header->source) && again.source_port == header->source_port);
    require(realip_address_equal(&again.destination, &header->destination)
            && again.destination_port == header->destination_port);
    require(again.tlvs_size == header->tlvs_size && again.has_crc32c == header->has_crc32c);
}

/* The input as an order to write a header: what is written must decode, into as little room as it needs and no less. */
static void check_order(const unsigned char *data, size_t size)
{
    static unsigned char bytes[REALIP_PROXY_V2_MAX_SIZE];
    struct realip_proxy_header header = { 0 };
    enum realip_proxy_reason reason;
    size_t written;
    size_t decoded;

    if (size < 8)
        return;
    header.version = data[0] & 3;
    header.command = (enum realip_proxy_command)(data[1] % 3);
    header.family = (enum realip_proxy_family)(data[2] % 5);
    header.transport = (enum realip_proxy_transport)(data[3] & 3);
    header.source = data[4] % 3 == 0 ? realip_address_from_ipv4(data) : (struct realip_address){ data[4], data[5], data[6] % 2 * 6 };
    header.destination = data[5] % 2 == 0 ? header.source : realip_address_from_ipv4(data + 4);
    header.source_port = data[6];
    header.destination_port = (uint16_t)(data[6] << 8 | data[7]);
    header.tlvs = data + 8;
    header.tlvs_size = data[7] % 4 == 0 ? 0 : size - 8;
    if (data[7] == 255)
        header.tlvs_size = 65536; /* more than a header can hold; it must not be read */
    if (realip_proxy_header_encode(&header, bytes, sizeof(bytes), &written, &reason) < 0) {
        require(written == 0 && reason != REALIP_PROXY_REASON_NONE);
        return;
    }
    require(realip_proxy_header_decode(bytes, written, &header, &decoded, &reason) == REALIP_PROXY_DONE && decoded == written);
    header.version = 2;
    require(realip_proxy_header_encode(&header, bytes, decoded / 2, &written, &reason) < 0 || written <= decoded / 2);
}

/* What is put into a list is found there. */
static void check_put(const unsigned char *data, size_t size)
{
    unsigned char tlvs[64];
    struct realip_proxy_tlv tlv;
    size_t used = size % 8;
    size_t before = used;

    memset(tlvs, 0, sizeof(tlvs));
    if (realip_proxy_tlv_put(tlvs, sizeof(tlvs), &used, REALIP_PROXY_TLV_NETNS, data, size) < 0) {
        require(used == before && size > 64 - 3 - before);
        return;
    }
    require(used == before + 3 + size);
    require(realip_proxy_tlv_find(tlvs + before, used - before, REALIP_PROXY_TLV_NETNS, &tlv));
    require(tlv.size == size && (size == 0 || memcmp(tlv.value, data, size) == 0));
    require(!realip_proxy_tlv_find(tlvs + before, used - before, REALIP_PROXY_TLV_SSL, &tlv));
}

static void check_words(unsigned char number)
{
    const char *word = realip_proxy_tlv_token(number);
    unsigned type = (unsigned)realip_proxy_tlv_from_token(word);

    require(type == 0 || type == number);
    require(realip_proxy_reason_token((enum realip_proxy_reason)number) != NULL);
    require(realip_proxy_reason_sentence((enum realip_proxy_reason)number) != NULL);
    require(realip_proxy_note_token((enum realip_proxy_note_number)number) != NULL);
    require(realip_proxy_note_sentence((enum realip_proxy_note_number)number) != NULL);
    require(realip_proxy_host_token((enum realip_proxy_host)number) != NULL);
    require(realip_proxy_fate_token((enum realip_proxy_fate)number) != NULL);
}

static enum realip_proxy_result decode(const unsigned char *data, size_t length)
{
    struct realip_proxy_header header;
    enum realip_proxy_reason reason;
    size_t size;
    enum realip_proxy_result result = realip_proxy_header_decode(data, length, &header, &size, &reason);

    switch (result) {
    case REALIP_PROXY_NEED_MORE:
        require(size > length);
        break;
    case REALIP_PROXY_DONE:
        require(size > 0 && size <= length);
        check_inside(data, size, header.unix_source, REALIP_PROXY_UNIX_SIZE);
        check_inside(data, size, header.unix_destination, REALIP_PROXY_UNIX_SIZE);
        check_inside(data, size, header.tlvs, header.tlvs_size);
        read_tlvs(header.tlvs, header.tlvs_size, false);
        check_encode(&header);
        break;
    case REALIP_PROXY_MALFORMED:
    case REALIP_PROXY_ABSENT:
        require(reason != REALIP_PROXY_REASON_NONE && header.version == 0);
        break;
    }
    return result;
}

static void check_hosts(const unsigned char *data, size_t length)
{
    for (int host = REALIP_PROXY_HOST_POSTFIX; host < REALIP_PROXY_HOST_COUNT; host++) {
        struct realip_proxy_outcome outcome;

        realip_proxy_header_host((enum realip_proxy_host)host, data, length, &outcome);
        require(outcome.fate != REALIP_PROXY_FATE_UNKNOWN && outcome.reason != NULL && outcome.size <= length);
        require((outcome.fate == REALIP_PROXY_FATE_CLIENT) == (outcome.source.family != REALIP_FAMILY_NONE));
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    enum realip_proxy_result whole = decode(data, size);

    for (size_t part = 0; part < size && part < 64; part += 7) {
        unsigned char *copy = malloc(part + 1); /* its own, so that a read behind the part is seen */

        require(copy != NULL);
        memcpy(copy + 1, data, part);
        enum realip_proxy_result result = decode(copy + 1, part);
        require(result == REALIP_PROXY_NEED_MORE || result == whole);
        free(copy);
    }
    check_hosts(data, size);
    check_order(data, size);
    check_put(data, size);
    if (size > 0)
        check_words(data[size - 1]);
    return 0;
}
