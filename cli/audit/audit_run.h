/* audit_run - reads logs on all processors: each thread takes a chunk, reads and judges its lines, waits until the chunk before it was
 * counted, and counts its own. So parsing runs in parallel, and the tally sees the log in its order.
 */
#ifndef REALIP_AUDIT_RUN_H
#define REALIP_AUDIT_RUN_H

#include "audit_tally.h"
#include "log_input.h"

/* Reads all of the input into the tally; a progress bar goes to standard error where that is a terminal. 0; or -1 when memory or
 * threads are short. */
int realip_audit_run(struct realip_log_input *input, struct realip_audit_tally *tally, const struct realip_log_patterns *patterns);

#endif
