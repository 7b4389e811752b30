/* audit_progress - a bar on standard error while a long log is read, where that is a terminal. */
#ifndef REALIP_AUDIT_PROGRESS_H
#define REALIP_AUDIT_PROGRESS_H

#include "terminal.h"

#include <stdint.h>

struct realip_audit_progress {
    struct realip_terminal terminal;
    uint64_t total;  /* bytes; 0: not known, lines are shown */
    double begun;
    double shown;    /* when last; 0: never */
};

void realip_audit_progress_start(struct realip_audit_progress *progress, uint64_t total);

/* Shows how far it is; nothing in the first half second, then ten times a second at most. */
void realip_audit_progress_show(struct realip_audit_progress *progress, uint64_t position, uint64_t lines);

/* Removes the bar. */
void realip_audit_progress_end(struct realip_audit_progress *progress);

#endif
