/* What a model checker is told of the C library: what each function may touch, and everything that it might answer. An answer
 * here need not be the first place or the true order, so that more is proved than asked for; a proof never gains by it. */
#include "proof.h"

#include <string.h>
#include <strings.h>

void *memchr(const void *text, int c, size_t length)
{
    const unsigned char *at = text;
    size_t place = nondet_size();

    PROVE(length == 0 || READABLE(text, length), "memchr() reads what is there");
    if (place >= length)
        return NULL;
    ASSUME(at[place] == (unsigned char)c);
    return (void *)(at + place);
}

void *memrchr(const void *text, int c, size_t length)
{
    return memchr(text, c, length);
}

/* The words that are compared with are as long as the texts. */
int strncasecmp(const char *text, const char *word, size_t length)
{
    PROVE(length == 0 || (READABLE(text, length) && READABLE(word, length)), "strncasecmp() reads what is there");
    return length == 0 ? 0 : nondet_int();
}
