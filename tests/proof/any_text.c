#include "proof.h"

#include <stdlib.h>

void *any_text(size_t most, size_t *length_r)
{
    unsigned char *bytes = malloc(most); /* never written: a model checker takes every content into account */
    size_t length = nondet_size();

    ASSUME(bytes != NULL && length <= most);
    *length_r = length;
    return nondet_bool() ? bytes + (most - length) : bytes;
}

bool lies_in(const void *part, size_t length, const void *whole, size_t size)
{
    size_t start = __CPROVER_POINTER_OFFSET(whole);
    size_t at = __CPROVER_POINTER_OFFSET(part);

    return __CPROVER_same_object(part, whole) && at >= start && at - start <= size && length <= size - (at - start);
}
