/* Proof: one string of IMAP's ID, quoted, a literal or NIL. The source is included for its inner functions. */
#include "core/xclient_id.c"
#include "proof.h"

void prove_id_string(void)
{
    size_t length;
    char *text = any_text(SIZE, &length);
    struct reader reader = { text, text + length };
    struct string string;
    int result = read_string(&reader, &string);

    PROVE(reader.end == text + length && reader.at >= text && reader.at <= reader.end, "the reader stays in the text");
    if (result < 0)
        return;
    size_t used = (size_t)(reader.at - text);
    PROVE(used >= 2, "a string takes two letters or more");
    if (string.text == NULL) {
        PROVE(string.length == 0 && used >= 3, "NIL has three");
        return;
    }
    PROVE(lies_in(string.text, string.length, text, used), "a string lies in what was read");
    PROVE(string.text > text && used - string.length >= 2, "behind its quote or brace");
}

/* ---- a whole list --------------------------------------------------------------------------------------------------- */

int any_read_string(struct reader *reader, struct string *string_r);
enum realip_xclient_id_reason any_keep(struct realip_xclient_id *id, const struct string *key, const struct string *value);

int any_read_string(struct reader *reader, struct string *string_r)
{
    size_t left = (size_t)(reader->end - reader->at);
    size_t used = nondet_size();
    size_t start = nondet_size();
    size_t length = nondet_size();

    PROVE(left == 0 || WRITABLE(reader->at, left), "a string is read where text is left");
    ASSUME(used <= left);
    *string_r = (struct string){ NULL, 0 };
    if (used < 2 || nondet_bool()) {
        reader->at += used;
        return -1;
    }
    if (used < 3 || nondet_bool()) {
        ASSUME(start > 0 && start <= used && length <= used - start && length <= used - 2);
        *string_r = (struct string){ reader->at + start, length };
    }
    reader->at += used;
    return 0;
}

enum realip_xclient_id_reason any_keep(struct realip_xclient_id *id, const struct string *key, const struct string *value)
{
    PROVE(key->text != NULL && (key->length == 0 || READABLE(key->text, key->length)), "a key is there");
    PROVE(value->length == 0 || READABLE(value->text, value->length), "a value is there, or none");
    id->pairs++;
    if (nondet_bool()) {
        id->session = value->text;
        id->session_length = value->length;
    }
    return (enum realip_xclient_id_reason)(nondet_unsigned() % REALIP_XCLIENT_ID_REASON_COUNT);
}

void prove_id_pair(void)
{
    struct realip_xclient_id id = { 0 };
    struct string key;
    struct string value = { NULL, 0 };

    key.text = any_text(SIZE, &key.length);
    if (nondet_bool())
        value.text = any_text(SIZE, &value.length);
    id.fields = nondet_unsigned();
    id.pairs = nondet_unsigned() % (REALIP_XCLIENT_ID_MAX_PAIRS + 1);
    unsigned before = id.pairs;
    PROVE(keep(&id, &key, &value) < REALIP_XCLIENT_ID_REASON_COUNT, "an answer");
    PROVE(id.pairs == before + 1, "a pair is counted");
    PROVE(id.session == NULL || (id.session == value.text && id.session_length == value.length), "a session's name is the value");
}

void prove_id_list(void)
{
    size_t length;
    char *text = any_text(SIZE, &length);
    struct realip_xclient_id id;
    enum realip_xclient_id_reason reason;

    if (realip_xclient_id_parse(text, length, &id, &reason) < 0) {
        PROVE(reason != REALIP_XCLIENT_ID_REASON_NONE && id.session == NULL, "what is no list tells nothing");
        return;
    }
    PROVE(id.session == NULL || lies_in(id.session, id.session_length, text, length), "the session's name lies in the text");
}
