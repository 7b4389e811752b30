/* realipctl proxy-header: reads and writes PROXY headers, and tells what the mail servers make of them. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/proxy_header.h"
#include "core/proxy_header_host.h"
#include "core/proxy_header_tlv.h"
#include "subcommand.h"
#include "usage.h"

#define MOST (2 * REALIP_PROXY_V2_MAX_SIZE) /* a header, and what follows it */

static const char usage[]
    = "examples:\n"
      "  realipctl proxy-header decode 0d0a0d0a000d0a515549540a2111000cc0000201c6336402126700190d0a\n"
      "  realipctl proxy-header decode --raw <first-bytes\n"
      "  realipctl proxy-header encode --source 203.0.113.7:4711 --destination 192.0.2.1:25 --crc32c\n"
      "  realipctl proxy-header encode --v1 --source '[2001:db8::7]:4711' --destination '[2001:db8::1]:25' --raw\n"
      "usage: realipctl proxy-header decode [--raw] [BYTES]\n"
      "  BYTES            hexadecimal, spaces and colons between them are fine; left out: standard input\n"
      "  --raw            standard input holds the bytes themselves\n"
      "One JSON object: what the specification says of the bytes, and what each host does with them.\n"
      "usage: realipctl proxy-header encode [OPTIONS]\n"
      "  --v1             version 1 (default: version 2)\n"
      "  --local          LOCAL, as a proxy's own health check; without --source and --local: UNKNOWN or UNSPEC\n"
      "  --source A:P     the client; an IPv6 address stands in brackets\n"
      "  --destination A:P  where it connected to\n"
      "  --ipv6           IPv4 addresses are written v4-mapped\n"
      "  --udp            UDP, which no mail server takes\n"
      "  --tlv TYPE=TEXT  a TLV (as often as wanted): a number, or a word such as authority; TYPE:=HEX for bytes\n"
      "  --crc32c         with a checksum\n"
      "  --raw            the bytes themselves, not hexadecimal\n"
      "Exit status: 0 a whole header, 1 none (decode) or none can be written (encode), 64 wrong arguments.\n";

static int wrong(const char *what, const char *value, const char *mend)
{
    fprintf(stderr, "realipctl proxy-header: %s '%.60s': %s\n", what, value, mend);
    return REALIP_EXIT_USAGE;
}

/* ---- input -------------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *digit = c == '\0' ? NULL : strchr(digits, c);

    return digit == NULL ? -1 : (int)((digit - digits) % 16);
}

/* Hexadecimal, with white space and colons between bytes. -1 when it is none, or more than `room` bytes. */
static int read_hex(const char *text, size_t length, unsigned char *bytes, size_t room, size_t *size_r)
{
    *size_r = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\0' && strchr(" \t\r\n:", text[i]) != NULL)
            continue;
        int high = hex_value(text[i]);
        int low = i + 1 < length ? hex_value(text[i + 1]) : -1;
        if (high < 0 || low < 0 || *size_r == room)
            return -1;
        bytes[(*size_r)++] = (unsigned char)(high * 16 + low);
        i++;
    }
    return 0;
}

static int read_input(char *text, size_t room, size_t *length_r)
{
    *length_r = fread(text, 1, room, stdin);
    if (ferror(stdin)) {
        fprintf(stderr, "realipctl proxy-header: standard input: %s\n", strerror(errno));
        return -1;
    }
    return 0;
}

/* ---- decode: JSON ------------------------------------------------------------------------------------------------- */

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *end_json(const struct realip_address *address, unsigned port)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    if (address->family == REALIP_FAMILY_NONE)
        return json_null();
    return json_pack("{s:s, s:i}", "address", realip_address_format(address, text), "port", (int)port);
}

static json_t *hex_json(const unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * size + 1);

    if (text == NULL)
        return json_null();
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    json_t *value = json_stringn(text, 2 * size);
    free(text);
    return value;
}

/* Only what anybody would read as text: a TLV is a stranger's bytes, and goes to a terminal. */
static bool is_text(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return false;
    }
    return size > 0;
}

static json_t *tlvs_json(const unsigned char *at, size_t left, bool parts);

static void set_meaning(json_t *object, const struct realip_proxy_tlv *tlv)
{
    struct realip_proxy_ssl ssl;
    const char *id;
    size_t length;
    uint32_t link;
    uint64_t connection;
    char text[24];

    if (realip_proxy_tlv_ssl(tlv, &ssl)) {
        set(object, "tls", json_boolean((ssl.client & REALIP_PROXY_SSL_USED) != 0));
        set(object, "certificate", json_boolean((ssl.client & (REALIP_PROXY_SSL_CERT_CONN | REALIP_PROXY_SSL_CERT_SESS)) != 0));
        set(object, "verify", json_integer((json_int_t)ssl.verify));
        set(object, "parts", tlvs_json(ssl.parts, ssl.parts_size, true));
    } else if (realip_proxy_tlv_aws_vpce(tlv, &id, &length) && is_text((const unsigned char *)id, length)) {
        set(object, "endpoint", json_stringn(id, length));
    } else if (realip_proxy_tlv_azure_link_id(tlv, &link)) {
        set(object, "link-id", json_integer((json_int_t)link));
    } else if (realip_proxy_tlv_gcp_psc_id(tlv, &connection)) {
        /* as text: many readers of JSON lose the last digits of such a number */
        snprintf(text, sizeof(text), "%llu", (unsigned long long)connection);
        set(object, "connection-id", json_string(text));
    } else if (is_text(tlv->value, tlv->size)) {
        set(object, "text", json_stringn((const char *)tlv->value, tlv->size));
    }
}

/* Parts of an SSL TLV have no parts of their own: an SSL TLV in an SSL TLV is none, and a stranger could nest thousands. */
static json_t *tlvs_json(const unsigned char *at, size_t left, bool parts)
{
    json_t *list = json_array();
    struct realip_proxy_tlv tlv;

    while (realip_proxy_tlv_next(&at, &left, &tlv) > 0) {
        json_t *object = json_pack("{s:i, s:s, s:i}", "type", (int)tlv.type, "name", realip_proxy_tlv_token(tlv.type), "size",
                                   (int)tlv.size);

        set(object, "value", hex_json(tlv.value, tlv.size));
        if (!parts || tlv.type != REALIP_PROXY_TLV_SSL)
            set_meaning(object, &tlv);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *notes_json(unsigned notes)
{
    json_t *list = json_array();

    for (unsigned note = 0; note < REALIP_PROXY_NOTE_COUNT; note++) {
        enum realip_proxy_note_number number = (enum realip_proxy_note_number)note;

        if ((notes & 1U << note) != 0)
            json_array_append_new(list, json_pack("{s:s, s:s}", "note", realip_proxy_note_token(number), "sentence",
                                                  realip_proxy_note_sentence(number)));
    }
    return list;
}

static void set_header(json_t *object, const struct realip_proxy_header *header, size_t size)
{
    static const char *const commands[] = { "unknown", "local", "proxy" };
    static const char *const families[] = { "unspec", "inet", "inet6", "unix" };
    static const char *const transports[] = { "unspec", "stream", "dgram" };

    set(object, "version", json_integer(header->version));
    set(object, "size", json_integer((json_int_t)size));
    set(object, "command", json_string(commands[header->command]));
    set(object, "family", json_string(families[header->family]));
    set(object, "transport", json_string(transports[header->transport]));
    set(object, "source", end_json(&header->source, header->source_port));
    set(object, "destination", end_json(&header->destination, header->destination_port));
    if (header->unix_source != NULL) {
        set(object, "unix-source", hex_json(header->unix_source, REALIP_PROXY_UNIX_SIZE));
        set(object, "unix-destination", hex_json(header->unix_destination, REALIP_PROXY_UNIX_SIZE));
    }
    set(object, "crc32c", header->has_crc32c ? json_string("right") : json_null());
    set(object, "tlvs", tlvs_json(header->tlvs, header->tlvs_size, false));
    set(object, "notes", notes_json(header->notes));
}

/* "refuses: bad or missing client port", "passes with the proxy's address", … */
static json_t *host_sentence(const struct realip_proxy_outcome *outcome)
{
    char client[REALIP_ADDRESS_TEXT_SIZE];
    char text[256];
    const char *behind = outcome->reason[0] == '\0' ? "" : ": ";

    switch (outcome->fate) {
    case REALIP_PROXY_FATE_WAITS:
        snprintf(text, sizeof(text), "waits, then hangs up%s%s", behind, outcome->reason);
        break;
    case REALIP_PROXY_FATE_REFUSES:
        snprintf(text, sizeof(text), "refuses%s%s", behind[0] == '\0' ? ", and logs nothing" : behind, outcome->reason);
        break;
    case REALIP_PROXY_FATE_CRASHES:
        snprintf(text, sizeof(text), "its process crashes%s%s", behind, outcome->reason);
        break;
    case REALIP_PROXY_FATE_CLIENT:
        snprintf(text, sizeof(text), "passes with the client %s", realip_address_format(&outcome->source, client));
        break;
    case REALIP_PROXY_FATE_PEER:
        snprintf(text, sizeof(text), "passes with the proxy's address%s%s", behind, outcome->reason);
        break;
    case REALIP_PROXY_FATE_UNKNOWN:
        snprintf(text, sizeof(text), "unknown");
        break;
    }
    return json_string(text);
}

static json_t *hosts_json(const unsigned char *bytes, size_t size)
{
    json_t *hosts = json_object();

    for (int host = REALIP_PROXY_HOST_POSTFIX; host < REALIP_PROXY_HOST_COUNT; host++) {
        struct realip_proxy_outcome outcome;
        json_t *object = json_object();

        realip_proxy_header_host((enum realip_proxy_host)host, bytes, size, &outcome);
        set(object, "does", json_string(realip_proxy_fate_token(outcome.fate)));
        set(object, "sentence", host_sentence(&outcome));
        set(object, "log", outcome.reason[0] == '\0' ? json_null() : json_string(outcome.reason));
        set(object, "client", end_json(&outcome.source, outcome.source_port));
        set(object, "server", end_json(&outcome.destination, outcome.destination_port));
        set(object, "size", json_integer((json_int_t)outcome.size));
        set(hosts, realip_proxy_host_token((enum realip_proxy_host)host), object);
    }
    return hosts;
}

static int print_decoded(const unsigned char *bytes, size_t length)
{
    static const char *const results[] = { "need-more", "done", "malformed", "absent" };
    struct realip_proxy_header header;
    enum realip_proxy_reason reason;
    size_t size;
    enum realip_proxy_result result = realip_proxy_header_decode(bytes, length, &header, &size, &reason);
    json_t *object = json_object();

    set(object, "result", json_string(results[result]));
    if (result == REALIP_PROXY_DONE)
        set_header(object, &header, size);
    if (result == REALIP_PROXY_NEED_MORE)
        set(object, "needs", json_integer((json_int_t)size));
    if (result == REALIP_PROXY_MALFORMED || result == REALIP_PROXY_ABSENT) {
        set(object, "reason", json_string(realip_proxy_reason_token(reason)));
        set(object, "sentence", json_string(realip_proxy_reason_sentence(reason)));
    }
    set(object, "hosts", hosts_json(bytes, length));
    int written = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
    if (written != 0 || fflush(stdout) != 0)
        return EXIT_FAILURE;
    return result == REALIP_PROXY_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int decode(int argc, char **argv)
{
    static unsigned char bytes[MOST];
    static char text[4 * MOST];
    bool raw = argc > 1 && strcmp(argv[1], "--raw") == 0;
    int next = raw ? 2 : 1;
    size_t size;
    size_t length;

    if (argc > next && argv[next][0] == '-')
        return wrong("option", argv[next], "decode knows --raw alone; realipctl proxy-header --help shows how");
    if (raw && argc > next)
        return wrong("argument", argv[next], "with --raw the bytes come by standard input");
    if (argc > next + 1)
        return wrong("argument", argv[next + 1], "the bytes are one argument (quote them)");
    if (raw)
        return read_input((char *)bytes, sizeof(bytes), &size) < 0 ? EXIT_FAILURE : print_decoded(bytes, size);
    if (argc > next) {
        length = strlen(argv[next]);
    } else if (read_input(text, sizeof(text), &length) < 0) {
        return EXIT_FAILURE;
    }
    if (read_hex(argc > next ? argv[next] : text, length, bytes, sizeof(bytes), &size) < 0)
        return wrong("input", argc > next ? argv[next] : "(standard input)",
                     "is no even number of hexadecimal digits; bytes themselves need --raw");
    return print_decoded(bytes, size);
}

/* ---- encode ------------------------------------------------------------------------------------------------------- */

struct order {
    struct realip_proxy_header header;
    unsigned char tlvs[65536];
    size_t tlvs_size;
    bool ipv6;
    bool udp;
    bool raw;
};

/* "A:P" or "[A]:P". */
static int read_end(const char *text, struct realip_address *address_r, uint16_t *port_r)
{
    const char *colon = strrchr(text, ':');
    const char *reason = "";
    char *end = NULL;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9')
        return wrong("address", text, "a port follows behind ':'");
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535)
        return wrong("address", text, "a port is a number of 0 to 65535");
    size_t length = (size_t)(colon - text);
    bool brackets = length >= 2 && text[0] == '[' && colon[-1] == ']';
    if (!brackets && memchr(text, ':', length) != NULL)
        return wrong("address", text, "an IPv6 address stands in brackets");
    if (realip_address_parse(text + (brackets ? 1 : 0), length - (brackets ? 2 : 0), address_r, &reason) < 0)
        return wrong("address", text, reason);
    *port_r = (uint16_t)port;
    return 0;
}

static int read_type(const char *text, size_t length, unsigned *type_r)
{
    char word[32];
    char *end;

    if (length == 0 || length >= sizeof(word))
        return -1;
    memcpy(word, text, length);
    word[length] = '\0';
    *type_r = (unsigned)realip_proxy_tlv_from_token(word);
    if (*type_r != 0)
        return 0;
    unsigned long number = strtoul(word, &end, 0);
    *type_r = (unsigned)number;
    return *end == '\0' && word[0] >= '0' && word[0] <= '9' && number <= 0xff ? 0 : -1;
}

/* "TYPE=TEXT" or "TYPE:=HEX". */
static int read_tlv(const char *text, struct order *order)
{
    static unsigned char value[65536];
    const char *equals = strchr(text, '=');
    unsigned type;
    size_t size;

    if (equals == NULL)
        return wrong("--tlv", text, "it is TYPE=TEXT or TYPE:=HEX");
    bool hex = equals > text && equals[-1] == ':';
    if (read_type(text, (size_t)(equals - text) - (hex ? 1 : 0), &type) < 0)
        return wrong("--tlv", text, "the type is a number of 0 to 255 or a word such as authority");
    size = strlen(equals + 1);
    const void *bytes = equals + 1;
    if (hex && read_hex(equals + 1, size, value, sizeof(value), &size) < 0)
        return wrong("--tlv", text, "that is no hexadecimal");
    if (hex)
        bytes = value;
    if (realip_proxy_tlv_put(order->tlvs, sizeof(order->tlvs), &order->tlvs_size, type, bytes, size) < 0)
        return wrong("--tlv", text, "all TLVs together have at most 65535 bytes");
    return 0;
}

static const struct option options[] = {
    { "v1", no_argument, NULL, '1' },          { "local", no_argument, NULL, 'l' },
    { "source", required_argument, NULL, 's' }, { "destination", required_argument, NULL, 'd' },
    { "ipv6", no_argument, NULL, '6' },        { "udp", no_argument, NULL, 'u' },
    { "tlv", required_argument, NULL, 't' },   { "crc32c", no_argument, NULL, 'c' },
    { "raw", no_argument, NULL, 'r' },         { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int read_option(int code, const char *value, struct order *order)
{
    struct realip_proxy_header *header = &order->header;

    switch (code) {
    case '1':
        header->version = 1;
        return 0;
    case 'l':
        header->command = REALIP_PROXY_LOCAL;
        return 0;
    case 's':
        return read_end(value, &header->source, &header->source_port);
    case 'd':
        return read_end(value, &header->destination, &header->destination_port);
    case '6':
        order->ipv6 = true;
        return 0;
    case 'u':
        order->udp = true;
        return 0;
    case 't':
        return read_tlv(value, order);
    case 'c':
        return realip_proxy_tlv_put(order->tlvs, sizeof(order->tlvs), &order->tlvs_size, REALIP_PROXY_TLV_CRC32C, "\0\0\0", 4) < 0
                   ? wrong("--crc32c", "", "all TLVs together have at most 65535 bytes")
                   : 0;
    case 'r':
        order->raw = true;
        return 0;
    default:
        return REALIP_EXIT_USAGE;
    }
}

/* Family and transport of what was asked for. */
static int complete(struct order *order)
{
    struct realip_proxy_header *header = &order->header;
    bool source = header->source.family != REALIP_FAMILY_NONE;
    bool destination = header->destination.family != REALIP_FAMILY_NONE;

    if (source != destination)
        return wrong("--source and --destination", source ? "--source" : "--destination", "they go together");
    header->tlvs = order->tlvs;
    header->tlvs_size = order->tlvs_size;
    if (!source)
        return 0;
    bool ipv6 = order->ipv6 || header->source.family == REALIP_FAMILY_IPV6 || header->destination.family == REALIP_FAMILY_IPV6;
    header->family = ipv6 ? REALIP_PROXY_FAMILY_INET6 : REALIP_PROXY_FAMILY_INET;
    header->transport = order->udp ? REALIP_PROXY_TRANSPORT_DGRAM : REALIP_PROXY_TRANSPORT_STREAM;
    return 0;
}

static int print_encoded(const struct order *order)
{
    static unsigned char bytes[REALIP_PROXY_V2_MAX_SIZE];
    enum realip_proxy_reason reason;
    size_t size;

    if (realip_proxy_header_encode(&order->header, bytes, sizeof(bytes), &size, &reason) < 0) {
        fprintf(stderr, "realipctl proxy-header: %s: %s\n", realip_proxy_reason_token(reason),
                realip_proxy_reason_sentence(reason));
        return EXIT_FAILURE;
    }
    if (order->raw) {
        fwrite(bytes, 1, size, stdout);
    } else {
        for (size_t i = 0; i < size; i++)
            printf("%02x", bytes[i]);
        putchar('\n');
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int encode(int argc, char **argv)
{
    static struct order order;
    int code;

    order = (struct order){ .header = { .version = 2, .command = REALIP_PROXY_PROXY } };
    optind = 1;
    while ((code = realip_usage_option("proxy-header encode", argc, argv, options)) != -1) {
        int result = read_option(code, optarg, &order);

        if (result != 0)
            return result;
    }
    if (optind < argc)
        return wrong("argument", argv[optind], "options begin with --");
    int result = complete(&order);
    return result != 0 ? result : print_encoded(&order);
}

int realip_proxy_header_main(const char *config_path, int argc, char **argv)
{
    static const char *const words[] = { "decode", "encode" };

    (void)config_path;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
    }
    if (argc > 1 && strcmp(argv[1], "decode") == 0)
        return decode(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "encode") == 0)
        return encode(argc - 1, argv + 1);
    if (argc > 1)
        return realip_usage_unknown("proxy-header", "such thing as", argv[1], words, sizeof(words) / sizeof(words[0]));
    return realip_usage_wrong("proxy-header", "decode or encode?");
}
