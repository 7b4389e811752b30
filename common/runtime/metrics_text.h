/* metrics_text - pieces of Prometheus' text format (0.0.4). */
#ifndef REALIP_METRICS_TEXT_H
#define REALIP_METRICS_TEXT_H

#include <stdio.h>

/* Writes what stands above the series of a metric; `type` is counter, gauge or histogram, `help` one line without a backslash. */
void realip_metrics_text_head(const char *name, const char *type, const char *help, FILE *out);

/* Writes what stands between the quotes of a label: it may hold anything, so backslash, quote and line feed are escaped. */
void realip_metrics_text_label(const char *text, FILE *out);

/* Writes head and series of a metric without labels. */
void realip_metrics_text_gauge(const char *name, const char *help, long long value, FILE *out);
void realip_metrics_text_counter(const char *name, const char *help, unsigned long long value, FILE *out);

#endif
