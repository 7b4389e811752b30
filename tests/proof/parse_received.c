/* Proof: one word or comment of a Received header. The source is included for its inner functions. */
#include "core/received.c"
#include "proof.h"

void prove_piece(void)
{
    size_t length;
    const char *text = any_text(SIZE, &length);
    struct scanner scanner = { text, text + length };
    struct piece piece;
    enum piece_kind kind = next_piece(&scanner, &piece);

    PROVE(scanner.end == text + length && scanner.at >= text && scanner.at <= scanner.end, "the scanner stays in the text");
    PROVE(kind <= PIECE_BROKEN, "a piece is of a kind");
    if (kind == PIECE_END)
        PROVE(scanner.at == scanner.end || *scanner.at == ';', "the end is the text's or a semicolon");
    if (kind == PIECE_WORD)
        PROVE(piece.length > 0 && piece.at >= text && piece.at + piece.length == scanner.at, "a word ends where it is read to");
    if (kind == PIECE_COMMENT)
        PROVE(piece.at > text && piece.at + piece.length + 1 == scanner.at, "a comment ends before its parenthesis");
}

/* ---- a whole header ------------------------------------------------------------------------------------------------- */

enum piece_kind any_next_piece(struct scanner *scanner, struct piece *piece_r);
bool any_begins(struct piece piece, const char *text);

enum piece_kind any_next_piece(struct scanner *scanner, struct piece *piece_r)
{
    size_t left = (size_t)(scanner->end - scanner->at);
    size_t used = nondet_size();
    size_t length = nondet_size();

    PROVE(left == 0 || READABLE(scanner->at, left), "a piece is read where text is left");
    ASSUME(used <= left);
    piece_r->at = scanner->at;
    piece_r->length = 0;
    scanner->at += used;
    if (nondet_bool()) {
        ASSUME(length > 0 && length <= used);
        *piece_r = (struct piece){ scanner->at - length, length };
        return PIECE_WORD;
    }
    if (nondet_bool()) {
        ASSUME(used >= 2 && length <= used - 2);
        *piece_r = (struct piece){ scanner->at - 1 - length, length };
        return PIECE_COMMENT;
    }
    if (nondet_bool())
        return PIECE_BROKEN;
    ASSUME(scanner->at == scanner->end || *scanner->at == ';');
    return PIECE_END;
}

bool any_begins(struct piece piece, const char *text)
{
    PROVE(piece.length == 0 || READABLE(piece.at, piece.length), "a piece is compared where it stands");
    return piece.length >= strlen(text) && nondet_bool();
}

void prove_begins(void)
{
    static const char *const words[] = { "by", "ipv6:", "invoked from network" };
    struct piece piece;
    unsigned word = nondet_unsigned();

    piece.at = any_text(SIZE, &piece.length);
    ASSUME(word < sizeof(words) / sizeof(words[0]));
    PROVE(!begins(piece, words[word]) || piece.length >= strlen(words[word]), "what begins with a word is as long");
}

void prove_received(void)
{
    size_t length;
    const char *text = any_text(SIZE, &length);
    struct realip_received received;
    const char *reason = NULL;
    int result = realip_received_parse(text, length, &received, &reason);

    PROVE(result == 0 || (received.kind == REALIP_RECEIVED_UNDECIDED && reason != NULL), "what can't be believed tells nothing");
    PROVE(result != 0 || received.kind != REALIP_RECEIVED_CLIENT || received.client.family != REALIP_FAMILY_NONE,
          "who saw a client saw an address");
}
