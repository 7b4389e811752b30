/* audit_run - reads logs on all processors: each thread takes a chunk, reads and judges its lines, waits until the chunk before it was
 * counted, and counts its own. So parsing runs in parallel, and the tally sees the log in its order. What a thread holds until then is
 * bounded: where a chunk has more to tell, it waits for its turn earlier and counts the rest as it reads.
 */
#ifndef REALIP_AUDIT_RUN_H
#define REALIP_AUDIT_RUN_H

#include "audit_tally.h"
#include "log_input.h"

#define REALIP_AUDIT_MOST_JOBS 8U

/* Reads all of the input into the tally with `jobs` threads (0: one for each processor that this process may use), REALIP_AUDIT_MOST_JOBS at most. A
 * progress bar goes to standard error where that is a terminal. 0; or -1 when memory or threads are short. */
int realip_audit_run(struct realip_log_input *input, struct realip_audit_tally *tally, const struct realip_log_patterns *patterns, unsigned jobs);

#endif
