/* Runs the runtime's suites. */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(realip_runtime_suite());

    srunner_add_suite(runner, realip_policy_suite());
    srunner_add_suite(runner, realip_compiled_suite());
    srunner_add_suite(runner, realip_kubernetes_nodes_suite());
    srunner_add_suite(runner, realip_network_preset_suite());
    srunner_add_suite(runner, realip_sources_suite());
    srunner_add_suite(runner, realip_watch_suite());
    srunner_add_suite(runner, realip_history_suite());
    srunner_add_suite(runner, realip_status_summary_suite());
    srunner_add_suite(runner, realip_metrics_suite());
    srunner_add_suite(runner, realip_secret_file_suite());
    srunner_add_suite(runner, realip_told_clients_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
