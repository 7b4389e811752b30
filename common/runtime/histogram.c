#include "histogram.h"

#include <time.h>

const struct realip_histogram_bounds realip_histogram_waits = {
    16,
    { 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000,
      250000000, 500000000, 1000000000 },
};

const struct realip_histogram_bounds realip_histogram_computations = {
    12,
    { 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 1000000 },
};

unsigned long long realip_histogram_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000000U + (unsigned long long)now.tv_nsec;
}

void realip_histogram_add(struct realip_histogram *histogram, const struct realip_histogram_bounds *bounds,
                          unsigned long long nanoseconds, unsigned long times)
{
    size_t i = 0;

    while (i < bounds->count && nanoseconds > bounds->nanoseconds[i])
        i++;
    atomic_fetch_add_explicit(&histogram->counts[i], times, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->nanoseconds, nanoseconds * times, memory_order_relaxed);
}

void realip_histogram_write(const struct realip_histogram *histogram, const struct realip_histogram_bounds *bounds,
                            const char *name, const char *labels, FILE *out)
{
    const char *comma = labels[0] == '\0' ? "" : ",";
    const char *open = labels[0] == '\0' ? "" : "{";
    const char *close = labels[0] == '\0' ? "" : "}";
    unsigned long long count = 0;

    for (size_t i = 0; i < bounds->count; i++) {
        count += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        fprintf(out, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, labels, comma, (double)bounds->nanoseconds[i] / 1e9, count);
    }
    count += atomic_load_explicit(&histogram->counts[bounds->count], memory_order_relaxed);
    fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, count);
    fprintf(out, "%s_sum%s%s%s %.9f\n", name, open, labels, close,
            (double)atomic_load_explicit(&histogram->nanoseconds, memory_order_relaxed) / 1e9);
    fprintf(out, "%s_count%s%s%s %llu\n", name, open, labels, close, count);
}
