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
