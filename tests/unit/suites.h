/* suites - the suites of the unit tests, one for each room. */
#ifndef REALIP_SUITES_H
#define REALIP_SUITES_H

#include <check.h>

Suite *realip_address_suite(void);
Suite *realip_shared_address_suite(void);
Suite *realip_network_suite(void);
Suite *realip_network_set_suite(void);
Suite *realip_verdict_suite(void);
Suite *realip_decide_suite(void);
Suite *realip_proxy_header_suite(void);
Suite *realip_received_suite(void);
Suite *realip_xclient_suite(void);
Suite *realip_runtime_suite(void);
Suite *realip_policy_suite(void);
Suite *realip_compiled_suite(void);
Suite *realip_kubernetes_nodes_suite(void);
Suite *realip_network_preset_suite(void);
Suite *realip_sources_suite(void);
Suite *realip_watch_suite(void);
Suite *realip_history_suite(void);
Suite *realip_status_summary_suite(void);
Suite *realip_metrics_suite(void);
Suite *realip_secret_file_suite(void);

#endif
