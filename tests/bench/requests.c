#include "requests.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define NODE "10.0.20.%u"

static void write_ipv4(uint64_t random, char text[INET6_ADDRSTRLEN])
{
    /* 128.0.0.0 to 191.255.255.255, odd; 172.16/12 and 169.254/16 are not listed, so they are clients as any. */
    snprintf(text, INET6_ADDRSTRLEN, "%u.%u.%u.%u", 128 | (unsigned)(random >> 8 & 63), (unsigned)(random >> 16 & 255),
             (unsigned)(random >> 24 & 255), (unsigned)(random >> 32 & 255) | 1);
}

static void write_ipv6(uint64_t random, char text[INET6_ADDRSTRLEN])
{
    struct in6_addr address = { 0 };

    address.s6_addr[0] = 0x26;
    memcpy(&address.s6_addr[1], &random, 7);
    address.s6_addr[15] = (unsigned char)(random >> 56 | 1);
    inet_ntop(AF_INET6, &address, text, INET6_ADDRSTRLEN);
}

static void write_client(uint64_t random, bool refused, char text[INET6_ADDRSTRLEN])
{
    if (refused)
        snprintf(text, INET6_ADDRSTRLEN, NODE, (unsigned)(random >> 8 & 255));
    else if (random % 4 == 0)
        write_ipv6(random, text);
    else
        write_ipv4(random, text);
}

static struct bench_request make(uint64_t random, bool refused, const char *context)
{
    struct bench_request request = { .refused = refused };
    char client[INET6_ADDRSTRLEN];
    char text[2048];

    write_client(random, refused, client);
    request.length = (size_t)snprintf(
        text, sizeof(text),
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=%s\n"
        "client_name=mail%u.sender.example\nclient_port=%u\nreverse_client_name=mail%u.sender.example\n"
        "server_address=10.0.20.50\nserver_port=25\nhelo_name=mail%u.sender.example\n"
        "sender=newsletter-%u@sender.example\nrecipient=user%u@px.test\nrecipient_count=0\nqueue_id=\n"
        "instance=%x.6b02b030.%x.0\nsize=%u\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
        "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
        "encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=%s\n\n",
        client, (unsigned)random % 1000, 1024 + (unsigned)random % 60000, (unsigned)random % 1000, (unsigned)random % 1000,
        (unsigned)random % 100000, (unsigned)random % 10000, (unsigned)random & 0xffff, (unsigned)random & 0xfffff,
        (unsigned)random % 100000, context);
    request.text = strdup(text);
    if (request.text == NULL)
        bench_die("out of memory");
    return request;
}

struct bench_requests bench_requests_make(size_t count, unsigned refused, const char *context)
{
    struct bench_requests requests = { .all = calloc(count, sizeof(struct bench_request)), .count = count };
    uint64_t state = 0x9e3779b97f4a7c15U;

    if (requests.all == NULL)
        bench_die("out of memory");
    for (size_t i = 0; i < count; i++) {
        bool is_refused = bench_random(&state) % 1000 < refused;

        requests.all[i] = make(bench_random(&state), is_refused, context);
    }
    return requests;
}

size_t bench_requests_crowd(size_t number, char text[BENCH_CROWD_SIZE])
{
    unsigned place = (unsigned)number * 40503 & 0xffff; /* all of them, neighbours far apart */

    return (size_t)snprintf(text, BENCH_CROWD_SIZE,
                            "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=10.%u.%u.%u\nclient_name=unknown\n"
                            "client_port=40000\nreverse_client_name=unknown\nserver_address=192.0.2.25\nserver_port=25\nhelo_name=c%zu-%d.sender.example\n"
                            "sender=newsletter@sender.example\nrecipient=user@px.test\nrecipient_count=0\nqueue_id=\ninstance=%zx.6b02b030.%zx.0\nsize=1000\n"
                            "etrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
                            "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\n"
                            "policy_context=\n\n",
                            64 + (place & 63), place >> 6 & 255, 1 + (place >> 14), number, (int)getpid(), number, number);
}

struct bench_request bench_requests_short(const char *context)
{
    char text[256];
    struct bench_request request = { .length = 0 };

    request.length = (size_t)snprintf(text, sizeof(text),
                                      "request=smtpd_access_policy\nclient_address=198.51.100.7\npolicy_context=%s\n\n",
                                      context);
    request.text = strdup(text);
    if (request.text == NULL)
        bench_die("out of memory");
    return request;
}
