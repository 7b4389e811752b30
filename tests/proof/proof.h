/* What the proofs share: values that may be anything, and what a model checker must be told. */
#ifndef REALIP_PROOF_H
#define REALIP_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool nondet_bool(void); /* cbmc: no body and this prefix mean any value */
unsigned nondet_unsigned(void);
uint16_t nondet_u16(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

#define ASSUME(condition) __CPROVER_assume(condition)
#define PROVE(condition, text) __CPROVER_assert(condition, text)

/* Exactly `size` bytes that may hold anything: one step beyond either end is found. */
void *any_bytes(size_t size);

#endif
