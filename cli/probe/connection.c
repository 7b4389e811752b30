#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_BYTES 262144 /* of one connection: no greeting and no capabilities are longer */

struct realip_probe_connection {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    long long deadline;
    char buffer[4096];
    size_t length;
    size_t read; /* in all */
};

long long realip_probe_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Until the descriptor is ready or the deadline is over. True: ready. */
static bool await(const struct realip_probe_connection *connection, short events)
{
    struct pollfd waiting = { .fd = connection->fd, .events = events };

    for (;;) {
        long long left = connection->deadline - realip_probe_now();
        int ready = left <= 0 ? 0 : poll(&waiting, 1, (int)(left / 1000 + 1));

        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

struct realip_probe_connection *realip_probe_adopt(int fd, long long deadline)
{
    struct realip_probe_connection *connection = calloc(1, sizeof(*connection));
    int on = 1;

    if (connection == NULL) {
        close(fd);
        return NULL;
    }
    connection->fd = fd;
    connection->deadline = deadline;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return connection;
}

void realip_probe_hang_up(const struct realip_probe_connection *connection)
{
    (void)shutdown(connection->fd, SHUT_WR);
}

static int connect_within(const struct realip_probe_connection *connection, const struct sockaddr *address, socklen_t size)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (connect(connection->fd, address, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!await(connection, POLLOUT))
        return ETIMEDOUT;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return errno;
    return error;
}

int realip_probe_connect(const struct sockaddr *address, socklen_t size, long long deadline,
                         struct realip_probe_connection **connection_r, int *error_r)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *connection_r = NULL;
    *error_r = errno;
    if (fd < 0)
        return -1;
    struct realip_probe_connection *connection = realip_probe_adopt(fd, deadline);
    *error_r = connection == NULL ? ENOMEM : connect_within(connection, address, size);
    if (*error_r == 0) {
        *connection_r = connection;
        return 0;
    }
    if (connection != NULL)
        close(connection->fd);
    free(connection);
    return -1;
}

void realip_probe_set_deadline(struct realip_probe_connection *connection, long long deadline)
{
    connection->deadline = deadline;
}

static struct realip_address address_of(const struct sockaddr_storage *name, unsigned *port_r)
{
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)name;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)name;

    *port_r = 0;
    if (name->ss_family == AF_INET) {
        *port_r = ntohs(ipv4->sin_port);
        return realip_address_from_ipv4((const unsigned char *)&ipv4->sin_addr);
    }
    if (name->ss_family == AF_INET6) {
        *port_r = ntohs(ipv6->sin6_port);
        return realip_address_from_ipv6((const unsigned char *)&ipv6->sin6_addr);
    }
    return (struct realip_address){ 0 };
}

void realip_probe_ends(const struct realip_probe_connection *connection, struct realip_address *local_r, unsigned *port_r,
                       struct realip_address *remote_r)
{
    struct sockaddr_storage name = { 0 };
    socklen_t size = sizeof(name);
    unsigned ignored;

    (void)getsockname(connection->fd, (struct sockaddr *)&name, &size);
    *local_r = address_of(&name, port_r);
    memset(&name, 0, sizeof(name));
    size = sizeof(name);
    (void)getpeername(connection->fd, (struct sockaddr *)&name, &size);
    *remote_r = address_of(&name, &ignored);
}

/* What OpenSSL wants to wait for. False: nothing, it has failed; or the time is over (*late_r). */
static bool await_tls(const struct realip_probe_connection *connection, int result, bool *late_r)
{
    int error = SSL_get_error(connection->ssl, result);

    *late_r = false;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return false;
    bool ready = await(connection, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
    *late_r = !ready;
    return ready;
}

static ssize_t send_some(struct realip_probe_connection *connection, const char *bytes, size_t size)
{
    size_t sent;
    bool late;

    if (connection->ssl == NULL) {
        ssize_t result = send(connection->fd, bytes, size, MSG_NOSIGNAL);

        return result < 0 && errno == EAGAIN && await(connection, POLLOUT) ? 0 : result;
    }
    ERR_clear_error();
    int result = SSL_write_ex(connection->ssl, bytes, size, &sent);
    if (result == 1)
        return (ssize_t)sent;
    return await_tls(connection, result, &late) ? 0 : -1;
}

int realip_probe_send(struct realip_probe_connection *connection, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t sent = send_some(connection, at, size);

        if (sent < 0)
            return -1;
        at += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static enum realip_probe_reading receive_plain(struct realip_probe_connection *connection, char *bytes, size_t size, size_t *got_r)
{
    for (;;) {
        ssize_t got = recv(connection->fd, bytes, size, 0);

        if (got > 0) {
            *got_r = (size_t)got;
            return REALIP_PROBE_READING_LINE;
        }
        if (got == 0)
            return REALIP_PROBE_READING_CLOSED;
        if (errno != EAGAIN && errno != EINTR)
            return REALIP_PROBE_READING_RESET;
        if (!await(connection, POLLIN))
            return REALIP_PROBE_READING_TIMEOUT;
    }
}

static enum realip_probe_reading receive_tls(struct realip_probe_connection *connection, char *bytes, size_t size, size_t *got_r)
{
    bool late;

    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(connection->ssl, bytes, size, got_r);

        if (result == 1)
            return REALIP_PROBE_READING_LINE;
        if (await_tls(connection, result, &late))
            continue;
        if (late)
            return REALIP_PROBE_READING_TIMEOUT;
        return errno == ECONNRESET ? REALIP_PROBE_READING_RESET : REALIP_PROBE_READING_CLOSED;
    }
}

static enum realip_probe_reading receive(struct realip_probe_connection *connection, char *bytes, size_t size, size_t *got_r)
{
    *got_r = 0;
    if (connection->read >= MOST_BYTES)
        return REALIP_PROBE_READING_TOO_LONG;
    /* Who always has some bytes ready must not go on for ever. */
    if (realip_probe_now() >= connection->deadline)
        return REALIP_PROBE_READING_TIMEOUT;
    enum realip_probe_reading reading = connection->ssl == NULL ? receive_plain(connection, bytes, size, got_r)
                                                                : receive_tls(connection, bytes, size, got_r);
    connection->read += *got_r;
    return reading;
}

enum realip_probe_reading realip_probe_read_bytes(struct realip_probe_connection *connection, char *bytes, size_t size,
                                                  size_t *length_r)
{
    if (connection->length == 0)
        return receive(connection, bytes, size, length_r);
    *length_r = connection->length < size ? connection->length : size;
    memcpy(bytes, connection->buffer, *length_r);
    connection->length -= *length_r;
    memmove(connection->buffer, connection->buffer + *length_r, connection->length);
    return REALIP_PROBE_READING_LINE;
}

/* Takes `taken` bytes of the buffer, of which the first `length` are the line. */
static void take_line(struct realip_probe_connection *connection, size_t length, size_t taken, char *line, size_t size)
{
    if (length > 0 && connection->buffer[length - 1] == '\r')
        length--;
    if (length > size - 1)
        length = size - 1;
    for (size_t i = 0; i < length; i++)
        line[i] = connection->buffer[i] == '\0' ? '?' : connection->buffer[i];
    line[length] = '\0';
    connection->length -= taken;
    memmove(connection->buffer, connection->buffer + taken, connection->length);
}

enum realip_probe_reading realip_probe_read_line(struct realip_probe_connection *connection, char *line, size_t size)
{
    size_t searched = 0;

    for (;;) {
        const char *end = memchr(connection->buffer + searched, '\n', connection->length - searched);
        size_t got;

        if (end != NULL) {
            size_t length = (size_t)(end - connection->buffer);

            take_line(connection, length, length + 1, line, size);
            return REALIP_PROBE_READING_LINE;
        }
        searched = connection->length;
        enum realip_probe_reading reading = REALIP_PROBE_READING_TOO_LONG;
        if (connection->length < sizeof(connection->buffer))
            reading = receive(connection, connection->buffer + connection->length,
                              sizeof(connection->buffer) - connection->length, &got);
        if (reading != REALIP_PROBE_READING_LINE) {
            take_line(connection, connection->length, connection->length, line, size);
            return reading;
        }
        connection->length += got;
    }
}

/* ---- TLS ---------------------------------------------------------------------------------------------------------- */

static int prepare_tls(struct realip_probe_connection *connection, const char *name)
{
    connection->context = SSL_CTX_new(TLS_client_method());
    if (connection->context == NULL)
        return -1;
    SSL_CTX_set_verify(connection->context, SSL_VERIFY_NONE, NULL);
    /* A server that ends without close_notify has ended; nothing that is read here depends on its last byte. */
    SSL_CTX_set_options(connection->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(connection->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    connection->ssl = SSL_new(connection->context);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->fd) != 1)
        return -1;
    if (name != NULL)
        (void)SSL_set_tlsext_host_name(connection->ssl, name);
    return 0;
}

static void describe_tls(const struct realip_probe_connection *connection, char *text, size_t size)
{
    X509 *certificate = SSL_get1_peer_certificate(connection->ssl);
    char name[128] = "none";
    char until[32] = "-";
    struct tm last;

    if (certificate != NULL) {
        (void)X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof(name));
        if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &last) == 1)
            strftime(until, sizeof(until), "%Y-%m-%d", &last);
        X509_free(certificate);
    }
    snprintf(text, size, "%s, %s, certificate %s until %s (not verified)", SSL_get_version(connection->ssl),
             SSL_get_cipher_name(connection->ssl), name, until);
}

enum realip_probe_reading realip_probe_start_tls(struct realip_probe_connection *connection, const char *name, char *text,
                                                 size_t size)
{
    bool late = false;
    int result;

    text[0] = '\0';
    connection->length = 0;
    if (connection->ssl != NULL || prepare_tls(connection, name) < 0)
        return REALIP_PROBE_READING_TOO_LONG;
    do {
        ERR_clear_error();
        errno = 0;
        result = SSL_connect(connection->ssl);
    } while (result != 1 && await_tls(connection, result, &late));
    if (result == 1) {
        describe_tls(connection, text, size);
        return REALIP_PROBE_READING_LINE;
    }
    int error = errno;
    int kind = SSL_get_error(connection->ssl, result);
    SSL_free(connection->ssl); /* the rest is read as it comes */
    connection->ssl = NULL;
    if (late)
        return REALIP_PROBE_READING_TIMEOUT;
    if (kind == SSL_ERROR_SYSCALL && error == ECONNRESET)
        return REALIP_PROBE_READING_RESET;
    return kind == SSL_ERROR_SYSCALL || kind == SSL_ERROR_ZERO_RETURN ? REALIP_PROBE_READING_CLOSED : REALIP_PROBE_READING_TOO_LONG;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

/* Bytes that stay unread turn a close into a reset. */
static void drain(struct realip_probe_connection *connection)
{
    char ignored[4096];
    size_t got;

    connection->read = 0;
    while (receive(connection, ignored, sizeof(ignored), &got) == REALIP_PROBE_READING_LINE)
        continue;
}

void realip_probe_close(struct realip_probe_connection **connection, int msecs)
{
    struct realip_probe_connection *self = *connection;

    *connection = NULL;
    if (self == NULL)
        return;
    self->deadline = realip_probe_now() + msecs * 1000LL;
    if (self->ssl != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(self->ssl);
    }
    (void)shutdown(self->fd, SHUT_WR);
    drain(self);
    if (self->ssl != NULL)
        SSL_free(self->ssl);
    if (self->context != NULL)
        SSL_CTX_free(self->context);
    close(self->fd);
    free(self);
}
