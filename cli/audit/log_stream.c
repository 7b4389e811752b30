#include "log_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_SIZE (256U << 10)
#define XZ_MEMORY (100ULL << 20)  /* xz -9 needs 65 MiB */
#define ZSTD_WINDOW_LOG 26        /* 64 MiB; zstd --ultra -22 needs more and says so */
#define WAIT_MS 200

enum packing { PACKING_UNKNOWN = 0, PACKING_NONE, PACKING_GZIP, PACKING_ZSTD, PACKING_XZ };

/* What an unpacker did with what it was given. */
struct step {
    size_t produced;
    bool at_member_end;
};

struct realip_log_stream {
    int fd;
    bool is_pipe;
    bool ended; /* the file has no more bytes */
    bool is_between; /* nothing was read yet, or a packed member just ended: the file may end here */
    bool has_gzip;
    const char *damage; /* told when what stood before it was given */
    enum packing packing;
    _Atomic uint64_t position;
    z_stream gzip;
    ZSTD_DStream *zstd;
    lzma_stream xz;
    size_t at; /* in `input` */
    size_t filled;
    unsigned char input[INPUT_SIZE];
};

static const char text_cut[] = "the file ends in the middle of its compressed data; the copy is not whole";
static const char text_damaged[] = "the compressed data is damaged";

int realip_log_stream_open(const char *path, struct realip_log_stream **stream_r, const char **reason_r)
{
    struct realip_log_stream *stream = calloc(1, sizeof(*stream));
    struct stat status;

    *stream_r = NULL;
    if (stream == NULL) {
        *reason_r = strerror(ENOMEM);
        return -1;
    }
    stream->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (stream->fd < 0 || fstat(stream->fd, &status) < 0) {
        *reason_r = strerror(errno);
    } else if (S_ISDIR(status.st_mode)) {
        *reason_r = "this is a folder; name the files in it";
    } else {
        stream->is_pipe = !S_ISREG(status.st_mode);
        stream->is_between = true;
        *stream_r = stream;
        return 0;
    }
    realip_log_stream_close(&stream);
    return -1;
}

void realip_log_stream_close(struct realip_log_stream **stream)
{
    if (*stream == NULL)
        return;
    if ((*stream)->has_gzip)
        inflateEnd(&(*stream)->gzip);
    ZSTD_freeDStream((*stream)->zstd);
    lzma_end(&(*stream)->xz);
    if ((*stream)->fd >= 0)
        close((*stream)->fd);
    free(*stream);
    *stream = NULL;
}

uint64_t realip_log_stream_position(const struct realip_log_stream *stream)
{
    return atomic_load_explicit(&stream->position, memory_order_relaxed);
}

/* Waits for a pipe, so that a stop is seen while nothing comes. */
static bool is_ready(const struct realip_log_stream *stream, const atomic_bool *stop)
{
    struct pollfd ready = { .fd = stream->fd, .events = POLLIN };

    while (!atomic_load(stop)) {
        if (poll(&ready, 1, WAIT_MS) > 0)
            return true;
    }
    return false;
}

/* read(2), for files and pipes alike. As that; 0 also when stopped. */
static ssize_t take(struct realip_log_stream *stream, void *buffer, size_t size, const atomic_bool *stop)
{
    ssize_t length = -1;

    do {
        if (stream->is_pipe && !is_ready(stream, stop))
            return 0;
        length = read(stream->fd, buffer, size);
    } while (length < 0 && (errno == EINTR || errno == EAGAIN) && !atomic_load(stop));
    if (length > 0)
        atomic_fetch_add_explicit(&stream->position, (uint64_t)length, memory_order_relaxed);
    return length;
}

/* Adds to the input. 0; or -1 and *reason_r. */
static int fill(struct realip_log_stream *stream, const atomic_bool *stop, const char **reason_r)
{
    memmove(stream->input, stream->input + stream->at, stream->filled - stream->at);
    stream->filled -= stream->at;
    stream->at = 0;
    ssize_t length = take(stream, stream->input + stream->filled, INPUT_SIZE - stream->filled, stop);
    if (length < 0) {
        *reason_r = strerror(errno);
        return -1;
    }
    stream->ended = length == 0;
    stream->filled += (size_t)length;
    return 0;
}

static bool has_magic(const struct realip_log_stream *stream, const char *magic, size_t length)
{
    return stream->filled - stream->at >= length && memcmp(stream->input + stream->at, magic, length) == 0;
}

/* A frame of zstd, or one that is to be skipped: pzstd writes these first (RFC 8878 section 3.1). */
static bool is_zstd(const struct realip_log_stream *stream)
{
    const unsigned char *at = stream->input + stream->at;

    return has_magic(stream, "\x28\xb5\x2f\xfd", 4)
        || (stream->filled - stream->at >= 4 && (at[0] & 0xf0) == 0x50 && memcmp(at + 1, "\x2a\x4d\x18", 3) == 0);
}

/* Behind a packed member: zeros are what tapes, dd and xz leave. */
static void skip_zeros(struct realip_log_stream *stream)
{
    while (stream->at < stream->filled && stream->input[stream->at] == 0)
        stream->at++;
}

/* Can a log go on like this? */
static bool is_text(const struct realip_log_stream *stream)
{
    for (size_t i = stream->at; i < stream->filled && i < stream->at + 64; i++) {
        if (stream->input[i] < ' ' && stream->input[i] != '\t' && stream->input[i] != '\n' && stream->input[i] != '\r')
            return false;
    }
    return true;
}

static int start_gzip(struct realip_log_stream *stream)
{
    if (stream->has_gzip)
        return inflateReset(&stream->gzip);
    stream->has_gzip = inflateInit2(&stream->gzip, 15 + 16) == Z_OK; /* 16: a gzip header, nothing else */
    return stream->has_gzip ? Z_OK : Z_MEM_ERROR;
}

static bool start_zstd(struct realip_log_stream *stream)
{
    if (stream->zstd == NULL)
        stream->zstd = ZSTD_createDStream();
    return stream->zstd != NULL && !ZSTD_isError(ZSTD_DCtx_reset(stream->zstd, ZSTD_reset_session_only))
        && !ZSTD_isError(ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
}

/* Looks at the next bytes and makes the unpacker ready: at the beginning, and behind each packed member, where anything may follow: `cat
 * mail.log.2.gz mail.log` is one log. 0; or -1 and *reason_r. */
static int recognize(struct realip_log_stream *stream, const char **reason_r)
{
    bool is_first = stream->packing == PACKING_UNKNOWN;
    bool ready = true;

    stream->packing = PACKING_NONE;
    if (has_magic(stream, "\x1f\x8b", 2)) {
        ready = start_gzip(stream) == Z_OK;
        stream->packing = PACKING_GZIP;
    } else if (is_zstd(stream)) {
        ready = start_zstd(stream);
        stream->packing = PACKING_ZSTD;
    } else if (has_magic(stream, "\xfd" "7zXZ\0", 6)) {
        ready = lzma_stream_decoder(&stream->xz, XZ_MEMORY, 0) == LZMA_OK;
        stream->packing = PACKING_XZ;
    } else if (has_magic(stream, "BZh", 3)) {
        *reason_r = "bzip2 is not read here; unpack it: bzcat LOG | realipctl audit -";
        return -1;
    } else if (!is_first && !is_text(stream)) {
        *reason_r = "behind the compressed data stands what is neither text nor compressed; it was not read";
        return -1;
    }
    *reason_r = strerror(ENOMEM);
    return ready ? 0 : -1;
}

/* Fills the input until it is clear what begins there. 0; or -1 and *reason_r. */
static int begin_member(struct realip_log_stream *stream, const atomic_bool *stop, const char **reason_r)
{
    for (;;) {
        if (stream->packing != PACKING_UNKNOWN)
            skip_zeros(stream);
        if (stream->filled - stream->at >= 6 || stream->ended)
            break;
        if (fill(stream, stop, reason_r) < 0)
            return -1;
    }
    stream->is_between = false;
    return recognize(stream, reason_r);
}

static int unpack_gzip(struct realip_log_stream *stream, char *buffer, size_t size, struct step *step, const char **reason_r)
{
    z_stream *gzip = &stream->gzip;

    gzip->next_in = stream->input + stream->at;
    gzip->avail_in = (unsigned)(stream->filled - stream->at);
    gzip->next_out = (unsigned char *)buffer;
    gzip->avail_out = (unsigned)size;
    int result = inflate(gzip, Z_NO_FLUSH);
    stream->at = stream->filled - gzip->avail_in;
    step->produced = size - gzip->avail_out;
    step->at_member_end = result == Z_STREAM_END;
    *reason_r = text_damaged;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ? 0 : -1;
}

static int unpack_zstd(struct realip_log_stream *stream, char *buffer, size_t size, struct step *step, const char **reason_r)
{
    ZSTD_inBuffer in = { stream->input, stream->filled, stream->at };
    ZSTD_outBuffer out = { buffer, size, 0 };
    size_t result = ZSTD_decompressStream(stream->zstd, &out, &in);

    stream->at = in.pos;
    step->produced = out.pos;
    step->at_member_end = result == 0;
    if (!ZSTD_isError(result))
        return 0;
    *reason_r = strstr(ZSTD_getErrorName(result), "memory") != NULL
        ? "it needs more memory to unpack than is allowed here: zstd -dc --long=31 LOG | realipctl audit -" : text_damaged;
    return -1;
}

static int unpack_xz(struct realip_log_stream *stream, char *buffer, size_t size, struct step *step, const char **reason_r)
{
    lzma_stream *xz = &stream->xz;

    xz->next_in = stream->input + stream->at;
    xz->avail_in = stream->filled - stream->at;
    xz->next_out = (unsigned char *)buffer;
    xz->avail_out = size;
    lzma_ret result = lzma_code(xz, stream->ended ? LZMA_FINISH : LZMA_RUN);
    stream->at = stream->filled - xz->avail_in;
    step->produced = size - xz->avail_out;
    step->at_member_end = result == LZMA_STREAM_END;
    *reason_r = result == LZMA_MEMLIMIT_ERROR
        ? "it needs more memory to unpack than is allowed here: xz -dc LOG | realipctl audit -" : text_damaged;
    return result == LZMA_OK || result == LZMA_STREAM_END || result == LZMA_BUF_ERROR ? 0 : -1;
}

static int unpack(struct realip_log_stream *stream, char *buffer, size_t size, struct step *step, const char **reason_r)
{
    int result = stream->packing == PACKING_GZIP ? unpack_gzip(stream, buffer, size, step, reason_r)
        : stream->packing == PACKING_ZSTD        ? unpack_zstd(stream, buffer, size, step, reason_r)
                                                 : unpack_xz(stream, buffer, size, step, reason_r);

    if (result < 0)
        stream->damage = *reason_r;
    return result < 0 && step->produced > 0 ? 0 : result;
}

static ssize_t read_plain(struct realip_log_stream *stream, char *buffer, size_t size, const atomic_bool *stop, const char **reason_r)
{
    size_t waiting = stream->filled - stream->at;

    if (waiting > 0) {
        size_t length = waiting < size ? waiting : size;

        memcpy(buffer, stream->input + stream->at, length);
        stream->at += length;
        return (ssize_t)length;
    }
    ssize_t length = take(stream, buffer, size, stop);
    if (length < 0)
        *reason_r = strerror(errno);
    return length;
}

ssize_t realip_log_stream_read(struct realip_log_stream *stream, char *buffer, size_t size, const atomic_bool *stop,
                               const char **reason_r)
{
    if (stream->damage != NULL) {
        *reason_r = stream->damage;
        return -1;
    }
    for (;;) {
        struct step step = { 0 };

        if (stream->is_between && begin_member(stream, stop, reason_r) < 0)
            return -1;
        if (stream->packing == PACKING_NONE)
            return read_plain(stream, buffer, size, stop, reason_r);
        if (stream->at == stream->filled && !stream->ended && fill(stream, stop, reason_r) < 0)
            return -1;
        if (atomic_load(stop))
            return 0;
        bool had_input = stream->at < stream->filled;
        if (unpack(stream, buffer, size, &step, reason_r) < 0)
            return -1;
        stream->is_between = step.at_member_end;
        if (step.produced > 0)
            return (ssize_t)step.produced;
        if (stream->ended && !had_input && !stream->is_between) {
            *reason_r = text_cut;
            return -1;
        }
    }
}
