#include "http_reply.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void realip_http_reply_text(struct evhttp_request *request, int code, const char *type, const char *text, size_t length)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    bool is_head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    struct evbuffer *body = evbuffer_new();

    if (body == NULL || (!is_head && evbuffer_add(body, text, length) < 0)) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    } else {
        evhttp_add_header(headers, "Content-Type", type);
        evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
        evhttp_add_header(headers, "Cache-Control", "no-store");
        evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
        evhttp_send_reply(request, code, NULL, body);
    }
    if (body != NULL)
        evbuffer_free(body);
}

void realip_http_reply_json(struct evhttp_request *request, int code, json_t *answer)
{
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(answer);
    if (text == NULL)
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    else
        realip_http_reply_text(request, code, "application/json", text, strlen(text));
    free(text);
}
