#include "explain_http.h"

#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>
#include <time.h>

#include "runtime/http_reply.h"
#include "runtime/log.h"

static json_t *text_json(const char *text)
{
    char escaped[4 * REALIP_RECENT_FILE_SIZE + 1];

    if (text[0] == '\0')
        return json_null();
    (void)realip_log_escape(text, escaped, sizeof(escaped));
    return json_string(escaped);
}

static json_t *address_json(const struct realip_address *address)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    return address->family == REALIP_FAMILY_NONE ? json_null() : json_string(realip_address_format(address, text));
}

static json_t *peer_json(const struct realip_recent_verdict *verdict)
{
    return verdict->peer_state == REALIP_PEER_GONE ? json_string("gone") : address_json(&verdict->peer);
}

static json_t *network_json(const struct realip_network *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];

    return network->address.family == REALIP_FAMILY_NONE ? json_null() : json_string(realip_network_format(network, text));
}

static json_t *rule_json(const struct realip_recent_verdict *verdict)
{
    char text[4 * REALIP_RECENT_FILE_SIZE + 16];
    size_t length;

    if (verdict->file[0] == '\0')
        return json_null();
    length = realip_log_escape(verdict->file, text, sizeof(text) - 16);
    snprintf(text + length, 16, ":%u", verdict->line);
    return json_string(text);
}

static json_t *time_json(long long msecs)
{
    return msecs == 0 ? json_null() : json_real((double)msecs / 1000);
}

json_t *realip_explain_http_verdict(const struct realip_recent_verdict *verdict)
{
    static const char *const stages[] = { "undecided", "connect", "mail", "auth" };

    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "time", time_json(verdict->msecs), "source",
                     realip_source_token(verdict->source), "stage", stages[verdict->stage], "listener", text_json(verdict->listener), "service",
                     text_json(verdict->service), "reason", realip_reason_token(verdict->reason), "sentence", realip_reason_sentence(verdict->reason),
                     "action", realip_action_token(verdict->action), "wanted", realip_action_token(verdict->wanted), "mode",
                     realip_mode_token(verdict->mode), "client", address_json(&verdict->client), "peer", peer_json(verdict), "network",
                     network_json(&verdict->network), "rule", rule_json(verdict), "session", text_json(verdict->session), "helo", text_json(verdict->helo),
                     "user", text_json(verdict->user), "clients", verdict->clients == 0 ? json_null() : json_integer(verdict->clients));
}

static json_t *answer_json(const struct realip_recent *recent, const struct realip_recent_query *query)
{
    struct realip_recent_verdict found[REALIP_EXPLAIN_MOST];
    size_t count = realip_recent_find(recent, query, found, REALIP_EXPLAIN_MOST);
    json_t *list = json_array();
    struct timespec now;

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, realip_explain_http_verdict(&found[i]));
    clock_gettime(CLOCK_REALTIME, &now);
    return json_pack("{s:o, s:o, s:o, s:o}", "now", time_json((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000), "problems-since",
                     time_json(realip_recent_problems_since(recent)), "passes-since", time_json(realip_recent_passes_since(recent)), "verdicts", list);
}

/* Reads the question; texts go on pointing into `values`. NULL, or a constant text: what is wrong. */
static const char *read_query(struct evkeyvalq *values, struct realip_recent_query *query)
{
    const struct evkeyval *value;
    const char *reason = NULL;

    TAILQ_FOREACH(value, values, next)
    {
        if (strcmp(value->key, "session") == 0)
            query->session = value->value;
        else if (strcmp(value->key, "helo") == 0)
            query->helo = value->value;
        else if (strcmp(value->key, "recent") != 0)
            return "a question has recent=ADDRESS, session=ID or helo=NAME";
        else if (realip_address_parse(value->value, strlen(value->value), &query->address, &reason) < 0)
            return reason;
    }
    return NULL;
}

static void answer(const struct realip_explain_http *self, struct evhttp_request *request)
{
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct realip_recent_query query = { .session = NULL };
    struct evkeyvalq values;

    TAILQ_INIT(&values);
    const char *wrong = text != NULL && text[0] != '\0' && evhttp_parse_query_str(text, &values) < 0 ? "the question is not understood" : NULL;
    if (wrong == NULL)
        wrong = read_query(&values, &query);
    if (wrong == NULL)
        realip_recent_ask(self->recent);
    if (wrong == NULL)
        realip_http_reply_json(request, HTTP_OK, answer_json(self->recent, &query));
    else
        realip_http_reply_json(request, HTTP_BADREQUEST, json_pack("{s:s}", "error", wrong));
    evhttp_clear_headers(&values);
}

void realip_explain_http_answer(struct evhttp_request *request, void *context)
{
    struct realip_explain_http *self = context;
    const char *refusal = realip_http_guard_refusal(&self->guard, request);

    if (refusal == NULL) {
        answer(self, request);
        return;
    }
    realip_paced_log(&self->refused, LOG_WARNING, "a question about sessions (/explain) without the right %s is refused", refusal);
    realip_http_reply_json(request, 403, json_pack("{s:s}", "error", realip_http_guard_sentence(&self->guard, refusal)));
}
