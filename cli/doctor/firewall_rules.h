/* firewall_rules - a firewall's rules as far as they speak of ports and sources: nft's syntax and iptables-save's, read into the same form. */
#ifndef REALIP_DOCTOR_FIREWALL_RULES_H
#define REALIP_DOCTOR_FIREWALL_RULES_H

#include "setup.h"

#define REALIP_FIREWALL_IPV4 1U
#define REALIP_FIREWALL_IPV6 2U

enum realip_firewall_verdict {
    REALIP_FIREWALL_NONE = 0, /* it only counts or logs, or does what is not known */
    REALIP_FIREWALL_ACCEPT,
    REALIP_FIREWALL_TURN_AWAY,
    REALIP_FIREWALL_RETURN,
    REALIP_FIREWALL_JUMP,
    REALIP_FIREWALL_GOTO
};

struct realip_firewall_rule {
    enum realip_firewall_verdict verdict;
    const char *target;  /* of a jump */
    bool is_conditional; /* it asks for more than TCP, a new connection, ports and sources */
    const char *ports;   /* as written; NULL: any */
    bool is_not_ports;
    const char *sources; /* as written; NULL: any */
    bool is_not_sources;
    unsigned families; /* of the packets that it can meet */
};

struct realip_firewall_chain {
    const char *table; /* its family and name, which is one for its sets, too */
    const char *name;
    unsigned families;
    bool is_entrance; /* packets from outside begin here */
    bool is_closed;   /* whoever comes to its end is turned away */
    struct realip_firewall_rule *rules;
    size_t count;
};

struct realip_firewall_set {
    const char *table;
    const char *name;
    const char *elements;
};

struct realip_firewall_rules {
    struct realip_firewall_chain *chains;
    size_t count;
    struct realip_firewall_set *sets;
    size_t set_count;
};

/* Reads what is there; what it does not know it leaves aside. */
struct realip_firewall_rules realip_firewall_read(struct realip_arena *arena, const char *text);

#endif
