/* What stands in the place of a function that has a proof of its own, where others call it: what it needs, and everything
 * that it might answer. */
#include "contracts.h"

#include "proof.h"

int any_realip_address_parse(const char *text, size_t length, struct realip_address *address_r, const char **reason_r)
{
    PROVE(length == 0 || READABLE(text, length), "an address is read where one is");
    *address_r = (struct realip_address){ 0 };
    if (length == 0 || nondet_bool()) {
        *reason_r = "not an address";
        return -1;
    }
    address_r->lo = nondet_u64();
    if (nondet_bool()) {
        ASSUME(address_r->lo <= UINT32_MAX);
        address_r->family = REALIP_FAMILY_IPV4;
    } else {
        address_r->hi = nondet_u64();
        ASSUME(address_r->hi != 0 || address_r->lo >> 32 != 0xffff);
        address_r->family = REALIP_FAMILY_IPV6;
    }
    return 0;
}

uint32_t any_realip_proxy_tlv_crc32c(const unsigned char *header, size_t size, const unsigned char *checksum)
{
    PROVE(READABLE(header, size), "a checksum is made of a header");
    PROVE(checksum == NULL || lies_in(checksum, 4, header, size), "the checksum stands in the header");
    return nondet_unsigned();
}

enum realip_proxy_reason any_realip_proxy_tlv_check(const unsigned char *tlvs, size_t size, const unsigned char **crc32c_r)
{
    size_t place = nondet_size();

    PROVE(size == 0 || READABLE(tlvs, size), "TLVs are read where some are");
    *crc32c_r = NULL;
    if (size >= 7 && nondet_bool()) {
        ASSUME(place >= 3 && place <= size - 4);
        *crc32c_r = tlvs + place;
    }
    return (enum realip_proxy_reason)(nondet_unsigned() % REALIP_PROXY_REASON_COUNT);
}

int any_realip_proxy_tlv_next(const unsigned char **at, size_t *left, struct realip_proxy_tlv *tlv_r)
{
    size_t size = nondet_u16();

    PROVE(*left == 0 || READABLE(*at, *left), "a TLV is read where some are");
    if (*left == 0)
        return 0;
    if (*left < 3 || size > *left - 3)
        return -1;
    *tlv_r = (struct realip_proxy_tlv){ nondet_unsigned() % 256, size, *at + 3 };
    *at += 3 + size;
    *left -= 3 + size;
    return 1;
}

uint32_t any_add_bytes(uint32_t crc, const unsigned char *at, size_t size)
{
    (void)crc;
    PROVE(size == 0 || READABLE(at, size), "bytes are added where some are");
    return nondet_unsigned();
}
