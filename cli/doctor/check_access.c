/* Is mail-realip asked about each session that it should judge, and what happens while it is not there? */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "check.h"

/* A parameter as it is to be written, for the service's own entry where that sets it. */
static const char *setting(struct realip_setup *setup, const struct realip_service_entry *smtpd, const char *name,
                           const struct realip_words *words, const char *separator)
{
    const char *value = realip_words_join(&setup->arena, words, separator);

    return realip_text_format(&setup->arena,
                              realip_postfix_override(smtpd, name).file != NULL ? "  -o { %s = %s }" : "%s = %s", name,
                              value);
}

/* The list with our check in front of all else. */
static const char *first_in_list(struct realip_setup *setup, const struct realip_service_entry *smtpd,
                                 const struct realip_policy_use *use)
{
    struct realip_words old =
        realip_text_words(&setup->arena, realip_postfix_value(setup, smtpd, use->list, NULL), " ,\t\r\n");
    struct realip_words words = { 0 };

    realip_words_add(&setup->arena, &words, "check_policy_service");
    realip_words_add(&setup->arena, &words, use->text);
    for (size_t i = 0; i < old.count; i++) {
        size_t at = strcmp(old.items[i], "warn_if_reject") == 0 ? i + 1 : i;

        if (at + 1 < old.count && strcmp(old.items[at], "check_policy_service") == 0
            && strcmp(old.items[at + 1], use->text) == 0)
            i = at + 1;
        else
            realip_words_add(&setup->arena, &words, old.items[i]);
    }
    return setting(setup, smtpd, use->list, &words, " ");
}

/* All milters as they are, and ours with this action. */
static const char *milters(struct realip_setup *setup, const struct realip_service_entry *smtpd,
                           const struct realip_milter_use *use, const char *action)
{
    struct realip_words words =
        realip_text_words(&setup->arena, realip_postfix_value(setup, smtpd, "smtpd_milters", NULL), " ,\t\r\n");
    struct realip_words parts =
        realip_text_words(&setup->arena, realip_text_bare(&setup->arena, use->text), " ,\t\r\n");
    struct realip_words kept = { 0 };

    for (size_t i = 0; i < parts.count; i++) {
        if (strncmp(realip_text_bare(&setup->arena, parts.items[i]), "default_action", 14) != 0)
            realip_words_add(&setup->arena, &kept, parts.items[i]);
    }
    realip_words_add(&setup->arena, &kept, realip_text_format(&setup->arena, "default_action=%s", action));
    for (size_t i = 0; i < words.count; i++) {
        if (strcmp(words.items[i], use->text) == 0)
            words.items[i] =
                realip_text_format(&setup->arena, "{ %s }", realip_words_join(&setup->arena, &kept, ", "));
    }
    return realip_text_format(&setup->arena, "in place of the line at %s:\n%s",
                              realip_check_place(setup, use->origin),
                              setting(setup, smtpd, "smtpd_milters", &words, ", "));
}

static void check_order(struct realip_setup *setup, struct realip_findings *findings, const struct realip_door *door,
                        const struct realip_policy_use *use)
{
    if (use->behind == NULL || door->is_internal)
        return;
    realip_finding_add(
        setup, findings, REALIP_FINDING_POLICY_AFTER_PERMIT, use->origin, realip_check_service_name(setup, door->smtpd),
        realip_text_format(&setup->arena, "check_policy_service stands behind %s in %s", use->behind, use->list),
        first_in_list(setup, door->smtpd, use));
}

/* main.cf asks, and this service's own list takes the place of main.cf's. */
static void check_lost(struct realip_setup *setup, struct realip_findings *findings, const struct realip_door *door,
                       const struct realip_policy_use *wanted)
{
    if (wanted->list == NULL || wanted->behind != NULL || door->is_internal)
        return;
    struct realip_origin where = realip_postfix_override(door->smtpd, wanted->list);
    if (where.file == NULL || door->milter.endpoint != NULL)
        return;
    const char *name = realip_check_service_name(setup, door->smtpd);
    const char *context = strchr(door->smtpd->name, ':') == NULL ? door->smtpd->name : "smtp";
    realip_finding_add(setup, findings, REALIP_FINDING_POLICY_LOST, where, name,
                       realip_text_format(&setup->arena,
                                          "-o %s takes the place of main.cf's list, which asks mail-realip",
                                          wanted->list),
                       realip_text_format(&setup->arena, "in master.cf, below %s, in place of that line:\n%s", name,
                                          realip_check_ask(setup, door->smtpd, wanted->list, wanted->endpoint, context,
                                                           wanted->default_action)));
}

/* The same of smtpd_milters, where the policy server is not asked in its place. */
static void check_milter_lost(struct realip_setup *setup, struct realip_findings *findings,
                              const struct realip_door *door, const struct realip_policy_use *policy,
                              const struct realip_milter_use *wanted)
{
    if (wanted->endpoint == NULL || policy->list != NULL || door->is_internal || door->milter.endpoint != NULL)
        return;
    struct realip_origin where = realip_postfix_override(door->smtpd, "smtpd_milters");
    if (where.file == NULL)
        return;
    const char *name = realip_check_service_name(setup, door->smtpd);
    const char *own = realip_postfix_value(setup, door->smtpd, "smtpd_milters", NULL);
    realip_finding_add(setup, findings, REALIP_FINDING_MILTER_LOST, where, name,
                       "-o smtpd_milters takes the place of main.cf's list, which has mail-realip's milter",
                       realip_text_format(&setup->arena, "in master.cf, below %s, in place of that line:\n  -o { smtpd_milters = %s%s%s }", name,
                                          wanted->text, own[0] == '\0' ? "" : ", ", own));
}

/* Would mail go on as if nothing was wrong? An empty answer of the server does the same, and so does a word that only
 * logs. */
static bool is_open(const char *action)
{
    static const char *const words[] = { "DUNNO",           "OK",   "PERMIT", "WARN",              "INFO", "PREPEND",
                                         "DEFER_IF_REJECT", "PASS", "ACCEPT", "PERMIT_MYNETWORKS", NULL };
    char word[32] = "";
    size_t length = strcspn(action, " \t,");

    if (length < sizeof(word))
        memcpy(word, action, length);
    return action[0] == '\0' || realip_text_is_among(word, words);
}

/* Restrictions that end with stopping relays, and let mail for this site in: the outage of mode = protect. */
static bool only_stops_relays(struct realip_setup *setup, const char *action)
{
    static const char *const names[] = { "DEFER_UNAUTH_DESTINATION", "REJECT_UNAUTH_DESTINATION", NULL };
    struct realip_words words = realip_text_words(&setup->arena, action, " ,\t\r\n");

    return words.count > 0 && realip_text_is_among(words.items[words.count - 1], names);
}

static void check_policy_outage(struct realip_setup *setup, struct realip_findings *findings,
                                const struct realip_door *door, const struct realip_policy_use *use)
{
    const struct realip_listener *listener = realip_postfix_listener(setup, door, use->context);
    const char *name = realip_check_service_name(setup, door->smtpd);

    if (listener == NULL || use->behind != NULL)
        return;
    bool open = is_open(use->default_action)
                || (listener->mode == REALIP_MODE_ENFORCE && only_stops_relays(setup, use->default_action));
    if (listener->mode != REALIP_MODE_MONITOR && use->only_warns)
        realip_finding_add(setup, findings, REALIP_FINDING_POLICY_ONLY_WARNS, use->origin, name,
                           realip_text_format(&setup->arena, "warn_if_reject stands before check_policy_service in %s, and the rules say mode = %s",
                                              use->list, realip_mode_token(listener->mode)),
                           first_in_list(setup, door->smtpd, use));
    if (listener->mode != REALIP_MODE_MONITOR && open)
        realip_finding_add(setup, findings, REALIP_FINDING_POLICY_FAILS_OPEN, use->origin, name,
                           realip_text_format(&setup->arena, "default_action = %s, and the rules say mode = %s",
                                              use->default_action, realip_mode_token(listener->mode)),
                           listener->mode == REALIP_MODE_PROTECT
                               ? "{ default_action = defer_unauth_destination }"
                               : "{ default_action = DEFER_IF_PERMIT 4.3.5 realip check unavailable }");
    if (listener->mode == REALIP_MODE_MONITOR && !open)
        realip_finding_add(setup, findings, REALIP_FINDING_MONITOR_STOPS_MAIL, use->origin, name,
                           realip_text_format(&setup->arena, "default_action = %s, and the rules say mode = monitor",
                                              use->default_action),
                           "{ default_action = DUNNO }");
}

static void check_milter_outage(struct realip_setup *setup, struct realip_findings *findings,
                                const struct realip_door *door)
{
    struct realip_milter_use use = door->milter;
    const struct realip_listener *listener =
        use.endpoint == NULL ? NULL : realip_postfix_listener(setup, door, use.name);
    const char *name = realip_check_service_name(setup, door->smtpd);

    if (listener == NULL)
        return;
    struct realip_origin where = use.action_origin.file != NULL ? use.action_origin : use.origin;
    if (listener->mode != REALIP_MODE_MONITOR && is_open(use.default_action))
        realip_finding_add(
            setup, findings, REALIP_FINDING_MILTER_FAILS_OPEN, where, name,
            realip_text_format(&setup->arena, "milter_default_action = %s, and the rules say mode = %s",
                               use.default_action, realip_mode_token(listener->mode)),
            milters(setup, door->smtpd, &use, "tempfail"));
    if (listener->mode == REALIP_MODE_MONITOR && !is_open(use.default_action))
        realip_finding_add(
            setup, findings, REALIP_FINDING_MONITOR_STOPS_MAIL, where, name,
            realip_text_format(&setup->arena, "milter_default_action = %s, and the rules say mode = monitor",
                               use.default_action),
            milters(setup, door->smtpd, &use, "accept"));
}

static void check_delay(struct realip_setup *setup, struct realip_findings *findings, const struct realip_door *door)
{
    struct realip_origin origin;
    const char *value = realip_postfix_value(setup, door->smtpd, "smtpd_delay_reject", &origin);

    if (realip_text_is_yes(value))
        return;
    realip_finding_add(setup, findings, REALIP_FINDING_DELAY_REJECT_OFF, origin,
                       realip_check_service_name(setup, door->smtpd),
                       "smtpd_delay_reject = no where mail-realip is asked", "smtpd_delay_reject = yes");
}

void realip_check_access(struct realip_setup *setup, struct realip_findings *findings)
{
    if (!setup->postfix.is_known)
        return;
    struct realip_doors doors = realip_postfix_doors(setup);
    struct realip_policy_use wanted = realip_postfix_policy(setup, NULL); /* what main.cf asks */
    struct realip_milter_use wanted_milter = realip_postfix_milter(setup, NULL);
    for (size_t i = 0; i < doors.count; i++) {
        const struct realip_door *door = &doors.items[i];

        if (door->smtpd == NULL)
            continue;
        struct realip_policy_use use = door->policy;
        if (use.list == NULL) {
            check_lost(setup, findings, door, &wanted);
            check_milter_lost(setup, findings, door, &wanted, &wanted_milter);
        } else {
            check_order(setup, findings, door, &use);
            check_policy_outage(setup, findings, door, &use);
            check_delay(setup, findings, door);
        }
        check_milter_outage(setup, findings, door);
    }
}
