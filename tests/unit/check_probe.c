/* The probe's pure parts: what words mean, and what a listener is by what the experiments saw. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/probe/judge.h"
#include "cli/probe/words.h"

#define SLOW 5000000
#define FAST 2000

static struct realip_address address(const char *text)
{
    struct realip_address result;
    const char *reason = "";

    ck_assert_msg(text[0] == '\0' || realip_address_parse(text, strlen(text), &result, &reason) == 0, "%s: %s", text, reason);
    return text[0] == '\0' ? (struct realip_address){ 0 } : result;
}

/* ---- the judge ---------------------------------------------------------------------------------------------------- */

enum seen_so { NOT_TRIED = 0, GREETED, MISREAD, SILENT, GONE, REFUSED, NO_TLS, STRANGE, UNREACHABLE };

static const enum realip_probe_fate fates[]
    = { REALIP_PROBE_FATE_UNKNOWN, REALIP_PROBE_FATE_GREETED, REALIP_PROBE_FATE_MISREAD, REALIP_PROBE_FATE_SILENT, REALIP_PROBE_FATE_HUNG_UP,
        REALIP_PROBE_FATE_REFUSED, REALIP_PROBE_FATE_NO_TLS,  REALIP_PROBE_FATE_STRANGE, REALIP_PROBE_FATE_UNREACHABLE };

#define STRANGER REALIP_PROBE_ROLE_STRANGER
#define PROXY    REALIP_PROBE_ROLE_PROXY
#define UNKNOWN  REALIP_PROBE_ROLE_UNKNOWN
#define UNTRUSTED REALIP_REASON_PROXY_UNTRUSTED
#define N(name) REALIP_PROBE_NOTE(name)

/* What happened to plain, v1, v2, LOCAL and the other family; why mail-realip refused plain and v2; which client v2 was shown as. */
static const struct {
    const char *name;
    enum seen_so seen[5];
    long plain_usecs;
    enum realip_reason plain_refused, v2_refused;
    const char *shown;
    enum realip_probe_role role;
    enum realip_probe_verdict verdict;
    unsigned notes;
} rows[] = {
#define VERDICT(name) REALIP_PROBE_VERDICT_##name
    { "smtpd behind a proxy, from it", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), N(WAITS) },
    { "the same from a stranger", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "", STRANGER, VERDICT(TAKES_STRANGERS), N(WAITS) },
    { "the same, and nobody says who asks", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "", UNKNOWN, VERDICT(WANTS_PROXY),
      N(WAITS) | N(ROLE_UNKNOWN) },
    { "the policy server behind it refuses the stranger", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, UNTRUSTED, "", STRANGER,
      VERDICT(REFUSES_STRANGERS), N(WAITS) | N(REFUSED_LATER) },
    { "it refuses a host that is to be a proxy", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, UNTRUSTED, "", PROXY,
      VERDICT(REFUSES_STRANGERS), N(WAITS) | N(REFUSED_LATER) | N(PROXY_REFUSED) },
    { "it refuses the address, not the proxy", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, REALIP_REASON_INSIDE_ASSERTED, "", PROXY,
      VERDICT(WANTS_PROXY), N(WAITS) | N(CLIENT_REFUSED) },
    { "smtpd", { GREETED, MISREAD, MISREAD, MISREAD, MISREAD }, FAST, 0, 0, "", STRANGER, VERDICT(FORBIDS_PROXY), 0 },
    { "smtpd that refuses this client", { GREETED, MISREAD, MISREAD, MISREAD, MISREAD }, FAST, REALIP_REASON_INFRASTRUCTURE, 0, "", STRANGER,
      VERDICT(FORBIDS_PROXY), N(CLIENT_REFUSED) },
    { "smtpd that hangs up on nonsense", { GREETED, GONE, GONE, GONE, GONE }, FAST, 0, 0, "", PROXY, VERDICT(FORBIDS_PROXY), 0 },
    { "smtps", { GREETED, NO_TLS, NO_TLS, NO_TLS, NO_TLS }, FAST, 0, 0, "", PROXY, VERDICT(FORBIDS_PROXY), 0 },
    { "smtps behind a proxy", { NO_TLS, GREETED, GREETED, GREETED, GREETED }, FAST, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), 0 },
    { "Dovecot behind a proxy, from it", { GONE, GREETED, GREETED, GREETED, GREETED }, 3000000, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), N(WAITS) },
    { "Dovecot, a stranger; or a dead port behind a balancer", { GONE, GONE, GONE, GONE, GONE }, FAST, 0, 0, "", STRANGER, VERDICT(HANGS_UP), 0 },
    { "the same, and nobody says who asks", { GONE, GONE, GONE, GONE, GONE }, FAST, 0, 0, "", UNKNOWN, VERDICT(HANGS_UP), 0 },
    { "Dovecot without our proxy in its list; or a dead port", { GONE, GONE, GONE, GONE, GONE }, FAST, 0, 0, "", PROXY, VERDICT(HANGS_UP), N(PROXY_REFUSED) },
    { "a balancer that reads the header, and has nobody behind it", { GONE, GONE, GONE, GONE, GONE }, SLOW, 0, 0, "", STRANGER, VERDICT(HANGS_UP), N(WAITS) },
    { "silence without a header, gone with one", { SILENT, GONE, GONE, GONE, GONE }, SLOW, 0, 0, "", STRANGER, VERDICT(HANGS_UP), N(WAITS) },
    { "it speaks to who sends no header, and hangs up on who does", { REFUSED, GONE, GONE, GONE, GONE }, SLOW, 0, 0, "", STRANGER,
      VERDICT(REFUSES_STRANGERS), N(WAITS) | N(REFUSED_SILENTLY) },
    { "it speaks to LOCAL alone", { GONE, GONE, GONE, GREETED, GONE }, SLOW, 0, 0, "", STRANGER, VERDICT(REFUSES_STRANGERS), N(WAITS) | N(REFUSED_SILENTLY) },
    { "it answers headers with a goodbye in words", { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED }, SLOW, 0, 0, "", STRANGER, VERDICT(REFUSES_STRANGERS), N(WAITS) },
    { "no TLS at all", { NO_TLS, NO_TLS, NO_TLS, NO_TLS, NO_TLS }, FAST, 0, 0, "", STRANGER, VERDICT(NO_MAIL_SERVER), 0 },
    { "login_realip refuses the stranger", { GONE, REFUSED, REFUSED, REFUSED, REFUSED }, 3000000, 0, UNTRUSTED, "", STRANGER,
      VERDICT(REFUSES_STRANGERS), N(WAITS) },
    { "login_realip refuses this client on a direct port", { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED }, FAST, REALIP_REASON_INFRASTRUCTURE,
      REALIP_REASON_INFRASTRUCTURE, "", STRANGER, VERDICT(FORBIDS_PROXY), N(CLIENT_REFUSED) },
    { "a header is read and not believed", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "192.0.2.66", STRANGER,
      VERDICT(REFUSES_STRANGERS), N(WAITS) | N(NOT_BELIEVED) },
    { "the address in the greeting is neither's", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "198.51.100.9", STRANGER,
      VERDICT(UNDECIDED), N(WAITS) },
    { "gone before a header was tried", { GREETED, UNREACHABLE, UNREACHABLE, UNREACHABLE, UNREACHABLE }, FAST, 0, 0, "", STRANGER, VERDICT(UNDECIDED), 0 },
    { "a header is believed, and the server says so", { REFUSED, GREETED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "203.0.113.113", STRANGER,
      VERDICT(TAKES_STRANGERS), N(WAITS) },
    { "with a header and without, a stranger", { GREETED, GREETED, GREETED, GREETED, GREETED }, FAST, 0, 0, "", STRANGER, VERDICT(TAKES_STRANGERS), 0 },
    { "with a header and without, the proxy", { GREETED, GREETED, GREETED, GREETED, GREETED }, FAST, 0, 0, "", PROXY, VERDICT(TAKES_BOTH), 0 },
    { "v2 alone", { REFUSED, REFUSED, GREETED, GREETED, GREETED }, SLOW, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), N(WAITS) | N(ONE_VERSION) },
    { "v1 alone", { REFUSED, GREETED, GONE, GONE, GONE }, SLOW, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), N(WAITS) | N(ONE_VERSION) },
    { "no LOCAL", { REFUSED, GREETED, GREETED, GONE, GREETED }, SLOW, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), N(WAITS) | N(NO_LOCAL) },
    { "inet_protocols = ipv4", { REFUSED, GREETED, GREETED, GREETED, REFUSED }, SLOW, 0, 0, "", PROXY, VERDICT(WANTS_PROXY), N(WAITS) | N(NO_OTHER_FAMILY) },
    { "only v2 was tried", { NOT_TRIED, NOT_TRIED, GREETED, NOT_TRIED, NOT_TRIED }, 0, 0, 0, "", STRANGER, VERDICT(TAKES_STRANGERS), 0 },
    { "only plain was tried", { GREETED, NOT_TRIED, NOT_TRIED, NOT_TRIED, NOT_TRIED }, FAST, 0, 0, "", STRANGER, VERDICT(UNDECIDED), 0 },
    { "a closed port", { UNREACHABLE, NOT_TRIED, NOT_TRIED, NOT_TRIED, NOT_TRIED }, -1, 0, 0, "", STRANGER, VERDICT(UNREACHABLE), 0 },
    { "silence", { SILENT, SILENT, SILENT, SILENT, SILENT }, SLOW, 0, 0, "", STRANGER, VERDICT(SILENT), 0 },
    { "a web server", { STRANGE, STRANGE, STRANGE, STRANGE, STRANGE }, FAST, 0, 0, "", STRANGER, VERDICT(NO_MAIL_SERVER), 0 },
    { "nothing was tried", { NOT_TRIED, NOT_TRIED, NOT_TRIED, NOT_TRIED, NOT_TRIED }, -1, 0, 0, "", STRANGER, VERDICT(UNDECIDED), 0 },
    { "full: everybody is sent away with words", { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED }, FAST, 0, 0, "", STRANGER, VERDICT(UNDECIDED), 0 },
};

static void fill(size_t row, struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT])
{
    memset(seen, 0, REALIP_PROBE_OPENING_COUNT * sizeof(*seen));
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        seen[i].opening = (enum realip_probe_opening)i;
        seen[i].fate = fates[rows[row].seen[i - REALIP_PROBE_PLAIN]];
        seen[i].connect_usecs = seen[i].tls_usecs = -1;
        seen[i].greeting_usecs = FAST;
        seen[i].local = address("192.0.2.66");
    }
    seen[REALIP_PROBE_PLAIN].greeting_usecs = rows[row].plain_usecs;
    seen[REALIP_PROBE_PLAIN].refused_for = rows[row].plain_refused;
    seen[REALIP_PROBE_V1].asserted = seen[REALIP_PROBE_V2].asserted = address("203.0.113.113");
    seen[REALIP_PROBE_V2].refused_for = rows[row].v2_refused;
    seen[REALIP_PROBE_V2].shown = address(rows[row].shown);
}

/* A server that sends clients away for now has not choked on their header. */
START_TEST(busy_is_not_forbidding)
{
    struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT];
    struct realip_probe_judgement judgement;

    fill(0, seen);
    seen[REALIP_PROBE_PLAIN].fate = REALIP_PROBE_FATE_GREETED;
    seen[REALIP_PROBE_V1].fate = seen[REALIP_PROBE_V2].fate = REALIP_PROBE_FATE_REFUSED;
    strcpy(seen[REALIP_PROBE_V1].words, "421 4.7.0 too many connections");
    strcpy(seen[REALIP_PROBE_V2].words, "421 4.7.0 too many connections");
    realip_probe_judge(seen, REALIP_PROBE_ROLE_STRANGER, &judgement);
    ck_assert_int_eq((int)judgement.verdict, REALIP_PROBE_VERDICT_UNDECIDED);
    strcpy(seen[REALIP_PROBE_V2].words, "521 5.5.1 Protocol error");
    realip_probe_judge(seen, REALIP_PROBE_ROLE_STRANGER, &judgement);
    ck_assert_int_eq((int)judgement.verdict, REALIP_PROBE_VERDICT_FORBIDS_PROXY);
}
END_TEST

START_TEST(judges)
{
    struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT];
    struct realip_probe_judgement judgement;
    size_t row = (size_t)_i;

    fill(row, seen);
    realip_probe_judge(seen, rows[row].role, &judgement);
    ck_assert_msg(judgement.verdict == rows[row].verdict && judgement.notes == rows[row].notes, "%s: %s %#x, expected %s %#x", rows[row].name,
                  realip_probe_verdict_token(judgement.verdict), judgement.notes, realip_probe_verdict_token(rows[row].verdict), rows[row].notes);
}
END_TEST

/* Whatever is seen, a judgement comes of it, and a stranger whose header is taken and not refused is never called well. */
START_TEST(judges_everything)
{
    struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT];
    struct realip_probe_judgement judgement;

    for (int i = 0; i < 9 * 9 * 9 * 9 * 9; i++) {
        int rest = i;

        memset(seen, 0, sizeof(seen));
        for (int k = REALIP_PROBE_PLAIN; k < REALIP_PROBE_OPENING_COUNT; k++, rest /= 9)
            seen[k].fate = fates[rest % 9];
        realip_probe_judge(seen, STRANGER, &judgement);
        ck_assert_int_lt(judgement.verdict, REALIP_PROBE_VERDICT_COUNT);
        bool taken = seen[REALIP_PROBE_V1].fate == REALIP_PROBE_FATE_GREETED || seen[REALIP_PROBE_V2].fate == REALIP_PROBE_FATE_GREETED;
        ck_assert_int_eq(taken, judgement.verdict == REALIP_PROBE_VERDICT_TAKES_STRANGERS);
        ck_assert(!taken || realip_probe_is_bad(&judgement));
    }
}
END_TEST

START_TEST(notes_what_is_offered_and_accepted)
{
    struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT];
    struct realip_probe_judgement judgement;

    fill(6, seen); /* smtpd */
    realip_probe_judge(seen, STRANGER, &judgement);
    ck_assert(!realip_probe_is_bad(&judgement));
    seen[REALIP_PROBE_PLAIN].mail = REALIP_PROBE_MAIL_ACCEPTED;
    seen[REALIP_PROBE_PLAIN].xclient = true;
    realip_probe_judge(seen, STRANGER, &judgement);
    ck_assert_uint_eq(judgement.notes, N(RELAYS) | N(XCLIENT_HERE));
    ck_assert(realip_probe_is_bad(&judgement));
    /* A proxy in mynetworks; then whoever the proxy names. */
    realip_probe_judge(seen, PROXY, &judgement);
    ck_assert_uint_eq(judgement.notes, N(RELAYS_HERE) | N(XCLIENT_HERE));
    ck_assert(!realip_probe_is_bad(&judgement));
    fill(0, seen);
    seen[REALIP_PROBE_V2].mail = REALIP_PROBE_MAIL_ACCEPTED;
    realip_probe_judge(seen, PROXY, &judgement);
    ck_assert_uint_eq(judgement.notes, N(WAITS) | N(RELAYS));
    ck_assert(realip_probe_is_bad(&judgement));

    fill(1, seen); /* smtpd behind a proxy, a stranger */
    seen[REALIP_PROBE_V2].xclient = true;
    seen[REALIP_PROBE_V2].judged = UNTRUSTED;
    realip_probe_judge(seen, STRANGER, &judgement);
    ck_assert_uint_eq(judgement.notes, N(WAITS) | N(XCLIENT) | N(MONITORED));

    fill(6, seen);
    seen[REALIP_PROBE_PLAIN].protocol = REALIP_PROBE_LMTP;
    realip_probe_judge(seen, STRANGER, &judgement);
    ck_assert_uint_eq(judgement.notes, N(LMTP));
    ck_assert(!realip_probe_is_bad(&judgement));
}
END_TEST

/* Postfix's port for submission answers MAIL with 530 until there is TLS: then nobody knows what its policy server makes of a stranger. */
START_TEST(knows_whether_the_policy_server_was_asked)
{
    static const struct {
        enum realip_probe_protocol protocol;
        enum realip_probe_mail mail;
        enum realip_reason refused_for, judged;
        enum realip_probe_verdict verdict;
    } asked[] = {
        { REALIP_PROBE_SMTP, REALIP_PROBE_MAIL_NOT_REACHED, 0, 0, REALIP_PROBE_VERDICT_MAY_TAKE_STRANGERS },
        { REALIP_PROBE_SMTP, REALIP_PROBE_MAIL_UNKNOWN, 0, 0, REALIP_PROBE_VERDICT_MAY_TAKE_STRANGERS },
        { REALIP_PROBE_SMTP, REALIP_PROBE_MAIL_DENIED, 0, 0, REALIP_PROBE_VERDICT_TAKES_STRANGERS },
        { REALIP_PROBE_SMTP, REALIP_PROBE_MAIL_ACCEPTED, 0, 0, REALIP_PROBE_VERDICT_TAKES_STRANGERS },
        { REALIP_PROBE_SMTP, REALIP_PROBE_MAIL_NOT_REACHED, UNTRUSTED, 0, REALIP_PROBE_VERDICT_REFUSES_STRANGERS },
        { REALIP_PROBE_SMTP, REALIP_PROBE_MAIL_NOT_REACHED, 0, REALIP_REASON_REAL, REALIP_PROBE_VERDICT_TAKES_STRANGERS },
        { REALIP_PROBE_IMAP, REALIP_PROBE_MAIL_UNKNOWN, 0, 0, REALIP_PROBE_VERDICT_TAKES_STRANGERS },
    };
    struct realip_probe_observation seen[REALIP_PROBE_OPENING_COUNT];
    struct realip_probe_judgement judgement;

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        fill(1, seen); /* smtpd behind a proxy, a stranger */
        seen[REALIP_PROBE_V2].protocol = asked[i].protocol;
        seen[REALIP_PROBE_V2].mail = asked[i].mail;
        seen[REALIP_PROBE_V2].refused_for = asked[i].refused_for;
        seen[REALIP_PROBE_V2].judged = asked[i].judged;
        realip_probe_judge(seen, STRANGER, &judgement);
        ck_assert_msg(judgement.verdict == asked[i].verdict, "%zu: %s", i, realip_probe_verdict_token(judgement.verdict));
        bool sure = asked[i].verdict != REALIP_PROBE_VERDICT_MAY_TAKE_STRANGERS;
        ck_assert(realip_probe_is_sure(&judgement) == sure);
        ck_assert(sure || !realip_probe_is_bad(&judgement));
    }
}
END_TEST

START_TEST(has_tokens_and_texts)
{
    for (int i = 1; i < REALIP_PROBE_VERDICT_COUNT; i++) {
        enum realip_probe_verdict verdict = (enum realip_probe_verdict)i;

        ck_assert_int_eq(realip_probe_verdict_from_token(realip_probe_verdict_token(verdict), strlen(realip_probe_verdict_token(verdict))), verdict);
        ck_assert_uint_gt(strlen(realip_probe_verdict_sentence(verdict)), 10);
    }
    ck_assert_str_eq(realip_probe_verdict_token(REALIP_PROBE_VERDICT_COUNT), "undecided");
    ck_assert_int_eq(realip_probe_verdict_from_token("undecided", 9), REALIP_PROBE_VERDICT_UNDECIDED);
    ck_assert_int_eq(realip_probe_verdict_from_token("hangs-up,silent", 8), REALIP_PROBE_VERDICT_HANGS_UP);
    ck_assert_int_eq(realip_probe_verdict_from_token("hangs-up", 5), REALIP_PROBE_VERDICT_UNDECIDED);
    for (int i = 0; i < REALIP_PROBE_NOTE_COUNT; i++)
        ck_assert_uint_gt(strlen(realip_probe_note_sentence((enum realip_probe_note_number)i)), 10);
    for (int i = 1; i < REALIP_PROBE_OPENING_COUNT; i++) {
        const char *token = realip_probe_opening_token((enum realip_probe_opening)i);

        ck_assert_int_eq(realip_probe_opening_from_token(token, strlen(token)), i);
    }
    for (int i = 1; i < REALIP_PROBE_PROTOCOL_COUNT; i++)
        ck_assert_int_eq(realip_probe_protocol_from_token(realip_probe_protocol_token((enum realip_probe_protocol)i)), i);
    ck_assert_int_eq(realip_probe_protocol_from_token("unknown"), REALIP_PROBE_PROTOCOL_UNKNOWN);
}
END_TEST

/* ---- words -------------------------------------------------------------------------------------------------------- */

START_TEST(reads_greetings)
{
    static const struct {
        const char *line;
        enum realip_probe_line kind;
        enum realip_probe_protocol protocol;
    } lines[] = {
        { "220 mx.test ESMTP Postfix", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_SMTP },
        { "220-mx.test ESMTP", REALIP_PROBE_LINE_MORE, REALIP_PROBE_SMTP },
        { "421 4.3.2 No system resources", REALIP_PROBE_LINE_BAD, REALIP_PROBE_SMTP },
        { "554 5.7.1 no", REALIP_PROBE_LINE_BAD, REALIP_PROBE_SMTP },
        { "250", REALIP_PROBE_LINE_BAD, REALIP_PROBE_SMTP },
        { "220 mx.test LMTP Cyrus ready", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_LMTP },
        { "220 mx.test ELMTP", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_SMTP },
        { "2200 none", REALIP_PROBE_LINE_STRANGE, REALIP_PROBE_PROTOCOL_UNKNOWN },
        { "* OK [CAPABILITY IMAP4rev1] ready", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_IMAP },
        { "* PREAUTH hello", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_IMAP },
        { "* BYE [UNAVAILABLE] realip proxy-untrusted: no", REALIP_PROBE_LINE_BAD, REALIP_PROBE_IMAP },
        { "* OKAY", REALIP_PROBE_LINE_STRANGE, REALIP_PROBE_IMAP },
        { "+OK Dovecot ready.", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_POP3 },
        { "-ERR [SYS/TEMP] later", REALIP_PROBE_LINE_BAD, REALIP_PROBE_POP3 },
        { "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"", REALIP_PROBE_LINE_MORE, REALIP_PROBE_SIEVE },
        { "OK \"Dovecot ready.\"", REALIP_PROBE_LINE_GOOD, REALIP_PROBE_SIEVE },
        { "BYE (TRYLATER) \"realip\"", REALIP_PROBE_LINE_BAD, REALIP_PROBE_SIEVE },
        { "HTTP/1.1 400 Bad Request", REALIP_PROBE_LINE_STRANGE, REALIP_PROBE_PROTOCOL_UNKNOWN },
        { "SSH-2.0-OpenSSH", REALIP_PROBE_LINE_STRANGE, REALIP_PROBE_PROTOCOL_UNKNOWN },
        { "", REALIP_PROBE_LINE_STRANGE, REALIP_PROBE_PROTOCOL_UNKNOWN },
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        enum realip_probe_protocol protocol;

        ck_assert_msg(realip_probe_greeting(lines[i].line, &protocol) == lines[i].kind, "%s", lines[i].line);
        ck_assert_msg(protocol == lines[i].protocol, "%s", lines[i].line);
    }
}
END_TEST

START_TEST(asks)
{
    static const char *const questions[REALIP_PROBE_PROTOCOL_COUNT] = { "", "EHLO x.test\r\n", "a CAPABILITY\r\n", "CAPA\r\n", "CAPABILITY\r\n", "LHLO x.test\r\n" };
    char long_name[200];
    char out[REALIP_PROBE_ASK_SIZE];

    for (int i = 0; i < REALIP_PROBE_PROTOCOL_COUNT; i++) {
        realip_probe_ask((enum realip_probe_protocol)i, "x.test", out);
        ck_assert_str_eq(out, questions[i]);
    }
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    realip_probe_ask(REALIP_PROBE_SMTP, long_name, out);
    ck_assert_uint_lt(strlen(out), sizeof(out));
}
END_TEST

START_TEST(tells_complaints_from_answers)
{
    static const struct {
        enum realip_probe_protocol protocol;
        const char *line;
        enum realip_probe_line kind;
        bool misread;
    } lines[] = {
        { REALIP_PROBE_SMTP, "250-mx.test", REALIP_PROBE_LINE_MORE, false },
        { REALIP_PROBE_SMTP, "250 CHUNKING", REALIP_PROBE_LINE_GOOD, false },
        { REALIP_PROBE_SMTP, "220 mx.test", REALIP_PROBE_LINE_STRANGE, false },
        { REALIP_PROBE_SMTP, "500 5.5.2 Error: command not recognized", REALIP_PROBE_LINE_BAD, true },
        { REALIP_PROBE_LMTP, "250 CHUNKING", REALIP_PROBE_LINE_GOOD, false },
        { REALIP_PROBE_LMTP, "502 5.5.2 Unknown command", REALIP_PROBE_LINE_BAD, true },
        { REALIP_PROBE_SMTP, "503 5.5.0 Error: SMTP protocol synchronization", REALIP_PROBE_LINE_BAD, true },
        { REALIP_PROBE_SMTP, "554 5.5.1 no", REALIP_PROBE_LINE_BAD, true },
        { REALIP_PROBE_SMTP, "221 2.0.0 Bye", REALIP_PROBE_LINE_BAD, true },
        { REALIP_PROBE_SMTP, "450 4.7.1 <c[192.0.2.1]>: Client host rejected", REALIP_PROBE_LINE_BAD, false },
        { REALIP_PROBE_SMTP, "554 5.7.1 not you", REALIP_PROBE_LINE_BAD, false },
        { REALIP_PROBE_IMAP, "* CAPABILITY IMAP4rev1", REALIP_PROBE_LINE_MORE, false },
        { REALIP_PROBE_IMAP, "a OK done", REALIP_PROBE_LINE_GOOD, false },
        { REALIP_PROBE_IMAP, "PROXY BAD Error in IMAP command", REALIP_PROBE_LINE_MORE, true },
        { REALIP_PROBE_IMAP, "* BAD Error", REALIP_PROBE_LINE_MORE, true },
        { REALIP_PROBE_IMAP, "* BYE too many", REALIP_PROBE_LINE_BAD, false },
        { REALIP_PROBE_POP3, "+OK", REALIP_PROBE_LINE_MORE, false },
        { REALIP_PROBE_POP3, ".", REALIP_PROBE_LINE_GOOD, false },
        { REALIP_PROBE_POP3, "-ERR Unknown command.", REALIP_PROBE_LINE_BAD, true },
        { REALIP_PROBE_SIEVE, "\"SIEVE\" \"fileinto\"", REALIP_PROBE_LINE_MORE, false },
        { REALIP_PROBE_SIEVE, "OK \"done\"", REALIP_PROBE_LINE_GOOD, false },
        { REALIP_PROBE_SIEVE, "NO \"Error in command\"", REALIP_PROBE_LINE_BAD, true },
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        bool misread = false;

        ck_assert_msg(realip_probe_answer(lines[i].protocol, lines[i].line, &misread) == lines[i].kind, "%s", lines[i].line);
        ck_assert_msg(misread == lines[i].misread, "%s", lines[i].line);
    }
}
END_TEST

START_TEST(finds_clients)
{
    static const struct {
        const char *line;
        const char *client;
    } lines[] = {
        { "250-mx.test Hello probe [203.0.113.7], pleased to meet you", "203.0.113.7" },
        { "250-mx.test Hello probe [IPv6:2001:db8::7]", "2001:db8::7" },
        { "250-mx.test Hello probe [::ffff:203.0.113.7]", "203.0.113.7" },
        { "450 4.7.1 <unknown[198.51.100.9]>: Client host rejected: realip infrastructure: x", "198.51.100.9" },
        { "421 4.7.0 mx.test Error: too many connections from 192.0.2.7", "192.0.2.7" },
        { "421 too many connections from 192.0.2.7, later", "192.0.2.7" },
        { "250-[192.0.2.25]", "" }, /* the server itself */
        { "220 mx.test ESMTP", "" },
        { "550 [203.0.113.777] [] [x", "" },
        { "550 a long [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa] one", "" },
    };
    struct realip_address server = address("192.0.2.25");

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct realip_address expected = address(lines[i].client);
        struct realip_address found;

        ck_assert_msg(realip_probe_find_client(lines[i].line, &server, &found) == (lines[i].client[0] != '\0'), "%s", lines[i].line);
        ck_assert_msg(realip_address_equal(&found, &expected), "%s", lines[i].line);
    }
}
END_TEST

START_TEST(finds_reasons_and_offers)
{
    struct realip_probe_observation seen = { 0 };
    char words[REALIP_PROBE_WORDS_SIZE];
    char large[1000];

    /* Each of our own refusals is understood. */
    for (int i = 1; i < REALIP_REASON_COUNT; i++) {
        char line[512];

        snprintf(line, sizeof(line), "* BYE [UNAVAILABLE] realip %s: %s", realip_reason_token((enum realip_reason)i),
                 realip_reason_sentence((enum realip_reason)i));
        ck_assert_int_eq(realip_probe_find_reason(line), i);
    }
    ck_assert_int_eq(realip_probe_find_reason("554 realip something: new"), REALIP_REASON_UNDECIDED);
    ck_assert_int_eq(realip_probe_find_reason("realip"), REALIP_REASON_UNDECIDED);
    ck_assert_int_eq(realip_probe_find_reason("realip realip infrastructure: x"), REALIP_REASON_INFRASTRUCTURE);

    realip_probe_note_offer("250-XFORWARDED NOXCLIENT starttls", &seen);
    ck_assert(!seen.xforward && !seen.xclient && !seen.starttls);
    realip_probe_note_offer("+OK [XCLIENT] Dovecot ready.", &seen);
    realip_probe_note_offer("250-XFORWARD NAME ADDR", &seen);
    realip_probe_note_offer("STLS", &seen);
    ck_assert(seen.xforward && seen.xclient && seen.starttls);

    realip_probe_copy_words("a\033[2Jb\x80", words);
    ck_assert_str_eq(words, "a?[2Jb?");
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    realip_probe_copy_words(large, words);
    ck_assert_uint_eq(strlen(words), sizeof(words) - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *judge = tcase_create("judge");
    TCase *words = tcase_create("words");

    tcase_add_loop_test(judge, judges, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(judge, busy_is_not_forbidding);
    tcase_add_test(judge, judges_everything);
    tcase_add_test(judge, notes_what_is_offered_and_accepted);
    tcase_add_test(judge, knows_whether_the_policy_server_was_asked);
    tcase_add_test(judge, has_tokens_and_texts);
    suite_add_tcase(suite, judge);
    tcase_add_test(words, reads_greetings);
    tcase_add_test(words, asks);
    tcase_add_test(words, tells_complaints_from_answers);
    tcase_add_test(words, finds_clients);
    tcase_add_test(words, finds_reasons_and_offers);
    suite_add_tcase(suite, words);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
