#include "policy_protocol.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 64

/* Where `mark` stands in 64 bytes: a bit for each. Lines are short, so that a call of memchr(3) for each end would cost more
 * than the search. */
static inline uint64_t find_mark(const char bytes[BLOCK], char mark)
{
#ifdef __SSE2__
    const __m128i *part = (const __m128i *)(const void *)bytes;
    __m128i marks = _mm_set1_epi8(mark);

    /* no loop: compilers leave it one, and shifting by a number that they don't know takes longer than all else here */
#define MARKS(i) ((uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(part + (i)), marks)) << (16 * (i)))
    return MARKS(0) | MARKS(1) | MARKS(2) | MARKS(3);
#undef MARKS
#else
    uint64_t found = 0;

    for (unsigned i = 0; i < BLOCK; i++)
        found |= (uint64_t)(bytes[i] == mark) << i;
    return found;
#endif
}

static inline void find_marks(const char bytes[BLOCK], uint64_t *feeds_r, uint64_t *equals_r)
{
    *feeds_r = find_mark(bytes, '\n');
    *equals_r = find_mark(bytes, '=');
}

/* As find_marks(), also where fewer bytes are left than a block has. */
static inline void find_marks_in(const char *bytes, size_t length, uint64_t *feeds_r, uint64_t *equals_r)
{
    char last[BLOCK];

    if (length >= BLOCK) {
        find_marks(bytes, feeds_r, equals_r);
        return;
    }
    memset(last, 0, sizeof(last));
    memcpy(last, bytes, length);
    find_marks(last, feeds_r, equals_r);
}

/* A bit for each kept attribute's name, by its length, first and last letter; with these factors no other name that Postfix 3.11
 * sends has one of these bits. */
#define NAME_BIT(first, last, length) (1ULL << ((2U * (unsigned char)(first) + 5U * (unsigned char)(last) + (unsigned)(length)) % 64))
#define KEPT_BIT(field, attribute) | NAME_BIT((attribute)[0], (attribute)[sizeof(attribute) - 2], sizeof(attribute) - 1)

/* The place of the attribute's value in the request, or NULL for one that is not kept. */
static const char **find_field(struct realip_policy_request *request, const char *name, size_t length)
{
    const uint64_t kept = 0U REALIP_POLICY_ATTRIBUTE_TABLE(KEPT_BIT);

    if (length == 0 || (kept & NAME_BIT(name[0], name[length - 1], length)) == 0)
        return NULL;
#define REALIP_POLICY_MATCH(field, attribute)                                                       \
    if (length == sizeof(attribute) - 1 && memcmp(name, attribute, sizeof(attribute) - 1) == 0)     \
        return &request->field;
    REALIP_POLICY_ATTRIBUTE_TABLE(REALIP_POLICY_MATCH)
#undef REALIP_POLICY_MATCH
    return NULL;
}

#define NO_EQUALS SIZE_MAX

/* The line data[at..end) has its first '=' at `equals`; a line feed stands at `end`. */
static inline int read_line(char *data, size_t at, size_t equals, size_t end, struct realip_policy_request *request,
                            const char **reason_r)
{
    const char **field;

    if (equals == NO_EQUALS || end - at >= REALIP_POLICY_MAX_LINE) {
        *reason_r = equals == NO_EQUALS ? "a line without '='" : "a line that is too long";
        return -1;
    }
    field = find_field(request, data + at, equals - at);
    if (field == NULL)
        return 0;
    if (*field != NULL) {
        *reason_r = "an attribute twice";
        return -1;
    }
    data[end] = '\0'; /* in place of the line feed */
    *field = data + equals + 1;
    return 0;
}

static int check_limits(const char *data, size_t length, const char **reason_r)
{
    const char *last = memrchr(data, '\n', length);
    size_t open_line = last == NULL ? length : (size_t)(data + length - last - 1);

    if (length >= REALIP_POLICY_MAX_REQUEST)
        *reason_r = "a request that is too long";
    else if (open_line >= REALIP_POLICY_MAX_LINE)
        *reason_r = "a line that is too long";
    else
        return 0;
    return -1;
}

/* Reads up to the empty line, which comes within `length` or right behind: line by line, while the marks of one block after
 * another come by. One function, so that the place reached stays in registers. */
static int read_lines(char *data, size_t length, struct realip_policy_request *request, size_t *length_r, const char **reason_r)
{
    size_t start = 0;         /* of the line */
    size_t first = NO_EQUALS; /* its first '=' */

    for (size_t base = 0; base < length; base += BLOCK) {
        uint64_t feeds;
        uint64_t equals;

        find_marks_in(data + base, length - base, &feeds, &equals);
        for (; feeds != 0; feeds &= feeds - 1) {
            size_t end = base + (size_t)__builtin_ctzll(feeds);
            uint64_t upto = feeds ^ (feeds - 1); /* all bits up to this line feed */

            if (end == start) {
                *length_r = start;
                return 0;
            }
            if (first == NO_EQUALS && (equals & upto) != 0)
                first = base + (size_t)__builtin_ctzll(equals);
            if (read_line(data, start, first, end, request, reason_r) < 0)
                return -1;
            equals &= ~upto;
            start = end + 1;
            first = NO_EQUALS;
        }
        if (first == NO_EQUALS && equals != 0)
            first = base + (size_t)__builtin_ctzll(equals);
    }
    *length_r = start;
    return 0;
}

static int check_request(const struct realip_policy_request *request, const char **reason_r)
{
    if (request->request != NULL && strcmp(request->request, "smtpd_access_policy") == 0)
        return 0;
    *reason_r = "no request=smtpd_access_policy";
    return -1;
}

/* The line feed before the empty line that ends a request, or NULL. Not by memmem(): for two bytes it is several times slower
 * than a jump from line to line. */
static const char *find_end(const char *data, size_t length)
{
    const char *behind = data + length;
    const char *at = memchr(data, '\n', length);

    while (at != NULL && at + 1 < behind) {
        if (at[1] == '\n')
            return at;
        at = memchr(at + 1, '\n', (size_t)(behind - at - 1));
    }
    return NULL;
}

/* As find_end(); or the end of another request behind it: most often the data end with their only request, and reading its lines
 * will show the place without a search. */
static const char *find_some_end(const char *data, size_t length)
{
    if (length >= 2 && length < REALIP_POLICY_MAX_REQUEST && memcmp(data + length - 2, "\n\n", 2) == 0)
        return data + length - 2;
    return find_end(data, length);
}

enum realip_policy_parse realip_policy_request_parse(char *data, size_t length, struct realip_policy_request *request_r,
                                                     size_t *length_r, const char **reason_r)
{
    *request_r = (struct realip_policy_request){ 0 };
    *length_r = 0;
    if (length > 0 && data[0] == '\n') {
        *reason_r = "an empty request";
        return REALIP_POLICY_MALFORMED;
    }
    const char *end = find_some_end(data, length);
    size_t most = end == NULL ? length : (size_t)(end - data) + 1;
    if (end == NULL && check_limits(data, length, reason_r) == 0)
        return REALIP_POLICY_NEED_MORE;
    if (end == NULL)
        return REALIP_POLICY_MALFORMED;
    const char *nul = memchr(data, '\0', most);
    if (most >= REALIP_POLICY_MAX_REQUEST || (nul != NULL && nul < find_end(data, length))) {
        *reason_r = most >= REALIP_POLICY_MAX_REQUEST ? "a request that is too long" : "a NUL in the request";
        return REALIP_POLICY_MALFORMED;
    }
    size_t used;
    if (read_lines(data, most, request_r, &used, reason_r) < 0 || check_request(request_r, reason_r) < 0)
        return REALIP_POLICY_MALFORMED;
    *length_r = used + 1;
    return REALIP_POLICY_DONE;
}

static size_t put(char reply[REALIP_POLICY_REPLY_SIZE], const char *text)
{
    size_t length = strlen(text);

    memcpy(reply, text, length + 1);
    return length;
}

static size_t put_refusal(char reply[REALIP_POLICY_REPLY_SIZE], const char *code, enum realip_reason reason)
{
    char text[REALIP_REFUSAL_SIZE];

    realip_reason_refusal(reason, code[0] == '5', text);
    return (size_t)snprintf(reply, REALIP_POLICY_REPLY_SIZE, "action=%s %s\n\n", code, text);
}

size_t realip_policy_reply_format(const struct realip_verdict *verdict, char reply[REALIP_POLICY_REPLY_SIZE])
{
    switch (verdict->action) {
    case REALIP_ACTION_PASS:
    case REALIP_ACTION_FLAG:
        /* Never OK or PERMIT: other restrictions must have their say. */
        return put(reply, "action=DUNNO\n\n");
    case REALIP_ACTION_NO_RELAY:
        return put(reply, "action=defer_unauth_destination\n\n");
    case REALIP_ACTION_REJECT:
        return put_refusal(reply, "550 5.7.1", verdict->reason);
    case REALIP_ACTION_DEFER:
    case REALIP_ACTION_QUARANTINE: /* realip_decide() leaves this one to milters; a policy server can only defer */
    case REALIP_ACTION_UNDECIDED:
    case REALIP_ACTION_COUNT:
        break;
    }
    /* At once, not DEFER_IF_PERMIT: a later check would judge the wrong address and might answer 5xx. */
    return put_refusal(reply, "450 4.7.1", verdict->reason);
}

size_t realip_policy_reply_malformed(char reply[REALIP_POLICY_REPLY_SIZE])
{
    return put(reply, "action=450 4.3.0 realip: this request was not understood\n\n");
}
