#include "history.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS 60

/* One minute's count. A minute fits in 32 bits until the year 10,000; a count that does not is the most that fits. */
struct place {
    uint32_t minute;
    uint32_t count;
    uint16_t listener;
    uint8_t reason;
    uint8_t action;
};

struct followed {
    const struct realip_metrics_listener *listener;
    unsigned long long kept[REALIP_REASON_COUNT][REALIP_ACTION_COUNT]; /* what the counters were when the last minute ended */
};

struct realip_history {
    struct realip_metrics *metrics;
    struct followed *followed;
    size_t followed_count;
    size_t followed_room;
    long long first;  /* minute */
    long long minute; /* that goes on */
    size_t next;      /* where the next count goes: the oldest */
    size_t count;
    struct place places[REALIP_HISTORY_PLACES];
};

/* ---- Listeners. */

static int follow(struct realip_history *history, const struct realip_metrics_listener *listener)
{
    if (history->followed_count == history->followed_room) {
        size_t room = history->followed_room * 2 + 4;
        struct followed *longer = realloc(history->followed, room * sizeof(*longer));

        if (longer == NULL)
            return -1;
        history->followed = longer;
        history->followed_room = room;
    }
    struct followed *fresh = &history->followed[history->followed_count++];
    memset(fresh, 0, sizeof(*fresh));
    fresh->listener = listener;
    return 0;
}

/* The metrics only ever add listeners, at the end. Without memory the new ones are found the next time. */
static void find_listeners(struct realip_history *history)
{
    const struct realip_metrics_listener *last
        = history->followed_count == 0 ? NULL : history->followed[history->followed_count - 1].listener;
    const struct realip_metrics_listener *listener;

    while (history->followed_count < REALIP_HISTORY_LISTENERS
           && (listener = realip_metrics_next_listener(history->metrics, last)) != NULL) {
        if (follow(history, listener) < 0)
            return;
        last = listener;
    }
}

/* ---- Minutes. */

static void keep(struct realip_history *history, const struct realip_history_count *count)
{
    struct place *place = &history->places[history->next];

    if (history->count == REALIP_HISTORY_PLACES && history->first <= (long long)place->minute)
        history->first = (long long)place->minute + 1;
    *place = (struct place){ .minute = (uint32_t)count->minute,
                             .count = count->count > UINT32_MAX ? UINT32_MAX : (uint32_t)count->count,
                             .listener = (uint16_t)count->listener,
                             .reason = (uint8_t)count->reason,
                             .action = (uint8_t)count->action };
    history->next = history->next + 1 == REALIP_HISTORY_PLACES ? 0 : history->next + 1;
    history->count += history->count < REALIP_HISTORY_PLACES ? 1 : 0;
}

/* What the counters of one listener have grown by in the minute that goes on. */
static void visit_growth(const struct realip_history *history, size_t index,
                         void (*visit)(void *context, const struct realip_history_count *count), void *context)
{
    const struct followed *followed = &history->followed[index];

    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++) {
        for (unsigned action = 0; action < REALIP_ACTION_COUNT; action++) {
            unsigned long long now = atomic_load_explicit(&followed->listener->verdicts[reason][action], memory_order_relaxed);
            struct realip_history_count count = { .minute = history->minute,
                                                  .listener = index,
                                                  .reason = (enum realip_reason)reason,
                                                  .action = (enum realip_action)action,
                                                  .count = now - followed->kept[reason][action] };

            if (count.count > 0)
                visit(context, &count);
        }
    }
}

static void keep_growth(void *context, const struct realip_history_count *count)
{
    struct realip_history *history = context;

    keep(history, count);
    history->followed[count->listener].kept[count->reason][count->action] += count->count;
}

void realip_history_advance(struct realip_history *history, long long now)
{
    find_listeners(history);
    if (now / SECONDS <= history->minute)
        return;
    for (size_t i = 0; i < history->followed_count; i++)
        visit_growth(history, i, keep_growth, history);
    history->minute = now / SECONDS;
    if (history->first <= history->minute - REALIP_HISTORY_MINUTES)
        history->first = history->minute - REALIP_HISTORY_MINUTES + 1;
}

/* ---- Looking. */

/* The place that is so many behind the oldest. */
static const struct place *place_at(const struct realip_history *history, size_t index)
{
    return &history->places[(history->next + REALIP_HISTORY_PLACES - history->count + index) % REALIP_HISTORY_PLACES];
}

/* How many places are older than a minute: they stand in the order of time. */
static size_t count_before(const struct realip_history *history, long long minute)
{
    size_t low = 0;
    size_t high = history->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((long long)place_at(history, middle)->minute < minute)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void realip_history_visit(const struct realip_history *history, long long since,
                          void (*visit)(void *context, const struct realip_history_count *count), void *context)
{
    for (size_t i = count_before(history, since < history->first ? history->first : since); i < history->count; i++) {
        const struct place *place = place_at(history, i);
        struct realip_history_count count = { place->minute, place->listener, (enum realip_reason)place->reason,
                                              (enum realip_action)place->action, place->count };

        visit(context, &count);
    }
    for (size_t i = 0; i < history->followed_count; i++)
        visit_growth(history, i, visit, context);
}

long long realip_history_first(const struct realip_history *history)
{
    return history->first;
}

size_t realip_history_listener_count(const struct realip_history *history)
{
    return history->followed_count;
}

const struct realip_metrics_listener *realip_history_listener(const struct realip_history *history, size_t index)
{
    return history->followed[index].listener;
}

/* ---- The beginning and the end. */

struct realip_history *realip_history_new(struct realip_metrics *metrics, long long now)
{
    struct realip_history *history = calloc(1, sizeof(*history)); /* pages that nothing was written to cost nothing */

    if (history == NULL)
        return NULL;
    history->metrics = metrics;
    history->minute = now / SECONDS;
    history->first = history->minute;
    find_listeners(history);
    return history;
}

void realip_history_free(struct realip_history **history)
{
    if (*history == NULL)
        return;
    free((*history)->followed);
    free(*history);
    *history = NULL;
}
