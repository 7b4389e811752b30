#include "audit_progress.h"

#include <stdio.h>
#include <time.h>

#define BAR_WIDTH 30U

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void realip_audit_progress_start(struct realip_audit_progress *progress, uint64_t total)
{
    *progress = (struct realip_audit_progress){ .terminal = realip_terminal_of(stderr), .total = total, .begun = seconds() };
}

static void show_bar(const struct realip_audit_progress *progress, uint64_t position, uint64_t lines, double now)
{
    double part = (double)position / (double)progress->total;
    unsigned filled = part >= 1 ? BAR_WIDTH : (unsigned)(part * BAR_WIDTH);
    double left = part > 0 ? (now - progress->begun) * (1 - part) / part : 0;

    fputs("\r  ", stderr);
    for (unsigned i = 0; i < BAR_WIDTH; i++)
        fputs(progress->terminal.unicode ? (i < filled ? "█" : "░") : (i < filled ? "#" : "."), stderr);
    fprintf(stderr, " %3.0f %%  %llu lines", part > 1 ? 100 : part * 100, (unsigned long long)lines);
    if (part > 0)
        fprintf(stderr, "  %.0f s left", left > 0 ? left : 0);
    fputs(" \033[K", stderr);
}

void realip_audit_progress_show(struct realip_audit_progress *progress, uint64_t position, uint64_t lines)
{
    double now = seconds();

    if (!progress->terminal.is_terminal || now - progress->begun < 0.5 || now - progress->shown < 0.1)
        return;
    progress->shown = now;
    if (progress->total > 0)
        show_bar(progress, position, lines, now);
    else
        fprintf(stderr, "\r  %llu lines \033[K", (unsigned long long)lines);
    fflush(stderr);
}

void realip_audit_progress_end(struct realip_audit_progress *progress)
{
    if (progress->shown > 0)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}
