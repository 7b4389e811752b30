/* Proof: whatever the bytes are, up to SIZE of them, the parser that PARSER names reads and writes only what it was given, no
 * number overflows, and what it says fits what it was given. One program for each parser: PARSER is given to the compiler. */
#include "core/forwarded.h"
#include "core/proxy_header.h"
#include "core/proxy_header_host.h"
#include "core/proxy_header_tlv.h"
#include "core/received.h"
#include "core/xclient.h"
#include "core/xclient_id.h"
#include "policyd/policy_protocol.h"
#include "proof.h"

#include <stdlib.h>

static bool inside(const void *part, size_t length, const void *whole, size_t size)
{
    return __CPROVER_same_object(part, whole) && __CPROVER_POINTER_OFFSET(part) + length <= size;
}

static bool is_port_free(const struct realip_address *address)
{
    return address->family == REALIP_FAMILY_NONE || address->family == REALIP_FAMILY_IPV4
        || address->family == REALIP_FAMILY_IPV6;
}

void prove_proxy(unsigned char *bytes, size_t length)
{
    struct realip_proxy_header header;
    enum realip_proxy_reason reason;
    size_t size;
    enum realip_proxy_result result = realip_proxy_header_decode(bytes, length, &header, &size, &reason);

    if (result == REALIP_PROXY_DONE) {
        PROVE(size <= length && size >= 8, "the header lies in what came");
        PROVE(header.version == 1 || header.version == 2, "it is of a version that there is");
        PROVE(header.version == 2 || size <= REALIP_PROXY_V1_MAX_SIZE, "a header of version 1 is no longer than it may be");
        PROVE(header.tlvs == NULL || inside(header.tlvs, header.tlvs_size, bytes, size), "its TLVs lie in it");
        PROVE(header.unix_source == NULL || inside(header.unix_source, REALIP_PROXY_UNIX_SIZE, bytes, size), "its path, too");
        PROVE(is_port_free(&header.source), "its source is an address");
    } else {
        PROVE(header.version == 0 && header.source.family == REALIP_FAMILY_NONE, "what is no header tells no address");
    }
    if (result == REALIP_PROXY_NEED_MORE)
        PROVE(size > length, "more is more than there is");
}

void prove_address(const char *text, size_t length)
{
    struct realip_address address;
    const char *reason = NULL;
    int result = realip_address_parse(text, length, &address, &reason);

    PROVE(result == 0 || (address.family == REALIP_FAMILY_NONE && reason != NULL), "what is no address has a reason");
    PROVE(result != 0 || address.family == REALIP_FAMILY_IPV6 || (address.hi == 0 && address.lo <= UINT32_MAX),
          "an IPv4 address has 32 bits");
    PROVE(address.family != REALIP_FAMILY_IPV6 || address.hi != 0 || address.lo >> 32 != 0xffff, "a v4-mapped one is folded");
}

void prove_xclient(char *text, size_t length)
{
    struct realip_xclient command;
    enum realip_xclient_reason reason;

    if (realip_xclient_parse(text, length, &command, &reason) < 0)
        return;
    for (unsigned i = 0; i < REALIP_XCLIENT_ATTRIBUTE_COUNT; i++)
        PROVE(command.values[i].text == NULL || inside(command.values[i].text, command.values[i].length, text, length),
              "values lie in the line");
}

void prove_xclient_id(char *text, size_t length)
{
    struct realip_xclient_id id;
    enum realip_xclient_id_reason reason;

    if (realip_xclient_id_parse(text, length, &id, &reason) == 0)
        PROVE(id.session == NULL || inside(id.session, id.session_length, text, length), "the session's name lies in the line");
}

void prove_xtext(char *text, size_t length)
{
    size_t before = length;

    if (realip_xclient_xtext_decode(text, &length) == 0)
        PROVE(length <= before, "decoded xtext is no longer than it was");
    else
        PROVE(length == before, "what is no xtext is left");
}

void prove_received(const char *text, size_t length)
{
    struct realip_received received;
    const char *reason = NULL;
    int result = realip_received_parse(text, length, &received, &reason);

    PROVE(result == 0 || (received.kind == REALIP_RECEIVED_UNDECIDED && reason != NULL), "what can't be believed tells nothing");
    PROVE(result != 0 || received.kind != REALIP_RECEIVED_CLIENT || received.client.family != REALIP_FAMILY_NONE,
          "who saw a client saw an address");
}

void prove_forwarded(const char *text, size_t length)
{
    struct realip_address client;
    const char *reason = NULL;
    int result = realip_forwarded_read_originating(text, length, &client, &reason);

    PROVE((result == 0) == (client.family != REALIP_FAMILY_NONE), "an address, or a reason");
}

void prove_policy_request(char *text, size_t length)
{
    struct realip_policy_request request;
    const char *reason;
    size_t used;

    if (realip_policy_request_parse(text, length, &request, &used, &reason) != REALIP_POLICY_DONE)
        return;
    PROVE(used <= length, "the request lies in what came");
    PROVE(request.request != NULL && inside(request.request, 1, text, used), "its values lie in it");
    PROVE(request.client_address == NULL || inside(request.client_address, 1, text, used), "the address, too");
}

int main(void)
{
    size_t length = nondet_size();

    ASSUME(length <= SIZE);
    PARSER(any_bytes(length), length);
    return 0;
}
