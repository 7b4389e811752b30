/* log_form - the forms of messages that each program of a mail log writes, and what is taken from them. For log_event.c. */
#ifndef REALIP_LOG_FORM_H
#define REALIP_LOG_FORM_H

#include "log_pattern.h"

/* One program's part in a mail log. */
enum realip_log_program {
    REALIP_LOG_PROGRAM_OTHER = 0,
    REALIP_LOG_PROGRAM_SMTPD,
    REALIP_LOG_PROGRAM_POSTSCREEN,
    REALIP_LOG_PROGRAM_DELIVERY,
    REALIP_LOG_PROGRAM_QMGR,
    REALIP_LOG_PROGRAM_CLEANUP,
    REALIP_LOG_PROGRAM_DOVECOT_LOGIN,
    REALIP_LOG_PROGRAM_FAIL2BAN
};

/* A message of a program that begins with `words` (empty: any; behind a queue id or not) is read with `pattern`. */
struct realip_log_form_row {
    bool is_queued;
    const char *words;
    size_t length; /* of the words */
    enum realip_log_pattern pattern;
    enum realip_log_event_kind kind;
    void (*take)(const struct realip_log_reader *reader, struct realip_log_event *event); /* NULL: nothing more */
};

/* The forms of a program, and how many there are. */
const struct realip_log_form_row *realip_log_form_rows(enum realip_log_program program, size_t *count_r);

/* Leaves the address absent where there is none: "unknown", or what nobody can read. A zone behind "%" is dropped. */
void realip_log_form_address(struct realip_log_text text, struct realip_address *address_r);

#endif
