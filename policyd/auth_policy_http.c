#include "auth_policy_http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "runtime/http_door.h"
#include "runtime/metrics_text.h"
#include "runtime/paced_log.h"

#define MAX_BODY 16384

enum outcome { ALLOWED, REFUSED, MALFORMED, UNAUTHORIZED, REPORTED, REPORTED_REFUSED, OUTCOME_COUNT };

struct realip_auth_policy_http {
    struct realip_http_door *door;
    struct realip_snapshots *snapshots;
    struct realip_http_guard guard;
    struct realip_recent *recent; /* NULL: nobody can ask for it */
    struct realip_paced_log unauthorized;
    unsigned long long counts[OUTCOME_COUNT];
};

static void send_json(struct evhttp_request *request, int code, json_t *answer)
{
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    struct evbuffer *body = evbuffer_new();

    json_decref(answer);
    if (text == NULL || body == NULL || evbuffer_add(body, text, strlen(text)) < 0) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
        evhttp_send_reply(request, code, NULL, body);
    }
    if (body != NULL)
        evbuffer_free(body);
    free(text);
}

/* What can't be understood is refused: Dovecot takes an answer without a status for "go on". */
static void send_status(struct evhttp_request *request, int code, int status, const char *message)
{
    send_json(request, code, json_pack("{s:i, s:s}", "status", status, "msg", message));
}

/* ---- One login. */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

/* Dovecot sends numbers as texts; either will do. */
static uint16_t port_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    long long port = json_is_integer(value) ? json_integer_value(value) : strtoll(text_of(object, key), NULL, 10);

    return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static struct realip_address address_of(const json_t *object, const char *key)
{
    const char *text = text_of(object, key);
    struct realip_address address;
    const char *reason;

    (void)realip_address_parse(text, strlen(text), &address, &reason); /* what is none stays absent */
    return address;
}

static struct realip_facts facts_of(const json_t *object)
{
    struct realip_facts facts = { .source = REALIP_SOURCE_DOVECOT_AUTH,
                                  .stage = REALIP_STAGE_AUTH,
                                  .client = address_of(object, "remote"),
                                  .peer = address_of(object, "real_remote"),
                                  .listener_port = port_of(object, "real_lport"),
                                  .service = text_of(object, "protocol"),
                                  .session = text_of(object, "session_id"),
                                  .user = text_of(object, "login"),
                                  .name_told = text_of(object, "login"),
                                  .name_is_user = true,
                                  .password_login = true };

    /* Postfix tells Dovecot one address, which arrives as both: its true peer is policyd's matter. */
    if (strcmp(facts.service, "smtp") == 0) {
        facts.peer_state = REALIP_PEER_LEFT;
        facts.name_told = NULL; /* policyd counts its HELO name: one client would be two */
    } else
        facts.peer_state = facts.peer.family == REALIP_FAMILY_NONE ? REALIP_PEER_UNATTESTED : REALIP_PEER_KNOWN;
    return facts;
}

/* Dovecot's own errands have no client. */
static bool is_exempt(const json_t *object)
{
    const char *protocol = text_of(object, "protocol");

    return strcmp(protocol, "doveadm") == 0 || strcmp(protocol, "lmtp") == 0;
}

static void answer_allow(struct realip_auth_policy_http *self, struct evhttp_request *request, const json_t *object)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(self->snapshots);
    struct realip_facts facts = facts_of(object);
    struct realip_verdict verdict = { .action = REALIP_ACTION_PASS };
    char message[REALIP_REFUSAL_SIZE];

    if (!is_exempt(object)) {
        realip_snapshot_judge(snapshot, &facts, &verdict);
        if (self->recent != NULL)
            realip_recent_add(self->recent, &facts, &verdict, NULL);
    }
    bool allowed = verdict.action == REALIP_ACTION_PASS || verdict.action == REALIP_ACTION_FLAG;
    realip_reason_refusal(verdict.reason, verdict.action == REALIP_ACTION_REJECT, message);
    self->counts[allowed ? ALLOWED : REFUSED]++;
    send_status(request, HTTP_OK, allowed ? 0 : -1, allowed ? "" : message);
    realip_snapshot_release(&snapshot);
}

static void answer_report(struct realip_auth_policy_http *self, struct evhttp_request *request, const json_t *object)
{
    self->counts[json_is_true(json_object_get(object, "policy_reject")) ? REPORTED_REFUSED : REPORTED]++;
    send_status(request, HTTP_OK, 0, "");
}

/* ---- HTTP. */

static json_t *read_body(struct evhttp_request *request)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t length = evbuffer_get_length(body);
    const char *bytes = length == 0 || length > MAX_BODY ? NULL : (const char *)evbuffer_pullup(body, -1);
    json_t *object = bytes == NULL ? NULL : json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

static bool is_command(struct evhttp_request *request, const char *command)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq values;
    bool is = false;

    if (query != NULL && evhttp_parse_query_str(query, &values) == 0) {
        const char *value = evhttp_find_header(&values, "command");

        is = value != NULL && strcmp(value, command) == 0;
        evhttp_clear_headers(&values);
    }
    return is;
}

static void answer(struct realip_auth_policy_http *self, struct evhttp_request *request)
{
    const char *refusal = realip_http_guard_refusal(&self->guard, request);

    if (refusal != NULL) {
        self->counts[UNAUTHORIZED]++;
        realip_paced_log(&self->unauthorized, LOG_WARNING, "an auth policy request without the right %s is refused", refusal);
        send_status(request, 403, -1, "realip: not authorized");
        return;
    }
    json_t *object = read_body(request);
    if (object != NULL && is_command(request, "allow"))
        answer_allow(self, request, object);
    else if (object != NULL && is_command(request, "report"))
        answer_report(self, request, object);
    else {
        self->counts[MALFORMED]++;
        send_status(request, HTTP_BADREQUEST, -1, "realip: this request was not understood");
    }
    json_decref(object);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct realip_auth_policy_http *self = context;

    answer(self, request);
    realip_http_door_note_answer(self->door, request);
}

static int serve(struct realip_auth_policy_http *self, struct event_base *base, int fd)
{
    /* A Dovecot opens up to a hundred connections, and keeps them: ten Dovecots, in 28 MiB if each connection holds all it may. */
    static const struct realip_http_limits limits = { .connections = 1024, .headers = 4096, .body = MAX_BODY, .seconds = 300 };

    self->door = realip_http_door_new(base, fd, &limits);
    if (self->door == NULL)
        return -1;
    struct evhttp *http = realip_http_door_http(self->door);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_POST);
    evhttp_set_gencb(http, on_request, self);
    return 0;
}

struct realip_auth_policy_http *realip_auth_policy_http_new(struct event_base *base, int fd,
                                                            struct realip_snapshots *snapshots, struct realip_recent *recent,
                                                            const struct realip_http_guard *guard)
{
    struct realip_auth_policy_http *self = calloc(1, sizeof(*self));

    if (self == NULL) {
        close(fd);
        return NULL;
    }
    self->snapshots = snapshots;
    self->recent = recent;
    self->guard = *guard;
    if (serve(self, base, fd) < 0)
        realip_auth_policy_http_free(&self);
    return self;
}

void realip_auth_policy_http_free(struct realip_auth_policy_http **http)
{
    if (*http == NULL)
        return;
    realip_http_door_free(&(*http)->door);
    free(*http);
    *http = NULL;
}

void realip_auth_policy_http_write_metrics(const struct realip_auth_policy_http *http, FILE *out)
{
    static const char *const labels[OUTCOME_COUNT]
        = { "allowed", "refused", "malformed", "unauthorized", "reported", "reported-refused" };

    realip_metrics_text_head("realip_auth_policy_requests_total", "counter",
                             "Requests of Dovecot's auth policy client by outcome.", out);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        fprintf(out, "realip_auth_policy_requests_total{outcome=\"%s\"} %llu\n", labels[i], http->counts[i]);
}
