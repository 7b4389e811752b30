/* audit_count - how the tally counts: what a session or a letter did, by service, reason, day and address.
 *
 * For the audit_*.c that fill a tally, no one else.
 */
#ifndef REALIP_AUDIT_COUNT_H
#define REALIP_AUDIT_COUNT_H

#include "audit_tally.h"

/* The service's number; of more than there is room for, that of "(others)". */
unsigned realip_audit_service_of(struct realip_audit_tally *tally, struct realip_log_text name);

/* The day of a time; NULL: there is no room for another one, which was noted. */
struct realip_audit_day *realip_audit_day_of(struct realip_audit_tally *tally, int64_t when);

/* Whose deed it was. */
struct realip_audit_doer {
    struct realip_address client;
    unsigned service;
    enum realip_reason reason;
};

/* Counts a deed: 1; or takes back what was counted before: -1. */
void realip_audit_count_deed(struct realip_audit_tally *tally, const struct realip_audit_doer *doer, enum realip_audit_deed deed, int64_t when, int amount);

struct realip_audit_address realip_audit_key_of(const struct realip_address *address);

/* Cut to fit; `out` is filled with zeros before. */
void realip_audit_put_text(char *out, size_t size, struct realip_log_text text);

/* Widens a span of time. */
void realip_audit_note_time(int64_t when, int64_t *first, int64_t *last);

#endif
