/* haproxy_condition - the parts of an haproxy.cfg that count: ".if", ".elif", ".else", ".endif" (HAProxy's manual, 2.4). */
#ifndef REALIP_DOCTOR_HAPROXY_CONDITION_H
#define REALIP_DOCTOR_HAPROXY_CONDITION_H

#include "text.h"

enum realip_haproxy_truth {
    REALIP_HAPROXY_MAYBE = 0, /* it hangs on HAProxy's version, its environment, how it was built */
    REALIP_HAPROXY_YES,
    REALIP_HAPROXY_NO
};

#define REALIP_HAPROXY_MAX_DEPTH 32 /* HAProxy itself has 16 */

/* Empty at first. */
struct realip_haproxy_conditions {
    enum realip_haproxy_truth here[REALIP_HAPROXY_MAX_DEPTH];   /* of the branch that is open */
    enum realip_haproxy_truth before[REALIP_HAPROXY_MAX_DEPTH]; /* was one of its branches taken? */
    size_t depth;
};

/* Reads a line, as words. True: it is about conditions (or a message), and no statement. */
bool realip_haproxy_condition_read(struct realip_haproxy_conditions *conditions, const struct realip_words *words);

/* Does what stands here count? */
enum realip_haproxy_truth realip_haproxy_condition_now(const struct realip_haproxy_conditions *conditions);

#endif
