#include "milter_adapter.h"

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "core/received_walk.h"
#include "milter_facts.h"
#include "runtime/log.h"
#include "verdict_header.h"

/* Each deletion makes the MTA read the header again from its start, so that a stranger's message full of our headers costs
 * the square of their number. No honest message holds this many. */
#define MAX_FORGED 1000

/* libmilter hands no pointer of ours to the first callback of a connection. */
static struct realip_snapshots *all_snapshots;
static struct realip_metrics *all_metrics;
static atomic_long sessions;

/* One connection of an MTA: one set of rules, also when a reload comes in between. */
struct session {
    struct realip_snapshot *snapshot;
    unsigned long actions; /* SMFIF_*: what the MTA lets us do */
    struct realip_milter_client client;
    struct realip_received_walk walk; /* of this message; at its end from the start where the client is no relay */
    struct realip_verdict verdict;    /* of the last connect, MAIL or, behind a relay, end of message */
    size_t forged;                 /* X-RealIP headers of this message so far */
    char *helo;                    /* what the client called itself last; NULL: nothing yet, or nobody counts it */
};

/* What the rules make us do behind connect. */
struct needs {
    bool mail;
    bool stamps;
    bool headers;
    bool quarantine;
    bool helo;
};

static const struct realip_config *config_of(const struct session *session)
{
    return realip_snapshot_config(session->snapshot);
}

static void begin_walk(struct session *session)
{
    session->forged = 0;
    realip_received_walk_start(&session->walk, &config_of(session)->rules, &session->client.address);
}

static void add_listener_needs(struct needs *needs, const struct realip_listener *listener)
{
    if (listener->mode != REALIP_MODE_ENFORCE)
        return;
    needs->mail = true;
    for (unsigned reason = 0; reason < REALIP_REASON_COUNT; reason++)
        needs->quarantine = needs->quarantine || listener->actions[reason] == REALIP_ACTION_QUARANTINE;
}

static struct needs find_needs(const struct realip_config *config)
{
    const struct realip_rules *rules = &config->rules;
    struct needs needs = { .stamps = config->milter_header != REALIP_HEADER_NONE, .helo = config->suspicion.configured };

    needs.headers = needs.stamps || realip_network_set_count(rules->sets[REALIP_SET_RELAYS]) > 0;

    add_listener_needs(&needs, &rules->fallback);
    for (size_t i = 0; i < rules->listener_count; i++)
        add_listener_needs(&needs, &rules->listeners[i]);
    /* A prober that sends is told apart only at MAIL, and a monitor must show it, too. */
    needs.mail = needs.mail || needs.headers || needs.helo || realip_network_set_count(rules->sets[REALIP_SET_PROBERS]) > 0;
    return needs;
}

/* Memory is short, or the MTA does not do what it promised. Mail must not pass unjudged where that is enforced, and must
 * not stop where it is only watched. */
static sfsistat answer_failure(SMFICTX *ctx)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(all_snapshots);
    struct realip_facts facts = { .listener_name = smfi_getsymval(ctx, "{daemon_name}") };
    enum realip_mode mode = realip_rules_listener(&realip_snapshot_config(snapshot)->rules, &facts)->mode;

    realip_snapshot_release(&snapshot);
    if (mode == REALIP_MODE_MONITOR || mode == REALIP_MODE_PROTECT)
        return SMFIS_ACCEPT;
    return SMFIS_TEMPFAIL;
}

static struct session *open_session(SMFICTX *ctx, unsigned long actions)
{
    struct session *session = calloc(1, sizeof(*session));

    if (session == NULL || smfi_setpriv(ctx, session) != MI_SUCCESS) {
        realip_log(LOG_ERR, "no memory for a session");
        free(session);
        return NULL;
    }
    session->snapshot = realip_snapshots_acquire(all_snapshots);
    session->actions = actions;
    begin_walk(session); /* a client that never connects has no address and is no relay */
    realip_metrics_set_connections(all_metrics, atomic_fetch_add(&sessions, 1) + 1);
    return session;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *session = smfi_getpriv(ctx);

    if (session == NULL)
        return SMFIS_CONTINUE;
    smfi_setpriv(ctx, NULL);
    realip_snapshot_release(&session->snapshot);
    free(session->helo);
    free(session);
    realip_metrics_set_connections(all_metrics, atomic_fetch_sub(&sessions, 1) - 1);
    return SMFIS_CONTINUE;
}

/* The steps that can be left out, and those that nobody has to wait for: a header line. Connect and MAIL, which leave a
 * verdict in the log, are always answered: Postfix keeps what needs no answer to itself until something does, and libmilter
 * may meet the end of a session that quit right then before it reads what came with it. */
static unsigned long unwanted_steps(const struct needs *needs)
{
    unsigned long steps = SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA;

    if (!needs->mail)
        steps |= SMFIP_NOMAIL;
    if (!needs->helo)
        steps |= SMFIP_NOHELO;
    return steps | (needs->headers ? SMFIP_NR_HDR : SMFIP_NOHDRS);
}

static unsigned long wanted_actions(const struct needs *needs)
{
    unsigned long actions = SMFIF_SETSYMLIST;

    actions |= needs->stamps ? SMFIF_ADDHDRS | SMFIF_CHGHDRS : 0;
    return actions | (needs->quarantine ? SMFIF_QUARANTINE : 0);
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long offered_actions, unsigned long offered_steps, unsigned long f2,
                             unsigned long f3, unsigned long *actions_r, unsigned long *steps_r, unsigned long *f2_r,
                             unsigned long *f3_r)
{
    struct needs needs = { .mail = true, .headers = true, .quarantine = true, .helo = true };
    struct session *session;

    (void)f2;
    (void)f3;
    on_close(ctx);
    session = open_session(ctx, 0);
    if (session != NULL)
        needs = find_needs(config_of(session));
    *actions_r = wanted_actions(&needs) & offered_actions;
    *steps_r = unwanted_steps(&needs) & offered_steps;
    *f2_r = 0;
    *f3_r = 0;
    if (session != NULL)
        session->actions = *actions_r;
    if ((*actions_r & SMFIF_SETSYMLIST) != 0)
        realip_milter_facts_ask(ctx);
    return SMFIS_CONTINUE;
}

/* Did a listed relay connect? Its client is known at the end of the message, and nothing is said before. */
static bool is_behind_relay(const struct session *session)
{
    return session->walk.end != REALIP_RECEIVED_END_SESSION;
}

static struct realip_facts facts_of(SMFICTX *ctx, const struct session *session, enum realip_stage stage)
{
    struct realip_facts facts = realip_milter_facts(ctx, &session->client, stage);

    facts.name_told = session->helo;
    realip_received_walk_apply(&session->walk, &facts);
    return facts;
}

static void judge(SMFICTX *ctx, struct session *session, enum realip_stage stage)
{
    struct realip_facts facts = facts_of(ctx, session, stage);

    realip_snapshot_judge(session->snapshot, &facts, &session->verdict);
}

/* Who passes at connect passes at MAIL, too: only a prober's exemption ends there. */
static bool is_settled(const struct session *session)
{
    enum realip_reason reason = session->verdict.reason;

    return session->verdict.action == REALIP_ACTION_PASS && (reason == REALIP_REASON_REAL || reason == REALIP_REASON_INTERNAL);
}

/* Also the second one of a context: XCLIENT makes the client another one. */
static sfsistat take_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *shown)
{
    struct session *session = smfi_getpriv(ctx);

    /* After a QUIT that a new connection follows, nobody negotiates again: what the MTA takes shows when it is tried. */
    if (session == NULL)
        session = open_session(ctx, ~0UL);
    if (session == NULL)
        return answer_failure(ctx);
    session->client = realip_milter_facts_client(ctx, config_of(session), name, shown);
    free(session->helo);
    session->helo = NULL;
    begin_walk(session);
    if (is_behind_relay(session))
        return SMFIS_CONTINUE;
    judge(ctx, session, REALIP_STAGE_CONNECT);
    struct needs needs = find_needs(config_of(session));
    /* Each step that is left out spares the mail server a round trip, and accepting here spares it all of them. */
    return needs.stamps || needs.helo || (needs.mail && !is_settled(session)) ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

/* For MAIL, where it is counted. A client may greet again, after STARTTLS it must. */
static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    struct session *session = smfi_getpriv(ctx);

    if (session != NULL && config_of(session)->suspicion.configured) {
        free(session->helo);
        session->helo = name == NULL ? NULL : strdup(name); /* without memory it is not counted */
    }
    return SMFIS_CONTINUE;
}

static sfsistat refuse(SMFICTX *ctx, const struct session *session, bool for_good)
{
    char text[REALIP_REFUSAL_SIZE];

    realip_reason_refusal(session->verdict.reason, for_good, text);
    /* Without the text the MTA's own stands: a refusal all the same. */
    if (smfi_setreply(ctx, for_good ? "550" : "451", for_good ? "5.7.1" : "4.7.1", text) != MI_SUCCESS)
        realip_log(LOG_WARNING, "the text of a refusal could not be set");
    return for_good ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static sfsistat answer(SMFICTX *ctx, const struct session *session)
{
    switch (session->verdict.action) {
    case REALIP_ACTION_PASS:
    case REALIP_ACTION_FLAG:
    case REALIP_ACTION_NO_RELAY:
        return SMFIS_CONTINUE;
    case REALIP_ACTION_QUARANTINE:
        if ((session->actions & SMFIF_QUARANTINE) != 0)
            return SMFIS_CONTINUE;
        return refuse(ctx, session, false);
    case REALIP_ACTION_REJECT:
        return refuse(ctx, session, true);
    case REALIP_ACTION_UNDECIDED:
    case REALIP_ACTION_DEFER:
    case REALIP_ACTION_COUNT:
        break;
    }
    return refuse(ctx, session, false);
}

static sfsistat take_mail(SMFICTX *ctx)
{
    struct session *session = smfi_getpriv(ctx);

    if (session == NULL)
        return answer_failure(ctx);
    begin_walk(session);
    if (is_behind_relay(session))
        return SMFIS_CONTINUE;
    judge(ctx, session, REALIP_STAGE_MAIL);
    return answer(ctx, session);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct session *session = smfi_getpriv(ctx);

    if (session != NULL && realip_verdict_header_is_ours(name))
        session->forged++;
    if (session != NULL && realip_milter_facts_is_received(name))
        realip_received_walk_next(&session->walk, value, strlen(value));
    /* libmilter answers for us where the MTA can't do without. */
    return SMFIS_NOREPLY;
}

static int stamp(SMFICTX *ctx, const struct session *session)
{
    struct realip_facts facts = facts_of(ctx, session, REALIP_STAGE_MAIL);
    char value[REALIP_VERDICT_HEADER_SIZE];
    size_t forged = session->forged < MAX_FORGED ? session->forged : MAX_FORGED;

    if (realip_verdict_header_remove(ctx, forged) < 0)
        return -1;
    if (config_of(session)->milter_header == REALIP_HEADER_FLAGGED && session->verdict.action < REALIP_ACTION_FLAG)
        return 0;
    realip_verdict_header_format(&facts, &session->verdict, value, sizeof(value));
    return realip_verdict_header_insert(ctx, value);
}

static sfsistat refuse_forger(SMFICTX *ctx)
{
    smfi_setreply(ctx, "550", "5.7.1", "realip: too many " REALIP_VERDICT_HEADER_NAME " headers");
    return SMFIS_REJECT;
}

static int hold(SMFICTX *ctx, const struct session *session)
{
    char text[256];

    snprintf(text, sizeof(text), "realip %s", realip_reason_token(session->verdict.reason));
    return smfi_quarantine(ctx, text) == MI_SUCCESS ? 0 : -1;
}

/* The client that the relay told; or, as nothing else is known of it, none. */
static void judge_behind_relay(SMFICTX *ctx, struct session *session)
{
    char relay[REALIP_ADDRESS_TEXT_SIZE];

    realip_received_walk_finish(&session->walk);
    if (session->walk.end == REALIP_RECEIVED_END_BROKEN)
        realip_log(LOG_WARNING, "relay %s tells no client: %s", realip_address_format(&session->walk.relay, relay),
                   session->walk.reason);
    judge(ctx, session, REALIP_STAGE_MAIL);
}

static sfsistat take_message(SMFICTX *ctx)
{
    struct session *session = smfi_getpriv(ctx);

    if (session == NULL)
        return answer_failure(ctx);
    if (is_behind_relay(session))
        judge_behind_relay(ctx, session);
    /* What MAIL could not answer. */
    sfsistat status = answer(ctx, session);
    if (status != SMFIS_CONTINUE)
        return status;
    bool stamps = config_of(session)->milter_header != REALIP_HEADER_NONE;
    if (stamps && session->forged > MAX_FORGED && session->verdict.mode == REALIP_MODE_ENFORCE)
        return refuse_forger(ctx);
    if ((stamps && stamp(ctx, session) < 0)
        || (session->verdict.action == REALIP_ACTION_QUARANTINE && hold(ctx, session) < 0)) {
        realip_log(LOG_ERR, "the mail server did not take a change to the message");
        return answer_failure(ctx);
    }
    return SMFIS_CONTINUE;
}

/* ---- The steps that the MTA waits for, and how long it does. */

static sfsistat count_request(unsigned long long begun, sfsistat status)
{
    realip_metrics_add_requests(all_metrics, realip_histogram_now() - begun, 1);
    return status;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *shown)
{
    unsigned long long begun = realip_histogram_now();

    return count_request(begun, take_connect(ctx, name, shown));
}

static sfsistat on_mail(SMFICTX *ctx, char **arguments)
{
    unsigned long long begun = realip_histogram_now();

    (void)arguments;
    return count_request(begun, take_mail(ctx));
}

static sfsistat on_message(SMFICTX *ctx)
{
    unsigned long long begun = realip_histogram_now();

    return count_request(begun, take_message(ctx));
}

int realip_milter_register(struct realip_snapshots *snapshots, struct realip_metrics *metrics)
{
    struct smfiDesc filter = {
        .xxfi_name = "realip-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_header = on_header,
        .xxfi_eom = on_message,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };

    all_snapshots = snapshots;
    all_metrics = metrics;
    return smfi_register(filter) == MI_SUCCESS ? 0 : -1;
}

long realip_milter_sessions(void)
{
    return atomic_load(&sessions);
}
