/* Fuzzer: a policy request as smtpd, or a stranger on a TCP socket, could send it; whole, and in two parts. */
#include <stdlib.h>
#include <string.h>

#include "policyd/policy_protocol.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Each value must be a text inside the part of the buffer that was used. */
static void check_values(const struct realip_policy_request *request, const char *buffer, size_t used)
{
#define CHECK_FIELD(field, attribute)                                                                     \
    if (request->field != NULL                                                                            \
        && (request->field < buffer || request->field + strlen(request->field) >= buffer + used))         \
        abort();
    REALIP_POLICY_ATTRIBUTE_TABLE(CHECK_FIELD)
#undef CHECK_FIELD
}

static enum realip_policy_parse parse(const unsigned char *data, size_t size)
{
    char *buffer = malloc(size + 1); /* on the heap, where the sanitizer sees a step outside; malloc(0) may be NULL */
    struct realip_policy_request request;
    const char *reason = NULL;
    size_t used = 0;

    if (buffer == NULL)
        abort();
    if (size > 0)
        memcpy(buffer, data, size);
    buffer = realloc(buffer, size > 0 ? size : 1);
    enum realip_policy_parse result = realip_policy_request_parse(buffer, size, &request, &used, &reason);
    if (result == REALIP_POLICY_DONE) {
        if (used == 0 || used > size)
            abort();
        check_values(&request, buffer, used);
    }
    if (result == REALIP_POLICY_MALFORMED && (reason == NULL || reason[0] == '\0'))
        abort();
    if (result == REALIP_POLICY_NEED_MORE && size > 0 && memcmp(buffer, data, size) != 0)
        abort();
    free(buffer);
    return result;
}

/* A reply never has an empty value: Postfix would let the mail in. */
static void check_reply(unsigned char action, unsigned char reason)
{
    struct realip_verdict verdict = { .action = (enum realip_action)(action % (REALIP_ACTION_COUNT + 1)),
                                      .reason = (enum realip_reason)(reason % (REALIP_REASON_COUNT + 1)) };
    char reply[REALIP_POLICY_REPLY_SIZE];
    size_t length = action == 255 ? realip_policy_reply_malformed(reply) : realip_policy_reply_format(&verdict, reply);

    if (length < 10 || length >= sizeof(reply) || strlen(reply) != length || memcmp(reply, "action=", 7) != 0
        || reply[7] <= ' ' || strcmp(reply + length - 2, "\n\n") != 0 || strchr(reply, '\n') != reply + length - 2)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    enum realip_policy_parse whole = parse(data, size);
    enum realip_policy_parse part = parse(data, size / 2);

    /* What a part decided the whole can't decide otherwise. */
    if (part != REALIP_POLICY_NEED_MORE && part != whole)
        abort();
    if (size >= 2)
        check_reply(data[size - 1], data[size - 2]);
    return 0;
}
