/* audit_json_value - values of the JSON report: numbers, texts, times, addresses, and which network makes an address ours. */
#ifndef REALIP_AUDIT_JSON_VALUE_H
#define REALIP_AUDIT_JSON_VALUE_H

#include <jansson.h>

#include "audit_summary.h"

/* New references, each of them. */
json_t *realip_audit_json_count(uint64_t value);

/* Bytes of a log need not be UTF-8: what is none becomes Latin-1, so that nothing is lost and JSON stays JSON. */
json_t *realip_audit_json_text(const char *text);

/* null for an empty text, or NULL. */
json_t *realip_audit_json_text_or_null(const char *text);

/* null where there was no time stamp. */
json_t *realip_audit_json_time(int64_t when);
json_t *realip_audit_json_address(const struct realip_audit_address *packed);

/* Puts a value into an object, which owns it then. */
void realip_audit_json_set(json_t *object, const char *key, json_t *value);
void realip_audit_json_set_deeds(json_t *object, const uint64_t *deeds);

/* Which network of which set makes an address ours, and where it was listed. */
void realip_audit_json_set_network(const struct realip_audit_summary *summary, json_t *object, const struct realip_audit_address *packed);

#endif
