/* log_event - what a line of Postfix, Dovecot, fail2ban or mail-realip tells about whose address was seen. PCRE2 (JIT) reads
 * the messages; a pure function of the line.
 *
 * What a client chose (HELO, user, recipient) never decides where an address is read: patterns are anchored, and the address that counts
 * stands before the client's words, or behind them as the last of its kind.
 */
#ifndef REALIP_LOG_EVENT_H
#define REALIP_LOG_EVENT_H

#include "core/verdict.h"
#include "log_line.h"
#include "proxy_failure.h"

enum realip_log_event_kind {
    REALIP_LOG_EVENT_NONE = 0,     /* nothing that matters here */
    REALIP_LOG_EVENT_CONNECT,      /* smtpd or postscreen: client, name */
    REALIP_LOG_EVENT_MAIL,         /* smtpd begins to take a letter: queue_id, client (of a filter's reinjection on this host: who sent it at first),
                                    * name, method, user; first_id, origin: what XFORWARD told; is_local */
    REALIP_LOG_EVENT_REJECT,       /* smtpd or postscreen refused a command, of its own or for a milter: client, name, helo */
    REALIP_LOG_EVENT_KEPT,         /* the letter is to be held or thrown away, which its client is not told: queue_id; of smtpd: client */
    REALIP_LOG_EVENT_REFUSED,      /* the whole letter is refused at its end, by cleanup, a milter or smtpd's proxy filter: queue_id */
    REALIP_LOG_EVENT_CANCELED,     /* cleanup removes a letter that was not taken (Postfix 3.10): queue_id */
    REALIP_LOG_EVENT_PASSED,       /* smtpd's proxy filter took the letter: queue_id (none), next_id */
    REALIP_LOG_EVENT_SENDER,       /* qmgr has the letter in its queue: queue_id, sender */
    REALIP_LOG_EVENT_DELIVERY,     /* queue_id, recipient, relay, relay_address, status, next_id; is_smtp */
    REALIP_LOG_EVENT_REMOVED,      /* out of the queue: queue_id */
    REALIP_LOG_EVENT_LOGIN,        /* Dovecot: client, user, method */
    REALIP_LOG_EVENT_LOGIN_FAILED, /* Dovecot or smtpd: client, user */
    REALIP_LOG_EVENT_LOGIN_NONE,   /* Dovecot: came and went without a password: client */
    REALIP_LOG_EVENT_PROXY_FAILURE, /* failure; client: who connected, where it is told */
    REALIP_LOG_EVENT_BAN,          /* fail2ban: client, name: the jail */
    REALIP_LOG_EVENT_VERDICT,      /* mail-realip: source, name: the listener, reason, wanted, action, client */
    REALIP_LOG_EVENT_COUNT
};

/* Which program wrote the line; `OTHER` also for those of Postfix and Dovecot that tell nothing here. */
enum realip_log_family {
    REALIP_LOG_FAMILY_OTHER = 0,
    REALIP_LOG_FAMILY_POSTFIX,
    REALIP_LOG_FAMILY_DOVECOT,
    REALIP_LOG_FAMILY_FAIL2BAN,
    REALIP_LOG_FAMILY_OURS,
    REALIP_LOG_FAMILY_COUNT
};

/* Texts point into the line; those that the kind does not name are empty. */
struct realip_log_event {
    enum realip_log_event_kind kind;
    enum realip_log_family family;
    enum realip_proxy_failure failure;
    enum realip_reason reason;
    enum realip_action wanted;
    enum realip_action action;
    unsigned times; /* one, or how often the line came again */
    bool is_smtp; /* a delivery by SMTP to another host, not by the transport for own relay domains */
    bool is_local; /* of a letter: this host itself gave it, for the client that XFORWARD told */
    struct realip_log_stamp stamp;
    struct realip_address client;
    struct realip_address origin;
    struct realip_address relay_address;
    struct realip_log_text host;
    struct realip_log_text service; /* "smtpd", "submission/smtpd", "postscreen", "imap", …; of fail2ban and mail-realip: the program */
    struct realip_log_text pid;
    struct realip_log_text queue_id; /* empty: NOQUEUE, or none stands there */
    struct realip_log_text first_id; /* what the letter was called before a filter had it */
    struct realip_log_text next_id;  /* what whoever took the letter calls it: "queued as …" */
    struct realip_log_text name;
    struct realip_log_text user;
    struct realip_log_text method;
    struct realip_log_text helo;
    struct realip_log_text sender;
    struct realip_log_text recipient;
    struct realip_log_text relay;
    struct realip_log_text status;
    struct realip_log_text source;
};

/* Compiled once, used by any number of threads. */
struct realip_log_patterns;

/* 0 and *patterns_r (to be freed); or -1 and *reason_r, a constant text. */
int realip_log_patterns_make(struct realip_log_patterns **patterns_r, const char **reason_r);
void realip_log_patterns_free(struct realip_log_patterns **patterns);

/* What one thread needs to use them. NULL when memory is short. */
struct realip_log_reader;
struct realip_log_reader *realip_log_reader_new(const struct realip_log_patterns *patterns);
void realip_log_reader_free(struct realip_log_reader **reader);

/* Reads a line. Always fills *event_r; its kind is NONE for whatever tells nothing. Of longer messages the first 8 KiB are read. */
void realip_log_event_read(struct realip_log_reader *reader, const struct realip_log_line *line, struct realip_log_event *event_r);

#endif
