/* histogram - how long things take, as a Prometheus histogram: counts below fixed bounds, and a sum. */
#ifndef REALIP_HISTOGRAM_H
#define REALIP_HISTOGRAM_H

#include <stdatomic.h>
#include <stdio.h>

#define REALIP_HISTOGRAM_MOST_BOUNDS 18

/* Upper bounds in nanoseconds, rising; what is longer than the last one counts as infinite. Constant, shared by all threads. */
struct realip_histogram_bounds {
    size_t count;
    unsigned long long nanoseconds[REALIP_HISTOGRAM_MOST_BOUNDS];
};

/* From 10 microseconds to one second: what somebody waits for. */
extern const struct realip_histogram_bounds realip_histogram_waits;
/* From 50 nanoseconds to one millisecond: what is computed. */
extern const struct realip_histogram_bounds realip_histogram_computations;

/* Zeros are a histogram without a value. */
struct realip_histogram {
    atomic_ullong counts[REALIP_HISTOGRAM_MOST_BOUNDS + 1];
    atomic_ullong nanoseconds; /* the sum; of 584 years */
};

/* Nanoseconds of a clock that never goes back. */
unsigned long long realip_histogram_now(void);

/* Adds `times` values of one length; any thread. */
void realip_histogram_add(struct realip_histogram *histogram, const struct realip_histogram_bounds *bounds,
                          unsigned long long nanoseconds, unsigned long times);

/* Writes the series of a histogram, without its head; `labels` are written as they are ("source=\"policyd\"", or ""). */
void realip_histogram_write(const struct realip_histogram *histogram, const struct realip_histogram_bounds *bounds,
                            const char *name, const char *labels, FILE *out);

#endif
