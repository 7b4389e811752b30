/* program - runs another program for what it prints: no shell, bounded in time and in size. */
#ifndef REALIP_DOCTOR_PROGRAM_H
#define REALIP_DOCTOR_PROGRAM_H

#include "text.h"

/* What it printed, and how it ended. */
struct realip_program_output {
    const char *out;
    const char *err;
    int status; /* its exit status, or 128 and the signal's number */
};

/* Finds a program: a name with a slash is itself; else the first that may be run in the folders of PATH that are
 * absolute, then in the sbin ones, which an ordinary user's PATH often lacks. NULL: there is none. */
const char *realip_program_find(struct realip_arena *arena, const char *name);

/* Runs argv[0] (a path; argv ends with NULL) for at most `seconds`, reading at most 16 MiB; what it started in its
 * process group ends with it. 0 and *output_r; or -1 and *reason_r, a text in the arena: it can't be started, took too
 * long, printed too much. */
int realip_program_run(struct realip_arena *arena, const char *const *argv, unsigned seconds,
                       struct realip_program_output *output_r, const char **reason_r);

#endif
