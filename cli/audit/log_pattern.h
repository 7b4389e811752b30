/* log_pattern - the regular expressions of log_event.c, compiled once (PCRE2, JIT where the machine has it). */
#ifndef REALIP_LOG_PATTERN_H
#define REALIP_LOG_PATTERN_H

#include "log_event.h"

/* X(NAME, expression): matched at the beginning of a message. Client-chosen texts are taken greedily, so that what Postfix and Dovecot
 * write behind them is the last of its kind. */
#define REALIP_LOG_PATTERN_TABLE(X)                                                                                           \
    X(ANY, "")                                                                                                                \
    X(CONNECT, "connect from ([^\\[\\]]*)\\[([^\\]]+)\\]")                                                                    \
    X(MAIL, "client=([^\\[\\]]*)\\[([^\\]]+)\\](?::\\w+)?(?:, sasl_method=([^,]*), sasl_username=(.*?))?(?:, sasl_sender=.*?)?" \
            "(?:, orig_queue_id=(\\w+))?(?:, orig_client=([^\\[\\]]*)\\[([^\\]]+)\\](?::\\w+)?)?$")                            \
    X(REJECT, "(?:milter-)?reject: \\w[\\w -]* from ([^\\[\\]]*)\\[([^\\]]+)\\](?::\\w+)?: \\d{3} (?:.* helo=<(.*)>|.*)")                 \
    X(KEPT, "(?:milter-)?(?:hold|discard): \\w[\\w -]* from ([^\\[\\]]*)\\[([^\\]]+)\\]")                                      \
    X(PASSED, "proxy-accept: [\\w-]+: (.*)")                                                                                  \
    X(CLEANUP, "(reject|hold|discard|milter-[a-z-]+): ")                                                                      \
    X(HAPROXY_READ, "warning: haproxy read: (.*)")                                                                            \
    X(SASL, "warning: ([^\\[\\]]*)\\[([^\\]]+)\\](?::\\w+)?: SASL (\\S+) authentication failed")                              \
    X(PLAIN_PORT, "improper command pipelining after CONNECT from ([^\\[\\]]*)\\[([^\\]]+)\\](?::\\w+)?: (?:PROXY |\\\\r\\\\n\\\\r\\\\n)") \
    X(SCREEN_CONNECT, "CONNECT from \\[([^\\]]+)\\]")                                                                         \
    X(SCREEN_REJECT, "reject: \\w+ from \\[([^\\]]+)\\](?::\\d+)?: \\d{3} (?:.* helo=<(.*)>|.*)")                             \
    X(SENDER, "from=<([^>]*)>, size=\\d+")                                                                                    \
    X(DELIVERY, "to=<([^>]*)>, (?:orig_to=<[^>]*>, )?relay=([^,\\[]*)(?:\\[([^\\]]*)\\])?[^,]*, .*?dsn=[\\d.]+, status=(\\w+)(.*)") \
    X(LOGIN, "(?:Login|Logged in): (?:user=<(.*)>, )?(?:method=([^,]*), )?rip=([^,\\s]+)")                                    \
    X(NO_LOGIN, "(?:Login aborted|Aborted login|Disconnected)(.*?): (?:user=<(.*)>, )?(?:method=([^,]*), )?rip=([^,\\s]+)")   \
    X(HAPROXY, "haproxy(?:\\(v[12]\\))?: (.*?)(?:rip=([^)\\s,]+)[^()]*\\))?$")                                               \
    X(BAN, "(?:NOTICE|WARNING)\\s+\\[([^\\]]+)\\] (?:Restore |Increase )?Ban (\\S+)")                                         \
    X(VERDICT, "(?:realip-[a-z]+: )?realip source=(\\S+) listener=(\\S+) reason=(\\S+) action=(\\S+) wanted=(\\S+) client=(\\S+) peer=")          \
    X(DOVECOT_VERDICT, "(?:[a-z0-9-]+(?:\\(.*?\\))?(?:<[^>]*>)*: )?(?:(?:Info|Warning|Error): )?"                             \
                       "realip source=(dovecot-\\S+) listener=(\\S+) reason=(\\S+) action=(\\S+) wanted=(\\S+) client=(\\S+) peer=")

#define REALIP_ENUM_LOG_PATTERN(name, expression) REALIP_LOG_PATTERN_##name,
enum realip_log_pattern { REALIP_LOG_PATTERN_NONE = 0, REALIP_LOG_PATTERN_TABLE(REALIP_ENUM_LOG_PATTERN) REALIP_LOG_PATTERN_COUNT };
#undef REALIP_ENUM_LOG_PATTERN

/* Does the text match? Its groups are then told by realip_log_reader_group(), until the next match. */
bool realip_log_reader_match(struct realip_log_reader *reader, enum realip_log_pattern pattern, struct realip_log_text text);

/* A group of the last match; empty where it took no part. */
struct realip_log_text realip_log_reader_group(const struct realip_log_reader *reader, unsigned number);

#endif
