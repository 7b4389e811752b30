/* nginx as a proxy for mail: what it believes, and what it tells. */
#include <string.h>

#include "check.h"

static void check_real_ip(struct realip_setup *setup, struct realip_findings *findings,
                          const struct realip_nginx_server *server)
{
    if (server->takes_proxy.file == NULL)
        return;
    if (server->real_ip_count == 0)
        realip_finding_add(setup, findings, REALIP_FINDING_NGINX_REAL_IP_MISSING, server->takes_proxy, NULL,
                           "listen ... proxy_protocol, and no set_real_ip_from",
                           "set_real_ip_from ADDRESS OF THE BALANCER;");
    for (size_t i = 0; i < server->real_ip_count; i++) {
        struct realip_list list = realip_check_list(setup, server->real_ip[i].value);

        if (list.count > 0 && list.items[0].is_network && realip_check_is_catch_all(&list.items[0].network))
            realip_finding_add(setup, findings, REALIP_FINDING_NGINX_REAL_IP_WIDE, server->real_ip[i].origin, NULL,
                               realip_text_format(&setup->arena,
                                                  "set_real_ip_from %s believes everybody's PROXY header",
                                                  server->real_ip[i].value),
                               "set_real_ip_from ADDRESS OF THE BALANCER;");
    }
}

void realip_check_nginx(struct realip_setup *setup, struct realip_findings *findings)
{
    for (size_t i = 0; i < setup->proxies.nginx_count; i++) {
        const struct realip_nginx_server *server = &setup->proxies.nginx[i];

        check_real_ip(setup, findings, server);
        if (server->is_mail && strcmp(server->protocol, "smtp") == 0 && server->xclient_off.file != NULL
            && !server->sends_proxy)
            realip_finding_add(setup, findings, REALIP_FINDING_NGINX_XCLIENT_OFF, server->xclient_off, NULL,
                               "an SMTP proxy that says neither XCLIENT nor PROXY", "xclient on;");
    }
}
