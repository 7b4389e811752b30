/* export_text - a deployed file read whole, and taken apart into lines and words. */
#ifndef REALIP_CLI_EXPORT_TEXT_H
#define REALIP_CLI_EXPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "ranges.h"

struct realip_export_text {
    const char *path; /* for messages; "standard input" */
    char *bytes;      /* with a NUL behind; no NUL within */
    size_t length;
};

/* Reads a file ("-": standard input) of at most 256 MiB. 0 and *text_r (to be cleared); or -1 with errno. */
int realip_export_text_read(const char *path, struct realip_export_text *text_r);
void realip_export_text_clear(struct realip_export_text *text);

/* A piece of a text, without its end. */
struct realip_export_piece {
    const char *at;
    size_t length;
    unsigned line; /* from 1 */
};

/* The next line, without its newline, carriage return and white space around it; empty lines too. A zeroed piece begins. False at
 * the end. */
bool realip_export_text_line(const struct realip_export_text *text, struct realip_export_piece *line);

/* The next word of a line; words are parted by any of `separators`. A zeroed word begins. */
bool realip_export_piece_word(const struct realip_export_piece *line, const char *separators, struct realip_export_piece *word);

/* The piece without white space at both ends. */
struct realip_export_piece realip_export_piece_trim(struct realip_export_piece piece);

bool realip_export_piece_is(const struct realip_export_piece *piece, const char *word);
bool realip_export_piece_begins(const struct realip_export_piece *piece, const char *word);

/* Where a line is "KEY = VALUE" with this key: the value. */
bool realip_export_piece_value(const struct realip_export_piece *line, const char *key, struct realip_export_piece *value_r);

/* Adds "NETWORK" or "ADDRESS", in brackets where `brackets` allows it. Bits behind the prefix don't count, as in the programs that
 * read these. 0; or -1: it is none. */
int realip_export_piece_network(const struct realip_export_piece *word, bool brackets, struct realip_network *network_r);

#endif
