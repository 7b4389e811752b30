#include "audit_run.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_progress.h"
#include "log_journal.h"

/* More than a chunk of common lines holds; 3 MB of memory. */
#define MOST_FINDINGS 8192U

struct run {
    struct realip_log_input *input;
    struct realip_audit_tally *tally;
    const struct realip_log_patterns *patterns;
    pthread_mutex_t lock;   /* over `turn`; the tally is that worker's whose turn it is */
    pthread_cond_t turned;
    uint64_t turn;          /* the chunk that is counted next */
    int64_t utc_offset;     /* of this machine: for the journal */
    _Atomic uint64_t lines; /* for the progress bar */
    atomic_uint working;
};

/* What one thread holds: a chunk and what was found in it. */
struct worker {
    struct run *run;
    pthread_t thread;
    struct realip_log_reader *reader;
    struct realip_log_chunk chunk;
    struct realip_arena arena;
    struct realip_audit_finding *findings; /* MOST_FINDINGS and one */
    size_t count;
    bool has_turn; /* all chunks before this one were counted, and this one may be */
    bool has_last; /* findings[count] tells nothing but its time: the latest line behind those that tell something */
    uint64_t lines;
    uint64_t no_log;
    uint64_t families[REALIP_LOG_FAMILY_COUNT];
};

/* Waits until all chunks before this one were counted. */
static void take_turn(struct worker *worker)
{
    struct run *run = worker->run;

    if (worker->has_turn)
        return;
    pthread_mutex_lock(&run->lock);
    while (run->turn != worker->chunk.number)
        pthread_cond_wait(&run->turned, &run->lock);
    pthread_mutex_unlock(&run->lock);
    worker->has_turn = true;
    if (worker->chunk.begins_file)
        realip_log_clock_start(&run->tally->clock, worker->chunk.changed);
}

static void end_turn(struct worker *worker)
{
    struct run *run = worker->run;

    pthread_mutex_lock(&run->lock);
    run->turn++;
    worker->has_turn = false;
    pthread_cond_broadcast(&run->turned);
    pthread_mutex_unlock(&run->lock);
}

/* Counts what was found so far. */
static void count(struct worker *worker)
{
    take_turn(worker);
    for (size_t i = 0; i < worker->count + worker->has_last; i++) {
        for (unsigned times = worker->findings[i].event.times; times > 0; times--)
            realip_audit_tally_add(worker->run->tally, &worker->findings[i]);
    }
    worker->count = 0;
    worker->has_last = false;
}

/* Lines that tell nothing are most of a log: of these only the first and the last of a row are kept, for their time. */
static void read_line(struct worker *worker, const struct realip_log_line *line)
{
    struct realip_audit_finding *finding;

    if (worker->count == MOST_FINDINGS)
        count(worker);
    finding = &worker->findings[worker->count];
    realip_log_event_read(worker->reader, line, &finding->event);
    worker->families[finding->event.family]++;
    worker->has_last = false;
    if (finding->event.kind == REALIP_LOG_EVENT_NONE && finding->event.family == REALIP_LOG_FAMILY_OTHER)
        return;
    if (finding->event.kind == REALIP_LOG_EVENT_NONE && worker->count > 0) {
        worker->has_last = true;
        return;
    }
    realip_audit_judge(worker->run->tally->rules, finding);
    worker->count++;
}

static void read_lines(struct worker *worker)
{
    const struct realip_log_chunk *chunk = &worker->chunk;
    const char *at = chunk->text;
    const char *end = chunk->text + chunk->length;
    struct realip_log_line line;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline != NULL ? newline : end) - at);
        int result = chunk->form == REALIP_LOG_FORM_JSON
            ? realip_log_journal_json(at, length, worker->run->utc_offset, &worker->arena, &line)
            : realip_log_line_parse(at, length, &line);

        worker->lines++;
        if (result == 0)
            read_line(worker, &line);
        else
            worker->no_log++;
        at += length + 1;
    }
}

static void read_entries(struct worker *worker)
{
    const struct realip_log_chunk *chunk = &worker->chunk;
    struct realip_log_line line;

    for (size_t at = 0; at < chunk->length;) {
        at += realip_log_journal_parse(chunk->text + at, chunk->length - at, worker->run->utc_offset, &line);
        worker->lines++;
        if (line.program.length > 0)
            read_line(worker, &line);
        else
            worker->no_log++;
    }
}

static void finish_chunk(struct worker *worker)
{
    struct realip_audit_totals *totals = &worker->run->tally->totals;

    count(worker);
    totals->lines += worker->lines;
    totals->no_log += worker->no_log;
    for (unsigned family = 0; family < REALIP_LOG_FAMILY_COUNT; family++)
        totals->families[family] += worker->families[family];
    end_turn(worker);
    atomic_fetch_add_explicit(&worker->run->lines, worker->lines, memory_order_relaxed);
    realip_arena_clear(&worker->arena);
}

static void *work(void *data)
{
    struct worker *worker = data;

    while (realip_log_input_next(worker->run->input, &worker->chunk)) {
        worker->lines = worker->no_log = 0;
        memset(worker->families, 0, sizeof(worker->families));
        if (worker->chunk.form == REALIP_LOG_FORM_EXPORT)
            read_entries(worker);
        else
            read_lines(worker);
        finish_chunk(worker);
    }
    atomic_fetch_sub(&worker->run->working, 1);
    return NULL;
}

static int start(struct run *run, struct worker *worker)
{
    *worker = (struct worker){ .run = run };
    worker->chunk.text = malloc(REALIP_LOG_CHUNK_SIZE);
    worker->findings = malloc((MOST_FINDINGS + 1) * sizeof(*worker->findings));
    worker->reader = realip_log_reader_new(run->patterns);
    if (worker->chunk.text == NULL || worker->findings == NULL || worker->reader == NULL)
        return -1;
    atomic_fetch_add(&run->working, 1);
    if (pthread_create(&worker->thread, NULL, work, worker) == 0)
        return 0;
    atomic_fetch_sub(&run->working, 1);
    return -1;
}

static void release(struct worker *worker)
{
    free(worker->chunk.text);
    free(worker->findings);
    realip_log_reader_free(&worker->reader);
    realip_arena_clear(&worker->arena);
}

static void watch(struct run *run)
{
    struct realip_audit_progress progress;

    realip_audit_progress_start(&progress, run->input->total);
    while (atomic_load(&run->working) > 0) {
        struct timespec pause = { 0, 10 * 1000 * 1000 };

        nanosleep(&pause, NULL);
        realip_audit_progress_show(&progress, atomic_load(&run->input->position), atomic_load(&run->lines));
    }
    realip_audit_progress_end(&progress);
}

static int64_t utc_offset_now(void)
{
    time_t now = time(NULL);
    struct tm parts;

    return localtime_r(&now, &parts) != NULL ? parts.tm_gmtoff : 0;
}

/* One for each processor that this process may use. */
static unsigned processors(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;

    return (unsigned)count;
}

int realip_audit_run(struct realip_log_input *input, struct realip_audit_tally *tally, const struct realip_log_patterns *patterns, unsigned jobs)
{
    struct run run = { .input = input, .tally = tally, .patterns = patterns, .utc_offset = utc_offset_now() };
    struct worker workers[REALIP_AUDIT_MOST_JOBS];
    size_t wanted = jobs > 0 ? jobs : processors();
    size_t started = 0;

    if (wanted > REALIP_AUDIT_MOST_JOBS)
        wanted = REALIP_AUDIT_MOST_JOBS;
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.turned, NULL);
    while (started < wanted && start(&run, &workers[started]) == 0)
        started++;
    watch(&run);
    for (size_t i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        release(&workers[i]);
    }
    if (started < wanted)
        release(&workers[started]);
    realip_audit_tally_finish(tally);
    pthread_cond_destroy(&run.turned);
    pthread_mutex_destroy(&run.lock);
    return started == 0 ? -1 : 0;
}
