/* verdict_header - the X-RealIP header: ours goes to the top of the message, forged ones go away. */
#ifndef REALIP_VERDICT_HEADER_H
#define REALIP_VERDICT_HEADER_H

#include <libmilter/mfapi.h>

#include "core/facts.h"

#define REALIP_VERDICT_HEADER_NAME "X-RealIP"
/* Longest value with its NUL: the listener's name, escaped, is the only part without a bound of its own. */
#define REALIP_VERDICT_HEADER_SIZE 512

/* Is this header's name ours, in any case, with or without the white space before the colon that RFC 5322 section 4.5
 * still reads? */
bool realip_verdict_header_is_ours(const char *name);

/* Writes "reason=…; action=…; wanted=…; client=…; listener=…; source=milter; origin=session"; where a relay told the client
 * in its Received header, the end is "origin=received; relay=…". Returns the length. */
size_t realip_verdict_header_format(const struct realip_facts *facts, const struct realip_verdict *verdict, char *value,
                                    size_t size);

/* At end of message: deletes the first `count` headers of our name. 0; or -1 when the MTA does not take it. */
int realip_verdict_header_remove(SMFICTX *ctx, size_t count);

/* At end of message, after removing: puts our header above all others. 0; or -1. */
int realip_verdict_header_insert(SMFICTX *ctx, char *value);

#endif
