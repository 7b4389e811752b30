#include "firewall.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "firewall_rules.h"

#define MOST_JUMPS 16

/* What becomes of a stranger's packet. */
enum outcome { GOES_ON = 0, COMES_IN, TURNED_AWAY };

struct walk {
    struct realip_arena *arena;
    const struct realip_firewall_rules *rules;
    unsigned port;
    unsigned family;
    bool is_port_named;
    struct realip_firewall_answer *answer; /* of one entrance */
};

/* Is the port one of the numbers, ranges or names of a firewall's line? */
static bool names_port(const char *line, unsigned port)
{
    static const struct {
        const char *name;
        unsigned port;
    } known[] = { { "smtp", 25 },  { "submission", 587 }, { "submissions", 465 }, { "imap2", 143 }, { "imap", 143 },
                  { "imaps", 993 }, { "pop3", 110 },       { "pop3s", 995 },       { "sieve", 4190 } };

    for (const char *at = line; *at != '\0';) {
        size_t length = 1;

        if (isalnum((unsigned char)*at))
            for (length = 0; isalnum((unsigned char)at[length]) || at[length] == '.'; length++)
                ;
        char *end;
        unsigned long from = isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
        if (from > 0 && end == at + length && (*end == '-' || *end == ':') && isdigit((unsigned char)end[1])) {
            unsigned long to = strtoul(end + 1, &end, 10);

            if (from <= port && port <= to)
                return true;
            length = (size_t)(end - at);
        } else if (from == port && end == at + length) {
            return true;
        }
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (known[i].port == port && strlen(known[i].name) == length && strncmp(known[i].name, at, length) == 0)
                return true;
        }
        at += length;
    }
    return false;
}

/* What an operand holds: a value, a set in braces, or "@name" of a set of this table. NULL: it can't be told. */
static const char *elements_of(const struct walk *walk, const struct realip_firewall_chain *chain, const char *operand)
{
    if (operand[0] == '$')
        return NULL;
    if (operand[0] != '@')
        return operand;
    for (size_t i = 0; i < walk->rules->set_count; i++) {
        const struct realip_firewall_set *set = &walk->rules->sets[i];

        if (strcmp(set->name, operand + 1) == 0 && strcmp(set->table, chain->table) == 0)
            return set->elements;
    }
    return NULL;
}

/* Does the rule speak of this port? */
static bool fits_port(struct walk *walk, const struct realip_firewall_chain *chain, const struct realip_firewall_rule *rule)
{
    if (rule->ports == NULL)
        return true;
    const char *ports = elements_of(walk, chain, rule->ports);
    bool is_among = ports != NULL && names_port(ports, walk->port);

    walk->is_port_named = walk->is_port_named || is_among;
    return is_among != rule->is_not_ports;
}

/* Every address of the family? */
static bool is_everybody(const struct walk *walk, const char *sources)
{
    struct realip_words words = realip_text_words(walk->arena, sources, " ,\t");

    for (size_t i = 0; i < words.count; i++) {
        if (strcmp(words.items[i], "0.0.0.0/0") == 0 || strcmp(words.items[i], "::/0") == 0)
            return true;
    }
    return false;
}

static void let_in(struct walk *walk, const char *sources)
{
    const char *bare = sources == NULL ? "" : realip_text_bare(walk->arena, sources);
    struct realip_words words = realip_text_words(walk->arena, bare, " ,\t\r\n");

    walk->answer->is_named = true;
    walk->answer->has_unknown = walk->answer->has_unknown || sources == NULL;
    for (size_t i = 0; i < words.count; i++)
        realip_words_add(walk->arena, &walk->answer->let_in, words.items[i]);
}

static enum outcome follow(struct walk *walk, const struct realip_firewall_chain *chain, unsigned depth);

static enum outcome jump(struct walk *walk, const struct realip_firewall_chain *from, const char *name, unsigned depth)
{
    for (size_t i = 0; i < walk->rules->count && depth < MOST_JUMPS; i++) {
        const struct realip_firewall_chain *chain = &walk->rules->chains[i];

        if (strcmp(chain->name, name) == 0 && strcmp(chain->table, from->table) == 0)
            return follow(walk, chain, depth + 1);
    }
    return GOES_ON;
}

/* A rule that says who: those are let in, or all others turned away. */
static enum outcome meet_sources(struct walk *walk, const struct realip_firewall_rule *rule, const char *sources)
{
    bool turns_away = rule->verdict == REALIP_FIREWALL_TURN_AWAY;

    if (rule->is_not_sources && turns_away && !rule->is_conditional) {
        let_in(walk, sources);
        return TURNED_AWAY;
    }
    if (!rule->is_not_sources && !turns_away && walk->is_port_named)
        let_in(walk, sources);
    /* A stranger is none of a few who are named; and whoever is not among them may be let in just so. */
    return rule->is_not_sources && rule->verdict == REALIP_FIREWALL_ACCEPT && !rule->is_conditional ? COMES_IN : GOES_ON;
}

static enum outcome meet(struct walk *walk, const struct realip_firewall_chain *chain, const struct realip_firewall_rule *rule, unsigned depth)
{
    const char *sources = rule->sources == NULL ? NULL : elements_of(walk, chain, rule->sources);

    if (rule->sources != NULL && (sources == NULL || !is_everybody(walk, realip_text_bare(walk->arena, sources))))
        return meet_sources(walk, rule, sources);
    if (rule->verdict == REALIP_FIREWALL_JUMP || rule->verdict == REALIP_FIREWALL_GOTO) {
        enum outcome outcome = jump(walk, chain, rule->target, depth);

        return rule->is_conditional ? GOES_ON : outcome;
    }
    if (rule->is_conditional || rule->verdict == REALIP_FIREWALL_RETURN)
        return GOES_ON;
    return rule->verdict == REALIP_FIREWALL_ACCEPT ? COMES_IN : TURNED_AWAY;
}

static enum outcome follow(struct walk *walk, const struct realip_firewall_chain *chain, unsigned depth)
{
    bool was_named = walk->is_port_named;
    enum outcome outcome = GOES_ON;

    for (size_t i = 0; i < chain->count && outcome == GOES_ON; i++) {
        const struct realip_firewall_rule *rule = &chain->rules[i];
        bool before = walk->is_port_named;

        if ((rule->families & walk->family) == 0 || !fits_port(walk, chain, rule))
            continue; /* "dport != …" that does not fit names the port for all that stands behind it */
        outcome = meet(walk, chain, rule, depth);
        bool ends = outcome == GOES_ON && !rule->is_conditional && rule->sources == NULL
                 && (rule->verdict == REALIP_FIREWALL_RETURN || rule->verdict == REALIP_FIREWALL_GOTO);
        if (!rule->is_not_ports)
            walk->is_port_named = before;
        if (ends)
            break;
    }
    walk->is_port_named = was_named;
    return outcome;
}

/* Is a stranger of this family turned away by this entrance? Adds whom its rules name. */
static bool turns_away(struct realip_setup *setup, const struct realip_firewall_rules *rules, const struct realip_firewall_chain *chain, unsigned port,
                       unsigned family, struct realip_firewall_answer *answer)
{
    struct walk walk = { .arena = &setup->arena, .rules = rules, .port = port, .family = family, .answer = answer };

    if ((chain->families & family) == 0)
        return false;
    enum outcome outcome = follow(&walk, chain, 0);
    return outcome == TURNED_AWAY || (outcome == GOES_ON && chain->is_closed);
}

/* Adds what one text says of these families. An entrance that turns strangers away and does not know the port says nothing of it:
 * Docker's has rules for each published one. */
static void ask_text(struct realip_setup *setup, const char *text, unsigned port, unsigned families, struct realip_firewall_answer *answer)
{
    struct realip_firewall_rules rules = realip_firewall_read(&setup->arena, text);

    for (size_t i = 0; i < rules.count; i++) {
        struct realip_firewall_answer one = { .is_named = false };

        if (!rules.chains[i].is_entrance)
            continue;
        rules.chains[i].families &= families;
        bool ipv4 = turns_away(setup, &rules, &rules.chains[i], port, REALIP_FIREWALL_IPV4, &one);
        bool ipv6 = turns_away(setup, &rules, &rules.chains[i], port, REALIP_FIREWALL_IPV6, &one);
        answer->is_named = answer->is_named || one.is_named;
        if (!one.is_named || !(ipv4 || ipv6))
            continue;
        answer->keeps_out_ipv4 = answer->keeps_out_ipv4 || ipv4;
        answer->keeps_out_ipv6 = answer->keeps_out_ipv6 || ipv6;
        answer->has_unknown = answer->has_unknown || one.has_unknown;
        for (size_t k = 0; k < one.let_in.count; k++)
            realip_words_add(&setup->arena, &answer->let_in, one.let_in.items[k]);
    }
}

struct realip_firewall_answer realip_firewall_ask(struct realip_setup *setup, unsigned port)
{
    const struct realip_host *host = &setup->host;
    struct realip_firewall_answer answer = { .is_named = false };

    if (host->firewall == NULL || port == 0)
        return answer;
    ask_text(setup, host->firewall, port, host->firewall_ipv6 == NULL ? REALIP_FIREWALL_IPV4 | REALIP_FIREWALL_IPV6 : REALIP_FIREWALL_IPV4, &answer);
    if (host->firewall_ipv6 != NULL)
        ask_text(setup, host->firewall_ipv6, port, REALIP_FIREWALL_IPV6, &answer);
    return answer;
}
