/* log_input - the logs in the order in which they were written, cut into chunks of whole lines that threads take in turn. */
#ifndef REALIP_LOG_INPUT_H
#define REALIP_LOG_INPUT_H

#include <pthread.h>
#include <stdbool.h>

#include "log_journal.h"
#include "log_stream.h"

/* Bytes of a chunk; a longer line is cut, and the rest of it dropped. */
#define REALIP_LOG_CHUNK_SIZE (1U << 20)

/* How a file's lines are made; found in its first bytes. */
enum realip_log_form {
    REALIP_LOG_FORM_UNKNOWN = 0,
    REALIP_LOG_FORM_LINES,
    REALIP_LOG_FORM_EXPORT, /* journalctl -o export */
    REALIP_LOG_FORM_JSON    /* journalctl -o json, or Docker's json-file: one object a line */
};

struct realip_log_chunk {
    char *text; /* REALIP_LOG_CHUNK_SIZE bytes of room, the caller's */
    size_t length;
    uint64_t number; /* from 0, without gaps: the order of the log */
    enum realip_log_form form;
    bool begins_file;
    int64_t changed; /* when the file was last written, local seconds since 1970; of standard input: now */
};

struct realip_log_file {
    const char *path;
    uint64_t size;       /* 0: not known */
    int64_t changed;
    const char *problem; /* why it was not read, or not whole; NULL: it was */
};

struct realip_log_input {
    pthread_mutex_t lock;
    struct realip_log_file *files; /* oldest first; file_count of them */
    size_t file_count;
    size_t current;
    struct realip_log_stream *stream;
    enum realip_log_form form;
    uint64_t chunks;
    uint64_t cut_lines;  /* lines longer than a chunk */
    uint64_t long_entries; /* entries of the journal longer than a chunk, which were left out */
    uint64_t total;      /* bytes of all files; 0: not known */
    _Atomic uint64_t done; /* bytes of the files that were read to their end */
    _Atomic uint64_t position; /* `done` and what was read of the present one */
    char *rest;          /* what stood behind the last newline */
    size_t rest_length;
    bool begins_file;
    bool skips_line;     /* within a line that was cut */
    bool skips_entry;    /* within an entry that is left out */
    struct realip_log_journal_skip skip;
    bool is_file_done;
    atomic_bool stop;    /* set it from a signal handler: the next chunk is the last */
};

/* Looks at the files ("-": standard input) and sorts them by the time of their last change, so that rotated logs come in the order
 * in which they were written whatever the shell's order is. `paths` is borrowed. 0; or -1 when memory is short. */
int realip_log_input_open(struct realip_log_input *input, char *const *paths, size_t count);
void realip_log_input_close(struct realip_log_input *input);

/* Fills a chunk; any number of threads may ask at once. True; or false: there is no more, or `stop` was set. A file that can't be read
 * keeps its reason in files[].problem, and the next one follows. */
bool realip_log_input_next(struct realip_log_input *input, struct realip_log_chunk *chunk);

#endif
