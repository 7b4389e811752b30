#include "postfix_clients.h"

#include <string.h>

#include "export_networks.h"
#include "postfix_list.h"

/* The rows of the table, in the order in which realip_decide() asks; the first that fits decides in Postfix, too. */
enum { ROW_INTERNAL, ROW_PROXIES, ROW_INFRASTRUCTURE, ROWS };

struct row {
    char action[REALIP_REFUSAL_SIZE + 16];
    struct realip_ranges ranges;
};

static const struct realip_listener *listener_of(const struct realip_export *export)
{
    const struct realip_rules *rules = &export->config->rules;

    for (size_t i = 0; export->listener != NULL && i < rules->listener_count; i++) {
        if (realip_listener_has_name(&rules->listeners[i], export->listener))
            return &rules->listeners[i];
    }
    return &rules->fallback;
}

/* As the policy server answers: it never says OK, which would end Postfix's other restrictions. */
static void put_action(const struct realip_listener *listener, enum realip_reason reason, struct row *row)
{
    char refusal[REALIP_REFUSAL_SIZE];
    const char *code = "450 4.7.1";

    switch (realip_mode_cap(listener->mode, listener->actions[reason])) {
    case REALIP_ACTION_PASS:
        strcpy(row->action, "DUNNO");
        return;
    case REALIP_ACTION_FLAG:
        snprintf(row->action, sizeof(row->action), "WARN realip %s", realip_reason_token(reason));
        return;
    case REALIP_ACTION_NO_RELAY:
        strcpy(row->action, "defer_unauth_destination");
        return;
    case REALIP_ACTION_REJECT:
        code = "550 5.7.1";
        break;
    case REALIP_ACTION_UNDECIDED:
    case REALIP_ACTION_QUARANTINE: /* the milter's affair; elsewhere it defers */
    case REALIP_ACTION_DEFER:
    case REALIP_ACTION_COUNT:
        break;
    }
    realip_reason_refusal(reason, code[0] == '5', refusal);
    snprintf(row->action, sizeof(row->action), "%s %s", code, refusal);
}

/* An internal client where it is not allowed is infrastructure. */
static int make_rows(const struct realip_export *export, struct row rows_r[ROWS])
{
    const struct realip_listener *listener = listener_of(export);
    const struct realip_rules *rules = &export->config->rules;
    unsigned internal = REALIP_EXPORT_SET(INTERNAL);
    unsigned infrastructure = REALIP_EXPORT_SET(INFRASTRUCTURE) | (listener->allow_internal ? 0 : internal);

    put_action(listener, REALIP_REASON_INTERNAL, &rows_r[ROW_INTERNAL]);
    put_action(listener, REALIP_REASON_PROXY_SHOWN, &rows_r[ROW_PROXIES]);
    put_action(listener, REALIP_REASON_INFRASTRUCTURE, &rows_r[ROW_INFRASTRUCTURE]);
    return realip_export_networks(rules, listener->allow_internal ? internal : 0, &rows_r[ROW_INTERNAL].ranges) < 0
                   || realip_export_networks(rules, REALIP_EXPORT_SET(PROXIES), &rows_r[ROW_PROXIES].ranges) < 0
                   || realip_export_networks(rules, infrastructure, &rows_r[ROW_INFRASTRUCTURE].ranges) < 0
               ? -1
               : 0;
}

static void clear_rows(struct row rows[ROWS])
{
    for (size_t i = 0; i < ROWS; i++)
        realip_ranges_clear(&rows[i].ranges);
}

int realip_postfix_clients_print(const struct realip_export *export, FILE *out)
{
    const struct realip_listener *listener = listener_of(export);
    struct row rows[ROWS] = { 0 };
    int result = make_rows(export, rows);

    fprintf(out, "# For check_client_access, before permit_mynetworks; the actions are those of %s%s, mode %s. The first line that fits counts.\n",
            listener->title != NULL ? "listener " : "the top of mail-realip.conf", listener->title != NULL ? listener->title : "",
            realip_mode_token(listener->mode));
    for (size_t i = 0; i < ROWS && result == 0; i++) {
        struct realip_ranges_cursor cursor = { 0 };
        struct realip_network network;
        char text[REALIP_NETWORK_TEXT_SIZE];

        while (realip_ranges_next(&rows[i].ranges, &cursor, &network))
            fprintf(out, "%s %s\n", realip_network_format(&network, text), rows[i].action);
    }
    clear_rows(rows);
    return result;
}

/* The table that should be there, as the reader of tables gives it: its kinds are indices of `actions`. */
static int expected_list(const struct row rows[ROWS], const char *const *actions, struct realip_first_match *list)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct realip_ranges_cursor cursor = { 0 };
        struct realip_network network;
        unsigned kind = 0;

        while (strcmp(actions[kind], rows[i].action) != 0)
            kind++;
        while (realip_ranges_next(&rows[i].ranges, &cursor, &network)) {
            if (realip_first_match_add(list, &network, kind) < 0)
                return -1;
        }
    }
    return 0;
}

static int compare_kind(struct realip_first_match *expected, struct realip_first_match *found, unsigned kind, const char *name,
                        struct realip_export_report *report)
{
    struct realip_ranges should = { 0 };
    struct realip_ranges does = { 0 };
    int result = -1;

    if (realip_first_match_ranges(expected, kind, &should) == 0 && realip_first_match_ranges(found, kind, &does) == 0)
        result = realip_export_report_networks(report, name, &should, &does);
    realip_ranges_clear(&should);
    realip_ranges_clear(&does);
    return result;
}

int realip_postfix_clients_compare(const struct realip_export *export, const struct realip_export_text *text,
                                   struct realip_export_report *report)
{
    struct row rows[ROWS] = { 0 };
    struct realip_first_match expected = { 0 };
    struct realip_first_match found = { 0 };
    int result = make_rows(export, rows);
    /* Two of them may be the same; the first index stands for both then. DUNNO is as good as no line. */
    const char *const actions[] = { "DUNNO", rows[ROW_PROXIES].action, rows[ROW_INFRASTRUCTURE].action, NULL };

    if (result == 0)
        result = expected_list(rows, actions, &expected);
    if (result == 0)
        result = realip_postfix_table_read(text, report, actions, &found);
    for (unsigned kind = 1; kind < 3 && result == 0; kind++)
        result = compare_kind(&expected, &found, kind, kind == 1 ? "clients.cidr (proxies)" : "clients.cidr (infrastructure)", report);
    if (result == 0)
        result = compare_kind(&expected, &found, 3, "clients.cidr (with another action)", report);
    realip_first_match_clear(&expected);
    realip_first_match_clear(&found);
    clear_rows(rows);
    return result;
}
