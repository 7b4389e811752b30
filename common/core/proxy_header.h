/* proxy_header - the PROXY protocol, versions 1 and 2: what a proxy says of a connection before the connection speaks.
 *
 * Source: "The PROXY protocol, versions 1 & 2" (HAProxy, doc/proxy-protocol.txt); "section" below means its sections.
 * The decoder is as strict as that text. Where Postfix and Dovecot are milder or harsher, proxy_header_host tells it.
 * Pure: no allocation; texts and TLVs point into the caller's bytes.
 */
#ifndef REALIP_PROXY_HEADER_H
#define REALIP_PROXY_HEADER_H

#include "address.h"

/* What version 2 begins with (section 2.2); it holds a NUL. */
#define REALIP_PROXY_SIGNATURE      "\r\n\r\n\0\r\nQUIT\n"
#define REALIP_PROXY_SIGNATURE_SIZE 12

#define REALIP_PROXY_V1_MAX_SIZE 107 /* section 2.1, with its CRLF */
#define REALIP_PROXY_V2_MIN_SIZE 16
#define REALIP_PROXY_V2_MAX_SIZE (16 + 65535)
#define REALIP_PROXY_UNIX_SIZE   108

enum realip_proxy_result {
    REALIP_PROXY_NEED_MORE = 0, /* a header may stand here; what came so far does not tell yet */
    REALIP_PROXY_DONE,
    REALIP_PROXY_MALFORMED,     /* a header began and is wrong: the connection must be dropped */
    REALIP_PROXY_ABSENT         /* no header begins here, whatever follows */
};

/* X(NAME, token, sentence): why a header is malformed, absent or can't be written. Tokens are stable. */
#define REALIP_PROXY_REASON_TABLE(X)                                                                           \
    X(NONE, "none", "nothing is wrong")                                                                        \
    X(NO_HEADER, "no-header", "the bytes begin neither with \"PROXY\" nor with the signature of version 2")     \
    X(PREFIX, "prefix", "\"PROXY\" must be followed by one space")                                              \
    X(BARE_LF, "bare-lf", "the line ends with LF alone where CRLF is due")                                      \
    X(BARE_CR, "bare-cr", "CR stands without LF behind it")                                                     \
    X(TOO_LONG, "too-long", "there is no CRLF within the first 107 bytes")                                      \
    X(PROTOCOL, "protocol", "the protocol is none of TCP4, TCP6 and UNKNOWN in capitals")                       \
    X(SOURCE, "source", "the source address is missing or no address of the family")                            \
    X(DESTINATION, "destination", "the destination address is missing or no address of the family")             \
    X(SOURCE_PORT, "source-port", "the source port is missing or no number of 0 to 65535 without leading zeros") \
    X(DESTINATION_PORT, "destination-port",                                                                    \
      "the destination port is missing or no number of 0 to 65535 without leading zeros")                      \
    X(EXTRA, "extra", "something follows the destination port")                                                \
    X(VERSION, "version", "the version behind the signature is not 2")                                         \
    X(COMMAND, "command", "the command is neither LOCAL nor PROXY")                                            \
    X(FAMILY, "family", "the address family is none of UNSPEC, INET, INET6 and UNIX")                           \
    X(TRANSPORT, "transport", "the transport is none of UNSPEC, STREAM and DGRAM")                              \
    X(SHORT_ADDRESS, "short-address", "the length leaves no room for the addresses of the family")              \
    X(TLV_OVERRUN, "tlv-overrun", "a TLV reaches past the end of the header")                                   \
    X(CRC32C_SIZE, "crc32c-size", "the CRC32C checksum is not of 4 bytes")                                      \
    X(CRC32C_TWICE, "crc32c-twice", "there are two CRC32C checksums")                                           \
    X(CRC32C_WRONG, "crc32c-wrong", "the CRC32C checksum does not fit the header")                              \
    X(UNIQUE_ID_SIZE, "unique-id-size", "the unique id is longer than 128 bytes")                               \
    X(SSL_SIZE, "ssl-size", "the SSL TLV is shorter than its 5 fixed bytes")                                    \
    X(SSL_OVERRUN, "ssl-overrun", "a part of the SSL TLV reaches past its end")                                 \
    X(NO_ROOM, "no-room", "the header does not fit into the buffer")                                           \
    X(NOT_IN_V1, "not-in-v1", "version 1 can say TCP over IPv4 or IPv6 and UNKNOWN alone, without TLVs")         \
    X(MIXED, "mixed", "an address is not of the header's family")

#define REALIP_PROXY_ENUM(name, token, sentence) REALIP_PROXY_REASON_##name,
enum realip_proxy_reason { REALIP_PROXY_REASON_TABLE(REALIP_PROXY_ENUM) REALIP_PROXY_REASON_COUNT };
#undef REALIP_PROXY_ENUM

enum realip_proxy_command { REALIP_PROXY_COMMAND_UNKNOWN = 0, REALIP_PROXY_LOCAL, REALIP_PROXY_PROXY };

/* The numbers are those of version 2's 14th byte. UNSPEC stands for version 1's UNKNOWN, too. */
enum realip_proxy_family {
    REALIP_PROXY_FAMILY_UNSPEC = 0,
    REALIP_PROXY_FAMILY_INET = 1,
    REALIP_PROXY_FAMILY_INET6 = 2,
    REALIP_PROXY_FAMILY_UNIX = 3
};

enum realip_proxy_transport {
    REALIP_PROXY_TRANSPORT_UNSPEC = 0,
    REALIP_PROXY_TRANSPORT_STREAM = 1,
    REALIP_PROXY_TRANSPORT_DGRAM = 2
};

/* What is allowed and still worth a word; bits of `notes`. X(NAME, token, sentence) */
#define REALIP_PROXY_NOTE_TABLE(X)                                                                              \
    X(SECOND_HEADER, "second-header",                                                                          \
      "a second header follows: something in front passes on a client's own header as if it were the proxy's")  \
    X(NO_ADDRESS, "no-address", "no client address is told: the host shows the proxy's own")                    \
    X(IGNORED, "ignored", "bytes that a receiver has to ignore stand where addresses and TLVs would")            \
    X(MAPPED, "mapped", "an IPv4 address is written as an IPv6 one")                                            \
    X(DOTTED, "dotted", "an IPv6 address ends in dots, which the specification's hexadecimal groups do not have") \
    X(OVER_536, "over-536", "the header is longer than a first segment is sure to hold (536 bytes)")

#define REALIP_PROXY_ENUM(name, token, sentence) REALIP_PROXY_NOTE_NUMBER_##name,
enum realip_proxy_note_number { REALIP_PROXY_NOTE_TABLE(REALIP_PROXY_ENUM) REALIP_PROXY_NOTE_COUNT };
#undef REALIP_PROXY_ENUM
#define REALIP_PROXY_NOTE(name) (1U << REALIP_PROXY_NOTE_NUMBER_##name)

struct realip_proxy_header {
    unsigned version; /* 1 or 2 */
    enum realip_proxy_command command;
    enum realip_proxy_family family;
    enum realip_proxy_transport transport;
    /* Absent (family NONE) for LOCAL, UNKNOWN, UNSPEC and UNIX. A v4-mapped address is the IPv4 one, with family INET6
     * above: then the header was written for IPv6. */
    struct realip_address source;
    struct realip_address destination;
    uint16_t source_port;
    uint16_t destination_port;
    const unsigned char *unix_source; /* REALIP_PROXY_UNIX_SIZE bytes for family UNIX, padded with NUL; else NULL */
    const unsigned char *unix_destination;
    const unsigned char *tlvs; /* see proxy_header_tlv.h; well-formed */
    size_t tlvs_size;
    bool has_crc32c; /* and it is right */
    unsigned notes;  /* REALIP_PROXY_NOTE() bits */
};

/* Decodes the header at the start of `data`. NEED_MORE: call again with more behind the same bytes; *size_r is how many
 * are needed at least. DONE: *header_r is set and *size_r is the header's size; what follows belongs to the connection.
 * MALFORMED and ABSENT: *reason_r says why. A decision never changes with more bytes, the note SECOND_HEADER alone comes
 * with them. *header_r is zeroed unless DONE; pointers in it are into `data`. */
enum realip_proxy_result realip_proxy_header_decode(const unsigned char *data, size_t length,
                                                    struct realip_proxy_header *header_r, size_t *size_r,
                                                    enum realip_proxy_reason *reason_r);

/* True when a PROXY header begins at `data`: all of "PROXY " or of version 2's signature is there. */
bool realip_proxy_header_begins(const unsigned char *data, size_t length);

/* Writes a header: version, command, family, transport, addresses, ports and TLVs count, notes and has_crc32c do not. A
 * CRC32C TLV among the TLVs gets the right value (section 2.2.3). LOCAL is written without addresses (section 2.2), and
 * so is a PROXY that tells no family or no transport. An IPv4 address under family INET6 is written v4-mapped. 0 and
 * *size_r; or -1 and *reason_r (NO_ROOM, NOT_IN_V1, MIXED, or what the decoder would say of it), with nothing certain in
 * `out`. */
int realip_proxy_header_encode(const struct realip_proxy_header *header, unsigned char *out, size_t room, size_t *size_r,
                               enum realip_proxy_reason *reason_r);

/* Constant texts. */
const char *realip_proxy_reason_token(enum realip_proxy_reason reason);
const char *realip_proxy_reason_sentence(enum realip_proxy_reason reason);
const char *realip_proxy_note_token(enum realip_proxy_note_number note);
const char *realip_proxy_note_sentence(enum realip_proxy_note_number note);

#endif
