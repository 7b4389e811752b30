/* bench - what the load generators share: time, latency percentiles, sockets, options. */
#ifndef REALIP_BENCH_H
#define REALIP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

/* 128 places for each power of two: a percentile is right to 1 %. */
#define BENCH_PLACES 7424

struct bench_latency {
    uint64_t places[BENCH_PLACES];
    uint64_t count;
    uint64_t most;
};

struct bench_address {
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in ipv4;
    } name;
    socklen_t size;
};

/* Says why on standard error and ends the program with status 1: a measurement that went wrong is none. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Nanoseconds of a clock that only goes forward. */
uint64_t bench_now(void);

/* Seconds of CPU that this process has used. */
double bench_own_cpu(void);

void bench_latency_add(struct bench_latency *latency, uint64_t nanoseconds);

/* The microseconds within which this share (0..1) of all stayed. */
double bench_latency_share(const struct bench_latency *latency, double share);

/* "unix:/path" or "inet:PORT@127.0.0.1". */
struct bench_address bench_address_of(const char *text);

/* A connected, blocking socket; it waits while the server's backlog is full. -1 and errno when refused. */
int bench_connect(const struct bench_address *address);

/* As many descriptors as the system lets us have. */
void bench_raise_file_limit(void);

/* A number in 0..most, or the end of the program with a word about `option`. */
unsigned long bench_number(const char *option, const char *text, unsigned long most);

/* Pseudo-random numbers, the same in each run (xorshift64*); *state must not be 0. */
uint64_t bench_random(uint64_t *state);

#endif
