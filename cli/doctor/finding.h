/* finding - what the doctor can find: one table of names that never change, and the list that one run fills. */
#ifndef REALIP_DOCTOR_FINDING_H
#define REALIP_DOCTOR_FINDING_H

#include "setup.h"

/* bad: mail is lost, refused or relayed, or somebody chooses his address. warn: it will be so as soon as one more thing
 * happens. note: it does nothing, or it can't be told from here. */
#define REALIP_SEVERITY_TABLE(X) \
    X(BAD, "bad")                \
    X(WARN, "warn")              \
    X(NOTE, "note")

/* X(NAME, id, severity, why it matters: one sentence without a full stop) */
#define REALIP_FINDING_TABLE(X)                                                                                        \
    X(MYNETWORKS_OPEN, "mynetworks-open", BAD, "everybody may relay mail through this server")                         \
    X(MYNETWORKS_INFRASTRUCTURE, "mynetworks-infrastructure", BAD,                                                     \
      "whoever comes through a gateway, node or bridge shows its address, and mynetworks lets that relay: this is an " \
      "open relay")                                                                                                    \
    X(MYNETWORKS_PROXY, "mynetworks-proxy", BAD,                                                                       \
      "a session that lost its PROXY header shows the proxy, and mynetworks lets the proxy relay")                     \
    X(MYNETWORKS_ASSERTED, "mynetworks-asserted", WARN,                                                                \
      "whoever supplies client addresses can name one that mynetworks lets relay, and nothing looks at who supplies "  \
      "them")                                                                                                          \
    X(IPV6_AS_IPV4, "ipv6-as-ipv4", NOTE,                                                                              \
      "where Docker publishes a port for IPv6, those clients reach an IPv4-only container through a proxy and show "   \
      "as its gateway")                                                                                                \
    X(GATEWAY_NOT_LISTED, "gateway-not-listed", WARN,                                                                  \
      "clients that are hidden behind the container's gateway are taken for one real client")                          \
    X(PROXY_UNATTESTED, "proxy-unattested", BAD,                                                                       \
      "Postfix believes a PROXY header of anybody: whoever reaches this port chooses his address, and relays with "    \
      "one of mynetworks")                                                                                             \
    X(FIREWALL_WIDE, "firewall-wide", WARN,                                                                            \
      "hosts that are no proxies reach this PROXY port, and each of them chooses the address that Postfix sees")       \
    X(PEER_MILTER_ONLY, "peer-milter-only", BAD,                                                                       \
      "a milter can't learn who is really connected: here that is what matters, and only the policy server can")       \
    X(POLICY_SOCKET_INET, "policy-socket-inet", BAD,                                                                   \
      "over a TCP socket the policy server can't learn whose session it is asked about, so that peers stay unknown")   \
    X(PROXY_ON_BOTH, "proxy-on-both", WARN,                                                                            \
      "postscreen has taken the header already: smtpd ignores its own setting and logs a warning for each session")    \
    X(PROXY_BEHIND_POSTSCREEN, "proxy-behind-postscreen", BAD,                                                         \
      "postscreen takes the PROXY header for a client that talks too early, and the smtpd behind it waits for one "    \
      "that never comes")                                                                                              \
    X(PROXY_INTERNAL_PORT, "proxy-internal-port", BAD,                                                                 \
      "what connects to an internal port sends no PROXY header: it hangs for five seconds and its mail is deferred")   \
    X(PROXY_OPTION_UNREAD, "proxy-option-unread", BAD,                                                                 \
      "the program of this service does not read that parameter, so that no PROXY header is expected here")            \
    X(XCLIENT_ON_PROXY, "xclient-on-proxy", BAD,                                                                       \
      "a stranger's PROXY header names a host that may say XCLIENT, and XCLIENT then makes him a user who has logged " \
      "in")                                                                                                            \
    X(POSTSCREEN_PORT_MISSING, "postscreen-port-missing", BAD,                                                         \
      "an smtpd behind postscreen listens on no port: without it nobody can tell which socket is the client's, and "   \
      "all are peer-unknown")                                                                                          \
    X(PROXIES_EMPTY, "proxies-empty", BAD,                                                                             \
      "no host may speak for clients, so that every session through the proxy is proxy-untrusted")                     \
    X(PROXY_CONTRADICTION, "proxy-contradiction", BAD,                                                                 \
      "the mail server and mail-realip want the opposite at this port, so that every session is refused")              \
    X(XCLIENT_NOT_LISTED, "xclient-not-listed", WARN,                                                                  \
      "this host may say XCLIENT to Postfix, and mail-realip refuses the sessions in which it does")                   \
    X(UNUSED_PARAMETER, "unused-parameter", NOTE, "nothing reads a parameter of this name")                            \
    X(OTHER_INSTANCES, "other-instances", NOTE,                                                                        \
      "each instance of Postfix has a main.cf and a master.cf of its own, and those were not looked at")               \
    X(SEND_PROXY_UNEXPECTED, "send-proxy-unexpected", BAD,                                                             \
      "the listener takes the PROXY header for what a client says: sessions fail, or go on with the proxy's address")  \
    X(SEND_PROXY_MISSING, "send-proxy-missing", BAD,                                                                   \
      "the listener waits for a PROXY header that never comes: each session hangs for some seconds and is dropped")    \
    X(PROXY_HIDES_CLIENTS, "proxy-hides-clients", WARN,                                                                \
      "without a PROXY header every client shows as the proxy: SPF, block lists, rate limits and fail2ban judge the "  \
      "wrong address")                                                                                                 \
    X(CHECK_WITHOUT_PROXY, "check-without-proxy", BAD,                                                                 \
      "the health check sends no PROXY header to a port that waits for one: the server is down for the proxy")         \
    X(CHECK_VANISHES, "check-vanishes", WARN,                                                                          \
      "a check that sends LOCAL and is gone makes smtpd die, and after some of them master starts no new one for a "   \
      "minute")                                                                                                        \
    X(PROXY_PORT_UNFED, "proxy-port-unfed", NOTE,                                                                      \
      "none of the proxies that were read sends to this PROXY port: it is dead, or open to others")                    \
    X(INET_PROTOCOLS, "inet-protocols", BAD,                                                                           \
      "the proxy tells Postfix of IPv6 clients, and a Postfix without IPv6 drops each of them")                        \
    X(HAPROXY_NO_TIMEOUT, "haproxy-no-timeout", WARN,                                                                  \
      "connections that died are kept for ever, until the proxy or the mail server has no more to give")               \
    X(NGINX_REAL_IP_MISSING, "nginx-real-ip-missing", BAD,                                                             \
      "nginx reads the PROXY header and believes nobody's, so that it passes on the balancer's address for every "     \
      "client")                                                                                                        \
    X(NGINX_REAL_IP_WIDE, "nginx-real-ip-wide", BAD, "whoever reaches this port chooses his address")                  \
    X(NGINX_XCLIENT_OFF, "nginx-xclient-off", BAD,                                                                     \
      "nginx tells Postfix nothing of its clients, so that all of them show as nginx")                                 \
    X(POLICY_AFTER_PERMIT, "policy-after-permit", BAD,                                                                 \
      "whom the word in front of it permits never reaches the check: a hidden address in mynetworks relays unseen")    \
    X(POLICY_LOST, "policy-lost", BAD,                                                                                 \
      "master.cf replaces the whole list of main.cf, so that mail-realip is not asked about sessions of this service") \
    X(MILTER_LOST, "milter-lost", BAD,                                                                                 \
      "master.cf replaces the whole list of main.cf, so that mail-realip does not see the sessions of this service")   \
    X(POLICY_ONLY_WARNS, "policy-only-warns", BAD,                                                                     \
      "what mail-realip refuses there is logged by Postfix, and let in all the same")                                  \
    X(POLICY_FAILS_OPEN, "policy-fails-open", BAD, "while the policy server is not there, every session is believed")  \
    X(MILTER_FAILS_OPEN, "milter-fails-open", BAD, "while the milter is not there, every session is believed")         \
    X(MONITOR_STOPS_MAIL, "monitor-stops-mail", WARN,                                                                  \
      "a listener that only monitors must not stop mail, and here it does while mail-realip is not there")             \
    X(DELAY_REJECT_OFF, "delay-reject-off", BAD,                                                                       \
      "mail-realip is asked at connect, before sender and recipient are known: health checks are refused, and other "  \
      "lists are skipped")                                                                                             \
    X(TRUSTED_NETWORKS_EMPTY, "trusted-networks-empty", BAD,                                                           \
      "Dovecot trusts nobody then: each connection to this listener is dropped")                                       \
    X(TRUSTED_NETWORKS_BROKEN, "trusted-networks-broken", BAD,                                                         \
      "Dovecot drops a bad entry and all that stand behind it, and says so only when somebody connects")               \
    X(TRUSTED_NETWORKS_WIDE, "trusted-networks-wide", BAD,                                                             \
      "each host in these networks chooses the address that Dovecot sees")                                             \
    X(LOGIN_TRUSTED_BROKEN, "login-trusted-broken", BAD,                                                               \
      "Dovecot drops a bad entry and all that stand behind it, and says so only when somebody connects")               \
    X(LOGIN_TRUSTED_WIDE, "login-trusted-wide", BAD,                                                                   \
      "each host in these networks tells another address by ID or XCLIENT, and needs no TLS to log in")                \
    X(HAPROXY_TIMEOUT, "haproxy-timeout", WARN,                                                                        \
      "Dovecot drops a proxy that needs a moment, or lets silent strangers hold its login processes")                  \
    X(PASSDB_ORDER, "passdb-order", BAD,                                                                               \
      "the passdb in front of it lets users in before mail-realip has looked at their address")                        \
    X(AUTH_POLICY_FAILS_OPEN, "auth-policy-fails-open", BAD,                                                           \
      "while nobody answers at that address, every login is allowed")                                                  \
    X(AUTH_POLICY_ATTRIBUTES, "auth-policy-attributes", BAD,                                                           \
      "without real_remote mail-realip can't tell who supplied the client's address")                                  \
    X(TRUSTED_NETWORKS_UNUSED, "trusted-networks-unused", NOTE,                                                        \
      "no listener has haproxy = yes, so that nothing reads this list")                                                \
    X(PROXIES_DISAGREE, "proxies-disagree", WARN,                                                                      \
      "Dovecot believes this host's PROXY header, and mail-realip then refuses the session as proxy-untrusted")        \
    X(RULES_WRONG, "rules-wrong", BAD, "no daemon starts with this file, and at a reload the old rules stay in force") \
    X(SETS_CONTRADICT, "sets-contradict", BAD, "one of the two sets makes the other one void")                         \
    X(RULES_WARNING, "rules-warning", NOTE, "it is read, but does not do what it looks like")                          \
    X(LISTENER_UNFED, "listener-unfed", NOTE,                                                                          \
      "no port and no name of this mail server leads to this block, so that it judges nothing")                        \
    X(ADDRESS_NOT_HERE, "address-not-here", WARN,                                                                      \
      "the daemon starts all the same, and nobody reaches it there until this host has the address")                   \
    X(NOBODY_ASKS, "nobody-asks", WARN,                                                                                \
      "mail-realip has rules and no sessions: it logs nothing and refuses nobody until the mail server is told to ask it")

#define REALIP_ENUM_SEVERITY(name, token) REALIP_SEVERITY_##name,
enum realip_severity { REALIP_SEVERITY_UNKNOWN = 0, REALIP_SEVERITY_TABLE(REALIP_ENUM_SEVERITY) REALIP_SEVERITY_COUNT };
#undef REALIP_ENUM_SEVERITY

#define REALIP_ENUM_FINDING(name, id, severity, why) REALIP_FINDING_##name,
enum realip_finding_id { REALIP_FINDING_NONE = 0, REALIP_FINDING_TABLE(REALIP_ENUM_FINDING) REALIP_FINDING_COUNT };
#undef REALIP_ENUM_FINDING

struct realip_finding {
    enum realip_finding_id id;
    struct realip_origin where;
    const char *what;
    struct realip_words subjects; /* services, listeners or servers that it is about; may be none */
    const char *mend;             /* text that can be pasted, with a line or two of where it goes */
};

struct realip_findings {
    struct realip_finding *items;
    size_t count;
};

/* Adds a finding; a second one with the same id at the same place only adds its subject (NULL: none) to the first. */
void realip_finding_add(struct realip_setup *setup, struct realip_findings *findings, enum realip_finding_id id,
                        struct realip_origin where, const char *subject, const char *what, const char *mend);

/* Sorts by severity, then file and line, then id. */
void realip_findings_sort(struct realip_findings *findings);

/* Constant texts; "unknown" and "" for what is none. NONE for a text that is no id. */
const char *realip_finding_token(enum realip_finding_id id);
const char *realip_finding_why(enum realip_finding_id id);
enum realip_severity realip_finding_severity(enum realip_finding_id id);
const char *realip_severity_token(enum realip_severity severity);
enum realip_finding_id realip_finding_from_token(const char *token);

#endif
