#include "recent.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/rules.h"

struct ring {
    struct realip_recent_verdict *verdicts;
    size_t size;
    size_t next; /* where the next one goes: the oldest */
};

struct realip_recent {
    struct ring problems;
    struct ring passes;
    struct realip_recent_verdict first[REALIP_RECENT_PROBLEMS + REALIP_RECENT_PASSES];
};

struct realip_recent *realip_recent_new(void)
{
    struct realip_recent *recent = calloc(1, sizeof(*recent)); /* pages that nothing was written to cost nothing */

    if (recent == NULL)
        return NULL;
    recent->problems = (struct ring){ recent->first, REALIP_RECENT_PROBLEMS, 0 };
    recent->passes = (struct ring){ recent->first + REALIP_RECENT_PROBLEMS, REALIP_RECENT_PASSES, 0 };
    return recent;
}

void realip_recent_free(struct realip_recent **recent)
{
    free(*recent);
    *recent = NULL;
}

static void copy_text(char *out, size_t room, const char *text)
{
    size_t length = text == NULL ? 0 : strnlen(text, room - 1);

    memcpy(out, text == NULL ? "" : text, length);
    out[length] = '\0';
}

/* The end of a path tells more than its beginning. */
static void copy_path(char *out, size_t room, const char *path)
{
    size_t length = path == NULL ? 0 : strlen(path);

    copy_text(out, room, length < room ? path : path + length - (room - 1));
}

void realip_recent_add(struct realip_recent *recent, const struct realip_facts *facts, const struct realip_verdict *verdict, const char *helo)
{
    bool passes = !realip_reason_is_problem(verdict->reason) && verdict->reason != REALIP_REASON_UNDECIDED;
    struct ring *ring = passes ? &recent->passes : &recent->problems;
    struct realip_recent_verdict *kept = &ring->verdicts[ring->next];
    struct timespec now;

    ring->next = ring->next + 1 == ring->size ? 0 : ring->next + 1;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* some milliseconds late, and several times cheaper */
    kept->msecs = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    kept->source = facts->source;
    kept->stage = facts->stage;
    kept->reason = verdict->reason;
    kept->wanted = verdict->wanted;
    kept->action = verdict->action;
    kept->mode = verdict->mode;
    kept->peer_state = facts->peer_state;
    kept->client = facts->client;
    kept->peer = facts->peer_state == REALIP_PEER_KNOWN ? facts->peer : (struct realip_address){ 0 };
    kept->network = verdict->network;
    kept->line = verdict->rule.line;
    copy_path(kept->file, sizeof(kept->file), verdict->rule.file);
    copy_text(kept->listener, sizeof(kept->listener), verdict->listener == NULL ? NULL : verdict->listener->title);
    copy_text(kept->service, sizeof(kept->service), facts->service);
    copy_text(kept->session, sizeof(kept->session), facts->session);
    copy_text(kept->helo, sizeof(kept->helo), helo);
    copy_text(kept->user, sizeof(kept->user), facts->user);
}

static bool fits(const struct realip_recent_verdict *kept, const struct realip_recent_query *query)
{
    bool by_address = query->address.family != REALIP_FAMILY_NONE;

    if (by_address && !realip_address_equal(&kept->client, &query->address) && !realip_address_equal(&kept->peer, &query->address))
        return false;
    return query->session == NULL || strncmp(kept->session, query->session, sizeof(kept->session) - 1) == 0;
}

/* The newest entry before place *at (0: none is left) that fits; *at is moved behind it. NULL: there is none. */
static const struct realip_recent_verdict *step(const struct ring *ring, size_t *at, const struct realip_recent_query *query)
{
    while (*at > 0) {
        const struct realip_recent_verdict *kept = &ring->verdicts[(ring->next + --*at) % ring->size];

        if (kept->msecs == 0)
            return NULL; /* what is older was never written */
        if (fits(kept, query))
            return kept;
    }
    return NULL;
}

size_t realip_recent_find(const struct realip_recent *recent, const struct realip_recent_query *query,
                          const struct realip_recent_verdict **found, size_t room)
{
    size_t problem_at = recent->problems.size;
    size_t pass_at = recent->passes.size;
    const struct realip_recent_verdict *problem = step(&recent->problems, &problem_at, query);
    const struct realip_recent_verdict *pass = step(&recent->passes, &pass_at, query);
    size_t count = 0;

    while (count < room && (problem != NULL || pass != NULL)) {
        bool is_problem = pass == NULL || (problem != NULL && problem->msecs >= pass->msecs);

        found[count++] = is_problem ? problem : pass;
        if (is_problem)
            problem = step(&recent->problems, &problem_at, query);
        else
            pass = step(&recent->passes, &pass_at, query);
    }
    return count;
}

long long realip_recent_problems_since(const struct realip_recent *recent)
{
    return recent->problems.verdicts[recent->problems.next].msecs;
}

long long realip_recent_passes_since(const struct realip_recent *recent)
{
    return recent->passes.verdicts[recent->passes.next].msecs;
}
