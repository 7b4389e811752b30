/* Proofs: PROXY headers. The decoder over any bytes, with addresses, the walk over TLVs and the checksum in parts of their own. */
#include "core/proxy_header.h"
#include "core/proxy_header_tlv.h"
#include "proof.h"

static void check_header(const struct realip_proxy_header *header, const unsigned char *bytes, size_t size)
{
    PROVE(size >= 8, "no header is shorter");
    PROVE(header->version == 1 || header->version == 2, "it is of a version that there is");
    PROVE(header->version == 2 || size <= REALIP_PROXY_V1_MAX_SIZE, "a header of version 1 is no longer than it may be");
    PROVE(header->tlvs == NULL || lies_in(header->tlvs, header->tlvs_size, bytes, size), "its TLVs lie in it");
    PROVE(header->unix_source == NULL || lies_in(header->unix_source, REALIP_PROXY_UNIX_SIZE, bytes, size), "its path, too");
    PROVE(header->unix_destination == NULL || lies_in(header->unix_destination, REALIP_PROXY_UNIX_SIZE, bytes, size),
          "and the other path");
    PROVE(header->source.family == REALIP_FAMILY_NONE || header->source.family == REALIP_FAMILY_IPV4
              || header->source.family == REALIP_FAMILY_IPV6,
          "its source is an address, or none");
}

void prove_proxy_header(void)
{
    size_t length;
    const unsigned char *bytes = any_text(SIZE, &length);
    struct realip_proxy_header header;
    enum realip_proxy_reason reason;
    size_t size;
    enum realip_proxy_result result = realip_proxy_header_decode(bytes, length, &header, &size, &reason);

    if (result == REALIP_PROXY_DONE) {
        PROVE(size <= length, "the header lies in what came");
        check_header(&header, bytes, size);
    } else {
        PROVE(header.version == 0 && header.source.family == REALIP_FAMILY_NONE, "what is no header tells no address");
    }
    if (result == REALIP_PROXY_NEED_MORE)
        PROVE(size > length, "more is more than there is");
}

/* One TLV, wherever the walk stands. */
void prove_tlv_next(void)
{
    size_t left;
    const unsigned char *start = any_text(SIZE, &left);
    const unsigned char *at = start;
    size_t before = left;
    struct realip_proxy_tlv tlv;
    int result = realip_proxy_tlv_next(&at, &left, &tlv);

    PROVE(result >= -1 && result <= 1 && (result == 0) == (before == 0), "it ends where the bytes end");
    if (result < 1)
        return;
    PROVE(before >= 3 && tlv.size <= before - 3 && tlv.type <= 255 && tlv.value == start + 3, "a TLV lies in what is left");
    PROVE(at == start + 3 + tlv.size && left == before - 3 - tlv.size, "the walk goes on behind it");
}

void prove_tlvs(void)
{
    size_t size;
    const unsigned char *tlvs = any_text(SIZE, &size);
    const unsigned char *checksum;
    enum realip_proxy_reason reason = realip_proxy_tlv_check(tlvs, size, &checksum);

    PROVE(reason < REALIP_PROXY_REASON_COUNT, "there is a word for the reason");
    PROVE(checksum == NULL || (lies_in(checksum, 4, tlvs, size) && checksum - tlvs >= 3), "the checksum stands behind its head");
}

void prove_crc32c(void)
{
    size_t size;
    const unsigned char *header = any_text(SIZE, &size);
    size_t place = nondet_size();

    if (size >= 4 && place <= size - 4)
        realip_proxy_tlv_crc32c(header, size, header + place);
    else
        realip_proxy_tlv_crc32c(header, size, NULL);
}
