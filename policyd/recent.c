#include "recent.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/rules.h"

/* X(field, size): the texts in the order in which they stand; sizes with their NUL. What is most often there comes first. */
#define TEXTS(X)                             \
    X(session, REALIP_RECENT_SESSION_SIZE)   \
    X(helo, REALIP_RECENT_HELO_SIZE)         \
    X(listener, 40)                          \
    X(service, 12)                           \
    X(user, 64)                              \
    X(file, REALIP_RECENT_FILE_SIZE)

#define ADD_SIZE(field, size) + (size)

/* As small as it goes, texts one behind the other: each request writes one, and every line of the cache that it touches costs. */
struct kept {
    long long msecs; /* 0: nothing stands here */
    unsigned long long number; /* the clock may stand still, or go back */
    struct realip_address client;
    struct realip_address peer;
    struct realip_network network;
    unsigned line;
    unsigned clients;
    unsigned char source;
    unsigned char stage;
    unsigned char reason;
    unsigned char wanted;
    unsigned char action;
    unsigned char mode;
    unsigned char peer_state;
    char texts[TEXTS(ADD_SIZE)];
};

struct ring {
    struct kept *kept;
    size_t size;
    size_t next; /* where the next one goes: the oldest */
};

struct realip_recent {
    struct ring problems;
    struct ring passes;
    unsigned long long added;
    long long asked; /* first; 0: never, and what passes is not kept */
    struct kept all[REALIP_RECENT_PROBLEMS + REALIP_RECENT_PASSES];
};

struct realip_recent *realip_recent_new(void)
{
    struct realip_recent *recent = calloc(1, sizeof(*recent)); /* pages that nothing was written to cost nothing */

    if (recent == NULL)
        return NULL;
    recent->problems = (struct ring){ recent->all, REALIP_RECENT_PROBLEMS, 0 };
    recent->passes = (struct ring){ recent->all + REALIP_RECENT_PROBLEMS, REALIP_RECENT_PASSES, 0 };
    return recent;
}

void realip_recent_free(struct realip_recent **recent)
{
    free(*recent);
    *recent = NULL;
}

/* Returns the place behind the text's NUL. */
static char *put(char *out, const char *text, size_t size)
{
    size_t length = text == NULL || text[0] == '\0' ? 0 : strnlen(text, size - 1);

    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
    return out + length + 1;
}

/* The end of a path tells more than its beginning. */
static const char *end_of(const char *path)
{
    size_t length = path == NULL ? 0 : strlen(path);

    return length < REALIP_RECENT_FILE_SIZE ? path : path + length - (REALIP_RECENT_FILE_SIZE - 1);
}

static long long now_msecs(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* some milliseconds late, and several times cheaper */
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void realip_recent_add(struct realip_recent *recent, const struct realip_facts *facts, const struct realip_verdict *verdict,
                       const char *helo)
{
    bool passes = !realip_reason_is_problem(verdict->reason) && verdict->reason != REALIP_REASON_UNDECIDED;
    struct ring *ring = passes ? &recent->passes : &recent->problems;
    struct kept *kept = &ring->kept[ring->next];
    const char *session = facts->session;
    const char *listener = verdict->listener == NULL ? NULL : verdict->listener->title;
    const char *service = facts->service;
    const char *user = facts->user;
    const char *file = end_of(verdict->rule.file);
    char *out = kept->texts;

    if (passes && recent->asked == 0)
        return;
    ring->next = ring->next + 1 == ring->size ? 0 : ring->next + 1;
    kept->msecs = now_msecs();
    kept->number = ++recent->added;
    kept->client = facts->client;
    kept->peer = facts->peer_state == REALIP_PEER_KNOWN ? facts->peer : (struct realip_address){ 0 };
    kept->network = verdict->network;
    kept->line = verdict->rule.line;
    kept->clients = verdict->clients;
    kept->source = (unsigned char)facts->source;
    kept->stage = (unsigned char)facts->stage;
    kept->reason = (unsigned char)verdict->reason;
    kept->wanted = (unsigned char)verdict->wanted;
    kept->action = (unsigned char)verdict->action;
    kept->mode = (unsigned char)verdict->mode;
    kept->peer_state = (unsigned char)facts->peer_state;
#define PUT(field, size) out = put(out, field, size);
    TEXTS(PUT)
#undef PUT
}

void realip_recent_ask(struct realip_recent *recent)
{
    if (recent->asked == 0)
        recent->asked = now_msecs();
}

static void view(const struct kept *kept, struct realip_recent_verdict *verdict_r)
{
    const char *at = kept->texts;

    *verdict_r = (struct realip_recent_verdict){
        .msecs = kept->msecs,
        .source = (enum realip_source)kept->source,
        .stage = (enum realip_stage)kept->stage,
        .reason = (enum realip_reason)kept->reason,
        .wanted = (enum realip_action)kept->wanted,
        .action = (enum realip_action)kept->action,
        .mode = (enum realip_mode)kept->mode,
        .peer_state = (enum realip_peer_state)kept->peer_state,
        .client = kept->client,
        .peer = kept->peer,
        .network = kept->network,
        .line = kept->line,
        .clients = kept->clients,
    };
#define VIEW(field, size)   \
    verdict_r->field = at;  \
    at += strlen(at) + 1;
    TEXTS(VIEW)
#undef VIEW
}

static bool fits(const struct kept *kept, const struct realip_recent_query *query)
{
    bool by_address = query->address.family != REALIP_FAMILY_NONE;

    if (by_address && !realip_address_equal(&kept->client, &query->address) && !realip_address_equal(&kept->peer, &query->address))
        return false;
    if (query->session != NULL && strncmp(kept->texts, query->session, REALIP_RECENT_SESSION_SIZE - 1) != 0)
        return false;
    if (query->helo == NULL)
        return true;
    const char *helo = kept->texts + strlen(kept->texts) + 1; /* behind the session: TEXTS */
    return strncmp(helo, query->helo, REALIP_RECENT_HELO_SIZE - 1) == 0;
}

/* The newest entry before place *at (0: none is left) that fits; *at is moved behind it. NULL: there is none. */
static const struct kept *step(const struct ring *ring, size_t *at, const struct realip_recent_query *query)
{
    while (*at > 0) {
        const struct kept *kept = &ring->kept[(ring->next + --*at) % ring->size];

        if (kept->msecs == 0)
            return NULL; /* what is older was never written */
        if (fits(kept, query))
            return kept;
    }
    return NULL;
}

size_t realip_recent_find(const struct realip_recent *recent, const struct realip_recent_query *query,
                          struct realip_recent_verdict *found, size_t room)
{
    size_t problem_at = recent->problems.size;
    size_t pass_at = recent->passes.size;
    const struct kept *problem = step(&recent->problems, &problem_at, query);
    const struct kept *pass = query->only_problems ? NULL : step(&recent->passes, &pass_at, query);
    size_t count = 0;

    while (count < room && (problem != NULL || pass != NULL)) {
        bool is_problem = pass == NULL || (problem != NULL && problem->number > pass->number);

        view(is_problem ? problem : pass, &found[count++]);
        if (is_problem)
            problem = step(&recent->problems, &problem_at, query);
        else
            pass = step(&recent->passes, &pass_at, query);
    }
    return count;
}

long long realip_recent_problems_since(const struct realip_recent *recent)
{
    return recent->problems.kept[recent->problems.next].msecs;
}

long long realip_recent_passes_since(const struct realip_recent *recent)
{
    long long oldest = recent->passes.kept[recent->passes.next].msecs;

    return oldest > 0 ? oldest : recent->asked;
}
