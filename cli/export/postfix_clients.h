/* postfix_clients - clients.cidr: what the policy server would say of a client's address alone, as a table for check_client_access. */
#ifndef REALIP_CLI_POSTFIX_CLIENTS_H
#define REALIP_CLI_POSTFIX_CLIENTS_H

#include "export.h"

/* The functions of a part (export.h). */
int realip_postfix_clients_print(const struct realip_export *export, FILE *out);
int realip_postfix_clients_compare(const struct realip_export *export, const struct realip_export_text *text,
                                   struct realip_export_report *report);

#endif
