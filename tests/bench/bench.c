#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

_Noreturn void bench_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t bench_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double bench_own_cpu(void)
{
    return (double)read_clock(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

static unsigned place_of(uint64_t nanoseconds)
{
    if (nanoseconds < 256)
        return (unsigned)nanoseconds;
    unsigned shift = 63U - (unsigned)__builtin_clzll(nanoseconds) - 7U;
    return shift * 128 + (unsigned)(nanoseconds >> shift);
}

static uint64_t nanoseconds_of(unsigned place)
{
    unsigned shift = place < 256 ? 0 : place / 128 - 1;

    return (uint64_t)(place - shift * 128) << shift;
}

void bench_latency_add(struct bench_latency *latency, uint64_t nanoseconds)
{
    latency->places[place_of(nanoseconds)]++;
    latency->count++;
    if (nanoseconds > latency->most)
        latency->most = nanoseconds;
}

double bench_latency_share(const struct bench_latency *latency, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)latency->count);
    uint64_t seen = 0;

    for (unsigned place = 0; place < BENCH_PLACES; place++) {
        seen += latency->places[place];
        if (seen > wanted)
            return (double)nanoseconds_of(place) / 1e3;
    }
    return (double)latency->most / 1e3;
}

struct bench_address bench_address_of(const char *text)
{
    struct bench_address address = { .size = 0 };
    unsigned port;
    char host[64];

    if (strncmp(text, "unix:", 5) == 0 && strlen(text + 5) < sizeof(address.name.local.sun_path)) {
        address.name.local.sun_family = AF_UNIX;
        strcpy(address.name.local.sun_path, text + 5);
        address.size = sizeof(address.name.local);
    } else if (sscanf(text, "inet:%u@%63s", &port, host) == 2 && port <= UINT16_MAX
               && inet_pton(AF_INET, host, &address.name.ipv4.sin_addr) == 1) {
        address.name.ipv4.sin_family = AF_INET;
        address.name.ipv4.sin_port = htons((uint16_t)port);
        address.size = sizeof(address.name.ipv4);
    } else
        bench_die("'%s' is no place: write unix:/path or inet:PORT@127.0.0.1", text);
    return address;
}

int bench_connect(const struct bench_address *address)
{
    int fd = socket(address->name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, &address->name.any, address->size) < 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void bench_raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

unsigned long bench_number(const char *option, const char *text, unsigned long most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || number > most)
        bench_die("%s takes a number from 0 to %lu, not '%s'", option, most, text);
    return number;
}

uint64_t bench_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717U;
}
