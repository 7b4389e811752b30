/* audit_rules - by which rules logs are judged: the configuration's, what the command line adds, or, where there is no configuration, this
 * host's own facts.
 */
#ifndef REALIP_AUDIT_RULES_H
#define REALIP_AUDIT_RULES_H

#include "log_event.h"
#include "runtime/config.h"
#include "runtime/network_source.h"

struct realip_audit_rules {
    struct realip_rules rules;
    struct realip_config *config; /* NULL: there is none */
    struct realip_network_list extra[REALIP_SET_COUNT]; /* from the command line */
    struct realip_network_set *own_sets[REALIP_SET_COUNT]; /* made here: the configuration's and the extra networks */
    struct realip_origin *origins;
    bool is_discovered; /* this host's gateways and bridges stand in for a configuration */
};

/* Adds a network of the command line. 0; or -1 and the complaint was printed. */
int realip_audit_rules_add(struct realip_audit_rules *rules, enum realip_set set, const char *option, const char *text);

/* Reads the configuration (it may be missing where `may_be_missing`) and puts the extra networks in. 0; or the exit status, and the complaint
 * was printed. */
int realip_audit_rules_load(struct realip_audit_rules *rules, const char *path, bool may_be_missing);
void realip_audit_rules_clear(struct realip_audit_rules *rules);

/* Is no network of infrastructure or proxies listed? Then nothing can be found by address. */
bool realip_audit_rules_are_empty(const struct realip_audit_rules *rules);

/* Judges what a line shows, as if every listener enforced: verdict_r->wanted counts. A log tells no TCP peer, so the question of the peer is
 * left aside, as the milter leaves it. The listener is found by the name in the log (submission/smtpd: "submission"), by the port that goes with
 * it by custom (smtpd and postscreen 25, submission 587, smtps 465), or by Dovecot's service. Any number of threads may ask at once. */
void realip_audit_rules_judge(const struct realip_audit_rules *rules, const struct realip_log_event *event, struct realip_verdict *verdict_r);

#endif
