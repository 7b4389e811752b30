/* facts - what an adapter knows of one session at one moment; the input of realip_decide().
 *
 * Adapters fill in what their host tells them and judge nothing. The zero of every field is "not known". Texts are
 * NUL-terminated, belong to the adapter and may hold anything that a client sent.
 */
#ifndef REALIP_FACTS_H
#define REALIP_FACTS_H

#include "verdict.h"

/* Who asks: decides which actions can be carried out, and is written to the log. */
enum realip_source {
    REALIP_SOURCE_UNDECIDED = 0,
    REALIP_SOURCE_POLICYD,
    REALIP_SOURCE_MILTER,
    REALIP_SOURCE_DOVECOT_LOGIN,
    REALIP_SOURCE_DOVECOT_AUTH,
    REALIP_SOURCE_DOVECOT_MAIL,
    REALIP_SOURCE_COUNT
};

/* How far the session has come. A prober is exempt until it wants to send or to log in. */
enum realip_stage {
    REALIP_STAGE_UNDECIDED = 0,
    REALIP_STAGE_CONNECT, /* connected, greeted: nothing wanted yet */
    REALIP_STAGE_MAIL,    /* wants to send (MAIL and all behind it) */
    REALIP_STAGE_AUTH     /* wants to log in, or has done so */
};

/* What is known of the host at the other end of the TCP connection. */
enum realip_peer_state {
    REALIP_PEER_UNDECIDED = 0,
    REALIP_PEER_KNOWN,      /* facts.peer is it */
    REALIP_PEER_UNATTESTED, /* nobody could ask: no capability, or an adapter's connection that carries no credentials */
    REALIP_PEER_GONE,       /* asked, and there is none any more */
    REALIP_PEER_LEFT        /* left to another adapter of the same server, as the milter leaves it to policyd */
};

struct realip_facts {
    enum realip_source source;
    enum realip_stage stage;
    enum realip_peer_state peer_state;
    struct realip_address client; /* the client shown; family NONE: none was shown */
    struct realip_address peer;   /* the true TCP peer, when peer_state is KNOWN */
    struct realip_address relay;  /* the listed relay that told the client, in a Received header; family NONE: none did */
    const char *listener_name;    /* policy_context, {daemon_name} or Dovecot's listener name; NULL or "": none */
    const char *service;          /* the host's service (smtpd, imap, …); NULL or "": none */
    uint16_t listener_port;       /* the port that the server really listens on; 0: not known */
    bool listener_unsure;         /* listener_port could not be found out, though it should have been */
    bool password_login;          /* the user logged in here himself: realip_facts_is_login() */
    bool suspected;               /* the client address behaves as a NAT */
    uint32_t clients;             /* about so many are behind it, when it is suspected; 0: not known */
    const char *name_told;        /* by which the clients of one address are told apart: HELO name or user; NULL: none yet */
    bool name_is_user;
    const struct realip_origin *client_name_rule; /* the client-names line that the verified name matches, or NULL */
    const char *session;          /* for the log only; NULL: none */
    const char *user;             /* for the log only; NULL: none */
};

/* Did somebody log in himself? `method` and `user` as the host tells them (NULL or "": none). XCLIENT is whatever the one
 * who may say it claims (Postfix reports it as the method), ANONYMOUS is anybody. */
bool realip_facts_is_login(const char *method, const char *user);

/* "policyd", "milter", "dovecot-login", "dovecot-auth", "dovecot-mail"; "undecided" for anything else. */
const char *realip_source_token(enum realip_source source);

#endif
