/* policy_protocol - Postfix's policy delegation protocol (SMTPD_POLICY_README), as text: requests in, replies out.
 *
 * A request is lines "name=value\n" and an empty line. Only the attributes that a decision or its log line needs are
 * kept; any other is skipped, whatever its name. Pure: no I/O, no allocation.
 */
#ifndef REALIP_POLICY_PROTOCOL_H
#define REALIP_POLICY_PROTOCOL_H

#include <stddef.h>

#include "core/verdict.h"

/* Postfix's own values stay below 2 KiB (line_length_limit); certificate names may be longer. */
#define REALIP_POLICY_MAX_LINE 16384
#define REALIP_POLICY_MAX_REQUEST 65536
#define REALIP_POLICY_REPLY_SIZE 256

/* X(field, attribute) */
#define REALIP_POLICY_ATTRIBUTE_TABLE(X)         \
    X(request, "request")                        \
    X(protocol_state, "protocol_state")          \
    X(client_address, "client_address")          \
    X(client_name, "client_name")                \
    X(helo_name, "helo_name")                    \
    X(instance, "instance")                      \
    X(sasl_method, "sasl_method")                \
    X(sasl_username, "sasl_username")            \
    X(policy_context, "policy_context")

/* Values of one request: NULL where the attribute was not sent, else NUL-terminated texts in the caller's buffer. */
struct realip_policy_request {
#define REALIP_POLICY_FIELD(field, attribute) const char *field;
    REALIP_POLICY_ATTRIBUTE_TABLE(REALIP_POLICY_FIELD)
#undef REALIP_POLICY_FIELD
};

enum realip_policy_parse {
    REALIP_POLICY_NEED_MORE = 0, /* no whole request yet; the buffer is as it was */
    REALIP_POLICY_DONE,          /* *request_r and *length_r (bytes used) are set; the buffer was written to */
    REALIP_POLICY_MALFORMED      /* no request, and none can follow: answer with a temporary refusal and close */
};

/* Reads one request from the start of `data`. Malformed, with *reason_r a constant text, are: a line without "=", a line or
 * request longer than the limits, a NUL, an empty request, a kept attribute that comes twice, and a `request` that is
 * missing or other than smtpd_access_policy. */
enum realip_policy_parse realip_policy_request_parse(char *data, size_t length, struct realip_policy_request *request_r,
                                                     size_t *length_r, const char **reason_r);

/* Writes the reply for a verdict: "action=…\n\n", always with a lower-case name and a value that is not empty (an empty
 * one would let the mail in). Returns its length. */
size_t realip_policy_reply_format(const struct realip_verdict *verdict, char reply[REALIP_POLICY_REPLY_SIZE]);

/* The reply to what was no request. */
size_t realip_policy_reply_malformed(char reply[REALIP_POLICY_REPLY_SIZE]);

#endif
