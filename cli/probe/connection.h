/* connection - lines over TCP, plain or TLS, none of which can last longer than its deadline.
 *
 * Never ends with a reset of our own: a PROXY header and an RST at once kill an smtpd (docs/POSTFIX.md), so the end is always a FIN
 * with everything read that came, for as long as the closing may take.
 */
#ifndef REALIP_PROBE_CONNECTION_H
#define REALIP_PROBE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "core/address.h"

struct realip_probe_connection;

enum realip_probe_reading {
    REALIP_PROBE_READING_UNKNOWN = 0,
    REALIP_PROBE_READING_LINE,
    REALIP_PROBE_READING_TIMEOUT,
    REALIP_PROBE_READING_CLOSED,
    REALIP_PROBE_READING_RESET,
    REALIP_PROBE_READING_TOO_LONG /* a line, or all of them together, longer than any mail server's */
};

/* A clock that only goes forward, in microseconds. */
long long realip_probe_now(void);

/* Opens a connection. `deadline` (realip_probe_now()) bounds this and all that follows; it may be moved later. 0 and *connection_r (to be
 * closed); or -1 and *error_r an errno. */
int realip_probe_connect(const struct sockaddr *address, socklen_t size, long long deadline,
                         struct realip_probe_connection **connection_r, int *error_r);

/* Makes a connection of a socket that is connected and does not block, and owns it from now on. NULL: memory is short, and it is closed. */
struct realip_probe_connection *realip_probe_adopt(int fd, long long deadline);

/* Ends our side at once, and goes on reading: what a signal's handler may do. */
void realip_probe_hang_up(const struct realip_probe_connection *connection);

void realip_probe_set_deadline(struct realip_probe_connection *connection, long long deadline);

/* The addresses of both ends, and this end's port. */
void realip_probe_ends(const struct realip_probe_connection *connection, struct realip_address *local_r, unsigned *port_r,
                       struct realip_address *remote_r);

/* Sends all bytes. 0; or -1: the other side takes no more (what it said may still be read). */
int realip_probe_send(struct realip_probe_connection *connection, const void *bytes, size_t size);

/* The next line without its line end (CRLF or LF), NUL-terminated, cut to `size`; a NUL in it becomes '?'. Anything but LINE leaves
 * "" or the bytes of an unfinished line in `line`. */
enum realip_probe_reading realip_probe_read_line(struct realip_probe_connection *connection, char *line, size_t size);

/* Reads bytes as they come, up to `size`; *length_r is 0 unless the result is LINE. */
enum realip_probe_reading realip_probe_read_bytes(struct realip_probe_connection *connection, char *bytes, size_t size,
                                                  size_t *length_r);

/* Shakes hands as a client; certificates are told, not verified. What came before and was not read is thrown away. `name` is the
 * host name asked for (NULL: none). `text` gets version, cipher and the certificate's name and last day, NUL-terminated. LINE when it is done; TOO_LONG:
 * the other side speaks no TLS; else why not. */
enum realip_probe_reading realip_probe_start_tls(struct realip_probe_connection *connection, const char *name, char *text,
                                                 size_t size);

/* Ends our side, waits for the other's end for `msecs` at most, frees. Sets the caller's pointer to NULL. */
void realip_probe_close(struct realip_probe_connection **connection, int msecs);

#endif
