/* firewall - what a firewall's rules, as `nft list ruleset` or iptables-save print them, do with strangers at one port. It goes through the chains that packets come
 * in by as a stranger's packet would; conditions that it does not know (interfaces, marks, rates) it takes for not met. */
#ifndef REALIP_DOCTOR_FIREWALL_H
#define REALIP_DOCTOR_FIREWALL_H

#include "setup.h"

struct realip_firewall_answer {
    bool is_named;           /* a rule names the port, or turns away from it, and says who may come */
    bool keeps_out_ipv4;     /* and whoever is not among these is turned away */
    bool keeps_out_ipv6;
    struct realip_words let_in; /* whom the rules let in, as they spell it: addresses, networks, ranges */
    bool has_unknown;        /* and others that can't be told: a set or a variable that is not there, an ipset */
};

/* Asks about a TCP port. Nothing is named, and nobody is kept out, where nobody looked (setup->host.firewall is NULL) or port is 0. */
struct realip_firewall_answer realip_firewall_ask(struct realip_setup *setup, unsigned port);

#endif
