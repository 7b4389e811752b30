/* text - memory and words for the doctor: everything that one run gathers lives in one arena and ends with it. */
#ifndef REALIP_DOCTOR_TEXT_H
#define REALIP_DOCTOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/arena.h"

#define REALIP_EXIT_NO_MEMORY 71 /* EX_OSERR of sysexits.h */

/* `count` zeroed things of `size` bytes. Never NULL: where memory is short the program says so and ends with 71. */
void *realip_text_alloc(struct realip_arena *arena, size_t count, size_t size);

/* Makes room for one more in an array that holds `count` of them: returns it, or a copy of twice the size. Never NULL.
 */
void *realip_text_grow(struct realip_arena *arena, void *items, size_t count, size_t size);

/* Copies; the second as printf(3). Never NULL. */
char *realip_text_copy(struct realip_arena *arena, const char *text, size_t length);
char *realip_text_format(struct realip_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct realip_words {
    const char **items;
    size_t count;
};

void realip_words_add(struct realip_arena *arena, struct realip_words *words, const char *word);

/* The words between any of `separators`. What stands in braces is one word, its outer braces kept (Postfix's and
 * postconf's "{ … }"). */
struct realip_words realip_text_words(struct realip_arena *arena, const char *text, const char *separators);

/* All words with `separator` between them; "" for none. */
const char *realip_words_join(struct realip_arena *arena, const struct realip_words *words, const char *separator);

/* Without the blanks around it. */
const char *realip_text_trim(struct realip_arena *arena, const char *text);

/* A word without its outer braces or quotes, and without the blanks around them. */
const char *realip_text_bare(struct realip_arena *arena, const char *word);

/* Is `text` one of `choices`, a list that ends with NULL? */
bool realip_text_is_among(const char *text, const char *const *choices);

/* yes, true, on, 1 in any case. */
bool realip_text_is_yes(const char *text);

/* A number of 1 to 65535, or 0. */
unsigned realip_text_port(const char *text);

/* Reads a plain file of at most 16 MiB. NULL and *reason_r: it can't be read, is larger, or is no text (holds a NUL).
 */
const char *realip_text_file(struct realip_arena *arena, const char *path, const char **reason_r);

/* Cuts the next line off *rest (no newline, no carriage return at its end); NULL at the end. */
const char *realip_text_line(struct realip_arena *arena, const char **rest);

#endif
