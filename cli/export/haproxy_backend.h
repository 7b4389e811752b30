/* haproxy_backend - a deployed backend of an haproxy.cfg against what it should be: where its servers are, and whether they are told who the client is. */
#ifndef REALIP_CLI_HAPROXY_BACKEND_H
#define REALIP_CLI_HAPROXY_BACKEND_H

#include "export.h"

#define REALIP_HAPROXY_SERVER_OPTIONS "send-proxy-v2 check check-send-proxy"

/* Compares the backend `name`, whose servers listen on `port`: each of them has that port and these options, its own or by default-server; and where
 * export->servers names hosts, they are these. Tells differences to the report. */
void realip_haproxy_backend_compare(const struct realip_export *export, const char *name, uint16_t port, const struct realip_export_text *text,
                                    struct realip_export_report *report);

#endif
