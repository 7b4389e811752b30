/* What stands in the place of a proved function, for tests/proof/run to put there. */
#ifndef REALIP_PROOF_CONTRACTS_H
#define REALIP_PROOF_CONTRACTS_H

#include "core/address.h"
#include "core/proxy_header.h"
#include "core/proxy_header_tlv.h"

int any_realip_address_parse(const char *text, size_t length, struct realip_address *address_r, const char **reason_r);
uint32_t any_realip_proxy_tlv_crc32c(const unsigned char *header, size_t size, const unsigned char *checksum);
enum realip_proxy_reason any_realip_proxy_tlv_check(const unsigned char *tlvs, size_t size, const unsigned char **crc32c_r);
int any_realip_proxy_tlv_next(const unsigned char **at, size_t *left, struct realip_proxy_tlv *tlv_r);
uint32_t any_add_bytes(uint32_t crc, const unsigned char *at, size_t size);

#endif
