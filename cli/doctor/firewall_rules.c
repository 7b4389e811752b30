#include "firewall_rules.h"

#include <string.h>

struct reader {
    struct realip_arena *arena;
    struct realip_firewall_rules rules;
    const char *table;
    unsigned families; /* of the table */
    bool in_set;
    bool in_chain;
};

static struct realip_firewall_chain *last_chain(struct reader *reader)
{
    return &reader->rules.chains[reader->rules.count - 1];
}

static struct realip_firewall_chain *add_chain(struct reader *reader, const char *name)
{
    reader->rules.chains = realip_text_grow(reader->arena, reader->rules.chains, reader->rules.count, sizeof(*reader->rules.chains));
    reader->rules.chains[reader->rules.count++]
        = (struct realip_firewall_chain){ .table = reader->table, .name = name, .families = reader->families };
    return last_chain(reader);
}

static void add_rule(struct reader *reader, struct realip_firewall_chain *chain, const struct realip_firewall_rule *rule)
{
    if (rule->verdict == REALIP_FIREWALL_NONE)
        return;
    chain->rules = realip_text_grow(reader->arena, chain->rules, chain->count, sizeof(*chain->rules));
    chain->rules[chain->count++] = *rule;
}

static const char *word_at(const struct realip_words *words, size_t index)
{
    return index < words->count ? words->items[index] : "";
}

static bool is(const struct realip_words *words, size_t index, const char *word)
{
    return strcmp(word_at(words, index), word) == 0;
}

/* ---- nft ---------------------------------------------------------------------------------------------------------- */

/* An operand with "!=" or "==" in front of it or not. Returns the index behind it. */
static size_t operand(const struct realip_words *words, size_t at, const char **operand_r, bool *is_not_r)
{
    *is_not_r = is(words, at, "!=");
    if (*is_not_r || is(words, at, "=="))
        at++;
    *operand_r = word_at(words, at);
    return at + 1;
}

/* "log prefix "a text" level warn": to the first word that is none of it. */
static size_t skip_log(const struct realip_words *words, size_t at)
{
    static const char *const options[] = { "level", "group", "flags", "snaplen", "queue-threshold", NULL };

    while (at < words->count) {
        if (is(words, at, "prefix")) {
            for (at++; at < words->count; at++) {
                size_t length = strlen(words->items[at]);

                if (words->items[at][length - 1] == '"' && (length > 1 || !is(words, at - 1, "prefix")))
                    break;
            }
            at++;
        } else if (realip_text_is_among(words->items[at], options)) {
            at += 2;
        } else {
            break;
        }
    }
    return at;
}

/* One condition of a rule. Returns the index behind it. */
static size_t read_nft_match(const struct realip_words *words, size_t at, struct realip_firewall_rule *rule)
{
    const char *ignored;
    bool is_not;
    bool ipv4 = is(words, at, "ip");

    if ((ipv4 || is(words, at, "ip6")) && is(words, at + 1, "saddr")) {
        rule->families &= ipv4 ? REALIP_FIREWALL_IPV4 : REALIP_FIREWALL_IPV6;
        return operand(words, at + 2, &rule->sources, &rule->is_not_sources);
    }
    if ((is(words, at, "tcp") || is(words, at, "th")) && is(words, at + 1, "dport"))
        return operand(words, at + 2, &rule->ports, &rule->is_not_ports);
    if (is(words, at, "meta") && is(words, at + 1, "nfproto")) {
        rule->families &= is(words, at + 2, "ipv4") ? REALIP_FIREWALL_IPV4 : REALIP_FIREWALL_IPV6;
        return at + 3;
    }
    if ((is(words, at, "meta") && is(words, at + 1, "l4proto")) || (ipv4 && is(words, at + 1, "protocol")) || (is(words, at, "ip6") && is(words, at + 1, "nexthdr"))) {
        size_t behind = operand(words, at + 2, &ignored, &is_not);

        rule->is_conditional = rule->is_conditional || is_not || strstr(ignored, "tcp") == NULL;
        return behind;
    }
    if (is(words, at, "ct") && is(words, at + 1, "state")) {
        size_t behind = operand(words, at + 2, &ignored, &is_not);

        rule->is_conditional = rule->is_conditional || is_not == (strstr(ignored, "new") != NULL);
        return behind;
    }
    if (is(words, at, "counter"))
        return is(words, at + 1, "packets") ? at + 5 : at + 1;
    if (is(words, at, "log"))
        return skip_log(words, at + 1);
    rule->is_conditional = true;
    return at + 1;
}

static enum realip_firewall_verdict nft_verdict(const char *word)
{
    if (strcmp(word, "accept") == 0)
        return REALIP_FIREWALL_ACCEPT;
    if (strcmp(word, "drop") == 0 || strcmp(word, "reject") == 0)
        return REALIP_FIREWALL_TURN_AWAY;
    if (strcmp(word, "return") == 0)
        return REALIP_FIREWALL_RETURN;
    if (strcmp(word, "jump") == 0)
        return REALIP_FIREWALL_JUMP;
    return strcmp(word, "goto") == 0 ? REALIP_FIREWALL_GOTO : REALIP_FIREWALL_NONE;
}

static void read_nft_rule(struct reader *reader, const struct realip_words *words)
{
    struct realip_firewall_rule rule = { .families = reader->families };

    for (size_t at = 0; at < words->count && rule.verdict == REALIP_FIREWALL_NONE;) {
        rule.verdict = nft_verdict(words->items[at]);
        if (rule.verdict == REALIP_FIREWALL_NONE)
            at = read_nft_match(words, at, &rule);
        else
            rule.target = word_at(words, at + 1);
    }
    add_rule(reader, last_chain(reader), &rule);
}

/* "type filter hook input priority filter", "policy drop", or a rule. */
static void read_nft_chain_line(struct reader *reader, const struct realip_words *words)
{
    static const char *const entrances[] = { "input", "forward", "prerouting", "ingress", NULL };
    struct realip_firewall_chain *chain = last_chain(reader);

    if (is(words, 0, "type"))
        chain->is_entrance = !is(words, 1, "nat") && realip_text_is_among(word_at(words, 3), entrances);
    else if (is(words, 0, "policy"))
        chain->is_closed = is(words, 1, "drop");
    else
        read_nft_rule(reader, words);
}

static void add_set(struct reader *reader, const char *name)
{
    reader->rules.sets = realip_text_grow(reader->arena, reader->rules.sets, reader->rules.set_count, sizeof(*reader->rules.sets));
    reader->rules.sets[reader->rules.set_count++] = (struct realip_firewall_set){ .table = reader->table, .name = name, .elements = "" };
}

static void read_nft_set_line(struct reader *reader, const struct realip_words *words)
{
    if (is(words, 0, "elements"))
        reader->rules.sets[reader->rules.set_count - 1].elements = word_at(words, 2);
}

static void open_nft_block(struct reader *reader, const struct realip_words *words)
{
    size_t at = is(words, 0, "add") || is(words, 0, "create") ? 1 : 0;

    if (is(words, at, "table")) {
        const char *family = word_at(words, at + 1);
        bool is_told = at + 2 < words->count; /* "table filter" is IPv4's */

        reader->table = realip_text_format(reader->arena, "%s %s", is_told ? family : "ip", word_at(words, is_told ? at + 2 : at + 1));
        reader->families = !is_told || strcmp(family, "ip") == 0 ? REALIP_FIREWALL_IPV4
                           : strcmp(family, "ip6") == 0          ? REALIP_FIREWALL_IPV6
                                                                 : REALIP_FIREWALL_IPV4 | REALIP_FIREWALL_IPV6;
    } else if (is(words, at, "chain")) {
        add_chain(reader, word_at(words, at + 1));
        reader->in_chain = true;
    } else if (is(words, at, "set")) {
        add_set(reader, word_at(words, at + 1));
        reader->in_set = true;
    }
}

/* What begins a block of its own; braces behind anything else hold values. */
static bool opens_block(const struct realip_words *words)
{
    static const char *const blocks[] = { "table", "chain", "set", "map", "flowtable", "quota", "secmark", "synproxy", NULL };
    size_t at = is(words, 0, "add") || is(words, 0, "create") ? 1 : 0;

    return words->count > 0 && realip_text_is_among(word_at(words, at), blocks);
}

static void read_nft_statement(struct reader *reader, const char *text, size_t length)
{
    struct realip_words words = realip_text_words(reader->arena, realip_text_copy(reader->arena, text, length), " \t\r\n");

    if (words.count == 0)
        return;
    if (reader->in_chain)
        read_nft_chain_line(reader, &words);
    else if (reader->in_set)
        read_nft_set_line(reader, &words);
}

/* Statements end with their line or a semicolon, unless a brace is open that holds values. */
static void read_nft(struct reader *reader, const char *text)
{
    const char *begin = text;
    unsigned depth = 0;
    bool is_quoted = false;

    for (; *text != '\0'; text++) {
        if (*text == '"')
            is_quoted = !is_quoted;
        if (is_quoted)
            continue;
        if (*text == '#' && depth == 0) {
            read_nft_statement(reader, begin, (size_t)(text - begin));
            text += strcspn(text, "\n");
            begin = text--;
            if (begin[0] == '\0')
                return;
        } else if (*text == '{') {
            struct realip_words words = realip_text_words(reader->arena, realip_text_copy(reader->arena, begin, (size_t)(text - begin)), " \t\r\n");

            if (depth > 0 || reader->in_chain || !opens_block(&words)) {
                depth++;
                continue;
            }
            open_nft_block(reader, &words);
            begin = text + 1;
        } else if (*text == '}' && depth > 0) {
            depth--;
        } else if (depth == 0 && (*text == '\n' || *text == ';' || *text == '}')) {
            read_nft_statement(reader, begin, (size_t)(text - begin));
            if (*text == '}') {
                reader->in_chain = false;
                reader->in_set = false;
            }
            begin = text + 1;
        }
    }
}

/* ---- iptables-save ------------------------------------------------------------------------------------------------ */

static enum realip_firewall_verdict iptables_verdict(const char *target)
{
    static const char *const others[] = { "LOG", "NFLOG", "MARK", "CONNMARK", "DNAT", "SNAT", "REDIRECT", "MASQUERADE", "TCPMSS", "CT", "AUDIT", "SET", NULL };

    if (strcmp(target, "ACCEPT") == 0)
        return REALIP_FIREWALL_ACCEPT;
    if (strcmp(target, "DROP") == 0 || strcmp(target, "REJECT") == 0 || strcmp(target, "TARPIT") == 0)
        return REALIP_FIREWALL_TURN_AWAY;
    if (strcmp(target, "RETURN") == 0)
        return REALIP_FIREWALL_RETURN;
    return realip_text_is_among(target, others) ? REALIP_FIREWALL_NONE : REALIP_FIREWALL_JUMP;
}

static void read_iptables_rule(struct reader *reader, struct realip_firewall_chain *chain, const struct realip_words *words)
{
    static const char *const sources[] = { "-s", "--source", "--src", NULL };
    static const char *const ports[] = { "--dport", "--dports", "--destination-port", "--destination-ports", NULL };
    static const char *const states[] = { "--ctstate", "--state", NULL };
    static const char *const neutral[] = { "-m", "--match", "--comment", "--reject-with", "--tcp-flags", NULL };
    struct realip_firewall_rule rule = { .families = reader->families };
    size_t i = 2;

    while (i < words->count) {
        bool is_not = is(words, i, "!");
        const char *word = word_at(words, is_not ? ++i : i);
        const char *next = word_at(words, i + 1);

        if (realip_text_is_among(word, sources)) {
            rule.sources = next;
            rule.is_not_sources = is_not;
        } else if (strcmp(word, "--match-set") == 0) {
            rule.sources = strstr(word_at(words, i + 2), "src") != NULL ? realip_text_format(reader->arena, "@%s", next) : rule.sources;
            rule.is_conditional = rule.is_conditional || strstr(word_at(words, i + 2), "src") == NULL;
            rule.is_not_sources = is_not;
            i++;
        } else if (realip_text_is_among(word, ports)) {
            rule.ports = next;
            rule.is_not_ports = is_not;
        } else if (strcmp(word, "-p") == 0) {
            rule.is_conditional = rule.is_conditional || is_not || (strcmp(next, "tcp") != 0 && strcmp(next, "all") != 0);
        } else if (realip_text_is_among(word, states)) {
            rule.is_conditional = rule.is_conditional || is_not == (strstr(next, "NEW") != NULL);
        } else if (strcmp(word, "-j") == 0 || strcmp(word, "-g") == 0) {
            rule.verdict = iptables_verdict(next);
            if (word[1] == 'g')
                rule.verdict = REALIP_FIREWALL_GOTO;
            rule.target = next;
        } else if (strcmp(word, "--comment") == 0 && next[0] == '"') {
            while (i + 1 < words->count && words->items[i + 1][strlen(words->items[i + 1]) - 1] != '"')
                i++;
        } else if (!realip_text_is_among(word, neutral)) {
            rule.is_conditional = true;
            i -= next[0] == '-' || next[0] == '!' ? 1 : 0;
        }
        i += 2; /* most options have one value */
    }
    add_rule(reader, chain, &rule);
}

static struct realip_firewall_chain *find_chain(struct reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->rules.count; i++) {
        if (strcmp(reader->rules.chains[i].name, name) == 0 && strcmp(reader->rules.chains[i].table, reader->table) == 0)
            return &reader->rules.chains[i];
    }
    return add_chain(reader, name);
}

/* "*filter", ":INPUT DROP [0:0]", "-A INPUT …". Which family that is iptables-save does not say. */
static void read_iptables(struct reader *reader, const char *text)
{
    static const char *const entrances[] = { "INPUT", "FORWARD", "PREROUTING", NULL };
    const char *line;

    reader->table = "filter";
    reader->families = REALIP_FIREWALL_IPV4 | REALIP_FIREWALL_IPV6;
    while ((line = realip_text_line(reader->arena, &text)) != NULL) {
        struct realip_words words = realip_text_words(reader->arena, line, " \t");

        if (line[0] == '*')
            reader->table = word_at(&words, 0) + 1;
        if (words.count < 2 || strcmp(reader->table, "nat") == 0)
            continue;
        if (line[0] == ':') {
            struct realip_firewall_chain *chain = find_chain(reader, words.items[0] + 1);

            chain->is_entrance = realip_text_is_among(chain->name, entrances);
            chain->is_closed = is(&words, 1, "DROP");
        } else if (is(&words, 0, "-A")) {
            read_iptables_rule(reader, find_chain(reader, words.items[1]), &words);
        }
    }
}

struct realip_firewall_rules realip_firewall_read(struct realip_arena *arena, const char *text)
{
    struct reader reader = { .arena = arena, .table = "", .families = REALIP_FIREWALL_IPV4 | REALIP_FIREWALL_IPV6 };
    bool is_iptables = text[0] == '*' || strstr(text, "\n*filter") != NULL || strncmp(text, "-A ", 3) == 0 || strstr(text, "\n-A ") != NULL;

    if (is_iptables)
        read_iptables(&reader, text);
    else
        read_nft(&reader, text);
    return reader.rules;
}
