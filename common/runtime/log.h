/* log - what the programs say: one line for each verdict, in key=value with a fixed order, and plain messages.
 *
 * A line is written by one write(2), so that lines of threads and processes do not mix. A log that can't be written
 * (disk full, nobody reads) never stops a decision.
 */
#ifndef REALIP_LOG_H
#define REALIP_LOG_H

#include <stddef.h>

#include "config.h"

/* Longest verdict line with its NUL; longer texts of clients are cut. */
#define REALIP_LOG_LINE_SIZE 2048

/* Sets the program's name (a constant) and where lines go; call again when a reload changes it. */
void realip_log_open(const char *program, enum realip_log_target target);

/* How many lines could not be written: the disk is full, or nobody reads. */
unsigned long long realip_log_lines_lost(void);

/* One message; each line of it becomes a line of the log. The level is a syslog(3) one: LOG_ERR, LOG_WARNING, … */
void realip_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes a verdict's line, without a newline:
 *   realip source= listener= reason= action= wanted= client= peer= network= rule= service= session= user=
 * Behind peer= comes relay= where a relay told the client, and clients= of a suspect. An absent value is "-". Texts that a client chose are escaped: bytes other than visible ASCII, and space, '"', '=' and
 * '\', become \xHH; no text can end its field. Returns the length. */
size_t realip_log_verdict_line(const struct realip_facts *facts, const struct realip_verdict *verdict, char *line,
                               size_t size);

/* Writes a verdict's line: as a warning when it is a problem, else as information. */
void realip_log_verdict(const struct realip_facts *facts, const struct realip_verdict *verdict);

/* Escapes one text as above into `out`, cut to fit; "-" for NULL and "". Returns the length written. */
size_t realip_log_escape(const char *text, char *out, size_t size);

#endif
