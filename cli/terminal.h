/* terminal - what standard output can show: colours and columns only where a person looks. */
#ifndef REALIP_CLI_TERMINAL_H
#define REALIP_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

enum realip_style {
    REALIP_STYLE_NONE, /* ends the others */
    REALIP_STYLE_STRONG,
    REALIP_STYLE_FAINT,
    REALIP_STYLE_BAD,
    REALIP_STYLE_WARN,
    REALIP_STYLE_GOOD,
};

struct realip_terminal {
    bool is_terminal;
    bool colour;      /* a terminal, NO_COLOR is not set (https://no-color.org: or empty), and TERM is not dumb */
    bool unicode;     /* the locale's characters are UTF-8 (by LC_ALL, LC_CTYPE, LANG, the first that is set) */
    unsigned columns; /* its width; 80 where it is not known */
};

/* Looks at a stream and the environment. Always succeeds: what can't be known is false, or 80. */
struct realip_terminal realip_terminal_of(FILE *stream);

/* The bytes that begin a style; "" where there are no colours. A constant, never NULL. */
const char *realip_terminal_style(const struct realip_terminal *terminal, enum realip_style style);

#endif
