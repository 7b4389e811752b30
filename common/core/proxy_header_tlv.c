#include "proxy_header_tlv.h"

#include <string.h>

int realip_proxy_tlv_next(const unsigned char **at, size_t *left, struct realip_proxy_tlv *tlv_r)
{
    if (*left == 0)
        return 0;
    if (*left < 3)
        return -1;
    size_t size = (size_t)(*at)[1] << 8 | (*at)[2];
    if (size > *left - 3)
        return -1;
    *tlv_r = (struct realip_proxy_tlv){ (*at)[0], size, *at + 3 };
    *at += 3 + size;
    *left -= 3 + size;
    return 1;
}

bool realip_proxy_tlv_find(const unsigned char *tlvs, size_t size, enum realip_proxy_tlv_type type,
                           struct realip_proxy_tlv *tlv_r)
{
    while (realip_proxy_tlv_next(&tlvs, &size, tlv_r) > 0) {
        if (tlv_r->type == (unsigned)type)
            return true;
    }
    return false;
}

static enum realip_proxy_reason check_ssl(const struct realip_proxy_tlv *tlv)
{
    struct realip_proxy_ssl ssl;
    struct realip_proxy_tlv part;
    int result;

    if (!realip_proxy_tlv_ssl(tlv, &ssl))
        return REALIP_PROXY_REASON_SSL_SIZE;
    while ((result = realip_proxy_tlv_next(&ssl.parts, &ssl.parts_size, &part)) > 0)
        ;
    return result == 0 ? REALIP_PROXY_REASON_NONE : REALIP_PROXY_REASON_SSL_OVERRUN;
}

static enum realip_proxy_reason check_crc32c(const struct realip_proxy_tlv *tlv, const unsigned char **crc32c_r)
{
    if (tlv->size != 4)
        return REALIP_PROXY_REASON_CRC32C_SIZE;
    if (*crc32c_r != NULL) /* each would have to be 0 in the other's sum: two can't both be right */
        return REALIP_PROXY_REASON_CRC32C_TWICE;
    *crc32c_r = tlv->value;
    return REALIP_PROXY_REASON_NONE;
}

enum realip_proxy_reason realip_proxy_tlv_check(const unsigned char *tlvs, size_t size, const unsigned char **crc32c_r)
{
    enum realip_proxy_reason reason = REALIP_PROXY_REASON_NONE;
    struct realip_proxy_tlv tlv;
    int result;

    *crc32c_r = NULL;
    while ((result = realip_proxy_tlv_next(&tlvs, &size, &tlv)) > 0) {
        if (tlv.type == REALIP_PROXY_TLV_CRC32C)
            reason = check_crc32c(&tlv, crc32c_r);
        else if (tlv.type == REALIP_PROXY_TLV_UNIQUE_ID && tlv.size > REALIP_PROXY_UNIQUE_ID_MAX_SIZE)
            reason = REALIP_PROXY_REASON_UNIQUE_ID_SIZE;
        else if (tlv.type == REALIP_PROXY_TLV_SSL)
            reason = check_ssl(&tlv);
        if (reason != REALIP_PROXY_REASON_NONE)
            return reason;
    }
    return result == 0 ? REALIP_PROXY_REASON_NONE : REALIP_PROXY_REASON_TLV_OVERRUN;
}

int realip_proxy_tlv_put(unsigned char *tlvs, size_t room, size_t *size, unsigned type, const void *value,
                         size_t value_size)
{
    if (value_size > 0xffff || room - *size < 3 || value_size > room - *size - 3)
        return -1;
    unsigned char *at = tlvs + *size;
    at[0] = (unsigned char)type;
    at[1] = (unsigned char)(value_size >> 8);
    at[2] = (unsigned char)value_size;
    if (value_size > 0)
        memcpy(at + 3, value, value_size);
    *size += 3 + value_size;
    return 0;
}

bool realip_proxy_tlv_ssl(const struct realip_proxy_tlv *tlv, struct realip_proxy_ssl *ssl_r)
{
    if (tlv->type != REALIP_PROXY_TLV_SSL || tlv->size < 5)
        return false;
    const unsigned char *value = tlv->value;
    ssl_r->client = value[0];
    ssl_r->verify = (uint32_t)value[1] << 24 | (uint32_t)value[2] << 16 | (uint32_t)value[3] << 8 | value[4];
    ssl_r->parts = value + 5;
    ssl_r->parts_size = tlv->size - 5;
    return true;
}

bool realip_proxy_tlv_aws_vpce(const struct realip_proxy_tlv *tlv, const char **id_r, size_t *length_r)
{
    if (tlv->type != REALIP_PROXY_TLV_AWS_VPCE || tlv->size < 2 || tlv->value[0] != 1)
        return false;
    *id_r = (const char *)tlv->value + 1;
    *length_r = tlv->size - 1;
    return true;
}

bool realip_proxy_tlv_azure_link_id(const struct realip_proxy_tlv *tlv, uint32_t *id_r)
{
    if (tlv->type != REALIP_PROXY_TLV_AZURE || tlv->size != 5 || tlv->value[0] != 1)
        return false;
    const unsigned char *value = tlv->value + 1;
    *id_r = (uint32_t)value[3] << 24 | (uint32_t)value[2] << 16 | (uint32_t)value[1] << 8 | value[0];
    return true;
}

bool realip_proxy_tlv_gcp_psc_id(const struct realip_proxy_tlv *tlv, uint64_t *id_r)
{
    if (tlv->type != REALIP_PROXY_TLV_GCP_PSC || tlv->size != 8)
        return false;
    *id_r = 0;
    for (size_t i = 0; i < 8; i++)
        *id_r = *id_r << 8 | tlv->value[i];
    return true;
}

/* The polynomial 0x1EDC6F41 with its bits reversed. CRC is linear: the entry for a byte is the sum (without carry) of those
 * of its bits, so eight numbers stand for 256. Slice k is for a byte with k more behind it, and eight bytes are taken in one
 * step (M. E. Kounavis, F. L. Berry: "A systematic approach to building high performance software-based CRC generators"). */
#define BIT(i, bit, number)  ((uint32_t)((i) >> (bit) & 1U) * (number))
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                          \
    (BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ BIT(i, 6, g) ^ BIT(i, 7, h))
#define FOUR(i, ...)    ENTRY(i, __VA_ARGS__), ENTRY((i) + 1U, __VA_ARGS__), ENTRY((i) + 2U, __VA_ARGS__), ENTRY((i) + 3U, __VA_ARGS__)
#define SIXTEEN(i, ...) FOUR(i, __VA_ARGS__), FOUR((i) + 4U, __VA_ARGS__), FOUR((i) + 8U, __VA_ARGS__), FOUR((i) + 12U, __VA_ARGS__)
#define SIXTYFOUR(i, ...)                                                                                         \
    SIXTEEN(i, __VA_ARGS__), SIXTEEN((i) + 16U, __VA_ARGS__), SIXTEEN((i) + 32U, __VA_ARGS__), SIXTEEN((i) + 48U, __VA_ARGS__)
#define SLICE(...)                                                                                                \
    { SIXTYFOUR(0U, __VA_ARGS__), SIXTYFOUR(64U, __VA_ARGS__), SIXTYFOUR(128U, __VA_ARGS__), SIXTYFOUR(192U, __VA_ARGS__) }

static const uint32_t slices[8][256] = {
    SLICE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf,
          0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    SLICE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8,
          0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    SLICE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5,
          0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    SLICE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6,
          0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    SLICE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91,
          0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    SLICE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f,
          0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    SLICE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53,
          0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    SLICE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da,
          0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

static uint32_t add_bytes(uint32_t crc, const unsigned char *at, size_t size)
{
    for (; size >= 8; at += 8, size -= 8) {
        crc ^= at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        crc = slices[7][crc & 0xff] ^ slices[6][crc >> 8 & 0xff] ^ slices[5][crc >> 16 & 0xff] ^ slices[4][crc >> 24]
            ^ slices[3][at[4]] ^ slices[2][at[5]] ^ slices[1][at[6]] ^ slices[0][at[7]];
    }
    for (; size > 0; size--)
        crc = crc >> 8 ^ slices[0][(crc ^ *at++) & 0xff];
    return crc;
}

uint32_t realip_proxy_tlv_crc32c(const unsigned char *header, size_t size, const unsigned char *checksum)
{
    static const unsigned char zeros[4] = { 0 };

    if (checksum == NULL)
        return ~add_bytes(0xffffffff, header, size);
    size_t before = (size_t)(checksum - header);
    uint32_t crc = add_bytes(0xffffffff, header, before);
    crc = add_bytes(crc, zeros, sizeof(zeros));
    return ~add_bytes(crc, checksum + sizeof(zeros), size - before - sizeof(zeros));
}

static const struct {
    const char *token;
    unsigned char type;
} types[] = {
#define REALIP_PROXY_ROW(name, number, token) { token, number },
    REALIP_PROXY_TLV_TABLE(REALIP_PROXY_ROW)
#undef REALIP_PROXY_ROW
};

const char *realip_proxy_tlv_token(unsigned type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type)
            return types[i].token;
    }
    /* section 2.2.8 */
    return type >= 0xf8 ? "future" : type >= 0xf0 ? "experiment" : type >= 0xe0 ? "custom" : "unknown";
}

enum realip_proxy_tlv_type realip_proxy_tlv_from_token(const char *token)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].token, token) == 0)
            return (enum realip_proxy_tlv_type)types[i].type;
    }
    return REALIP_PROXY_TLV_UNKNOWN;
}
