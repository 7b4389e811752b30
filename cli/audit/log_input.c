#include "log_input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int64_t local_seconds(time_t when)
{
    struct tm parts;

    return localtime_r(&when, &parts) != NULL ? (int64_t)when + parts.tm_gmtoff : (int64_t)when;
}

static struct realip_log_file look_at(const char *path)
{
    struct realip_log_file file = { .path = path, .changed = local_seconds(time(NULL)) };
    struct stat status;

    if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        file.size = (uint64_t)status.st_size;
        file.changed = local_seconds(status.st_mtime);
    }
    return file;
}

/* Insertion keeps the given order of files that are equally old. */
static void sort_files(struct realip_log_file *files, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct realip_log_file file = files[i];
        size_t at = i;

        for (; at > 0 && files[at - 1].changed > file.changed; at--)
            files[at] = files[at - 1];
        files[at] = file;
    }
}

int realip_log_input_open(struct realip_log_input *input, char *const *paths, size_t count)
{
    bool known = true;

    memset(input, 0, sizeof(*input));
    pthread_mutex_init(&input->lock, NULL);
    input->files = calloc(count > 0 ? count : 1, sizeof(*input->files));
    input->rest = malloc(REALIP_LOG_CHUNK_SIZE);
    if (input->files == NULL || input->rest == NULL)
        return -1;
    input->file_count = count;
    for (size_t i = 0; i < count; i++) {
        input->files[i] = look_at(paths[i]);
        input->total += input->files[i].size;
        known = known && (input->files[i].size > 0 || strcmp(paths[i], "-") != 0);
    }
    if (!known)
        input->total = 0;
    sort_files(input->files, count);
    return 0;
}

void realip_log_input_close(struct realip_log_input *input)
{
    realip_log_stream_close(&input->stream);
    free(input->files);
    free(input->rest);
    input->files = NULL;
    input->rest = NULL;
    pthread_mutex_destroy(&input->lock);
}

/* Opens the next file that can be opened. */
static bool open_next(struct realip_log_input *input)
{
    for (; input->current < input->file_count; input->current++) {
        struct realip_log_file *file = &input->files[input->current];

        if (realip_log_stream_open(file->path, &input->stream, &file->problem) == 0) {
            input->form = REALIP_LOG_FORM_UNKNOWN;
            input->begins_file = true;
            input->skips_line = input->skips_entry = input->is_file_done = false;
            input->rest_length = 0;
            return true;
        }
    }
    return false;
}

static void close_file(struct realip_log_input *input)
{
    uint64_t done = atomic_load(&input->done) + realip_log_stream_position(input->stream);

    atomic_store(&input->done, done);
    realip_log_stream_close(&input->stream);
    input->current++;
}

/* Reads until the chunk is full, the file ends, or (where bytes come slowly) nothing more is there. */
static void fill(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    struct realip_log_file *file = &input->files[input->current];

    memcpy(chunk->text, input->rest, input->rest_length);
    chunk->length = input->rest_length;
    input->rest_length = 0;
    while (chunk->length < REALIP_LOG_CHUNK_SIZE && !input->is_file_done) {
        const char *reason = NULL;
        ssize_t length = realip_log_stream_read(input->stream, chunk->text + chunk->length, REALIP_LOG_CHUNK_SIZE - chunk->length,
                                                &input->stop, &reason);

        if (length < 0)
            file->problem = reason;
        if (length <= 0)
            input->is_file_done = true;
        else
            chunk->length += (size_t)length;
        atomic_store(&input->position, atomic_load(&input->done) + realip_log_stream_position(input->stream)); /* bytes may come slowly */
    }
}

static enum realip_log_form form_of(const struct realip_log_chunk *chunk)
{
    struct realip_log_stamp stamp;

    if (chunk->length > 0 && chunk->text[0] == '{')
        return REALIP_LOG_FORM_JSON;
    if (realip_log_stamp_parse(chunk->text, chunk->length, &stamp) == 0 && chunk->length > 9
        && memcmp(chunk->text, "__CURSOR=", 9) == 0)
        return REALIP_LOG_FORM_EXPORT;
    return REALIP_LOG_FORM_LINES;
}

/* The line that was cut goes on in this chunk: drops the rest of it. */
static void skip_line(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    const char *newline = memchr(chunk->text, '\n', chunk->length);

    if (newline == NULL) {
        chunk->length = 0;
        return;
    }
    chunk->length -= (size_t)(newline + 1 - chunk->text);
    memmove(chunk->text, newline + 1, chunk->length);
    input->skips_line = false;
}

static size_t whole_lines(struct realip_log_input *input, const struct realip_log_chunk *chunk)
{
    const char *newline = memrchr(chunk->text, '\n', chunk->length);

    if (newline != NULL)
        return (size_t)(newline + 1 - chunk->text);
    if (chunk->length < REALIP_LOG_CHUNK_SIZE)
        return 0;
    input->cut_lines++;
    input->skips_line = true;
    return chunk->length;
}

/* Drops what belongs to the entry that is left out. */
static void skip_entry(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    size_t passed = realip_log_journal_pass(&input->skip, chunk->text, chunk->length);

    chunk->length -= passed;
    memmove(chunk->text, chunk->text + passed, chunk->length);
    input->skips_entry = input->skip.state != REALIP_LOG_JOURNAL_OVER;
}

static size_t whole_entries(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    bool damaged;
    size_t whole = realip_log_journal_whole(chunk->text, chunk->length, &damaged);

    if (damaged) {
        input->files[input->current].problem = "an entry of the journal is damaged; what follows it was not read";
        input->is_file_done = true;
        return whole;
    }
    if (whole > 0 || (chunk->length < REALIP_LOG_CHUNK_SIZE && !input->is_file_done))
        return whole;
    if (input->is_file_done)
        return chunk->length; /* the last entry may lack its empty line */
    input->long_entries++; /* one that fills a chunk is none of a mail server's */
    input->skip = (struct realip_log_journal_skip){ 0 };
    skip_entry(input, chunk);
    return 0;
}

/* Leaves whole lines in the chunk and keeps the rest for the next one. */
static void cut(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    size_t whole = chunk->length;

    if (input->form == REALIP_LOG_FORM_EXPORT)
        whole = whole_entries(input, chunk);
    else if (!input->is_file_done)
        whole = whole_lines(input, chunk);
    if (!input->is_file_done || (input->form == REALIP_LOG_FORM_EXPORT && input->files[input->current].problem == NULL)) {
        input->rest_length = chunk->length - whole;
        memcpy(input->rest, chunk->text + whole, input->rest_length);
    }
    chunk->length = whole;
}

static bool next_of_file(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    do {
        if (input->is_file_done && input->rest_length == 0)
            return false;
        fill(input, chunk);
        if (input->skips_line)
            skip_line(input, chunk);
        if (input->skips_entry)
            skip_entry(input, chunk);
        if (input->form == REALIP_LOG_FORM_UNKNOWN)
            input->form = form_of(chunk);
        cut(input, chunk);
    } while (chunk->length == 0);
    chunk->form = input->form;
    chunk->begins_file = input->begins_file;
    chunk->changed = input->files[input->current].changed;
    chunk->number = input->chunks++;
    input->begins_file = false;
    return true;
}

bool realip_log_input_next(struct realip_log_input *input, struct realip_log_chunk *chunk)
{
    bool found = false;

    pthread_mutex_lock(&input->lock);
    while (!found && !atomic_load(&input->stop)) {
        if (input->stream == NULL && !open_next(input))
            break;
        found = next_of_file(input, chunk);
        if (!found)
            close_file(input);
    }
    pthread_mutex_unlock(&input->lock);
    return found;
}
