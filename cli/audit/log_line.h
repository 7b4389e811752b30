/* log_line - what stands before a message in a log: stamp, host, program. A pure parser.
 *
 * It reads what syslog daemons, journalctl, Dovecot, fail2ban and containers write:
 *   Nov 22 03:04:05 mx postfix/smtpd[812]: MESSAGE                RFC 3164, rsyslog's traditional form
 *   2026-11-22T03:04:05.123456+01:00 mx postfix/smtpd[812]: …     RFC 3339, rsyslog's own form (Debian 12 and later)
 *   <22>1 2026-11-22T03:04:05Z mx postfix/smtpd 812 - - …         RFC 5424
 *   Nov 22 03:04:05 imap-login: Info: …                           Dovecot's own file: no host
 *   2026-11-22 03:04:05,123 fail2ban.actions        [8]: …        fail2ban's own file
 * and before any of them what container tools put there: "STAMP stdout F ", "[pod/NAME/CONTAINER] ", "NAME  | ".
 */
#ifndef REALIP_LOG_LINE_H
#define REALIP_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of somebody else's bytes, without a NUL. Zeroed is "none". */
struct realip_log_text {
    const char *start;
    size_t length;
};

/* As written: the log's own time zone. Zeroed is "no stamp". */
struct realip_log_stamp {
    uint16_t year; /* 0: the form has none */
    uint8_t month; /* 1..12; 0: no stamp at all */
    uint8_t day;   /* 1..31 */
    uint32_t second; /* of the day, 0..86400 */
};

struct realip_log_line {
    struct realip_log_stamp stamp;
    struct realip_log_text host;    /* length 0 where the form has none */
    struct realip_log_text program; /* "postfix/smtpd", "dovecot", "imap-login", …; without a process id */
    struct realip_log_text pid;     /* length 0 where the line has none */
    struct realip_log_text message; /* what the program said; may be empty */
};

/* Takes one line apart; `text` has no newline, and the parts point into it. 0; or -1 when it has no program in front of a
 * message: no log line. */
int realip_log_line_parse(const char *text, size_t length, struct realip_log_line *line_r);

/* Reads a stamp at the beginning of a text, and returns how many bytes it has; 0 and a zeroed stamp: there is none. */
size_t realip_log_stamp_parse(const char *text, size_t length, struct realip_log_stamp *stamp_r);

/* Is the text this word? */
bool realip_log_text_is(struct realip_log_text text, const char *word);

#endif
