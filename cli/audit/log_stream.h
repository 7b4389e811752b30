/* log_stream - the bytes of one log file or of standard input, unpacked when they are gzip, zstd or xz (by their first bytes,
 * whatever the name says; several members, and text, one behind the other are one log).
 */
#ifndef REALIP_LOG_STREAM_H
#define REALIP_LOG_STREAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct realip_log_stream;

/* Opens a file; "-" is standard input. 0 and *stream_r; or -1, *stream_r NULL and *reason_r a constant text, or one of
 * strerror(3). A directory or a device is an error. */
int realip_log_stream_open(const char *path, struct realip_log_stream **stream_r, const char **reason_r);
void realip_log_stream_close(struct realip_log_stream **stream);

/* Reads up to `size` unpacked bytes. Their number, as many as there are now; 0 at the end, or when *stop became true while it waited
 * for a pipe; or -1 and *reason_r (a constant text or strerror(3)): unreadable, damaged, or cut off. What stood before the damage was given. */
ssize_t realip_log_stream_read(struct realip_log_stream *stream, char *buffer, size_t size, const atomic_bool *stop,
                               const char **reason_r);

/* Bytes taken from the file so far (packed ones, where it is packed): for a progress bar. */
uint64_t realip_log_stream_position(const struct realip_log_stream *stream);

#endif
