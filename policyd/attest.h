/* attest - policyd's side of peer attestation: asks the helper who is really connected to the smtpd behind a policy
 * connection. Answers come later, through the loop. */
#ifndef REALIP_ATTEST_H
#define REALIP_ATTEST_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "attest_wire.h"
#include "policy_adapter.h"

struct realip_attest;

/* One policy connection as attestation sees it; part of the connection. `done` is called once for each question. */
struct realip_attest_ticket {
    void (*done)(struct realip_attest_ticket *ticket, const struct realip_policy_peer *peer);
    struct realip_attest_ticket *next; /* of the questions that wait, oldest first */
    int fd;                            /* the policy connection, while it has a slot */
    uint32_t slot;
    uint32_t serial;
    uint32_t generation;               /* of the helper that knows the connection; 0: none does */
    unsigned long long asked_at;       /* as realip_histogram_now() */
    bool has_slot;
    bool waiting;
    bool sent;
    struct realip_attest_request request;
};

/* Forks the helper, which runs as `uid` and `gid` when this process is root, and looks only at processes of `client_uid`.
 * Call before privileges are dropped and before any thread is there. NULL and *error_r (an errno) on failure. */
struct realip_attest *realip_attest_start(uid_t client_uid, uid_t uid, gid_t gid, int *error_r);

/* Waits up to five seconds for the helper's first word. 0: attestation works; else -1 and *reason_r tells what is
 * missing (a constant text). */
int realip_attest_probe(struct realip_attest *attest, const char **reason_r);

/* From now on answers arrive through `base`. 0; or -1 when memory is short. */
int realip_attest_attach(struct realip_attest *attest, struct event_base *base);
void realip_attest_free(struct realip_attest **attest);

/* True when nothing is to be asked: the answer is in *peer_r already (no capability, a TCP connection, no helper). `fd` is
 * the connected policy socket of the ticket. */
bool realip_attest_is_settled(struct realip_attest *attest, struct realip_attest_ticket *ticket, int fd,
                              struct realip_policy_peer *peer_r);

/* Asks, after realip_attest_is_settled() said no; ticket->done is called from the loop or realip_attest_await(), never from
 * within, when the answer is there or a second has passed without one. One question for a ticket at a time. */
void realip_attest_ask(struct realip_attest *attest, struct realip_attest_ticket *ticket,
                       const struct realip_policy_ports *ports);

/* Called where nothing else is to be done at once: when one single question is open, waits up to two milliseconds for its
 * answer and calls `done`. The helper has mostly answered before the loop would come round to look; after it was once late, nobody
 * waits here until it is heard again. */
void realip_attest_await(struct realip_attest *attest);

/* The connection is closed: forgets it and any question of it; `done` is not called any more. */
void realip_attest_forget(struct realip_attest *attest, struct realip_attest_ticket *ticket);

/* Writes how often each cause came about, and whether attestation works, in Prometheus' text form. */
void realip_attest_write_metrics(void *attest, FILE *out);

struct realip_attest_health {
    bool works;   /* the helper answers, and can look */
    time_t since; /* that is so */
    enum realip_attest_cause last_failure;
    time_t failed_at; /* 0: none ever failed */
    unsigned helpers; /* that began to work; each but the first took the place of one that died */
};

void realip_attest_get_health(const struct realip_attest *attest, struct realip_attest_health *health_r);

/* How many attestations ended so. */
unsigned long long realip_attest_count(const struct realip_attest *attest, enum realip_attest_cause cause);

/* The cause's word, constant. */
const char *realip_attest_cause_label(enum realip_attest_cause cause);

#endif
