#include "usage.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/near_word.h"
#include "subcommand.h"

#define MOST_OPTIONS 64

static const char *only_one_that_begins(const char *word, const char *const *words, size_t count)
{
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (word[0] == '\0' || strncmp(words[i], word, strlen(word)) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = words[i];
    }
    return found;
}

const char *realip_usage_nearest(const char *word, const char *const *words, size_t count)
{
    const char *found = only_one_that_begins(word, words, count);
    size_t least = 3;

    for (size_t i = 0; i < count && (found == NULL || least < 3); i++) {
        size_t slips = realip_near_word_distance(word, words[i]);

        if (slips < least && slips * 2 < strlen(words[i])) {
            least = slips;
            found = words[i];
        }
    }
    return found;
}

/* "realipctl", or "realipctl SUBCOMMAND". */
static void print_name(const char *subcommand)
{
    fprintf(stderr, "realipctl%s%s", subcommand != NULL ? " " : "", subcommand != NULL ? subcommand : "");
}

/* A word of the command line as it was typed, but for what a terminal would obey; cut where it is long. */
static void print_word(const char *before, const char *word, const char *behind)
{
    size_t length = strlen(word);

    fprintf(stderr, "%s'", before);
    for (size_t i = 0; i < length && i < 60; i++)
        fputc((unsigned char)word[i] < ' ' || word[i] == 0x7f ? '?' : word[i], stderr);
    fprintf(stderr, "%s'%s", length > 60 ? "..." : "", behind);
}

static void print_help_hint(const char *subcommand)
{
    fputs("; ", stderr);
    print_name(subcommand);
    fputs(" --help shows how\n", stderr);
}

int realip_usage_wrong(const char *subcommand, const char *format, ...)
{
    va_list arguments;

    print_name(subcommand);
    fputs(": ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    print_help_hint(subcommand);
    return REALIP_EXIT_USAGE;
}

int realip_usage_unknown(const char *subcommand, const char *what, const char *word, const char *const *words, size_t count)
{
    const char *meant = realip_usage_nearest(word, words, count);

    print_name(subcommand);
    fprintf(stderr, ": there is no %s", what);
    print_word(" ", word, "; ");
    if (meant != NULL) {
        fputs("did you mean: ", stderr);
        print_name(subcommand);
        fprintf(stderr, " %s?\n", meant);
        return REALIP_EXIT_USAGE;
    }
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s%s", words[i], i + 2 < count ? ", " : i + 1 < count ? " or " : "");
    print_help_hint(subcommand);
    return REALIP_EXIT_USAGE;
}

static bool takes_no_value(const char *word, const struct option *options)
{
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;

    for (; equals != NULL && options->name != NULL; options++) {
        if (strlen(options->name) == (size_t)(equals - word) - 2 && strncmp(options->name, word + 2, strlen(options->name)) == 0)
            return options->has_arg == no_argument;
    }
    return false;
}

static int unknown_option(const char *subcommand, const char *word, const struct option *options)
{
    char names[MOST_OPTIONS][32];
    const char *words[MOST_OPTIONS];
    size_t count = 0;

    for (; options->name != NULL && count < MOST_OPTIONS; options++, count++) {
        snprintf(names[count], sizeof(names[count]), "--%s", options->name);
        words[count] = names[count];
    }
    const char *meant = strncmp(word, "--", 2) == 0 ? realip_usage_nearest(word, words, count) : NULL;
    print_name(subcommand);
    print_word(": there is no option ", word, "");
    if (meant == NULL)
        print_help_hint(subcommand);
    else
        fprintf(stderr, "; did you mean: %s?\n", meant);
    return '?';
}

int realip_usage_option(const char *subcommand, int argc, char **argv, const struct option *options)
{
    char letter[3] = "-";

    opterr = 0;
    int code = getopt_long(argc, argv, ":h", options, NULL);
    if (code == ':') {
        realip_usage_wrong(subcommand, "%s needs a value behind it", argv[optind - 1]);
        return '?';
    }
    if (code != '?')
        return code;
    /* optopt is 0 for a long name that is none. getopt_long() is still at the word in which a wrong letter is. */
    if (optopt != 0 && !takes_no_value(argv[optind - 1], options)) {
        letter[1] = (char)optopt;
        return unknown_option(subcommand, letter, options);
    }
    const char *word = argv[optind - 1];
    if (takes_no_value(word, options)) {
        realip_usage_wrong(subcommand, "%.60s: %.*s takes no value", word, (int)strcspn(word, "="), word);
        return '?';
    }
    return unknown_option(subcommand, word, options);
}
