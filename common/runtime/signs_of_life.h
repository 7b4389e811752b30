/* signs_of_life - what a daemon's event loop tells a service manager that watches it (sd_watchdog_enabled(3)): the loop itself
 * says so, so that one that hangs is silent and is started anew. */
#ifndef REALIP_SIGNS_OF_LIFE_H
#define REALIP_SIGNS_OF_LIFE_H

#include <event2/event.h>

#include "service_manager.h"

/* Begins. Returns the timer, to be freed with event_free() before the loop; NULL where the manager does not watch, or where
 * memory is short, which is logged. `manager` outlives it. */
struct event *realip_signs_of_life_begin(const struct realip_service_manager *manager, struct event_base *base);

#endif
