/* report - findings as text for people, or as JSON for programs (docs/DOCTOR.md has its keys, which stay). */
#ifndef REALIP_DOCTOR_REPORT_H
#define REALIP_DOCTOR_REPORT_H

#include "finding.h"

/* What a run came to, in the numbers that the closing line tells. */
struct realip_report_counts {
    size_t of[REALIP_SEVERITY_COUNT];
};

struct realip_report_counts realip_report_count(const struct realip_findings *findings);

/* Both write to standard output. 0; or -1 where it can't be written. */
int realip_report_text(struct realip_setup *setup, const struct realip_findings *findings);
int realip_report_json(struct realip_setup *setup, const struct realip_findings *findings);

/* Every finding that there is, one a line: id, severity, why. */
void realip_report_table(void);

#endif
