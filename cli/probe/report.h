/* report - a listener's judgement and what was seen, for people and as JSON. */
#ifndef REALIP_PROBE_REPORT_H
#define REALIP_PROBE_REPORT_H

#include <jansson.h>

#include "judge.h"
#include "target.h"
#include "terminal.h"

struct realip_probe_listener {
    const char *host; /* as it was asked for */
    const struct realip_probe_target *target;
    enum realip_probe_role role;
    struct realip_probe_judgement judgement;
    struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT];
    bool time_over; /* some experiments were not made for want of time */
};

/* Prints to standard output. */
void realip_probe_print(const struct realip_probe_listener *listener, const struct realip_terminal *terminal);

/* A JSON object (to be released); all text in it is ASCII. */
json_t *realip_probe_json(const struct realip_probe_listener *listener);

const char *realip_probe_role_token(enum realip_probe_role role);

#endif
