/* networkpolicy_read - a NetworkPolicy as it is deployed, in YAML or JSON: who reaches which TCP port. */
#ifndef REALIP_CLI_NETWORKPOLICY_READ_H
#define REALIP_CLI_NETWORKPOLICY_READ_H

#include "yaml_tree.h"

#define REALIP_NETWORKPOLICY_RULES 64

struct realip_networkpolicy {
    yaml_document_t document;
    struct realip_ranges sources[REALIP_NETWORKPOLICY_RULES]; /* of each ingress rule, merged */
    struct realip_ports ports[REALIP_NETWORKPOLICY_RULES];
    size_t count;
};

/* Reads the first NetworkPolicy of a text. What can't be compared (selectors of pods as sources, ports by name) is told as a
 * difference. 0 and *policy_r (to be cleared); 1: there is none, which was told as a difference; or -1: memory is short, or the report
 * was told what can't be understood. */
int realip_networkpolicy_read(const struct realip_export_text *text, struct realip_export_report *report,
                              struct realip_networkpolicy *policy_r);
void realip_networkpolicy_clear(struct realip_networkpolicy *policy);

/* The rules (as bits) that name a TCP port, and the sources that they admit together (merged, to be cleared; 0 or -1). */
uint64_t realip_networkpolicy_rules(const struct realip_networkpolicy *policy, unsigned port);
int realip_networkpolicy_sources(const struct realip_networkpolicy *policy, uint64_t rules, struct realip_ranges *sources_r);

/* Does it select pods by these labels ("a=b,c=d") and nothing else? Does it select all pods? */
bool realip_networkpolicy_selects(const struct realip_networkpolicy *policy, const char *selector);
bool realip_networkpolicy_selects_all(const struct realip_networkpolicy *policy);

#endif
