/* Proofs: the values of XCLIENT and XFORWARD. The source is included for its inner functions. */
#include "core/xclient.c"
#include "proof.h"

void prove_characters(void)
{
    struct span value;

    value.text = any_text(SIZE, &value.length);
    has_only_good_characters(&value, nondet_bool() ? REALIP_XCLIENT_XCLIENT : REALIP_XCLIENT_XFORWARD);
}

void prove_xtext(void)
{
    size_t length;
    char *text = any_text(SIZE, &length);
    size_t before = length;

    if (realip_xclient_xtext_decode(text, &length) == 0)
        PROVE(length <= before && (before == 0 || length > 0), "decoded xtext is no longer than it was, and not gone");
    else
        PROVE(length == before, "what is no xtext is left");
}
