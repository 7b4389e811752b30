/* Proof: the text of an address, whatever it is, is read inside of its bounds, and what is told of it is an address. */
#include "core/address.h"
#include "proof.h"

void prove_address(void)
{
    size_t length;
    const char *text = any_text(SIZE, &length);
    struct realip_address address;
    const char *reason = NULL;

    if (realip_address_parse(text, length, &address, &reason) < 0) {
        PROVE(reason != NULL, "what is no address has a reason");
        PROVE(address.family == REALIP_FAMILY_NONE && address.hi == 0 && address.lo == 0, "what is no address is none");
        return;
    }
    PROVE(length > 0, "no text is no address");
    PROVE(address.family == REALIP_FAMILY_IPV4 || address.family == REALIP_FAMILY_IPV6, "an address has a family");
    PROVE(address.family == REALIP_FAMILY_IPV6 || (address.hi == 0 && address.lo <= UINT32_MAX), "an IPv4 address has 32 bits");
    PROVE(address.family == REALIP_FAMILY_IPV4 || address.hi != 0 || address.lo >> 32 != 0xffff, "a v4-mapped one is folded");
}
