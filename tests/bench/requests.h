/* requests - policy requests as Postfix 3.7 writes them, and the reply that each must get. */
#ifndef REALIP_BENCH_REQUESTS_H
#define REALIP_BENCH_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

struct bench_request {
    char *text;
    size_t length;
    bool refused; /* its client is a node: infrastructure */
};

struct bench_requests {
    struct bench_request *all;
    size_t count;
};

/* Makes `count` requests of random clients, each with an odd address (the networks that a bench lists have even ones), and
 * `refused` of a thousand from 10.0.20.0/24. */
struct bench_requests bench_requests_make(size_t count, unsigned refused, const char *context);

/* Writes the request of client `number` of a crowd: its HELO name is its own, and no other process' crowd has it; its address is one of 65,536 private
 * ones. Returns its length. */
#define BENCH_CROWD_SIZE 1024
size_t bench_requests_crowd(size_t number, char text[BENCH_CROWD_SIZE]);

/* One of the shortest that a server must understand: for clients that send a byte at a time. */
struct bench_request bench_requests_short(const char *context);

#endif
