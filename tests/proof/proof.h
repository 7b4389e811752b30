/* What the proofs share: values that may be anything, and what a model checker must be told. */
#ifndef REALIP_PROOF_H
#define REALIP_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool nondet_bool(void); /* cbmc: no body and this prefix mean any value */
int nondet_int(void);
unsigned nondet_unsigned(void);
uint16_t nondet_u16(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

#define ASSUME(condition)       __CPROVER_assume(condition)
#define PROVE(condition, text)  __CPROVER_assert(condition, text)
#define READABLE(bytes, length) __CPROVER_r_ok(bytes, length)
#define WRITABLE(bytes, length) __CPROVER_w_ok(bytes, length)

/* Up to `most` bytes, *length_r of them, that may hold anything. They stand at the start of an object of `most` bytes or at
 * its end; so a step beyond either end of them is found, for every length. */
void *any_text(size_t most, size_t *length_r);

/* Do the `length` bytes at `part` lie in the `size` bytes at `whole`? */
bool lies_in(const void *part, size_t length, const void *whole, size_t size);

#endif
