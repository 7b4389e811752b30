/* recent - asks realip-policyd what it did with sessions: `realipctl explain --recent` and `--session`. */
#ifndef REALIP_CLI_RECENT_H
#define REALIP_CLI_RECENT_H

#include <stdbool.h>

struct realip_recent_question {
    const char *address;    /* the client's or the peer's; NULL: any */
    const char *session;    /* Postfix's instance, Dovecot's session; NULL: any */
    const char *http;       /* where; NULL: as policyd { http } of the configuration says */
    const char *token_file; /* NULL: as auth-policy-token of the configuration says, if it does */
    bool json;
};

/* Asks, prints, and returns the exit status: 0 verdicts were found, 1 there are none, 69 the daemon could not be asked, 78 the configuration that
 * would tell where is wrong or says nothing. */
int realip_recent_ask(const char *config_path, const struct realip_recent_question *question);

#endif
