/* usage - what all subcommands do alike about their arguments: one line on standard error that names the wrong word and
 * says what to type. */
#ifndef REALIP_CLI_USAGE_H
#define REALIP_CLI_USAGE_H

#include <getopt.h>
#include <stddef.h>

/* The next option, as getopt_long(3) has it: its val, or -1 at the end (optind is then the first word that is none; words
 * between options are moved behind them). -h is 'h'. What is wrong (no such option, a value that is missing or not wanted)
 * has been told and is '?'. The caller sets optind to 1 before the first call. */
int realip_usage_option(const char *subcommand, int argc, char **argv, const struct option *options);

/* Tells that `word` is none of `count` words, and which one was likely meant, else all of them. `what` says what such a word
 * is ("form", "subcommand"); `subcommand` may be NULL. Returns the exit status for wrong arguments. */
int realip_usage_unknown(const char *subcommand, const char *what, const char *word, const char *const *words, size_t count);

/* Tells "realipctl SUBCOMMAND: TEXT; realipctl SUBCOMMAND --help shows how". Returns the exit status for wrong arguments. */
int realip_usage_wrong(const char *subcommand, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The word that was likely meant: the only one that begins so; or two slips at most, and fewer than half of its letters.
 * NULL: none. */
const char *realip_usage_nearest(const char *word, const char *const *words, size_t count);

#endif
