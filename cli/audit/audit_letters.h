/* audit_letters - what became of the letters that smtpd began to take: which of them came into the queue, which came back from a filter and
 * were counted before, and which went on to other hosts though nobody's own address had given them.
 *
 * Postfix writes client= when it takes the first recipient; a letter counts when later lines of its queue id say that it is there: qmgr has it, or it was
 * delivered, held or thrown away with a good answer. smtpd's proxy filter has the letter before there is a queue id: its lines are joined by process.
 */
#ifndef REALIP_AUDIT_LETTERS_H
#define REALIP_AUDIT_LETTERS_H

#include "audit_count.h"

/* smtpd begins to take a letter (MAIL). */
void realip_audit_letters_begin(struct realip_audit_tally *tally, const struct realip_log_event *event, const struct realip_audit_doer *doer, int64_t when);

/* What another line says of a letter (KEPT, REFUSED, CANCELED, PASSED, SENDER, DELIVERY, REMOVED). */
void realip_audit_letters_note(struct realip_audit_tally *tally, const struct realip_audit_finding *finding, int64_t when);

/* The log is over. */
void realip_audit_letters_finish(struct realip_audit_tally *tally);

#endif
