/* process_metrics - what Prometheus' clients tell of their process, under the names that they all use. */
#ifndef REALIP_PROCESS_METRICS_H
#define REALIP_PROCESS_METRICS_H

#include <stdio.h>

/* Writes process_cpu_seconds_total, process_start_time_seconds, process_resident_memory_bytes, process_open_fds and
 * process_max_fds of this process; what /proc does not tell is left out. */
void realip_process_metrics_write(FILE *out);

#endif
