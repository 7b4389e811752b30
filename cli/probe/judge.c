#include "judge.h"

#include <string.h>

/* Dovecot hangs up on a host that it does not know before it has read a byte; who waits for a header does so for seconds. */
#define AT_ONCE_USECS 1500000

static bool is_taken(const struct realip_probe_observation *seen)
{
    return seen->fate == REALIP_PROBE_FATE_GREETED;
}

/* Wants a header, and does not get one. */
static bool is_hung_up(const struct realip_probe_observation *seen)
{
    return seen->fate == REALIP_PROBE_FATE_HUNG_UP || seen->fate == REALIP_PROBE_FATE_REFUSED
        || seen->fate == REALIP_PROBE_FATE_NO_TLS;
}

static bool has_waited(const struct realip_probe_observation *seen)
{
    return seen->greeting_usecs >= AT_ONCE_USECS || seen->tls_usecs >= AT_ONCE_USECS;
}

/* By mail-realip's words: the header came from somebody who may not send one. */
static bool is_stranger_refused(const struct realip_probe_observation *seen)
{
    return seen->refused_for == REALIP_REASON_PROXY_UNTRUSTED || seen->refused_for == REALIP_REASON_PEER_UNKNOWN;
}

static bool was_tried(const struct realip_probe_observation *seen)
{
    return seen->fate != REALIP_PROBE_FATE_UNKNOWN;
}

/* Are there experiments, and did all of them end so? */
static bool all_are(const struct realip_probe_observation *seen, enum realip_probe_fate fate)
{
    bool any = false;

    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (was_tried(&seen[i]) && seen[i].fate != fate)
            return false;
        any = any || was_tried(&seen[i]);
    }
    return any;
}

/* Of the two headers that name a client of the connection's own family, the one that came furthest. */
static const struct realip_probe_observation *best_header(const struct realip_probe_observation *seen)
{
    const struct realip_probe_observation *v1 = &seen[REALIP_PROBE_V1];
    const struct realip_probe_observation *v2 = &seen[REALIP_PROBE_V2];

    return is_taken(v2) || (!is_taken(v1) && was_tried(v2)) ? v2 : v1;
}

static bool is_shown_another(const struct realip_probe_observation *seen)
{
    return seen->shown.family != REALIP_FAMILY_NONE && !realip_address_equal(&seen->shown, &seen->asserted);
}

/* It shows who connected. Any other address may be the server's own, which it puts into its greeting, too. */
static bool is_not_believed(const struct realip_probe_observation *seen)
{
    return is_shown_another(seen)
        && (seen->judged != REALIP_REASON_UNDECIDED || realip_address_equal(&seen->shown, &seen->local));
}

/* Did the listener see the header, and choke on it? Not who was not there any more, or sends clients away for now. */
static bool has_choked(const struct realip_probe_observation *header)
{
    return was_tried(header) && header->fate != REALIP_PROBE_FATE_UNREACHABLE
        && !(header->fate == REALIP_PROBE_FATE_REFUSED && header->words[0] == '4');
}

/* Was the policy server asked about a session behind a header? It is at RCPT, and at MAIL and RCPT it says so itself when it refuses. Where no
 * protocol was told, or one without RCPT, nobody is to be asked. */
static bool was_judged(const struct realip_probe_observation *header)
{
    return header->protocol != REALIP_PROBE_SMTP || header->mail == REALIP_PROBE_MAIL_DENIED || header->mail == REALIP_PROBE_MAIL_ACCEPTED
        || header->judged != REALIP_REASON_UNDECIDED || header->refused_for != REALIP_REASON_UNDECIDED;
}

/* The listener swallows a header: whose? */
static void judge_taken(const struct realip_probe_observation *seen, const struct realip_probe_observation *header,
                        enum realip_probe_role role, struct realip_probe_judgement *judgement)
{
    if (is_stranger_refused(&seen[REALIP_PROBE_V1]) || is_stranger_refused(&seen[REALIP_PROBE_V2])) {
        judgement->verdict = REALIP_PROBE_VERDICT_REFUSES_STRANGERS;
        judgement->notes |= REALIP_PROBE_NOTE(REFUSED_LATER);
        return;
    }
    if (is_not_believed(header)) {
        judgement->verdict = REALIP_PROBE_VERDICT_REFUSES_STRANGERS;
        judgement->notes |= REALIP_PROBE_NOTE(NOT_BELIEVED);
        return;
    }
    if (role == REALIP_PROBE_ROLE_STRANGER && is_shown_another(header))
        return; /* whose address that is can't be told from here */
    if (role == REALIP_PROBE_ROLE_STRANGER) {
        judgement->verdict = was_judged(header) ? REALIP_PROBE_VERDICT_TAKES_STRANGERS : REALIP_PROBE_VERDICT_MAY_TAKE_STRANGERS;
    } else {
        judgement->verdict
            = is_taken(&seen[REALIP_PROBE_PLAIN]) ? REALIP_PROBE_VERDICT_TAKES_BOTH : REALIP_PROBE_VERDICT_WANTS_PROXY;
        if (role == REALIP_PROBE_ROLE_UNKNOWN)
            judgement->notes |= REALIP_PROBE_NOTE(ROLE_UNKNOWN);
    }
    if (header->judged == REALIP_REASON_PROXY_UNTRUSTED && role != REALIP_PROBE_ROLE_PROXY)
        judgement->notes |= REALIP_PROBE_NOTE(MONITORED);
}

/* Did anything come back from it, in any of the experiments? Where not a word came, there may be nobody. */
static bool has_spoken(const struct realip_probe_observation *seen)
{
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (was_tried(&seen[i]) && seen[i].fate != REALIP_PROBE_FATE_UNREACHABLE && seen[i].fate != REALIP_PROBE_FATE_SILENT
            && seen[i].fate != REALIP_PROBE_FATE_HUNG_UP)
            return true;
    }
    return false;
}

/* No header is taken, and nobody is greeted without one. */
static void judge_shut(const struct realip_probe_observation *seen, const struct realip_probe_observation *header,
                       struct realip_probe_judgement *judgement)
{
    const struct realip_probe_observation *plain = &seen[REALIP_PROBE_PLAIN];

    /* The login module's refusal stands in the place of a greeting. */
    if (is_stranger_refused(header)) {
        judgement->verdict = REALIP_PROBE_VERDICT_REFUSES_STRANGERS;
        return;
    }
    /* The client's own address is refused before anything is said: it was not waited for a header. */
    if (plain->fate == REALIP_PROBE_FATE_REFUSED && plain->refused_for != REALIP_REASON_UNDECIDED
        && plain->refused_for != REALIP_REASON_PROXY_MISSING) {
        judgement->verdict = REALIP_PROBE_VERDICT_FORBIDS_PROXY;
        return;
    }
    if (!was_tried(header) || !was_tried(plain))
        return;
    /* Sent away with words before a header could be missed: too many connections, or a block list. */
    if (plain->fate == REALIP_PROBE_FATE_REFUSED && !has_waited(plain))
        return;
    if (!is_hung_up(header) || !(is_hung_up(plain) || plain->fate == REALIP_PROBE_FATE_SILENT))
        return;
    if (header->fate == REALIP_PROBE_FATE_NO_TLS && plain->fate == REALIP_PROBE_FATE_NO_TLS) {
        judgement->verdict = REALIP_PROBE_VERDICT_NO_MAIL_SERVER;
        return;
    }
    if (!has_spoken(seen)) {
        judgement->verdict = REALIP_PROBE_VERDICT_HANGS_UP;
        return;
    }
    judgement->verdict = REALIP_PROBE_VERDICT_REFUSES_STRANGERS;
    if (header->fate == REALIP_PROBE_FATE_HUNG_UP)
        judgement->notes |= REALIP_PROBE_NOTE(REFUSED_SILENTLY);
}

static void note_headers(const struct realip_probe_observation *seen, struct realip_probe_judgement *judgement)
{
    const struct realip_probe_observation *v1 = &seen[REALIP_PROBE_V1];
    const struct realip_probe_observation *v2 = &seen[REALIP_PROBE_V2];
    const struct realip_probe_observation *local = &seen[REALIP_PROBE_LOCAL];
    const struct realip_probe_observation *other = &seen[REALIP_PROBE_OTHER_FAMILY];
    const struct realip_probe_observation *plain = &seen[REALIP_PROBE_PLAIN];

    if (was_tried(v1) && was_tried(v2) && is_taken(v1) != is_taken(v2))
        judgement->notes |= REALIP_PROBE_NOTE(ONE_VERSION);
    if (is_taken(v2) && was_tried(local) && !is_taken(local))
        judgement->notes |= REALIP_PROBE_NOTE(NO_LOCAL);
    if (is_taken(v2) && was_tried(other) && !is_taken(other) && !is_stranger_refused(other))
        judgement->notes |= REALIP_PROBE_NOTE(NO_OTHER_FAMILY);
    if (was_tried(plain) && !is_taken(plain) && has_waited(plain))
        judgement->notes |= REALIP_PROBE_NOTE(WAITS);
    if ((v1->xclient && is_taken(v1)) || (v2->xclient && is_taken(v2)))
        judgement->notes |= REALIP_PROBE_NOTE(XCLIENT);
    if (plain->xclient)
        judgement->notes |= REALIP_PROBE_NOTE(XCLIENT_HERE);
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (seen[i].protocol == REALIP_PROBE_LMTP && is_taken(&seen[i]))
            judgement->notes |= REALIP_PROBE_NOTE(LMTP);
    }
}

static void note_refusals(const struct realip_probe_observation *seen, enum realip_probe_role role,
                          struct realip_probe_judgement *judgement)
{
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        /* A proxy, or the server's own host, may well stand in mynetworks. */
        bool as_itself = i == REALIP_PROBE_PLAIN && role != REALIP_PROBE_ROLE_STRANGER;

        if (seen[i].mail == REALIP_PROBE_MAIL_ACCEPTED)
            judgement->notes |= as_itself ? REALIP_PROBE_NOTE(RELAYS_HERE) : REALIP_PROBE_NOTE(RELAYS);
        /* LOCAL and plain show the host that probes: where a proxy is due, it is refused as it should be. */
        if (seen[i].refused_for != REALIP_REASON_UNDECIDED && !is_stranger_refused(&seen[i])
            && seen[i].refused_for != REALIP_REASON_PROXY_MISSING && seen[i].refused_for != REALIP_REASON_PROXY_SHOWN)
            judgement->notes |= REALIP_PROBE_NOTE(CLIENT_REFUSED);
    }
}

void realip_probe_judge(const struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT], enum realip_probe_role role,
                        struct realip_probe_judgement *judgement_r)
{
    const struct realip_probe_observation *header = best_header(seen);

    *judgement_r = (struct realip_probe_judgement){ REALIP_PROBE_VERDICT_UNDECIDED, 0 };
    if (all_are(seen, REALIP_PROBE_FATE_UNREACHABLE)) {
        judgement_r->verdict = REALIP_PROBE_VERDICT_UNREACHABLE;
        return;
    }
    if (all_are(seen, REALIP_PROBE_FATE_SILENT)) {
        judgement_r->verdict = REALIP_PROBE_VERDICT_SILENT;
        return;
    }
    if (is_taken(header)) {
        judge_taken(seen, header, role, judgement_r);
    } else if (is_taken(&seen[REALIP_PROBE_PLAIN])) {
        if (has_choked(header))
            judgement_r->verdict = REALIP_PROBE_VERDICT_FORBIDS_PROXY;
    } else if (seen[REALIP_PROBE_PLAIN].fate == REALIP_PROBE_FATE_STRANGE || header->fate == REALIP_PROBE_FATE_STRANGE) {
        judgement_r->verdict = REALIP_PROBE_VERDICT_NO_MAIL_SERVER;
    } else {
        judge_shut(seen, header, judgement_r);
    }
    bool refused = judgement_r->verdict == REALIP_PROBE_VERDICT_REFUSES_STRANGERS || judgement_r->verdict == REALIP_PROBE_VERDICT_HANGS_UP;
    if (refused && role == REALIP_PROBE_ROLE_PROXY)
        judgement_r->notes |= REALIP_PROBE_NOTE(PROXY_REFUSED);
    note_headers(seen, judgement_r);
    note_refusals(seen, role, judgement_r);
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

struct text {
    const char *token;
    bool bad;
    bool sure;
    const char *sentence;
    const char *mend;
};

#define REALIP_PROBE_ROW(name, token, bad, sure, sentence, mend) { token, bad, sure, sentence, mend },
static const struct text verdicts[] = {
    { "undecided", true, false, "the experiments don't tell what it wants", "give it more time (--timeout), or look into its log" },
    REALIP_PROBE_VERDICT_TABLE(REALIP_PROBE_ROW)
};
#undef REALIP_PROBE_ROW
#define REALIP_PROBE_ROW(name, token, bad, sentence) { token, bad, true, sentence, "" },
static const struct text notes[] = { REALIP_PROBE_NOTE_TABLE(REALIP_PROBE_ROW) };
#undef REALIP_PROBE_ROW

bool realip_probe_is_bad(const struct realip_probe_judgement *judgement)
{
    bool bad = verdicts[judgement->verdict < REALIP_PROBE_VERDICT_COUNT ? judgement->verdict : 0].bad;

    for (unsigned i = 0; i < REALIP_PROBE_NOTE_COUNT; i++)
        bad = bad || ((judgement->notes & 1U << i) != 0 && notes[i].bad);
    return bad;
}

bool realip_probe_is_sure(const struct realip_probe_judgement *judgement)
{
    return verdicts[judgement->verdict < REALIP_PROBE_VERDICT_COUNT ? judgement->verdict : 0].sure;
}

const char *realip_probe_verdict_token(enum realip_probe_verdict verdict)
{
    return verdicts[verdict < REALIP_PROBE_VERDICT_COUNT ? verdict : 0].token;
}

const char *realip_probe_verdict_sentence(enum realip_probe_verdict verdict)
{
    return verdicts[verdict < REALIP_PROBE_VERDICT_COUNT ? verdict : 0].sentence;
}

const char *realip_probe_verdict_mend(enum realip_probe_verdict verdict)
{
    return verdicts[verdict < REALIP_PROBE_VERDICT_COUNT ? verdict : 0].mend;
}

enum realip_probe_verdict realip_probe_verdict_from_token(const char *token, size_t length)
{
    for (int i = 1; i < REALIP_PROBE_VERDICT_COUNT; i++) {
        if (strlen(verdicts[i].token) == length && strncmp(token, verdicts[i].token, length) == 0)
            return (enum realip_probe_verdict)i;
    }
    return REALIP_PROBE_VERDICT_UNDECIDED;
}

const char *realip_probe_note_token(enum realip_probe_note_number note)
{
    return note < REALIP_PROBE_NOTE_COUNT ? notes[note].token : "unknown";
}

const char *realip_probe_note_sentence(enum realip_probe_note_number note)
{
    return note < REALIP_PROBE_NOTE_COUNT ? notes[note].sentence : "unknown";
}
