#include "status_http.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "http_reply.h"
#include "log.h"
#include "paced_log.h"
#include "status_page.h"

#define NONCE_BYTES 16
#define NONCE_SIZE (2 * NONCE_BYTES + 1)

struct realip_status_http {
    struct realip_status_json json;
    struct realip_http_guard guard;
    struct event *minute; /* soon after each has ended */
    double base;          /* the clock at the start, less the one that never goes back */
    char *failed;
    struct realip_paced_log refused; /* a page that stands open asks each second */
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double history_now(const struct realip_status_http *status)
{
    return seconds_of(CLOCK_MONOTONIC) + status->base;
}

static void await_minute(struct realip_status_http *status)
{
    long long now = (long long)history_now(status);
    struct timeval rest = { .tv_sec = (time_t)(60 - now % 60), .tv_usec = 0 };

    if (evtimer_add(status->minute, &rest) < 0)
        realip_log(LOG_ERR, "the status page's chart ends here: out of memory");
}

static void on_minute(int fd, short what, void *context)
{
    struct realip_status_http *status = context;

    (void)fd;
    (void)what;
    realip_history_advance(status->json.history, (long long)history_now(status));
    await_minute(status);
}

/* ---- Who may ask. */

static void refuse(struct realip_status_http *status, struct evhttp_request *request, const char *refusal)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    bool asks_for_token = refusal[0] == 't' && status->guard.token != NULL;
    bool tried = evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization") != NULL;

    /* A browser's first question never has the token. */
    if (tried || !asks_for_token)
        realip_paced_log(&status->refused, LOG_WARNING, "a question for the status page without the right %s is refused", refusal);
    if (asks_for_token)
        evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"mail-realip: any name, and the token as the password\", charset=\"UTF-8\"");
    realip_http_reply_json(request, asks_for_token ? 401 : 403, json_pack("{s:s}", "error", realip_http_guard_sentence(&status->guard, refusal)));
}

static bool may_ask(struct realip_status_http *status, struct evhttp_request *request)
{
    const char *refusal = realip_http_guard_refusal(&status->guard, request);

    if (refusal != NULL)
        refuse(status, request, refusal);
    return refusal == NULL;
}

/* ---- /status.json */

/* Texts go on pointing into `values`. NULL, or a constant text: what would be right. */
static const char *read_question(const struct evkeyvalq *values, struct realip_status_question *question)
{
    const struct evkeyval *value;

    TAILQ_FOREACH(value, values, next)
    {
        char *end;

        if (strcmp(value->key, "listener") == 0) {
            question->listener = value->value;
            continue;
        }
        unsigned long minutes = strcmp(value->key, "minutes") == 0 ? strtoul(value->value, &end, 10) : 0;
        if (minutes == 0 || *end != '\0' || !realip_status_json_has_range(minutes))
            return "a question has minutes=60, 360 or 1440, and listener=NAME";
        question->minutes = (unsigned)minutes;
    }
    return NULL;
}

static void answer_json(struct evhttp_request *request, void *context)
{
    struct realip_status_http *status = context;
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct realip_status_question question = { .minutes = 0 };
    const char *wrong = NULL;
    struct evkeyvalq values;

    if (!may_ask(status, request))
        return;
    TAILQ_INIT(&values);
    if (text != NULL && text[0] != '\0' && evhttp_parse_query_str(text, &values) < 0)
        wrong = "the question is not understood";
    if (wrong == NULL)
        wrong = read_question(&values, &question);
    if (wrong != NULL)
        realip_http_reply_json(request, HTTP_BADREQUEST, json_pack("{s:s}", "error", wrong));
    else
        realip_http_reply_json(request, HTTP_OK, realip_status_json(&status->json, &question, seconds_of(CLOCK_REALTIME), history_now(status)));
    evhttp_clear_headers(&values);
}

/* ---- The page. */

/* Each answer's own: what was not sent by us can't have it, and does not run. */
static int make_nonce(char nonce[NONCE_SIZE])
{
    unsigned char bytes[NONCE_BYTES];

    if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes))
        return -1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static void add_page_headers(struct evhttp_request *request, const char *nonce)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char policy[512];

    snprintf(policy, sizeof(policy),
             "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             nonce, nonce);
    evhttp_add_header(headers, "Content-Security-Policy", policy);
    evhttp_add_header(headers, "X-Frame-Options", "DENY"); /* for browsers that know no frame-ancestors */
    evhttp_add_header(headers, "Cross-Origin-Opener-Policy", "same-origin");
}

/* NULL when memory is short. */
static char *fill_page(const char *nonce, size_t *length_r)
{
    static const char mark[] = REALIP_STATUS_PAGE_NONCE;
    char *page = NULL;
    FILE *out = open_memstream(&page, length_r);
    const char *at = realip_status_page;
    const char *next;

    if (out == NULL)
        return NULL;
    while ((next = strstr(at, mark)) != NULL) {
        fwrite(at, 1, (size_t)(next - at), out);
        fputs(nonce, out);
        at = next + sizeof(mark) - 1;
    }
    fputs(at, out);
    return fclose(out) == 0 ? page : NULL;
}

static void answer_page(struct evhttp_request *request, void *context)
{
    struct realip_status_http *status = context;
    char nonce[NONCE_SIZE];
    size_t length = 0;

    if (!may_ask(status, request))
        return;
    char *page = make_nonce(nonce) < 0 ? NULL : fill_page(nonce, &length);
    if (page == NULL) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    add_page_headers(request, nonce);
    realip_http_reply_text(request, HTTP_OK, "text/html; charset=utf-8", page, length);
    free(page);
}

/* ---- The beginning and the end. */

void realip_status_http_note_reload(struct realip_status_http *status, const struct realip_problems *problems)
{
    if (status == NULL)
        return;
    free(status->failed);
    status->failed = problems == NULL || problems->text == NULL ? NULL : strdup(problems->text);
    status->json.failed = status->failed;
    status->json.failed_at = problems == NULL ? 0 : (long long)time(NULL);
}

struct realip_status_http *realip_status_http_new(struct event_base *base, struct realip_metrics_http *http,
                                                  const struct realip_status_program *program)
{
    struct realip_status_http *status = calloc(1, sizeof(*status));

    if (status == NULL)
        return NULL;
    status->base = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_MONOTONIC);
    status->guard = program->guard;
    status->minute = evtimer_new(base, on_minute, status);
    status->json = (struct realip_status_json){ .program = program->name,
                                                .metrics = program->metrics,
                                                .snapshots = program->snapshots,
                                                .history = realip_history_new(program->metrics, (long long)history_now(status)),
                                                .started = (long long)time(NULL),
                                                .add = program->add,
                                                .context = program->context };
    if (status->minute == NULL || status->json.history == NULL) {
        realip_status_http_free(&status);
        return NULL;
    }
    await_minute(status);
    realip_metrics_http_add(http, "/", answer_page, status);
    realip_metrics_http_add(http, "/status.json", answer_json, status);
    return status;
}

void realip_status_http_free(struct realip_status_http **status)
{
    if (*status == NULL)
        return;
    if ((*status)->minute != NULL)
        event_free((*status)->minute);
    realip_history_free(&(*status)->json.history);
    free((*status)->failed);
    free(*status);
    *status = NULL;
}
