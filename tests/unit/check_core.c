/* Runs the core's suites. */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(realip_address_suite());

    srunner_add_suite(runner, realip_network_suite());
    srunner_add_suite(runner, realip_network_set_suite());
    srunner_add_suite(runner, realip_shared_address_suite());
    srunner_add_suite(runner, realip_verdict_suite());
    srunner_add_suite(runner, realip_decide_suite());
    srunner_add_suite(runner, realip_received_suite());
    srunner_add_suite(runner, realip_proxy_header_suite());
    srunner_add_suite(runner, realip_xclient_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
