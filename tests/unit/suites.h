/* suites - the suites of the unit tests, one for each room. */
#ifndef REALIP_SUITES_H
#define REALIP_SUITES_H

#include <check.h>

/* ck_assert_msg() for what is asked a million times: check writes to a pipe at each assertion, and that takes longer
 * than the tests, under valgrind by far. */
#define realip_assert_often(condition, ...) \
    do {                                    \
        if (!(condition))                   \
            ck_abort_msg(__VA_ARGS__);      \
    } while (0)

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
Suite *realip_told_clients_suite(void);

#endif
