#include "audit_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/decide.h"
#include "runtime/host_networks.h"
#include "runtime/name_pattern.h"
#include "subcommand.h"

#define NAME_SIZE 256

int realip_audit_rules_add(struct realip_audit_rules *rules, enum realip_set set, const char *option, const char *text)
{
    struct realip_problems problems = { 0 };
    struct realip_origin origin = { option, 0 };
    int result = 0;

    for (const char *at = text; result == 0 && *at != '\0';) {
        size_t length = strcspn(at, ", ");

        if (length > 0)
            result = realip_network_source_text(realip_set_token(set), at, length, origin, &rules->extra[set], &problems);
        at += length + strspn(at + length, ", ");
    }
    if (result < 0)
        fputs(problems.text != NULL ? problems.text : "out of memory\n", stderr);
    realip_problems_clear(&problems);
    return result;
}

/* Where nobody wrote a configuration: the gateways and bridges that this host sees itself. */
static int discover(struct realip_audit_rules *rules)
{
    static const struct realip_origin origin = { "this host", 0 };
    struct realip_problems problems = { 0 };

    realip_listener_set_defaults(&rules->rules.fallback);
    rules->is_discovered = true;
    if (realip_host_networks_discover(origin, NULL, &rules->extra[REALIP_SET_INFRASTRUCTURE], &problems) < 0
        || realip_host_networks_own(&rules->extra[REALIP_SET_OWN], &problems) < 0)
        fputs(problems.text != NULL ? problems.text : "", stderr);
    realip_problems_clear(&problems);
    return 0;
}

/* The set's entries and the extra ones; the labels of these are theirs among the new origins. */
static int merge_set(struct realip_audit_rules *rules, unsigned set, struct realip_origin *origins, size_t *origin_count)
{
    const struct realip_network_set *old = rules->rules.sets[set];
    const struct realip_network_list *extra = &rules->extra[set];
    size_t count = realip_network_set_count(old);
    struct realip_network_entry *entries = malloc((count + extra->count) * sizeof(*entries));
    const char *reason;
    int result;

    if (entries == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        entries[i] = *realip_network_set_entry(old, i);
    for (size_t i = 0; i < extra->count; i++) {
        entries[count + i] = (struct realip_network_entry){ extra->entries[i].network, (uint32_t)*origin_count };
        origins[(*origin_count)++] = extra->origins[i];
    }
    result = realip_network_set_build(entries, count + extra->count, &rules->own_sets[set], &reason);
    free(entries);
    rules->rules.sets[set] = rules->own_sets[set];
    return result;
}

static int merge(struct realip_audit_rules *rules)
{
    size_t count = rules->rules.origin_count;
    size_t most = count;

    for (unsigned set = 0; set < REALIP_SET_COUNT; set++)
        most += rules->extra[set].count;
    rules->origins = calloc(most > 0 ? most : 1, sizeof(*rules->origins));
    if (rules->origins == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        rules->origins[i] = realip_rules_origin(&rules->rules, (uint32_t)i);
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++) {
        if (rules->extra[set].count > 0 && merge_set(rules, set, rules->origins, &count) < 0)
            return -1;
    }
    rules->rules.origins = rules->origins;
    rules->rules.packed_origins = NULL;
    rules->rules.origin_count = count;
    return 0;
}

int realip_audit_rules_load(struct realip_audit_rules *rules, const char *path, bool may_be_missing)
{
    int result;

    if (may_be_missing && access(path, F_OK) < 0 && errno == ENOENT) {
        discover(rules);
    } else {
        result = realip_subcommand_load(path, &rules->config);
        if (result != 0)
            return result;
        rules->rules = rules->config->rules;
    }
    if (merge(rules) < 0) {
        fputs("realipctl audit: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    return 0;
}

void realip_audit_rules_clear(struct realip_audit_rules *rules)
{
    for (unsigned set = 0; set < REALIP_SET_COUNT; set++) {
        realip_network_list_clear(&rules->extra[set]);
        realip_network_set_free(&rules->own_sets[set]);
    }
    free(rules->origins);
    realip_config_free(&rules->config);
}

static void copy_text(struct realip_log_text text, char *out, size_t size)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;

    if (length > 0)
        memcpy(out, text.start, length);
    out[length] = '\0';
}

/* "submission/smtpd" → listener "submission", service "smtpd" */
static void split_service(char *text, struct realip_facts *facts)
{
    char *slash = strrchr(text, '/');

    facts->service = text;
    if (slash != NULL) {
        *slash = '\0';
        facts->listener_name = text;
        facts->service = slash + 1;
    }
}

/* Which port goes with Postfix's names in Debian's master.cf; 0: none by custom. */
static uint16_t customary_port(const struct realip_facts *facts)
{
    if (facts->listener_name == NULL)
        return 25;
    if (strcmp(facts->listener_name, "submission") == 0)
        return 587;
    if (strcmp(facts->listener_name, "smtps") == 0 || strcmp(facts->listener_name, "submissions") == 0)
        return 465;
    return 0;
}

static enum realip_stage stage_of(enum realip_log_event_kind kind)
{
    if (kind == REALIP_LOG_EVENT_CONNECT || kind == REALIP_LOG_EVENT_LOGIN_NONE)
        return REALIP_STAGE_CONNECT;
    return kind == REALIP_LOG_EVENT_LOGIN || kind == REALIP_LOG_EVENT_LOGIN_FAILED ? REALIP_STAGE_AUTH : REALIP_STAGE_MAIL;
}

bool realip_audit_rules_are_empty(const struct realip_audit_rules *rules)
{
    return realip_network_set_count(rules->rules.sets[REALIP_SET_INFRASTRUCTURE]) == 0
        && realip_network_set_count(rules->rules.sets[REALIP_SET_PROXIES]) == 0;
}

void realip_audit_rules_judge(const struct realip_audit_rules *rules, const struct realip_log_event *event, struct realip_verdict *verdict_r)
{
    bool is_postfix = event->family == REALIP_LOG_FAMILY_POSTFIX;
    char service[NAME_SIZE];
    char name[NAME_SIZE];
    struct realip_facts facts = {
        .source = is_postfix ? REALIP_SOURCE_POLICYD : REALIP_SOURCE_DOVECOT_AUTH,
        .stage = stage_of(event->kind),
        .peer_state = REALIP_PEER_LEFT,
        .client = event->client,
    };

    copy_text(event->service, service, sizeof(service));
    split_service(service, &facts);
    if (is_postfix)
        facts.listener_port = customary_port(&facts);
    if (rules->config != NULL && rules->config->client_names != NULL && event->name.length > 0) {
        copy_text(event->name, name, sizeof(name));
        facts.client_name_rule = realip_name_pattern_match(rules->config->client_names, name);
    }
    realip_decide(&rules->rules, &facts, verdict_r);
}
