#include "paced_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "log.h"

void realip_paced_log(struct realip_paced_log *kind, int level, const char *format, ...)
{
    char text[REALIP_LOG_LINE_SIZE];
    struct timespec now;
    va_list args;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (kind->said_at != 0 && now.tv_sec - kind->said_at < REALIP_PACED_LOG_SECONDS) {
        kind->untold++;
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (kind->untold > 0)
        realip_log(level, "%s (and %llu times since the last line about it)", text, kind->untold);
    else
        realip_log(level, "%s; if it goes on, a line a minute tells how often", text);
    kind->said_at = now.tv_sec > 0 ? now.tv_sec : 1; /* 0 in the first second of a machine */
    kind->untold = 0;
}
