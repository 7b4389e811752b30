/* check - the doctor's judgement: each takes the set-up as it was gathered and adds what it finds. They read and ask
 * nothing more. */
#ifndef REALIP_DOCTOR_CHECK_H
#define REALIP_DOCTOR_CHECK_H

#include "finding.h"
#include "postfix_value.h"

void realip_check_host(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_networks(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_proxy_ports(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_guard(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_access(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_chain(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_dovecot(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_nginx(struct realip_setup *setup, struct realip_findings *findings);
void realip_check_rules(struct realip_setup *setup, struct realip_findings *findings);

/* ---- what more than one of them needs to know ---- */

/* Does mail-realip's policy server learn who is really connected to this door; or does the firewall name its port and who may come there, and turn all
 * others away? */
bool realip_check_is_attested(struct realip_setup *setup, const struct realip_door *door);
bool realip_check_is_firewalled(struct realip_setup *setup, unsigned port);

/* Is the client's address told by PROXY, or by XCLIENT from other hosts than this one? Its own programs may relay as they are. */
bool realip_check_is_told(struct realip_setup *setup, const struct realip_door *door);

/* A network in a list: its text, whether it excludes ("!"), and what it is. */
struct realip_list_entry {
    const char *text;
    const char *file; /* the word of the list that names the file it stands in; NULL: the list itself */
    bool is_excluded;
    bool is_unread;  /* a file of which nothing is known: it may hold and exclude anybody */
    bool is_network; /* false: a table, or nothing that can be read */
    struct realip_network network;
};

struct realip_list {
    struct realip_list_entry *items;
    size_t count;
};

/* One word of a list, as Postfix spells it ("10.0.0.0/8", "[::1]/128", "!10.0.0.1"), or as Dovecot and nginx do. */
struct realip_list_entry realip_check_entry(const char *word);

/* A list of such words. Postfix's, which name files, are read by realip_postfix_patterns(). */
struct realip_list realip_check_list(struct realip_setup *setup, const char *text);

/* Does the network lie in the other one; do they have an address in common? */
bool realip_check_holds(const struct realip_network *outer, const struct realip_network *inner);
bool realip_check_overlap(const struct realip_network *one, const struct realip_network *other);

/* Loopback and link-local addresses: of this host and its wire alone. */
bool realip_check_is_near(const struct realip_network *network);

/* (Nearly) every address of a family. */
bool realip_check_is_catch_all(const struct realip_network *network);

/* A whole block of private addresses, or more than a /8 (IPv6: /16) holds. */
bool realip_check_is_wide(const struct realip_network *network);

/* Does Dovecot load one of our modules, or ask our policyd as its auth policy server? */
bool realip_check_dovecot_asks(struct realip_setup *setup);

/* The networks of `networks proxies`, with `separator` between them; `otherwise` where they are not known. */
const char *realip_check_proxy_list(struct realip_setup *setup, const char *separator, const char *otherwise);

/* The -o that asks mail-realip before all else in the service's list of client restrictions, `list`. */
const char *realip_check_ask(struct realip_setup *setup, const struct realip_service_entry *smtpd, const char *list,
                             const char *endpoint, const char *context, const char *default_action);

/* "file:line" for a mend's text. */
const char *realip_check_place(struct realip_setup *setup, struct realip_origin origin);

/* "smtp/inet", as postconf -P names a service. */
const char *realip_check_service_name(struct realip_setup *setup, const struct realip_service_entry *entry);

#endif
