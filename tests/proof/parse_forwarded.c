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

/* ---- whole lists ---------------------------------------------------------------------------------------------------- */

int any_find_last(struct text list, size_t *start_r);
int any_find_for(struct text element, struct text *value_r);
int any_read_node(struct text text, struct realip_address *address_r);
bool any_is_listed(const struct realip_rules *rules, const struct realip_address *address);

int any_find_last(struct text list, size_t *start_r)
{
    PROVE(list.length == 0 || READABLE(list.at, list.length), "the last element is looked for in the list");
    *start_r = nondet_size();
    ASSUME(*start_r <= list.length);
    return nondet_bool() ? 0 : -1;
}

int any_find_for(struct text element, struct text *value_r)
{
    size_t start = nondet_size();
    size_t length = nondet_size();

    PROVE(element.length == 0 || READABLE(element.at, element.length), "a parameter is looked for in the element");
    if (nondet_bool())
        return -1;
    ASSUME(start <= element.length && length <= element.length - start);
    *value_r = (struct text){ element.at + start, length };
    return 0;
}

int any_read_node(struct text text, struct realip_address *address_r)
{
    PROVE(text.length == 0 || READABLE(text.at, text.length), "an address is read where one is");
    *address_r = (struct realip_address){ 0 };
    if (nondet_bool())
        return -1;
    address_r->family = nondet_bool() ? REALIP_FAMILY_IPV4 : REALIP_FAMILY_IPV6;
    return 0;
}

bool any_is_listed(const struct realip_rules *rules, const struct realip_address *address)
{
    (void)rules;
    PROVE(address->family != REALIP_FAMILY_NONE, "an address is looked up");
    return nondet_bool();
}

void prove_find_for(void)
{
    struct text element;
    struct text value;

    element.at = any_text(SIZE, &element.length);
    if (find_for(element, &value) == 0)
        PROVE(lies_in(value.at, value.length, element.at, element.length), "the value lies in the element");
}

void prove_walk(void)
{
    size_t length;
    const char *text = any_text(SIZE, &length);
    const struct realip_rules *rules = NULL; /* is_listed() alone reads them */
    struct realip_address client;
    const char *reason = NULL;
    int result = nondet_bool() ? realip_forwarded_read_list(text, length, rules, &client, &reason)
                               : realip_forwarded_read_elements(text, length, rules, &client, &reason);

    PROVE((result == 0) == (client.family != REALIP_FAMILY_NONE), "an address, or none");
    PROVE(result == 0 || reason != NULL, "or a reason");
}
