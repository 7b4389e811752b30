#include "received.h"

#include <string.h>

#define MAX_DEPTH 16 /* of comments in comments */

/* A piece of the header: a word, a comment without its parentheses, or an address in brackets. */
struct piece {
    const char *at;
    size_t length;
};

enum piece_kind { PIECE_END, PIECE_WORD, PIECE_COMMENT, PIECE_BROKEN };

struct scanner {
    const char *at;
    const char *end;
};

static const char too_long[] = "longer than a Received header can be";
static const char malformed[] = "not a Received header's form";
static const char unclear[] = "more than one address where the client's should be";
static const char no_address[] = "no address of the client";

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && is_space(*scanner->at))
        scanner->at++;
}

/* Behind the parenthesis that closes the comment which begins here, or NULL (RFC 5322 section 3.2.2). */
static const char *end_of_comment(const char *at, const char *end)
{
    unsigned depth = 0;

    for (; at < end; at++) {
        if (*at == '\\') {
            if (++at == end)
                return NULL;
        } else if (*at == '(') {
            if (++depth > MAX_DEPTH)
                return NULL;
        } else if (*at == ')' && --depth == 0) {
            return at + 1;
        }
    }
    return NULL;
}

/* The next word or comment of the header itself. The date behind the semicolon is not read. */
static enum piece_kind next_piece(struct scanner *scanner, struct piece *piece_r)
{
    skip_space(scanner);
    piece_r->at = scanner->at;
    piece_r->length = 0;
    if (scanner->at == scanner->end || *scanner->at == ';')
        return PIECE_END;
    if (*scanner->at == '(') {
        const char *end = end_of_comment(scanner->at, scanner->end);

        if (end == NULL)
            return PIECE_BROKEN;
        piece_r->at++;
        piece_r->length = (size_t)(end - piece_r->at) - 1;
        scanner->at = end;
        return PIECE_COMMENT;
    }
    while (scanner->at < scanner->end && !is_space(*scanner->at) && *scanner->at != ';')
        scanner->at++;
    piece_r->length = (size_t)(scanner->at - piece_r->at);
    return PIECE_WORD;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* `text` is in lower case. */
static bool begins(struct piece piece, const char *text)
{
    size_t length = strlen(text);

    if (piece.length < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (lower(piece.at[i]) != text[i])
            return false;
    }
    return true;
}

static bool is_word(struct piece piece, const char *text)
{
    return piece.length == strlen(text) && begins(piece, text);
}

static int read_address(struct piece text, struct realip_address *address_r)
{
    const char *reason;

    if (begins(text, "ipv6:")) {
        text.at += 5;
        text.length -= 5;
    }
    return realip_address_parse(text.at, text.length, address_r, &reason);
}

/* "]" alone may follow, or Exim's "]:port". */
static bool is_closed(const char *at, const char *end)
{
    if (at == end || *at != ']')
        return false;
    if (++at == end)
        return true;
    if (*at++ != ':' || at == end || end - at > 5)
        return false;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at == end;
}

/* Is the word an address in brackets? What stands in them may still be none, such as "unknown". */
static bool read_brackets(struct piece word, struct piece *inside_r)
{
    const char *end = word.at + word.length;
    const char *close;

    if (word.length < 2 || word.at[0] != '[')
        return false;
    close = memchr(word.at, ']', word.length);
    if (close == NULL || !is_closed(close, end))
        return false;
    inside_r->at = word.at + 1;
    inside_r->length = (size_t)(close - word.at) - 1;
    return true;
}

static int take(const struct piece *text, struct realip_received *received, const char **reason_r)
{
    if (is_word(*text, "local")) { /* OpenSMTPD: sent by a program on its host */
        received->kind = REALIP_RECEIVED_BEGAN;
        return 0;
    }
    if (read_address(*text, &received->client) < 0) {
        *reason_r = no_address;
        return -1;
    }
    received->kind = REALIP_RECEIVED_CLIENT;
    return 0;
}

/* What a comment of the from clause holds. */
struct comment {
    struct piece bracketed; /* the last word in brackets */
    struct piece word;      /* the last word */
    unsigned brackets;
    unsigned words;
};

/* Comments inside it, as Sendmail's "(may be forged)", hold no address. */
static int read_comment(struct piece text, struct comment *comment_r)
{
    struct scanner scanner = { text.at, text.at + text.length };
    struct piece piece;

    *comment_r = (struct comment){ .words = 0 };
    while (scanner.at < scanner.end) {
        switch (next_piece(&scanner, &piece)) {
        case PIECE_WORD:
            comment_r->words++;
            comment_r->word = piece;
            if (piece.at[0] == '[') {
                comment_r->brackets++;
                comment_r->bracketed = piece;
            }
            break;
        case PIECE_END:
            if (scanner.at < scanner.end)
                scanner.at++; /* a semicolon is nothing special here */
            break;
        case PIECE_COMMENT:
            break;
        case PIECE_BROKEN:
            return -1;
        }
    }
    return 0;
}

/* Exim says by which key it tells what; the address stands in front of the comment then. */
static bool has_exim_keys(struct piece comment)
{
    return begins(comment, "helo=") || begins(comment, "ident=") || begins(comment, "port=");
}

/* qmail's "ident@address", and Exchange's bare one. */
static int take_bare(struct piece word, struct realip_received *received, const char **reason_r)
{
    for (size_t i = word.length; i > 0; i--) {
        if (word.at[i - 1] == '@') {
            word.at += i;
            word.length -= i;
            break;
        }
    }
    return take(&word, received, reason_r);
}

static int take_comment(struct piece name, struct piece text, struct realip_received *received, const char **reason_r)
{
    struct comment comment;
    struct piece inside;

    if (read_comment(text, &comment) < 0) {
        *reason_r = malformed;
        return -1;
    }
    if (has_exim_keys(text)) {
        if (comment.brackets == 0 && read_brackets(name, &inside))
            return take(&inside, received, reason_r);
        *reason_r = comment.brackets == 0 ? no_address : unclear;
        return -1;
    }
    if (comment.brackets > 1) {
        *reason_r = unclear;
        return -1;
    }
    if (comment.brackets == 1 && read_brackets(comment.bracketed, &inside))
        return take(&inside, received, reason_r);
    if (comment.brackets == 0 && comment.words == 1)
        return take_bare(comment.word, received, reason_r);
    *reason_r = no_address;
    return -1;
}

/* Behind "by": nothing may begin a second story. Was it Exim that wrote this? */
static int read_rest(struct scanner *scanner, bool *exim_r)
{
    struct piece piece;

    *exim_r = false;
    for (;;) {
        switch (next_piece(scanner, &piece)) {
        case PIECE_END:
            return 0;
        case PIECE_COMMENT:
            *exim_r = *exim_r || begins(piece, "exim ");
            break;
        case PIECE_WORD:
            if (is_word(piece, "by") || is_word(piece, "from"))
                return -1;
            break;
        case PIECE_BROKEN:
            return -1;
        }
    }
}

struct clause {
    struct piece name;     /* what the client called itself, or Exim's word for the client */
    struct piece comment;  /* the one that tells the address; at NULL: none does */
    bool exim;
};

/* From behind "from" to the end of the header. */
static int read_clause(struct scanner *scanner, struct clause *clause_r)
{
    struct piece piece;
    enum piece_kind kind;
    unsigned comments = 0;

    *clause_r = (struct clause){ .exim = false };
    if (next_piece(scanner, &clause_r->name) != PIECE_WORD)
        return -1;
    while ((kind = next_piece(scanner, &piece)) == PIECE_COMMENT) {
        bool qmail_name = begins(piece, "helo ") || begins(piece, "ehlo ");

        /* Later comments tell of encryption and logins, and may hold a user's own words. */
        if (clause_r->comment.at == NULL && !(qmail_name && comments == 0) && (comments == 0 || comments == 1))
            clause_r->comment = piece;
        comments++;
    }
    if (kind != PIECE_WORD || !is_word(piece, "by"))
        return -1;
    return read_rest(scanner, &clause_r->exim);
}

static int read_from(struct scanner *scanner, struct realip_received *received, const char **reason_r)
{
    struct clause clause;
    struct piece inside;

    if (read_clause(scanner, &clause) < 0) {
        *reason_r = malformed;
        return -1;
    }
    if (clause.comment.at != NULL)
        return take_comment(clause.name, clause.comment, received, reason_r);
    if (clause.exim && read_brackets(clause.name, &inside))
        return take(&inside, received, reason_r);
    *reason_r = no_address;
    return -1;
}

static bool has_suffix(struct piece piece, const char *text)
{
    size_t length = strlen(text);

    if (piece.length < length)
        return false;
    piece.at += piece.length - length;
    piece.length = length;
    return is_word(piece, text);
}

/* A header that begins with a comment: qmail's "(qmail 4711 invoked from network)" above the one that tells, and its and
 * Sendmail's "(from user@host)" for what a user of the host sent. */
static int read_opening(struct piece comment, struct scanner *scanner, struct realip_received *received)
{
    struct piece piece;
    enum piece_kind kind = next_piece(scanner, &piece);

    if (begins(comment, "qmail ") && kind == PIECE_END) {
        received->kind = has_suffix(comment, "invoked from network") ? REALIP_RECEIVED_CONTINUED : REALIP_RECEIVED_BEGAN;
        return 0;
    }
    received->kind = REALIP_RECEIVED_BEGAN;
    return begins(comment, "from ") && kind == PIECE_WORD && is_word(piece, "by") ? 0 : -1;
}

static int read_header(struct scanner *scanner, struct realip_received *received, const char **reason_r)
{
    struct piece piece;
    enum piece_kind kind = next_piece(scanner, &piece);
    bool exim;

    *reason_r = malformed;
    if (kind == PIECE_COMMENT)
        return read_opening(piece, scanner, received);
    if (kind == PIECE_WORD && is_word(piece, "from"))
        return read_from(scanner, received, reason_r);
    if (kind != PIECE_WORD || !is_word(piece, "by") || read_rest(scanner, &exim) < 0)
        return -1;
    received->kind = REALIP_RECEIVED_BEGAN;
    return 0;
}

int realip_received_parse(const char *value, size_t length, struct realip_received *received_r, const char **reason_r)
{
    struct scanner scanner = { value, value + length };
    int result = -1;

    *received_r = (struct realip_received){ .kind = REALIP_RECEIVED_UNDECIDED };
    if (length > REALIP_RECEIVED_MAX)
        *reason_r = too_long;
    else if (memchr(value, '\0', length) != NULL)
        *reason_r = malformed;
    else
        result = read_header(&scanner, received_r, reason_r);
    if (result < 0)
        *received_r = (struct realip_received){ .kind = REALIP_RECEIVED_UNDECIDED };
    return result;
}
