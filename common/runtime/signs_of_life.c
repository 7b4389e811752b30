#include "signs_of_life.h"

#include <syslog.h>

#include "log.h"

static void on_time(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    realip_service_manager_alive(context);
}

struct event *realip_signs_of_life_begin(const struct realip_service_manager *manager, struct event_base *base)
{
    /* Half of the time that it waits, as sd_watchdog_enabled(3) recommends. */
    struct timeval half = { .tv_sec = (time_t)(manager->watchdog / 2 / 1000000),
                            .tv_usec = (suseconds_t)(manager->watchdog / 2 % 1000000) };

    if (manager->watchdog == 0)
        return NULL;
    struct event *timer = event_new(base, -1, EV_PERSIST, on_time, (void *)manager);
    if (timer != NULL && event_add(timer, &half) == 0)
        return timer;
    if (timer != NULL)
        event_free(timer);
    realip_log(LOG_ERR, "out of memory: the service manager will see no sign of life, and start us anew");
    return NULL;
}
