#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

static bool has_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_set(names[i]))
            return strcasestr(getenv(names[i]), "utf-8") != NULL || strcasestr(getenv(names[i]), "utf8") != NULL;
    }
    return false;
}

struct realip_terminal realip_terminal_of(FILE *stream)
{
    const char *kind = getenv("TERM");
    struct winsize size = { 0 };
    int fd = fileno(stream);
    bool is_terminal = fd >= 0 && isatty(fd) == 1;
    bool known = is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;

    return (struct realip_terminal){
        .is_terminal = is_terminal,
        .colour = is_terminal && !is_set("NO_COLOR") && kind != NULL && strcmp(kind, "dumb") != 0,
        .unicode = has_unicode(),
        .columns = known ? size.ws_col : 80,
    };
}

const char *realip_terminal_style(const struct realip_terminal *terminal, enum realip_style style)
{
    if (!terminal->colour)
        return "";
    switch (style) {
    case REALIP_STYLE_NONE:
        return "\033[0m";
    case REALIP_STYLE_STRONG:
        return "\033[1m";
    case REALIP_STYLE_FAINT:
        return "\033[2m";
    case REALIP_STYLE_BAD:
        return "\033[1;31m";
    case REALIP_STYLE_WARN:
        return "\033[33m";
    case REALIP_STYLE_GOOD:
        return "\033[32m";
    }
    return "";
}
