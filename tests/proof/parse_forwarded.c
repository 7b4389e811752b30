/* Proofs: X-Originating-IP, in which the text without its spaces is anything that the first proof lets it be, and where the
 * last element of a list begins. The source is included for its inner functions. */
#include "core/forwarded.c"
#include "proof.h"

struct text any_trimmed(const char *at, size_t length);

struct text any_trimmed(const char *at, size_t length)
{
    size_t before = nondet_size();
    size_t left = nondet_size();

    PROVE(length == 0 || READABLE(at, length), "spaces are looked for in the text");
    ASSUME(before <= length && left <= length - before);
    return (struct text){ at + before, left };
}

void prove_trimmed(void)
{
    size_t length;
    const char *text = any_text(SIZE, &length);
    struct text part = trimmed(text, length);

    PROVE(part.at >= text && part.length <= length && (size_t)(part.at - text) <= length - part.length, "a part lies in the whole");
}

void prove_find_last(void)
{
    struct text list;
    size_t start;

    list.at = any_text(SIZE, &list.length);
    find_last(list, &start);
    PROVE(start <= list.length, "the last element begins in the list or at its end");
}

void prove_originating(void)
{
    size_t length;
    const char *text = any_text(SIZE, &length);
    struct realip_address client;
    const char *reason = NULL;
    int result = realip_forwarded_read_originating(text, length, &client, &reason);

    PROVE((result == 0) == (client.family != REALIP_FAMILY_NONE), "an address, or none");
    PROVE(result == 0 || reason != NULL, "or a reason");
}
