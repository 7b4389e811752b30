/* sources - the files from which a configuration takes networks, and what each of them held when it was last good.
 *
 * A source is one value of `files` (a name or a pattern) or of `kubernetes-nodes`. At the first load each must be good. Later
 * one that vanishes, turns empty, is cut off or can't be read gives what it last gave, and is stale until it is good again: a
 * list that is gone must not make nodes look like clients. A source is stale when
 *   - a file that it names can't be read, or anything in it is wrong;
 *   - a file that had networks has none, and has no line "# empty" either;
 *   - a file that ended with a whole line, or is new to its pattern, ends in the middle of one;
 *   - a pattern whose files had networks matches nothing. Where it goes on to match other files, a file that is gone is gone;
 *   - what it lists now, and did not before, contradicts the other networks (realip_sources_blame()).
 *
 * Each load has sources of its own, made with those of the last good load to fall back upon: a load that is refused changes
 * nothing. Not for two threads at once.
 */
#ifndef REALIP_SOURCES_H
#define REALIP_SOURCES_H

#include "core/rules.h"
#include "network_source.h"

struct realip_sources;

/* What a load reads into. Origins' texts live in `arena`. */
struct realip_sources_target {
    struct realip_arena *arena;
    struct realip_network_list *list;
    struct realip_problems *problems;
    struct realip_problems *warnings;
};

/* Begins the sources of one load; `last` (borrowed until the load has ended) are those to fall back upon, NULL at the first
 * one, and `now` is a time(2). NULL when memory is short. */
struct realip_sources *realip_sources_new(const struct realip_sources *last, long long now);
void realip_sources_free(struct realip_sources **sources);

/* Reads what a value of `files` names (`origin` is its place), or a value of `kubernetes-nodes`, and adds the networks to
 * target->list. 0, also where older content was taken; or -1 and problems added. A source that a load names twice for one set
 * is read once. `sources` NULL: nothing to fall back upon, and nothing is kept. */
int realip_sources_read_files(struct realip_sources *sources, enum realip_set set, const char *pattern,
                              struct realip_origin origin, const struct realip_sources_target *target);
int realip_sources_read_nodes(struct realip_sources *sources, enum realip_set set, const char *path,
                              struct realip_origin origin, const struct realip_sources_target *target);

/* What stands at an index of the list that was read for a set, this network, contradicts another one, as `why` tells (its first line counts). Where it
 * came from a source whose last good content did not have it, that content is to stay; otherwise nothing is done. `sources` may be NULL. */
void realip_sources_blame(struct realip_sources *sources, enum realip_set set, size_t index, const struct realip_network *network,
                          const char *why);

/* True: a source was blamed, and the load is to be done once more, with lists that are empty; all that was read is forgotten. That ends: each time there is
 * one source more whose last content stays. */
bool realip_sources_begin_again(struct realip_sources *sources);

/* One source, for metrics and lists. Texts live as long as the sources. */
struct realip_sources_state {
    enum realip_set set;
    const char *text;     /* as the configuration has it */
    bool is_pattern;
    bool is_nodes;        /* of kubernetes-nodes; else of files */
    size_t networks;      /* in force, stale ones too */
    long long modified;   /* when the newest of its files in force was written (st_mtim), a time(2); 0: it has none */
    long long last_read;  /* when all of it was good, a time(2); any load counts, also one for another source */
    const char *stale;    /* NULL: it is good; else why it is not, in one line */
};

/* How many sources there are; the one at an index below that. `sources` may be NULL: there are none. */
size_t realip_sources_count(const struct realip_sources *sources);
struct realip_sources_state realip_sources_at(const struct realip_sources *sources, size_t index);

/* Logs what became of each source since the load before: one line when it turns stale, one when it is good again, one when a
 * file of a pattern is gone. */
void realip_sources_tell(const struct realip_sources *sources, const struct realip_sources *before);

#endif
