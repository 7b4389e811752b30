#include "distinct_count.h"

#include <string.h>

#define REGISTERS REALIP_DISTINCT_REGISTERS
#define INDEX_BITS 12
#define HIGHEST 15 /* value of a register: four bits */

static unsigned get(const unsigned char *registers, unsigned index)
{
    return registers[index / 2] >> (index % 2 * 4) & 0x0f;
}

static void set(unsigned char *registers, unsigned index, unsigned value)
{
    unsigned shift = index % 2 * 4;

    registers[index / 2] = (unsigned char)((registers[index / 2] & ~(0x0fU << shift)) | value << shift);
}

/* Ertl's sigma: what registers that are still 0 tell; x + the sum of x^(2^k) * 2^(k-1) for k from 1, for 0 <= x < 1. */
static double sigma(double x)
{
    double sum = x;
    double weight = 1;
    double before;

    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum > before);
    return sum;
}

/* From rare to frequent values, halving on the way. Registers that are full count as they stand: that is wrong above
 * some thirty millions. */
static uint32_t estimate(const uint16_t histogram[16])
{
    const double m = REGISTERS;
    double sum = 0;

    if (histogram[0] == REGISTERS)
        return 0;
    for (unsigned value = HIGHEST; value >= 1; value--)
        sum = (sum + histogram[value]) * 0.5;
    sum += m * sigma(histogram[0] / m);
    return (uint32_t)(m * m / (2 * 0.693147180559945309) / sum + 0.5); /* alpha: 1 / (2 ln 2) */
}

void realip_distinct_count_clear(struct realip_distinct_count *count, uint32_t period)
{
    memset(count, 0, sizeof(*count));
    count->period = period;
    count->histogram[0] = REGISTERS;
}

/* The union of what is left. */
static void unite(struct realip_distinct_count *count)
{
    memset(count->histogram, 0, sizeof(count->histogram));
    for (unsigned i = 0; i < REGISTERS; i++) {
        unsigned most = 0;

        for (unsigned k = 0; k < REALIP_DISTINCT_PERIODS; k++) {
            unsigned value = get(count->of_period[k], i);

            most = value > most ? value : most;
        }
        set(count->all, i, most);
        count->histogram[most]++;
    }
    count->estimate = estimate(count->histogram);
}

void realip_distinct_count_advance(struct realip_distinct_count *count, uint32_t period)
{
    if (period <= count->period)
        return;
    if (period - count->period >= REALIP_DISTINCT_PERIODS) {
        realip_distinct_count_clear(count, period);
        return;
    }
    while (count->period < period)
        memset(count->of_period[++count->period % REALIP_DISTINCT_PERIODS], 0, sizeof(count->of_period[0]));
    unite(count);
}

bool realip_distinct_count_add(struct realip_distinct_count *count, uint32_t hash, uint32_t period)
{
    unsigned char *registers = count->of_period[period % REALIP_DISTINCT_PERIODS];
    unsigned index = hash & (REGISTERS - 1);
    uint32_t rest = hash >> INDEX_BITS & ((1U << (REALIP_DISTINCT_HASH_BITS - INDEX_BITS)) - 1);
    unsigned value = 1; /* one more than the zeros at the end of the rest */

    while (value < HIGHEST && (rest & 1) == 0) {
        rest >>= 1;
        value++;
    }
    if (value <= get(registers, index))
        return false;
    set(registers, index, value);
    unsigned before = get(count->all, index);
    if (value > before) {
        set(count->all, index, value);
        count->histogram[before]--;
        count->histogram[value]++;
        count->estimate = estimate(count->histogram);
    }
    return true;
}
