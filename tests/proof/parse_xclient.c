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

/* ---- a whole line: each step in the place of what it calls ---------------------------------------------------------- */

enum realip_xclient_reason any_reason(void);
int any_xtext_decode(char *text, size_t *length);
bool any_has_only_good_characters(const struct span *value, enum realip_xclient_verb verb);
enum realip_xclient_state any_state_of(const struct span *value);
enum realip_xclient_reason any_read_meaning(struct realip_xclient *command, enum realip_xclient_attribute attribute,
                                            const struct span *value);
enum realip_xclient_reason any_read_value(struct realip_xclient *command, enum realip_xclient_attribute attribute, struct span value);
enum realip_xclient_reason any_read_attribute(struct realip_xclient *command, struct span word);

enum realip_xclient_reason any_reason(void)
{
    return (enum realip_xclient_reason)(nondet_unsigned() % REALIP_XCLIENT_REASON_COUNT);
}

int any_xtext_decode(char *text, size_t *length)
{
    size_t left = nondet_size();

    PROVE(*length == 0 || WRITABLE(text, *length), "xtext is decoded where it stands");
    if (nondet_bool())
        return -1;
    ASSUME(left <= *length && (*length == 0 || left > 0));
    *length = left;
    return 0;
}

bool any_has_only_good_characters(const struct span *value, enum realip_xclient_verb verb)
{
    (void)verb;
    PROVE(value->length == 0 || READABLE(value->text, value->length), "a value is looked at where it stands");
    return nondet_bool();
}

enum realip_xclient_state any_state_of(const struct span *value)
{
    PROVE(value->length == 0 || READABLE(value->text, value->length), "a value is compared where it stands");
    return nondet_bool() ? REALIP_XCLIENT_GIVEN : nondet_bool() ? REALIP_XCLIENT_UNAVAILABLE : REALIP_XCLIENT_TEMPORARY;
}

enum realip_xclient_reason any_read_meaning(struct realip_xclient *command, enum realip_xclient_attribute attribute,
                                            const struct span *value)
{
    PROVE(WRITABLE(command, sizeof(*command)) && attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT, "a meaning has its place");
    PROVE(value->length == 0 || READABLE(value->text, value->length), "a value is read where it stands");
    return any_reason();
}

enum realip_xclient_reason any_read_value(struct realip_xclient *command, enum realip_xclient_attribute attribute, struct span value)
{
    PROVE(WRITABLE(command, sizeof(*command)) && attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT, "a value has its place");
    PROVE(value.length > 0 && WRITABLE(value.text, value.length), "a value is there");
    return any_reason();
}

static unsigned watched; /* the attribute that is looked at: any, but one */

enum realip_xclient_reason any_read_attribute(struct realip_xclient *command, struct span word)
{
    size_t start = nondet_size();
    size_t length = nondet_size();

    PROVE(word.length == 0 || WRITABLE(word.text, word.length), "a word is there");
    if (word.length > 0 && nondet_bool()) {
        ASSUME(start <= word.length && length <= word.length - start);
        command->values[watched].text = word.text + start;
        command->values[watched].length = length;
    }
    return any_reason();
}

/* Before its first value. */
static struct realip_xclient any_command(void)
{
    return (struct realip_xclient){ .verb = nondet_bool() ? REALIP_XCLIENT_XCLIENT : REALIP_XCLIENT_XFORWARD };
}

void prove_meaning(void)
{
    struct realip_xclient command = any_command();
    unsigned attribute = nondet_unsigned();
    struct span value;

    value.text = any_text(SIZE, &value.length);
    ASSUME(attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT && value.length > 0);
    watched = nondet_unsigned();
    ASSUME(watched < REALIP_XCLIENT_ATTRIBUTE_COUNT);
    PROVE(read_meaning(&command, (enum realip_xclient_attribute)attribute, &value) < REALIP_XCLIENT_REASON_COUNT, "an answer");
    PROVE(command.values[watched].text == NULL && command.values[watched].length == 0, "no value is touched");
    PROVE(state_of(&value) != REALIP_XCLIENT_ABSENT, "what is there has a state");
}

void prove_value(void)
{
    struct realip_xclient command = any_command();
    unsigned attribute = nondet_unsigned();
    struct span value;

    value.text = any_text(SIZE, &value.length);
    ASSUME(attribute < REALIP_XCLIENT_ATTRIBUTE_COUNT && value.length > 0);
    watched = nondet_unsigned();
    ASSUME(watched < REALIP_XCLIENT_ATTRIBUTE_COUNT && watched != attribute);
    command.values[attribute].state = nondet_bool() ? REALIP_XCLIENT_ABSENT : REALIP_XCLIENT_GIVEN;
    (void)read_value(&command, (enum realip_xclient_attribute)attribute, value);
    PROVE(command.values[watched].text == NULL && command.values[watched].length == 0, "no other value is touched");
    PROVE(command.values[attribute].text == NULL
              || lies_in(command.values[attribute].text, command.values[attribute].length, value.text, value.length),
          "what is kept lies in the value");
}

void prove_attribute(void)
{
    struct realip_xclient command = any_command();
    struct span word;

    word.text = any_text(SIZE, &word.length);
    PROVE(read_attribute(&command, word) < REALIP_XCLIENT_REASON_COUNT, "an answer");
}

void prove_line(void)
{
    size_t length;
    char *line = any_text(SIZE, &length);
    struct realip_xclient command;
    enum realip_xclient_reason reason;

    watched = nondet_unsigned();
    ASSUME(watched < REALIP_XCLIENT_ATTRIBUTE_COUNT);
    if (realip_xclient_parse(line, length, &command, &reason) < 0) {
        PROVE(reason != REALIP_XCLIENT_REASON_NONE && command.values[watched].text == NULL, "what is no command tells nothing");
        return;
    }
    PROVE(command.values[watched].text == NULL
              || lies_in(command.values[watched].text, command.values[watched].length, line, length),
          "values lie in the line");
}
