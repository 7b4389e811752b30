/* Fuzzer: XCLIENT and XFORWARD commands, their announcements, IMAP's ID, and the way back. */
#include <stdlib.h>
#include <string.h>

#include "core/xclient.h"
#include "core/xclient_id.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static char *copy_of(const unsigned char *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1); /* exactly so long: the sanitizer sees a step outside */

    require(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static void check_same(const struct realip_xclient *a, const struct realip_xclient *b)
{
    for (int i = 0; i < REALIP_XCLIENT_ATTRIBUTE_COUNT; i++)
        require(a->values[i].state == b->values[i].state);
    require(realip_address_equal(&a->client, &b->client) && realip_address_equal(&a->server, &b->server));
    require(a->client_port == b->client_port && a->server_port == b->server_port);
}

static void check_command(const unsigned char *data, size_t size)
{
    static char line[4 * REALIP_XCLIENT_MAX_LINE];
    char *copy = copy_of(data, size);
    struct realip_xclient command;
    struct realip_xclient again;
    enum realip_xclient_reason reason;
    size_t length;

    if (realip_xclient_parse(copy, size, &command, &reason) == 0) {
        for (int i = 0; i < REALIP_XCLIENT_ATTRIBUTE_COUNT; i++) {
            const struct realip_xclient_value *value = &command.values[i];

            require((value->text != NULL) == (value->state == REALIP_XCLIENT_GIVEN));
            require(value->text == NULL || (value->text >= copy && value->text + value->length <= copy + size));
        }
        require(realip_xclient_format(&command, line, size / 2, &length, &reason) < 0 || length <= size / 2);
        command.verb = (enum realip_xclient_verb)(3 - command.verb); /* the other command: it may lack an attribute */
        realip_xclient_format(&command, line, sizeof(line), &length, &reason);
        command.verb = (enum realip_xclient_verb)(3 - command.verb);
        require(realip_xclient_format(&command, line, sizeof(line), &length, &reason) == 0);
        /* Coded anew a line or a value can grow beyond what is read; nothing else may be wrong with it. */
        if (realip_xclient_parse(line, length, &again, &reason) == 0)
            check_same(&command, &again);
        else
            require(reason == REALIP_XCLIENT_REASON_TOO_LONG || reason == REALIP_XCLIENT_REASON_VALUE_TOO_LONG);
    } else {
        require(reason != REALIP_XCLIENT_REASON_NONE && command.verb == REALIP_XCLIENT_NONE);
        require(realip_xclient_format(&command, line, sizeof(line), &length, &reason) < 0);
        command.verb = REALIP_XCLIENT_XFORWARD;
        require(realip_xclient_format(&command, line, sizeof(line), &length, &reason) < 0);
    }
    free(copy);
}

static void check_announcement(const unsigned char *data, size_t size)
{
    enum realip_xclient_verb verb;
    unsigned attributes;
    bool others;
    int result = realip_xclient_announcement((const char *)data, size, &verb, &attributes, &others);

    require((result == 0) == (verb != REALIP_XCLIENT_NONE));
    require(attributes >> REALIP_XCLIENT_ATTRIBUTE_COUNT == 0 && (result == 0 || attributes == 0));
}

static void check_id(const unsigned char *data, size_t size)
{
    char *copy = copy_of(data, size);
    struct realip_xclient_id id;
    enum realip_xclient_id_reason reason;

    if (realip_xclient_id_parse(copy, size, &id, &reason) == 0) {
        require(id.pairs <= REALIP_XCLIENT_ID_MAX_PAIRS);
        require(id.session == NULL || (id.session >= copy && id.session + id.session_length <= copy + size));
        require(((id.fields & 1U << REALIP_XCLIENT_ID_ORIGINATING_IP) != 0) == (id.client.family != REALIP_FAMILY_NONE));
    } else {
        require(reason != REALIP_XCLIENT_ID_REASON_NONE && id.fields == 0);
    }
    free(copy);
}

static void check_words(unsigned char number)
{
    require(realip_xclient_attribute_word((enum realip_xclient_attribute)number) != NULL);
    require(realip_xclient_reason_token((enum realip_xclient_reason)number) != NULL);
    require(realip_xclient_reason_sentence((enum realip_xclient_reason)number) != NULL);
    require(realip_xclient_id_field_key((enum realip_xclient_id_field)number) != NULL);
    require(realip_xclient_id_reason_token((enum realip_xclient_id_reason)number) != NULL);
    require(realip_xclient_id_reason_sentence((enum realip_xclient_id_reason)number) != NULL);
}

static void check_xtext(const unsigned char *data, size_t size)
{
    char coded[3 * 64];
    size_t used = 0;

    if (size > 64)
        return;
    require(realip_xclient_xtext_encode((const char *)data, size, coded, sizeof(coded), &used) == 0);
    if (used > 0) {
        size_t less = 0;

        require(realip_xclient_xtext_encode((const char *)data, size, coded, used - 1, &less) < 0);
    }
    require(realip_xclient_xtext_decode(coded, &used) == 0 && used == size && (size == 0 || memcmp(coded, data, size) == 0));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    check_command(data, size);
    check_announcement(data, size);
    check_id(data, size);
    check_xtext(data, size);
    check_words(size > 0 ? data[size - 1] : 255);
    return 0;
}
