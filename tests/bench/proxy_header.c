/* proxy_header - millions of PROXY headers that one core decodes in a second.
 *
 * usage: proxy_header PASSES
 *
 * Headers of each kind differ in their addresses and ports, and each answer is checked. A JSON line for each row; the
 * median of the passes counts. No header makes the decoder allocate: malloc() is counted while it runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/proxy_header.h"
#include "core/proxy_header_tlv.h"

#define HEADERS    4096
#define ROUNDS     64
#define SIZE       256
#define MAX_PASSES 101

struct row {
    const char *name;
    unsigned version;
    enum realip_proxy_family family;
    bool tlvs; /* as a load balancer of AWS sends them: CRC32C, endpoint id, padding */
};

struct headers {
    unsigned char bytes[HEADERS][SIZE];
    size_t sizes[HEADERS];
    uint64_t sum; /* of the source ports */
};

static uint64_t random_state = 0x2545f4914f6cdd1dU;
static size_t allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

static struct realip_address random_address(const struct row *row)
{
    if (row->family == REALIP_PROXY_FAMILY_INET)
        return (struct realip_address){ 0, bench_random(&random_state) >> 32, REALIP_FAMILY_IPV4 };
    return (struct realip_address){ 0x2001000000000000U | bench_random(&random_state) >> 16, bench_random(&random_state),
                                    REALIP_FAMILY_IPV6 };
}

static size_t make_tlvs(unsigned char tlvs[SIZE])
{
    static const unsigned char nothing[36] = { 0 };
    size_t size = 0;

    if (realip_proxy_tlv_put(tlvs, SIZE, &size, REALIP_PROXY_TLV_CRC32C, nothing, 4) < 0
        || realip_proxy_tlv_put(tlvs, SIZE, &size, REALIP_PROXY_TLV_AWS_VPCE, "\001vpce-00000000000000000", 23) < 0
        || realip_proxy_tlv_put(tlvs, SIZE, &size, REALIP_PROXY_TLV_NOOP, nothing, sizeof(nothing)) < 0)
        bench_die("the TLVs do not fit");
    return size;
}

static void make(const struct row *row, struct headers *headers)
{
    unsigned char tlvs[SIZE];

    headers->sum = 0;
    for (size_t i = 0; i < HEADERS; i++) {
        struct realip_proxy_header header = { .version = row->version, .command = REALIP_PROXY_PROXY,
                                              .family = row->family, .transport = REALIP_PROXY_TRANSPORT_STREAM,
                                              .source = random_address(row), .destination = random_address(row),
                                              .source_port = (uint16_t)bench_random(&random_state),
                                              .destination_port = 25, .tlvs = tlvs,
                                              .tlvs_size = row->tlvs ? make_tlvs(tlvs) : 0 };
        enum realip_proxy_reason reason;

        if (realip_proxy_header_encode(&header, headers->bytes[i], SIZE, &headers->sizes[i], &reason) < 0)
            bench_die("%s: %s", row->name, realip_proxy_reason_sentence(reason));
        headers->sum += header.source_port;
    }
}

static double measure(const struct row *row, const struct headers *headers)
{
    uint64_t start = bench_now();

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t sum = 0;

        for (size_t i = 0; i < HEADERS; i++) {
            struct realip_proxy_header header;
            enum realip_proxy_reason reason;
            size_t size;

            if (realip_proxy_header_decode(headers->bytes[i], headers->sizes[i], &header, &size, &reason)
                != REALIP_PROXY_DONE)
                bench_die("%s: %s", row->name, realip_proxy_reason_sentence(reason));
            sum += header.source_port;
        }
        if (sum != headers->sum)
            bench_die("%s: decoded other ports than encoded", row->name);
    }
    return (double)HEADERS * ROUNDS * 1e3 / (double)(bench_now() - start);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

int main(int argc, char **argv)
{
    static const struct row rows[] = {
        { "v2-ipv4", 2, REALIP_PROXY_FAMILY_INET, false },
        { "v2-ipv6", 2, REALIP_PROXY_FAMILY_INET6, false },
        { "v2-crc32c", 2, REALIP_PROXY_FAMILY_INET, true },
        { "v1-ipv4", 1, REALIP_PROXY_FAMILY_INET, false },
        { "v1-ipv6", 1, REALIP_PROXY_FAMILY_INET6, false },
    };
    static struct headers headers;
    double rates[MAX_PASSES];

    if (argc != 2)
        bench_die("usage: proxy_header PASSES");
    size_t passes = bench_number("PASSES", argv[1], MAX_PASSES);
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]) && passes > 0; row++) {
        make(&rows[row], &headers);
        size_t before = allocations;
        for (size_t i = 0; i < passes; i++)
            rates[i] = measure(&rows[row], &headers);
        size_t allocated = allocations - before;
        qsort(rates, passes, sizeof(rates[0]), compare);
        printf("{\"name\": \"%s\", \"rate\": %.2f, \"size\": %zu, \"allocations\": %zu}\n", rows[row].name,
               rates[passes / 2], headers.sizes[0], allocated);
    }
    return EXIT_SUCCESS;
}
