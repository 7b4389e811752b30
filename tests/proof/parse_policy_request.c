/* Proofs: policy requests, from the inner functions outwards. The source is included for them. */
#include "policyd/policy_protocol.c"
#include "proof.h"

/* ---- contracts ------------------------------------------------------------------------------------------------------ */

/* Of strcmp() in check_request(): the value is a text, as read_line() ends it. */
int any_strcmp(const char *text, const char *word)
{
    PROVE(READABLE(text, 1) && READABLE(word, 1), "strcmp() reads what is there");
    return nondet_int();
}

/* Of memchr() in find_end(), where it matters that no earlier place holds the byte. */
void *first_memchr(const void *text, int c, size_t length)
{
    const char *at = text;

    PROVE(length == 0 || READABLE(text, length), "memchr() reads what is there");
    for (size_t i = 0; i < length; i++) {
        if (at[i] == (char)c)
            return (void *)(at + i);
    }
    return NULL;
}

static bool has_end(const char *data, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        if (data[i - 1] == '\n' && data[i] == '\n')
            return true;
    }
    return false;
}

const char *any_find_end(const char *data, size_t length)
{
    size_t place = nondet_size();

    PROVE(length == 0 || READABLE(data, length), "what came is there");
    if (nondet_bool()) {
        ASSUME(!has_end(data, length));
        return NULL;
    }
    ASSUME(length >= 2 && place <= length - 2 && data[place] == '\n' && data[place + 1] == '\n');
    return data + place;
}

#ifdef __SSE2__
/* What the processor does: the highest bits of 16 bytes. */
int __builtin_ia32_pmovmskb128(__v16qi bytes)
{
    int bits = 0;

    for (int i = 0; i < 16; i++)
        bits |= bytes[i] < 0 ? 1 << i : 0;
    return bits;
}
#endif

void any_find_marks_in(const char *bytes, size_t length, uint64_t *feeds_r, uint64_t *equals_r)
{
    PROVE(length > 0 && READABLE(bytes, length < BLOCK ? length : BLOCK), "the block is there");
    *feeds_r = nondet_u64();
    *equals_r = nondet_u64();
    ASSUME((*feeds_r & *equals_r) == 0);
    ASSUME(length >= BLOCK || ((*feeds_r | *equals_r) >> length) == 0);
}

int any_read_line(char *data, size_t at, size_t equals, size_t end, struct realip_policy_request *request, const char **reason_r)
{
    PROVE(at < end && WRITABLE(data + at, end - at + 1), "the line and its line feed are there");
    PROVE(equals == NO_EQUALS || (at <= equals && equals < end), "its '=' stands in it");
    PROVE(WRITABLE(request, sizeof(*request)), "the request can be filled in");
    *reason_r = "";
    return nondet_bool() ? 0 : -1;
}

int any_read_lines(char *data, size_t length, struct realip_policy_request *request, size_t *length_r, const char **reason_r)
{
    size_t place = nondet_size();

    PROVE(length > 0 && WRITABLE(data, length), "the lines are there");
    *length_r = nondet_size();
    *reason_r = "";
    ASSUME(*length_r <= length && place < length);
    request->request = nondet_bool() ? NULL : data + place;
    return nondet_bool() ? 0 : -1;
}

/* ---- proofs --------------------------------------------------------------------------------------------------------- */

void prove_find_marks(void)
{
    size_t length;
    const char *bytes = any_text(SIZE, &length);
    uint64_t feeds;
    uint64_t equals;
    unsigned i = nondet_unsigned();

    find_marks_in(bytes, length, &feeds, &equals);
    ASSUME(i < BLOCK);
    PROVE((feeds >> i & 1U) == (i < length && bytes[i] == '\n'), "a bit for each line feed, and no other");
    PROVE((equals >> i & 1U) == (i < length && bytes[i] == '='), "a bit for each '='");
}

void prove_read_line(void)
{
    size_t length;
    char *data = any_text(SIZE, &length);
    size_t at = nondet_size();
    size_t equals = nondet_size();
    size_t end = nondet_size();
    struct realip_policy_request request;
    struct realip_policy_request before;
    const char *reason = NULL;

    ASSUME(end < length && at < end && (equals == NO_EQUALS || (at <= equals && equals < end)));
#define ANY(field, attribute) request.field = nondet_bool() ? data : NULL;
    REALIP_POLICY_ATTRIBUTE_TABLE(ANY)
    before = request;
    int result = read_line(data, at, equals, end, &request, &reason);
    PROVE(result == 0 || reason != NULL, "what is no line has a reason");
#define KEPT(field, attribute)                                                                                            \
    PROVE(request.field == before.field || (before.field == NULL && request.field == data + equals + 1 && data[end] == '\0'), \
          "a value is taken once, and ends");
    REALIP_POLICY_ATTRIBUTE_TABLE(KEPT)
}

void prove_read_lines(void)
{
    size_t length;
    char *data = any_text(SIZE, &length);
    struct realip_policy_request request;
    const char *reason = NULL;
    size_t used = 0;

    ASSUME(length > 0);
    if (read_lines(data, length, &request, &used, &reason) == 0)
        PROVE(used <= length, "the lines end in what was given");
}

void prove_find_end(void)
{
    size_t length;
    const char *data = any_text(SIZE, &length);
    const char *end = find_end(data, length);

    PROVE(end != NULL || !has_end(data, length), "an end is found");
    PROVE(end == NULL || (lies_in(end, 2, data, length) && end[0] == '\n' && end[1] == '\n'), "what is found is one");
}

void prove_request(void)
{
    size_t length;
    char *data = any_text(SIZE, &length);
    struct realip_policy_request request;
    const char *reason = NULL;
    size_t used;
    enum realip_policy_parse result = realip_policy_request_parse(data, length, &request, &used, &reason);

    PROVE(result != REALIP_POLICY_DONE || (used > 0 && used <= length && request.request != NULL), "a request lies in what came");
    PROVE(result != REALIP_POLICY_MALFORMED || reason != NULL, "what is malformed has a reason");
    PROVE(result == REALIP_POLICY_DONE || used == 0, "nothing is used of what is no request");
}
