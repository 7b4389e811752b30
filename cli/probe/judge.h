/* judge - from what the experiments saw to what a listener is. Pure: no I/O, no clock, no allocation. */
#ifndef REALIP_PROBE_JUDGE_H
#define REALIP_PROBE_JUDGE_H

#include "observation.h"

/* X(NAME, token, bad, sure, sentence, mend). Tokens are stable: they are what --json and --expect say. Not sure: from this host, and by what was asked,
 * nobody can tell. */
#define REALIP_PROBE_VERDICT_TABLE(X)                                                                                \
    X(UNREACHABLE, "unreachable", true, false, "nobody takes a connection here",                                     \
      "look whether the server runs and listens there, and what a firewall does with this host")                     \
    X(SILENT, "silent", true, true, "takes the connection and says nothing, whatever it is told",                          \
      "look into its log: Postfix's master says when it throttles a service")                                        \
    X(HANGS_UP, "hangs-up", false, false,                                                                            \
      "hangs up on this host without a word, whatever it is told: as Dovecot does on strangers, and a dead port behind a balancer on everybody", \
      "probe it from one of its proxies: only wants-proxy there shows that it lives; hung up on there too, look whether the server runs, and into " \
      "Dovecot's log (haproxy_trusted_networks)")                                                                   \
    X(NO_MAIL_SERVER, "no-mail-server", true, true,                                                                  \
      "what answers here speaks no mail protocol, or another one than asked, or no TLS where TLS was to come at once", \
      "look at the port; say --tls where TLS comes at once, and only there")                                         \
    X(FORBIDS_PROXY, "forbids-proxy", false, true, "wants no PROXY header: it shows the address that connects", "")         \
    X(TAKES_BOTH, "takes-both", false, true, "greets without a PROXY header, and takes one as well", "")                   \
    X(WANTS_PROXY, "wants-proxy", false, true, "wants a PROXY header, and takes this host's", "")                          \
    X(TAKES_STRANGERS, "takes-strangers", true, true,                                                                    \
      "takes the PROXY header of a stranger: whoever reaches this port chooses the client address",                  \
      "let only the proxies reach this port (firewall, NetworkPolicy); Postfix: check_policy_service with proxy = required and " \
      "attest = required for this listener; Dovecot: name the proxies alone in haproxy_trusted_networks")            \
    X(MAY_TAKE_STRANGERS, "may-take-strangers", false, false,                                                        \
      "the mail server takes the PROXY header of a stranger; whether mail-realip then refuses him is not known: RCPT was not reached", \
      "leave --no-mail out; the table tells what is due before RCPT (TLS, a login): look there whether mail-realip stands before it") \
    X(REFUSES_STRANGERS, "refuses-strangers", false, true, "wants a PROXY header, and not from this host", "")

#define REALIP_PROBE_ENUM(name, token, bad, sure, sentence, mend) REALIP_PROBE_VERDICT_##name,
enum realip_probe_verdict { REALIP_PROBE_VERDICT_UNDECIDED = 0, REALIP_PROBE_VERDICT_TABLE(REALIP_PROBE_ENUM) REALIP_PROBE_VERDICT_COUNT };
#undef REALIP_PROBE_ENUM

/* What this host is to the mail server, by its operator's word or configuration. */
enum realip_probe_role {
    REALIP_PROBE_ROLE_UNKNOWN = 0,
    REALIP_PROBE_ROLE_STRANGER,
    REALIP_PROBE_ROLE_PROXY
};

/* X(NAME, token, bad, sentence): what else is worth a word; bits of `notes`. */
#define REALIP_PROBE_NOTE_TABLE(X)                                                                                  \
    X(ROLE_UNKNOWN, "role-unknown", false,                                                                          \
      "unless this host is one of your proxies, anybody can choose the client address: say --role stranger or proxy")  \
    X(PROXY_REFUSED, "proxy-refused", true, "this host is to be a proxy, and is not served: its clients get nothing") \
    X(REFUSED_SILENTLY, "refused-silently", false,                                                                  \
      "it hangs up without a word, as Dovecot does on hosts that are not in haproxy_trusted_networks (its log says)")  \
    X(REFUSED_LATER, "refused-later", false,                                                                        \
      "the mail server itself takes the header; mail-realip refuses what such a session wants to send")             \
    X(NOT_BELIEVED, "not-believed", false, "it reads the header, and goes on with the address that connects")       \
    X(MONITORED, "monitored", true, "mail-realip sees the stranger and lets him pass (its mode, or a mild action)") \
    X(WAITS, "waits", false, "a client without a header waits until the server's time for it is over")              \
    X(RELAYS, "relays", true, "it takes mail for anybody's domain from the client that it shows: an open relay")    \
    X(RELAYS_HERE, "relays-here", false,                                                                            \
      "it takes mail for anybody's domain from this host (mynetworks): so it does from every client that is ever shown as it") \
    X(XCLIENT, "xclient", true,                                                                                     \
      "it offers XCLIENT after our header: a stranger who names the right address may then claim to be logged in")  \
    X(XCLIENT_HERE, "xclient-here", false, "it offers XCLIENT to this host")                                         \
    X(ONE_VERSION, "one-version", false, "it takes one version of PROXY headers and not the other")                 \
    X(NO_LOCAL, "no-local", false, "it refuses LOCAL: a proxy's health check finds it down")                        \
    X(NO_OTHER_FAMILY, "no-other-family", true,                                                                     \
      "it refuses clients of the other address family than the proxy's own connection (inet_protocols?)")           \
    X(CLIENT_REFUSED, "client-refused", false, "mail-realip refuses the client that it is shown")                    \
    X(LMTP, "lmtp", false,                                                                                           \
      "it speaks LMTP, which mail-realip does not judge: whoever reaches this port delivers to its users without a policy server")

#define REALIP_PROBE_ENUM(name, token, bad, sentence) REALIP_PROBE_NOTE_NUMBER_##name,
enum realip_probe_note_number { REALIP_PROBE_NOTE_TABLE(REALIP_PROBE_ENUM) REALIP_PROBE_NOTE_COUNT };
#undef REALIP_PROBE_ENUM
#define REALIP_PROBE_NOTE(name) (1U << REALIP_PROBE_NOTE_NUMBER_##name)

struct realip_probe_judgement {
    enum realip_probe_verdict verdict;
    unsigned notes; /* REALIP_PROBE_NOTE() bits */
};

/* Judges a listener by `seen`, indexed by opening (an experiment that was not made has fate UNKNOWN). Fills *judgement_r; the
 * verdict is UNDECIDED where the experiments don't tell. */
void realip_probe_judge(const struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT], enum realip_probe_role role,
                        struct realip_probe_judgement *judgement_r);

/* Does the judgement hold something that must be mended? */
bool realip_probe_is_bad(const struct realip_probe_judgement *judgement);

/* Does the verdict say what the listener is? Where it does not, somebody has to look from another place, or otherwise. */
bool realip_probe_is_sure(const struct realip_probe_judgement *judgement);

/* Constant texts; for what is none "undecided", and a sentence that says so. */
const char *realip_probe_verdict_token(enum realip_probe_verdict verdict);
const char *realip_probe_verdict_sentence(enum realip_probe_verdict verdict);
const char *realip_probe_verdict_mend(enum realip_probe_verdict verdict); /* "": nothing is to be mended */
enum realip_probe_verdict realip_probe_verdict_from_token(const char *token, size_t length);
const char *realip_probe_note_token(enum realip_probe_note_number note);
const char *realip_probe_note_sentence(enum realip_probe_note_number note);

#endif
