#include "suspects_http.h"

#include <jansson.h>
#include <syslog.h>
#include <time.h>

#include "runtime/http_reply.h"
#include "runtime/suspects.h"

static json_t *suspect_json(const struct realip_suspects_entry *entry)
{
    char address[REALIP_ADDRESS_TEXT_SIZE];
    char network[REALIP_NETWORK_TEXT_SIZE];

    return json_pack("{s:s, s:s, s:I, s:i, s:b}", "address", realip_address_format(&entry->network.address, address), "network",
                     realip_network_format(&entry->network, network), "clients", (json_int_t)entry->clients, "seconds-ago",
                     (int)entry->seconds_ago, "told-by-others", entry->is_told);
}

static json_t *answer_json(const struct realip_suspicion *suspicion, struct realip_suspects *suspects)
{
    struct realip_suspects_entry found[REALIP_SUSPECTS_HTTP_MOST];
    size_t total = realip_suspects_list(suspects, found, REALIP_SUSPECTS_HTTP_MOST);
    json_t *list = json_array();

    for (size_t i = 0; i < total && i < REALIP_SUSPECTS_HTTP_MOST; i++)
        json_array_append_new(list, suspect_json(&found[i]));
    return json_pack("{s:I, s:b, s:i, s:i, s:s, s:I, s:o}", "now", (json_int_t)time(NULL), "configured", suspicion->configured, "distinct-clients",
                     (int)suspicion->distinct_clients, "window", (int)suspicion->window, "scope",
                     suspicion->scope == REALIP_SUSPICION_ALL ? "all" : "private", "total", (json_int_t)total, "suspects", list);
}

void realip_suspects_http_answer(struct evhttp_request *request, void *context)
{
    struct realip_suspects_http *self = context;
    const char *refusal = realip_http_guard_refusal(&self->guard, request);

    if (refusal != NULL) {
        realip_paced_log(&self->refused, LOG_WARNING, "a question about suspects (/suspects) without the right %s is refused", refusal);
        realip_http_reply_json(request, 403, json_pack("{s:s}", "error", realip_http_guard_sentence(&self->guard, refusal)));
        return;
    }
    struct realip_snapshot *snapshot = realip_snapshots_acquire(self->snapshots);
    realip_http_reply_json(request, HTTP_OK,
                           answer_json(&realip_snapshot_config(snapshot)->suspicion, realip_snapshots_suspects(self->snapshots)));
    realip_snapshot_release(&snapshot);
}
