/* audit-log LINES [SEED] - writes a mail log to standard output: two mail servers' Postfix and Dovecot over eight days, many sessions at
 * once, IPv4 and IPv6; a few of a hundred clients are nodes and a proxy, some of which relay; letters that milters refuse or hold, and that
 * filters give back. The same arguments give the same log.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTIVE  96 /* below 100 */
#define SECONDS (8 * 86400)

enum kind { KIND_IN, KIND_OUT, KIND_SUBMIT, KIND_REJECT, KIND_RELAYED, KIND_IMAP, KIND_POP3, KIND_GUESS, KIND_NOISE, KIND_PROXY, KIND_BAN,
            KIND_REFUSED, KIND_HELD, KIND_LOST, KIND_FILTERED, KIND_BEFORE_QUEUE };

struct session {
    enum kind kind;
    unsigned step;
    unsigned host;
    unsigned pid;
    unsigned user;
    unsigned domain;
    char queue_id[16];
    char client[48];
    char name[64];
};

static uint64_t state;
static unsigned long long written;
static unsigned long long wanted;
static char stamp[32];
static const char *const hosts[] = { "mx1", "mx2" };
static const char *const daemons[] = { "smtpd", "submission/smtpd", "smtps/smtpd" };

static unsigned below(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 16) % limit);
}

static void line(const struct session *session, const char *program, unsigned pid, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void line(const struct session *session, const char *program, unsigned pid, const char *format, ...)
{
    va_list args;

    if (written == wanted)
        return;
    written++;
    if (pid != 0)
        printf("%s %s %s[%u]: ", stamp, hosts[session->host], program, pid);
    else
        printf("%s %s %s: ", stamp, hosts[session->host], program);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void set_stamp(void)
{
    unsigned long long second = written * SECONDS / (wanted + 1);
    unsigned day = (unsigned)(second / 86400);
    unsigned of_day = (unsigned)(second % 86400);

    snprintf(stamp, sizeof(stamp), "Nov %2u %02u:%02u:%02u", 15 + day, of_day / 3600, of_day / 60 % 60, of_day % 60);
}

/* Nodes and the proxy among 100; some IPv6. */
static void choose_client(struct session *session)
{
    unsigned dice = below(100);

    strcpy(session->name, "unknown");
    if (dice < 3) {
        snprintf(session->client, sizeof(session->client), "10.0.20.%u", 11 + below(6));
    } else if (dice < 4) {
        snprintf(session->client, sizeof(session->client), "fd00:20::%x", 11 + below(4));
    } else if (dice < 20) {
        snprintf(session->client, sizeof(session->client), "2001:db8:%x::%x", below(3000), 1 + below(4000));
    } else {
        snprintf(session->client, sizeof(session->client), "%u.%u.%u.%u", 80 + below(100), below(256), below(40), 1 + below(250));
        if (dice < 80)
            snprintf(session->name, sizeof(session->name), "mail%u.sender%u.example", below(9), below(20000));
    }
}

static void begin(struct session *session, unsigned slot)
{
    static const char letters[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    static const struct {
        unsigned until;
        enum kind kind;
    } mix[] = { { 10, KIND_REFUSED }, { 14, KIND_HELD }, { 20, KIND_LOST },   { 28, KIND_FILTERED }, { 31, KIND_BEFORE_QUEUE },
                { 300, KIND_IN },   { 380, KIND_OUT },   { 450, KIND_SUBMIT }, { 640, KIND_REJECT },   { 644, KIND_RELAYED },
                { 880, KIND_IMAP }, { 910, KIND_POP3 },  { 950, KIND_GUESS },  { 996, KIND_NOISE },    { 999, KIND_PROXY },
                { 1000, KIND_BAN } };
    unsigned dice = below(1000);
    size_t i = 0;

    while (dice >= mix[i].until)
        i++;
    memset(session, 0, sizeof(*session));
    session->kind = mix[i].kind;
    session->host = below(2);
    session->pid = 1000 + below(600) * 100 + slot; /* a process has one session at a time */
    session->user = below(5000);
    session->domain = below(4000);
    for (unsigned k = 0; k < 13; k++)
        session->queue_id[k] = letters[below(sizeof(letters) - 1)];
    session->queue_id[0] = '4';
    choose_client(session);
    if (session->kind == KIND_RELAYED)
        snprintf(session->client, sizeof(session->client), "10.0.20.%u", 11 + below(6));
}

/* The steps that a letter's log has in common. False: it is over. */
static int deliver(struct session *session, const char *daemon, const char *login, const char *agent, const char *relay)
{
    const char *id = session->queue_id;

    switch (session->step++) {
    case 0:
        line(session, daemon, session->pid, "connect from %s[%s]", session->name, session->client);
        return 1;
    case 1:
        line(session, daemon, session->pid, "Anonymous TLS connection established from %s[%s]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
             session->name, session->client);
        return 1;
    case 2:
        line(session, daemon, session->pid, "%s: client=%s[%s]%s", id, session->name, session->client, login);
        return 1;
    case 3:
        line(session, "postfix/cleanup", session->pid + 1, "%s: message-id=<%u.%u.%s@sender%u.example>", id, session->user, session->pid, id, session->domain);
        return 1;
    case 4:
        line(session, "postfix/qmgr", 812, "%s: from=<u%u@sender%u.example>, size=%u, nrcpt=1 (queue active)", id, session->user, session->domain,
             1000 + below(90000));
        return 1;
    case 5:
        line(session, daemon, session->pid, "disconnect from %s[%s] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7", session->name, session->client);
        return 1;
    case 6:
        if (below(20) == 0)
            line(session, agent, session->pid + 2, "%s: to=<user%u@other%u.example>, relay=none, delay=30, delays=0.1/0/30/0, dsn=4.4.1, status=deferred "
                                                   "(connect to mx.other%u.example[198.51.100.9]:25: Connection timed out)",
                 id, session->user, session->domain, session->domain);
        else
            line(session, agent, session->pid + 2, "%s: to=<user%u@%s%u.example>, relay=%s, delay=0.%02u, delays=0.04/0.01/0.08/0.%02u, dsn=2.0.0, "
                                                   "status=sent (250 2.0.0 Ok: queued as %s)",
                 id, session->user, agent[8] == 'l' ? "own" : "other", session->domain, relay, below(100), below(100), id);
        return 1;
    default:
        line(session, "postfix/qmgr", 812, "%s: removed", id);
        return 0;
    }
}

static int submit(struct session *session)
{
    char login[64];

    snprintf(login, sizeof(login), ", sasl_method=PLAIN, sasl_username=user%u@own.example", session->user);
    return deliver(session, session->user % 3 == 0 ? "postfix/smtps/smtpd" : "postfix/submission/smtpd", login, "postfix/smtp",
                   "mx.other.example[198.51.100.25]:25");
}

/* A letter that does not come into the queue, or into that of held ones alone; Postfix 3.10 says when cleanup removes it. */
static int end_early(struct session *session, const char *verdict, const char *removed)
{
    switch (session->step++) {
    case 0:
        line(session, "postfix/smtpd", session->pid, "connect from %s[%s]", session->name, session->client);
        return 1;
    case 1:
        line(session, "postfix/smtpd", session->pid, "%s: client=%s[%s]", session->queue_id, session->name, session->client);
        return 1;
    case 2:
        line(session, "postfix/cleanup", session->pid + 1, "%s: message-id=<%u@sender%u.example>", session->queue_id, session->user, session->domain);
        return 1;
    case 3:
        line(session, "postfix/cleanup", session->pid + 1, "%s: %s from %s[%s]: 5.7.1 Command; from=<u%u@sender%u.example> to=<user%u@own.example> proto=ESMTP "
                                                           "helo=<mail%u.sender%u.example>",
             session->queue_id, verdict, session->name, session->client, session->user, session->domain, session->user, below(9), session->domain);
        return 1;
    case 4:
        if (session->user % 2 == 0)
            return 1;
        line(session, "postfix/cleanup", session->pid + 1, "%s: %s", session->queue_id, removed);
        return 1;
    default:
        line(session, "postfix/smtpd", session->pid, "disconnect from %s[%s] ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5", session->name, session->client);
        return 0;
    }
}

static int hold(struct session *session)
{
    if (session->user % 4 < 2)
        return end_early(session, "milter-discard: END-OF-MESSAGE", "removed (discarded)");
    if (session->step == 4)
        session->step = 5; /* it is not removed */
    return end_early(session, "milter-hold: END-OF-MESSAGE", "");
}

/* Its client is gone before the letter's end. */
static int lose(struct session *session)
{
    if (session->step < 3)
        return end_early(session, "", "");
    line(session, "postfix/smtpd", session->pid, "lost connection after DATA (%u bytes) from %s[%s]", below(9000), session->name, session->client);
    return 0;
}

/* A letter's way out of the filter. */
static int give_back(struct session *session, unsigned step, const char *second, const char *extra)
{
    switch (step) {
    case 0:
        line(session, "postfix/smtpd", session->pid + 70000, "%s: client=localhost[127.0.0.1]%s, orig_client=%s[%s]", second, extra, session->name, session->client);
        return 1;
    case 1:
        line(session, "postfix/cleanup", session->pid + 1, "%s: message-id=<%u@sender%u.example>", second, session->user, session->domain);
        return 1;
    case 2:
        line(session, "postfix/qmgr", 812, "%s: from=<u%u@sender%u.example>, size=%u, nrcpt=2 (queue active)", second, session->user, session->domain, 1000 + below(90000));
        return 1;
    default:
        return 0;
    }
}

static void send_out(struct session *session, const char *id)
{
    line(session, "postfix/smtp", session->pid + 2, "%s: to=<user%u@other%u.example>, relay=mx.other.example[198.51.100.25]:25, delay=0.%02u, delays=0.04/0.01/0.08/0.09, "
                                                    "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as %s)",
         id, below(5000), session->domain, below(100), session->queue_id);
}

/* content_filter: the letter is in the queue twice, by two ids. */
static int filter(struct session *session)
{
    const char *id = session->queue_id;
    char second[sizeof(session->queue_id) + 1];
    char extra[64];

    snprintf(second, sizeof(second), "5%s", id);
    snprintf(extra, sizeof(extra), ", orig_queue_id=%s", id);
    unsigned step = session->step++;
    switch (step) {
    case 0:
        line(session, "postfix/submission/smtpd", session->pid, "connect from %s[%s]", session->name, session->client);
        return 1;
    case 1:
        snprintf(extra, sizeof(extra), ", sasl_method=PLAIN, sasl_username=user%u@own.example", session->user);
        line(session, "postfix/submission/smtpd", session->pid, "%s: client=%s[%s]%s", id, session->name, session->client, session->user % 2 == 0 ? extra : "");
        return 1;
    case 2:
        line(session, "postfix/qmgr", 812, "%s: from=<u%u@sender%u.example>, size=%u, nrcpt=2 (queue active)", id, session->user, session->domain, 1000 + below(90000));
        return 1;
    case 3:
    case 4:
    case 5:
        return give_back(session, step - 3, second, extra);
    case 6:
        line(session, "postfix/amavisfeed/smtp", session->pid + 4, "%s: to=<user%u@other%u.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=0.4, delays=0.04/0.01/0.08/0.3, "
                                                                   "dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as %s)",
             id, session->user, session->domain, second);
        return 1;
    case 7:
        line(session, "postfix/qmgr", 812, "%s: removed", id);
        return 1;
    case 8:
    case 9:
        send_out(session, second);
        return 1;
    default:
        line(session, "postfix/qmgr", 812, "%s: removed", second);
        return 0;
    }
}

/* smtpd_proxy_filter: the first smtpd gives the letter no id. */
static int filter_before_queue(struct session *session)
{
    unsigned step = session->step++;
    const char *envelope = "from=<a@sender.example> to=<user@own.example> proto=ESMTP helo=<mail.sender.example>";

    switch (step) {
    case 0:
        line(session, "postfix/smtpd", session->pid, "connect from %s[%s]", session->name, session->client);
        return 1;
    case 1:
        line(session, "postfix/smtpd", session->pid, "NOQUEUE: client=%s[%s]%s", session->name, session->client,
             session->user % 2 == 0 ? ", sasl_method=LOGIN, sasl_username=bob@own.example" : "");
        return 1;
    case 2:
        if (session->user % 5 != 0)
            return 1;
        line(session, "postfix/smtpd", session->pid, "proxy-reject: END-OF-MESSAGE: 554 5.7.0 Reject, id=%u-1 - spam; %s", session->user, envelope);
        return 0;
    case 3:
    case 4:
    case 5:
        return give_back(session, step - 3, session->queue_id, "");
    case 6:
        line(session, "postfix/smtpd", session->pid, "proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as %s; %s", session->queue_id, envelope);
        return 1;
    case 7:
        send_out(session, session->queue_id);
        return 1;
    default:
        line(session, "postfix/qmgr", 812, "%s: removed", session->queue_id);
        return 0;
    }
}

static int reject(struct session *session)
{
    switch (session->step++) {
    case 0:
        line(session, "postfix/smtpd", session->pid, "connect from %s[%s]", session->name, session->client);
        return 1;
    case 1:
        line(session, "postfix/smtpd", session->pid, session->user % 8 == 0 ? "NOQUEUE: milter-reject: RCPT from %s[%s]: 451 4.7.1 Service unavailable; Client host [%s] blocked using "
                                                     "zen.example.org; from=<u%u@sender%u.example> to=<user%u@own.example> proto=ESMTP helo=<mail%u.sender%u.example>"
                                                     : "NOQUEUE: reject: RCPT from %s[%s]: 554 5.7.1 Service unavailable; Client host [%s] blocked using "
                                                     "zen.example.org; from=<u%u@sender%u.example> to=<user%u@own.example> proto=ESMTP helo=<mail%u.sender%u.example>",
             session->name, session->client, session->client, session->user, session->domain, session->user, below(9), session->domain);
        return 1;
    default:
        line(session, "postfix/smtpd", session->pid, "disconnect from %s[%s] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", session->name, session->client);
        return 0;
    }
}

static int read_mail(struct session *session, const char *service)
{
    char id[24];

    snprintf(id, sizeof(id), "%s%u", session->queue_id, session->pid % 1000);
    if (session->step++ == 0) {
        line(session, "dovecot", 0, "%s-login: Login: user=<user%u@own.example>, method=PLAIN, rip=%s, lip=192.0.2.25, mpid=%u, TLS, session=<%s>", service,
             session->user, session->client, session->pid, id);
        return 1;
    }
    line(session, "dovecot", 0, "%s(user%u@own.example)<%u><%s>: Disconnected: Logged out in=%u out=%u deleted=0 expunged=0 trashed=0 hdr_count=0 "
                                "hdr_bytes=0 body_count=0 body_bytes=0",
         service, session->user, session->pid, id, below(9000), below(90000));
    return 0;
}

static int guess(struct session *session)
{
    if (session->user % 2 == 0)
        line(session, "dovecot", 0, "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<admin%u>, method=PLAIN, rip=%s, "
                                    "lip=192.0.2.25, TLS, session=<%s>",
             session->user, session->client, session->queue_id);
    else
        line(session, daemons[1] == NULL ? "" : "postfix/submission/smtpd", session->pid, "warning: %s[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
             session->name, session->client);
    return 0;
}

static int make_noise(struct session *session)
{
    switch (session->user % 4) {
    case 0:
        line(session, "postfix/anvil", 901, "statistics: max connection rate 9/60s for (smtp:%s) at Nov 22 03:04:05", session->client);
        break;
    case 1:
        line(session, "opendkim", 455, "%s: DKIM verification successful (s=mail d=sender%u.example, 2048-bit key)", session->queue_id, session->domain);
        break;
    case 2:
        line(session, "postfix/postscreen", 902, "CONNECT from [%s]:%u to [192.0.2.25]:25", session->client, 1024 + below(60000));
        break;
    default:
        line(session, "postfix/smtpd", session->pid, "lost connection after CONNECT from %s[%s]", session->name, session->client);
    }
    return 0;
}

static int fail_proxy(struct session *session)
{
    switch (session->user % 5) {
    case 0:
        line(session, "postfix/smtpd", session->pid, "warning: haproxy read: timeout error");
        break;
    case 1:
        line(session, "postfix/postscreen", 902, "warning: haproxy read: time limit exceeded");
        break;
    case 2:
        line(session, "postfix/smtpd", session->pid, "warning: haproxy read: short protocol header: EHLO foo\\r\\n");
        break;
    case 3:
        line(session, "dovecot", 0, "imap-login: Error: haproxy: Client timed out (rip=%s)", session->client);
        break;
    default:
        line(session, "dovecot", 0, "pop3-login: Warning: haproxy: Client not trusted (rip=%s)", session->client);
    }
    return 0;
}

static int step(struct session *session)
{
    switch (session->kind) {
    case KIND_IN:
        return deliver(session, "postfix/smtpd", "", "postfix/lmtp", "mail.own.example[private/dovecot-lmtp]");
    case KIND_OUT:
        return deliver(session, "postfix/smtpd", "", "postfix/smtp", "mx.other.example[2001:db8:25::25]:25");
    case KIND_SUBMIT:
        return submit(session);
    case KIND_RELAYED:
        return deliver(session, "postfix/smtpd", "", "postfix/smtp", "mx.victim.example[198.51.100.25]:25");
    case KIND_REJECT:
        return reject(session);
    case KIND_IMAP:
        return read_mail(session, "imap");
    case KIND_POP3:
        return read_mail(session, "pop3");
    case KIND_GUESS:
        return guess(session);
    case KIND_NOISE:
        return make_noise(session);
    case KIND_PROXY:
        return fail_proxy(session);
    case KIND_REFUSED:
        return end_early(session, "milter-reject: END-OF-MESSAGE", "removed (canceled)");
    case KIND_HELD:
        return hold(session);
    case KIND_LOST:
        return lose(session);
    case KIND_FILTERED:
        return filter(session);
    case KIND_BEFORE_QUEUE:
        return filter_before_queue(session);
    case KIND_BAN:
        line(session, "fail2ban.actions", 77, "NOTICE [postfix] Ban %s", session->client);
        return 0;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct session sessions[ACTIVE];

    wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    state = 88172645463325252ULL + (argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
    if (wanted == 0) {
        fputs("usage: audit-log LINES [SEED]\n", stderr);
        return 64;
    }
    for (unsigned i = 0; i < ACTIVE; i++)
        begin(&sessions[i], i);
    while (written < wanted) {
        struct session *session = &sessions[below(ACTIVE)];

        set_stamp();
        if (!step(session))
            begin(session, (unsigned)(session - sessions));
    }
    return fflush(stdout) == 0 ? 0 : 74;
}
