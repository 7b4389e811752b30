/* http_reply - answers to HTTP requests, with the headers that all of ours have: what is told is nobody's to keep, and is
 * nothing but the type that it says it is. */
#ifndef REALIP_HTTP_REPLY_H
#define REALIP_HTTP_REPLY_H

#include <event2/http.h>
#include <jansson.h>

/* Sends `length` bytes of a text, copied; 503 where memory is short. To HEAD the headers alone. */
void realip_http_reply_text(struct evhttp_request *request, int code, const char *type, const char *text, size_t length);

/* Sends `answer`, which it owns from then on, as ASCII; NULL, for which there was no memory, as 503. */
void realip_http_reply_json(struct evhttp_request *request, int code, json_t *answer);

#endif
