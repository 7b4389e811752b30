/* proxy_header_tlv - the type-length-value vectors behind the addresses of a PROXY v2 header (section 2.2 of its
 * specification, and what vendors put into the range 0xE0 to 0xEF). */
#ifndef REALIP_PROXY_HEADER_TLV_H
#define REALIP_PROXY_HEADER_TLV_H

#include "proxy_header.h"

/* X(NAME, number, token) */
#define REALIP_PROXY_TLV_TABLE(X)                         \
    X(ALPN, 0x01, "alpn")                                 \
    X(AUTHORITY, 0x02, "authority")                       \
    X(CRC32C, 0x03, "crc32c")                             \
    X(NOOP, 0x04, "noop")                                 \
    X(UNIQUE_ID, 0x05, "unique-id")                       \
    X(SSL, 0x20, "ssl")                                   \
    X(SSL_VERSION, 0x21, "ssl-version")                   \
    X(SSL_CN, 0x22, "ssl-cn")                             \
    X(SSL_CIPHER, 0x23, "ssl-cipher")                     \
    X(SSL_SIG_ALG, 0x24, "ssl-sig-alg")                   \
    X(SSL_KEY_ALG, 0x25, "ssl-key-alg")                   \
    X(SSL_GROUP, 0x26, "ssl-group")                       \
    X(SSL_SIG_SCHEME, 0x27, "ssl-sig-scheme")             \
    X(SSL_CLIENT_CERT, 0x28, "ssl-client-cert")           \
    X(NETNS, 0x30, "netns")                               \
    X(GCP_PSC, 0xe0, "gcp-psc")                           \
    X(AWS_VPCE, 0xea, "aws-vpce")                         \
    X(AZURE, 0xee, "azure")

#define REALIP_PROXY_ENUM(name, number, token) REALIP_PROXY_TLV_##name = number,
enum realip_proxy_tlv_type { REALIP_PROXY_TLV_UNKNOWN = 0, REALIP_PROXY_TLV_TABLE(REALIP_PROXY_ENUM) };
#undef REALIP_PROXY_ENUM

#define REALIP_PROXY_UNIQUE_ID_MAX_SIZE 128 /* section 2.2.5 */

/* Bits of realip_proxy_ssl.client (section 2.2.6). */
#define REALIP_PROXY_SSL_USED      0x01U
#define REALIP_PROXY_SSL_CERT_CONN 0x02U
#define REALIP_PROXY_SSL_CERT_SESS 0x04U

struct realip_proxy_tlv {
    unsigned type;
    size_t size;
    const unsigned char *value;
};

struct realip_proxy_ssl {
    unsigned client;
    uint32_t verify; /* 0: the client showed a certificate and it was verified */
    const unsigned char *parts; /* TLVs of their own */
    size_t parts_size;
};

/* Takes the next TLV from *at (of *left bytes) and steps behind it. 1 and *tlv_r; 0 at the end; or -1 when what is left
 * is no whole TLV. */
int realip_proxy_tlv_next(const unsigned char **at, size_t *left, struct realip_proxy_tlv *tlv_r);

/* The first TLV of a type; false when there is none. */
bool realip_proxy_tlv_find(const unsigned char *tlvs, size_t size, enum realip_proxy_tlv_type type,
                           struct realip_proxy_tlv *tlv_r);

/* Checks a list: each TLV whole, a CRC32C of 4 bytes and once, the unique id and the SSL TLV as the specification wants
 * them. NONE, and *crc32c_r the checksum's place in the list or NULL; or what is wrong. */
enum realip_proxy_reason realip_proxy_tlv_check(const unsigned char *tlvs, size_t size, const unsigned char **crc32c_r);

/* Appends a TLV to a buffer that holds *size of its `room` bytes. 0; or -1 when it does not fit (a value has at most 65535
 * bytes). */
int realip_proxy_tlv_put(unsigned char *tlvs, size_t room, size_t *size, unsigned type, const void *value,
                         size_t value_size);

/* What a TLV holds; false when it is of another type or its value is not as its vendor documents. */
bool realip_proxy_tlv_ssl(const struct realip_proxy_tlv *tlv, struct realip_proxy_ssl *ssl_r);
/* AWS: the id of the VPC endpoint, text without a NUL (subtype 1). */
bool realip_proxy_tlv_aws_vpce(const struct realip_proxy_tlv *tlv, const char **id_r, size_t *length_r);
/* Azure Private Link: the link id, little-endian on the wire (subtype 1). */
bool realip_proxy_tlv_azure_link_id(const struct realip_proxy_tlv *tlv, uint32_t *id_r);
/* Google Cloud Private Service Connect: the connection id, big-endian on the wire. */
bool realip_proxy_tlv_gcp_psc_id(const struct realip_proxy_tlv *tlv, uint64_t *id_r);

/* CRC32C (Castagnoli; RFC 4960 appendix B) of a header, the 4 bytes at `checksum` (inside of it, or NULL) taken as 0. */
uint32_t realip_proxy_tlv_crc32c(const unsigned char *header, size_t size, const unsigned char *checksum);

/* A constant word for a type; "unknown", "custom" (0xE0 to 0xEF), "experiment" (0xF0 to 0xF7) or "future" (0xF8 to 0xFF)
 * for one without. */
const char *realip_proxy_tlv_token(unsigned type);

/* From word to type; UNKNOWN for a word that is none. */
enum realip_proxy_tlv_type realip_proxy_tlv_from_token(const char *token);

#endif
