/* options - what `realipctl probe` is told on its command line. */
#ifndef REALIP_PROBE_OPTIONS_H
#define REALIP_PROBE_OPTIONS_H

#include "http_get.h"
#include "judge.h"
#include "session.h"

struct realip_probe_options {
    struct realip_probe_order order; /* its target, host name and TLS are each listener's own */
    int family;                      /* AF_UNSPEC, AF_INET or AF_INET6 */
    bool tls;
    bool starttls;
    bool json;
    bool say[REALIP_PROBE_OPENING_COUNT];
    enum realip_probe_role role;
    bool expected[REALIP_PROBE_VERDICT_COUNT]; /* any of these; [UNDECIDED], which nobody can name: --expect was said */
    struct realip_http_place place;     /* url NULL: don't ask */
    char *token;                        /* of `place`; to be freed, also after a failure */
    int total_seconds;
};

/* Reads them. 0, and argv[optind] is the first target, each of which has the right form; 1: --help; or less than 0, and what is wrong has been told. */
int realip_probe_read_options(int argc, char **argv, struct realip_probe_options *options_r);

/* What --help prints. */
void realip_probe_print_usage(void);

#endif
