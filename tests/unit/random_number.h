/* random_number - numbers that look random and are the same in each run, so that what fails fails again. */
#ifndef REALIP_RANDOM_NUMBER_H
#define REALIP_RANDOM_NUMBER_H

#include <stdint.h>

/* Begins a sequence; `seed` is not 0. To be called before the first number of each test, which may run in any order. */
void realip_random_number_seed(uint64_t seed);

/* The next number, from 0 to below `below`, which is not 0. */
uint64_t realip_random_number(uint64_t below);

#endif
