#include <stdlib.h>

#include "networks.h"
#include "terminal.h"

#define PLACE_SIZE 1024

enum change { CHANGE_NONE = 0, CHANGE_ADDED, CHANGE_REMOVED, CHANGE_SOURCE, CHANGE_COUNT };

/* Two sets, walked side by side. */
struct walk {
    const struct realip_listed_set *before;
    const struct realip_listed_set *after;
    size_t before_at;
    size_t after_at;
};

/* One step of it; what is not there is NULL. */
struct step {
    enum change change;
    const struct realip_listed *before;
    const struct realip_listed *after;
};

static int order_of(const struct realip_network *one, const struct realip_network *other)
{
    int order = realip_address_compare(&one->address, &other->address);

    return order != 0 ? order : (one->prefix > other->prefix) - (one->prefix < other->prefix);
}

/* False at the end of both. */
static bool next(struct walk *walk, struct step *step_r)
{
    const struct realip_listed *before = walk->before_at < walk->before->count ? &walk->before->networks[walk->before_at] : NULL;
    const struct realip_listed *after = walk->after_at < walk->after->count ? &walk->after->networks[walk->after_at] : NULL;

    if (before == NULL && after == NULL)
        return false;
    int order = before == NULL ? 1 : after == NULL ? -1 : order_of(&before->network, &after->network);
    if (order <= 0)
        walk->before_at++;
    if (order >= 0)
        walk->after_at++;
    *step_r = (struct step){ order < 0 ? CHANGE_REMOVED : order > 0 ? CHANGE_ADDED : CHANGE_NONE, order <= 0 ? before : NULL,
                             order >= 0 ? after : NULL };
    if (order == 0 && !realip_listing_same_source(before, after))
        step_r->change = CHANGE_SOURCE;
    return true;
}

static size_t count(const struct realip_listed_set *before, const struct realip_listed_set *after, size_t counts[CHANGE_COUNT])
{
    struct walk walk = { .before = before, .after = after };
    struct step step;

    while (next(&walk, &step))
        counts[step.change]++;
    return counts[CHANGE_ADDED] + counts[CHANGE_REMOVED] + counts[CHANGE_SOURCE];
}

/* ---- for people ------------------------------------------------------------------------------------------------------ */

static void print_step(const struct step *step, const struct realip_terminal *terminal)
{
    static const enum realip_style styles[] = { [CHANGE_ADDED] = REALIP_STYLE_GOOD, [CHANGE_REMOVED] = REALIP_STYLE_BAD,
                                                [CHANGE_SOURCE] = REALIP_STYLE_WARN };
    const struct realip_listed *one = step->after != NULL ? step->after : step->before;
    char network[REALIP_NETWORK_TEXT_SIZE];
    char place[PLACE_SIZE];

    printf("  %s%c %-24s%s  ", realip_terminal_style(terminal, styles[step->change]), " +-~"[step->change],
           realip_network_format(&one->network, network), realip_terminal_style(terminal, REALIP_STYLE_NONE));
    if (step->change == CHANGE_SOURCE)
        printf("%s -> ", realip_networks_place_text(step->before, place, sizeof(place)));
    printf("%s\n", realip_networks_place_text(one, place, sizeof(place)));
}

static bool print_set(const struct realip_listed_set *before, const struct realip_listed_set *after, const struct realip_terminal *terminal)
{
    struct walk walk = { .before = before, .after = after };
    size_t counts[CHANGE_COUNT] = { 0 };
    struct step step;

    if (count(before, after, counts) == 0)
        return false;
    printf("networks %s: %zu added, %zu removed, %zu from elsewhere, %zu the same\n", realip_set_token(after->set), counts[CHANGE_ADDED],
           counts[CHANGE_REMOVED], counts[CHANGE_SOURCE], counts[CHANGE_NONE]);
    while (next(&walk, &step)) {
        if (step.change != CHANGE_NONE)
            print_step(&step, terminal);
    }
    return true;
}

static bool print_all(const struct realip_listing *before, const struct realip_listing *after)
{
    struct realip_terminal terminal = realip_terminal_of(stdout);
    bool differ = false;

    printf("- %s%s\n+ %s%s\n", before->path, before->is_compiled ? " (compiled)" : "", after->path, after->is_compiled ? " (compiled)" : "");
    for (unsigned set = 0; set <= REALIP_SET_OWN; set++)
        differ = print_set(&before->sets[set], &after->sets[set], &terminal) || differ;
    if (!differ)
        puts("all sets hold the same networks from the same sources");
    return differ;
}

/* ---- for programs ---------------------------------------------------------------------------------------------------- */

static json_t *place_json(const struct realip_listed *one)
{
    json_t *place = json_object();

    realip_networks_place_json(one, place);
    return place;
}

static json_t *set_json(const struct realip_listed_set *before, const struct realip_listed_set *after, bool *differ)
{
    static const char *const keys[] = { "same", "added", "removed", "from-elsewhere" };
    struct walk walk = { .before = before, .after = after };
    json_t *changes[CHANGE_COUNT] = { NULL, json_array(), json_array(), json_array() };
    json_t *all = json_object();
    size_t same = 0;
    struct step step;

    while (next(&walk, &step)) {
        const struct realip_listed *one = step.after != NULL ? step.after : step.before;
        char text[REALIP_NETWORK_TEXT_SIZE];
        json_t *change = step.change == CHANGE_NONE ? NULL : json_pack("{s:s}", "network", realip_network_format(&one->network, text));

        if (step.change == CHANGE_NONE) {
            same++;
            continue;
        }
        *differ = true;
        if (step.before != NULL)
            json_object_set_new(change, "before", place_json(step.before));
        if (step.after != NULL)
            json_object_set_new(change, "after", place_json(step.after));
        json_array_append_new(changes[step.change], change);
    }
    json_object_set_new(all, keys[CHANGE_NONE], json_integer((json_int_t)same));
    for (unsigned change = CHANGE_ADDED; change < CHANGE_COUNT; change++)
        json_object_set_new(all, keys[change], changes[change]);
    return all;
}

static json_t *all_json(const struct realip_listing *before, const struct realip_listing *after, bool *differ)
{
    json_t *sets = json_object();

    for (unsigned set = 0; set <= REALIP_SET_OWN; set++)
        json_object_set_new(sets, realip_set_token((enum realip_set)set), set_json(&before->sets[set], &after->sets[set], differ));
    return json_pack("{s:s, s:s, s:b, s:o}", "before", before->path, "after", after->path, "differ", *differ, "sets", sets);
}

int realip_networks_print_difference(const struct realip_listing *before, const struct realip_listing *after, bool json)
{
    bool differ = false;

    if (!json)
        differ = print_all(before, after);
    else if (realip_networks_print_json(all_json(before, after, &differ)) != EXIT_SUCCESS)
        return 2;
    return fflush(stdout) != 0 ? 2 : differ ? 1 : 0;
}
