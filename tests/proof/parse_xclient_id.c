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
