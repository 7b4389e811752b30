#include <stdio.h>
#include <string.h>

#include "core/decide.h"
#include "suites.h"

/* ---- A small world: addresses of every kind, each with what the sets say of it. */

struct kind {
    const char *text; /* NULL: no address */
    bool infrastructure;
    bool listed;      /* in infrastructure on purpose (cidr, files), not only discovered */
    bool proxy;
    bool internal;
    bool prober;
    bool own;
    bool loopback;
    bool unusable;
};

static const struct kind kinds[] = {
    { .text = NULL },
    { .text = "203.0.113.7" },
    { .text = "2001:db8:1::7" },
    { .text = "10.0.1.1", .infrastructure = true, .listed = true },
    { .text = "fd00:1::1", .infrastructure = true, .listed = true },
    { .text = "10.0.2.1", .proxy = true },
    { .text = "10.0.3.1", .infrastructure = true, .listed = true, .proxy = true },
    { .text = "10.0.4.1", .internal = true },
    { .text = "10.0.5.1", .internal = true, .infrastructure = true, .listed = true },
    { .text = "10.0.6.1", .prober = true },
    { .text = "10.0.7.1", .prober = true, .infrastructure = true, .listed = true },
    { .text = "10.0.8.1", .prober = true, .proxy = true },
    { .text = "10.0.9.1", .internal = true, .prober = true },
    { .text = "10.0.10.1", .internal = true, .proxy = true },
    { .text = "10.0.11.1", .own = true },
    { .text = "10.0.12.1", .own = true, .infrastructure = true },                  /* a bridge, discovered */
    { .text = "10.0.13.1", .own = true, .infrastructure = true, .listed = true },  /* a node that runs the server itself */
    { .text = "127.0.0.1", .loopback = true },
    { .text = "127.0.0.2", .loopback = true, .infrastructure = true, .listed = true }, /* a rootless container */
    { .text = "127.0.0.3", .loopback = true, .internal = true },
    { .text = "::1", .loopback = true },
    { .text = "0.0.0.0", .unusable = true },
    { .text = "::", .unusable = true },
    { .text = "224.0.0.1", .unusable = true },
    { .text = "ff02::1", .unusable = true },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* RELAY: left to another adapter, and a listed relay told the client. */
enum peer_case { PEER_UNATTESTED, PEER_GONE, PEER_LEFT, PEER_SAME, PEER_PROXY, PEER_STRANGER, PEER_RELAY, PEER_CASE_COUNT };

static struct realip_address address_of(const char *text)
{
    struct realip_address address = { 0 };
    const char *reason;

    if (text != NULL)
        ck_assert_int_eq(realip_address_parse(text, strlen(text), &address, &reason), 0);
    return address;
}

static struct realip_origin origins[REALIP_SET_COUNT];

static struct realip_network_set *set_where(enum realip_set set, bool (*holds)(const struct kind *))
{
    struct realip_network_entry entries[KIND_COUNT];
    struct realip_network_set *made;
    size_t count = 0;
    const char *reason;

    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct realip_address address = address_of(kinds[i].text);

        if (holds(&kinds[i]))
            entries[count++] = (struct realip_network_entry){
                { address, address.family == REALIP_FAMILY_IPV4 ? 32 : 128 }, (uint32_t)set
            };
    }
    ck_assert_int_eq(realip_network_set_build(entries, count, &made, &reason), 0);
    return made;
}

static bool is_infrastructure(const struct kind *kind)
{
    return kind->infrastructure;
}

static bool is_listed(const struct kind *kind)
{
    return kind->listed;
}

static bool is_proxy(const struct kind *kind)
{
    return kind->proxy;
}

static bool is_internal(const struct kind *kind)
{
    return kind->internal;
}

static bool is_prober(const struct kind *kind)
{
    return kind->prober;
}

static bool is_own(const struct kind *kind)
{
    return kind->own;
}

static struct realip_rules rules;

static void make_world(void)
{
    rules = (struct realip_rules){ .origins = origins, .origin_count = REALIP_SET_COUNT };
    for (unsigned i = 0; i < REALIP_SET_COUNT; i++)
        origins[i] = (struct realip_origin){ "rules.conf", i + 1 };
    rules.sets[REALIP_SET_INFRASTRUCTURE] = set_where(REALIP_SET_INFRASTRUCTURE, is_infrastructure);
    rules.sets[REALIP_SET_LISTED_INFRASTRUCTURE] = set_where(REALIP_SET_LISTED_INFRASTRUCTURE, is_listed);
    rules.sets[REALIP_SET_PROXIES] = set_where(REALIP_SET_PROXIES, is_proxy);
    rules.sets[REALIP_SET_INTERNAL] = set_where(REALIP_SET_INTERNAL, is_internal);
    rules.sets[REALIP_SET_PROBERS] = set_where(REALIP_SET_PROBERS, is_prober);
    rules.sets[REALIP_SET_OWN] = set_where(REALIP_SET_OWN, is_own);
    realip_listener_set_defaults(&rules.fallback);
}

static void free_world(void)
{
    for (unsigned i = 0; i < REALIP_SET_COUNT; i++)
        realip_network_set_free(&rules.sets[i]);
}

/* ---- The rules said plainly, in words, once more: from DESIGN, not from the code under test. */

struct session {
    const struct kind *client;
    enum peer_case peer;
    const char *proxy;
    const char *attest;
    const char *stage;
    bool allow_internal;
    bool suspected;
    bool name_matches;
};

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static const char *plain_reason(const struct session *s)
{
    const struct kind *c = s->client;
    bool supplied = s->peer == PEER_PROXY || s->peer == PEER_STRANGER;
    bool peer_seen = supplied || s->peer == PEER_SAME;
    bool told = supplied || s->peer == PEER_RELAY;

    if (c->text == NULL)
        return "address-missing";
    if (s->peer == PEER_GONE && !same(s->attest, "off"))
        return "peer-unknown";
    if (s->peer == PEER_UNATTESTED && same(s->attest, "required"))
        return "peer-unknown";
    if (supplied && same(s->proxy, "forbidden"))
        return "proxy-untrusted";
    if (s->peer == PEER_STRANGER)
        return "proxy-untrusted";
    if (c->unusable) /* nobody connects from there: whatever we know of the peer, it was asserted */
        return "inside-asserted";
    if (told && (c->loopback || c->own || c->infrastructure || s->name_matches))
        return "inside-asserted";
    if (told && c->internal && !s->allow_internal)
        return "inside-asserted";
    if ((c->loopback || c->own) && !c->listed
        && (s->peer == PEER_SAME || s->peer == PEER_LEFT || same(s->proxy, "forbidden")))
        return "internal";
    if (c->internal && s->allow_internal)
        return "internal";
    if (c->prober && same(s->stage, "connect"))
        return "probe";
    if (c->proxy)
        return "proxy-shown";
    if (c->infrastructure || c->internal || s->name_matches || c->loopback || c->own)
        return "infrastructure";
    if (same(s->proxy, "required") && peer_seen && !supplied)
        return "proxy-missing";
    if (s->suspected)
        return "shared-suspect";
    return "real";
}

static const char *plain_wanted(const char *reason)
{
    if (same(reason, "real") || same(reason, "internal") || same(reason, "probe"))
        return "pass";
    return same(reason, "shared-suspect") ? "flag" : "defer";
}

static const char *plain_action(const char *wanted, const char *mode, enum realip_source source, bool password)
{
    const char *action = wanted;
    bool harder = same(wanted, "quarantine") || same(wanted, "defer") || same(wanted, "reject");

    if (same(mode, "monitor"))
        return "pass";
    if (same(mode, "protect") && harder)
        action = "no-relay";
    if (same(action, "no-relay") && (source != REALIP_SOURCE_POLICYD || password))
        return "flag";
    if (same(action, "quarantine") && source != REALIP_SOURCE_MILTER)
        return "defer";
    return action;
}

/* ---- Every combination. */

static const char *const proxies[] = { "optional", "required", "forbidden" };
static const char *const attests[] = { "off", "available", "required" };
static const char *const stages[] = { "connect", "mail", "auth" };
static const char *const modes[] = { "monitor", "protect", "enforce" };
static const enum realip_proxy_need proxy_values[]
    = { REALIP_PROXY_OPTIONAL, REALIP_PROXY_REQUIRED, REALIP_PROXY_FORBIDDEN };
static const enum realip_attest_need attest_values[]
    = { REALIP_ATTEST_OFF, REALIP_ATTEST_AVAILABLE, REALIP_ATTEST_REQUIRED };
static const enum realip_stage stage_values[] = { REALIP_STAGE_CONNECT, REALIP_STAGE_MAIL, REALIP_STAGE_AUTH };
static const enum realip_mode mode_values[] = { REALIP_MODE_MONITOR, REALIP_MODE_PROTECT, REALIP_MODE_ENFORCE };
static const struct realip_origin name_rule = { "rules.conf", 99 };

static struct realip_facts facts_of(const struct session *session, unsigned stage, enum realip_source source)
{
    static const enum realip_peer_state states[] = { REALIP_PEER_UNATTESTED, REALIP_PEER_GONE,  REALIP_PEER_LEFT,
                                                     REALIP_PEER_KNOWN,      REALIP_PEER_KNOWN, REALIP_PEER_KNOWN,
                                                     REALIP_PEER_LEFT };
    struct realip_facts facts = {
        .source = source,
        .stage = stage_values[stage],
        .peer_state = states[session->peer],
        .client = address_of(session->client->text),
        .suspected = session->suspected,
        .client_name_rule = session->name_matches ? &name_rule : NULL,
    };

    if (session->peer == PEER_SAME)
        facts.peer = facts.client;
    else if (session->peer == PEER_PROXY) /* a proxy other than the client shown */
        facts.peer = address_of(session->client->text != NULL && same(session->client->text, "10.0.2.1") ? "10.0.3.1"
                                                                                                          : "10.0.2.1");
    else if (session->peer == PEER_STRANGER)
        facts.peer = address_of("198.51.100.9");
    else if (session->peer == PEER_RELAY)
        facts.relay = address_of("192.0.2.25");
    return facts;
}

static void describe(const struct session *s, char *text, size_t size)
{
    static const char *const peers[] = { "unattested", "gone", "left", "same", "proxy", "stranger", "relay" };

    snprintf(text, size, "client %s peer %s proxy %s attest %s at %s%s%s%s", s->client->text == NULL ? "-" : s->client->text,
             peers[s->peer], s->proxy, s->attest, s->stage, s->allow_internal ? " allow-internal" : "",
             s->suspected ? " suspected" : "", s->name_matches ? " name" : "");
}

static void check_session(const struct session *session, unsigned stage, unsigned *seen)
{
    static const enum realip_source sources[] = { REALIP_SOURCE_POLICYD, REALIP_SOURCE_MILTER, REALIP_SOURCE_DOVECOT_LOGIN,
                                                  REALIP_SOURCE_DOVECOT_AUTH, REALIP_SOURCE_DOVECOT_MAIL };
    const char *reason = plain_reason(session);
    const char *wanted = plain_wanted(reason);
    char text[256];

    describe(session, text, sizeof(text));
    for (unsigned i = 0; i < 5 * 3 * 2; i++) {
        struct realip_facts facts = facts_of(session, stage, sources[i % 5]);
        struct realip_verdict verdict;
        unsigned mode = i / 5 % 3;

        facts.password_login = i / 15 == 1;
        rules.fallback.mode = mode_values[mode];
        realip_decide(&rules, &facts, &verdict);
        const char *action = plain_action(wanted, modes[mode], facts.source, facts.password_login);
        realip_assert_often(same(realip_reason_token(verdict.reason), reason), "%s: %s, not %s", text,
                            realip_reason_token(verdict.reason), reason);
        realip_assert_often(same(realip_action_token(verdict.wanted), wanted), "%s: wanted %s", text,
                            realip_action_token(verdict.wanted));
        realip_assert_often(same(realip_action_token(verdict.action), action), "%s mode %s: action %s, not %s", text,
                            modes[mode], realip_action_token(verdict.action), action);
        realip_assert_often(verdict.listener == &rules.fallback, "%s: another listener", text);
        seen[verdict.reason]++;
    }
}

static void check_listener(unsigned proxy, unsigned attest, bool allow_internal, unsigned *seen)
{
    rules.fallback.proxy = proxy_values[proxy];
    rules.fallback.attest = attest_values[attest];
    rules.fallback.allow_internal = allow_internal;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        for (unsigned i = 0; i < PEER_CASE_COUNT * 3 * 4; i++) {
            struct session session = { .client = &kinds[kind],
                                       .peer = (enum peer_case)(i % PEER_CASE_COUNT),
                                       .proxy = proxies[proxy],
                                       .attest = attests[attest],
                                       .stage = stages[i / PEER_CASE_COUNT % 3],
                                       .allow_internal = allow_internal,
                                       .suspected = i / (PEER_CASE_COUNT * 3) % 2 == 1,
                                       .name_matches = i / (PEER_CASE_COUNT * 6) % 2 == 1 };

            if (session.client->text == NULL && session.peer == PEER_SAME)
                continue; /* a known peer has an address: see incomplete_facts_are_undecided */
            check_session(&session, i / PEER_CASE_COUNT % 3, seen);
        }
    }
}

START_TEST(every_combination_is_judged_as_the_rules_say)
{
    unsigned seen[REALIP_REASON_COUNT] = { 0 };

    for (unsigned i = 0; i < 3 * 3 * 2; i++)
        check_listener(i % 3, i / 3 % 3, i / 9 == 1, seen);
    for (unsigned reason = 1; reason < REALIP_REASON_COUNT; reason++)
        ck_assert_msg(seen[reason] > 0, "%s never came about", realip_reason_token((enum realip_reason)reason));
    ck_assert_uint_eq(seen[REALIP_REASON_UNDECIDED], 0);
}
END_TEST

/* ---- Actions other than the defaults. */

START_TEST(every_action_is_capped_by_the_mode_and_the_source)
{
    static const char *const actions[] = { "pass", "flag", "no-relay", "quarantine", "defer", "reject" };

    for (unsigned i = 0; i < 6 * 3 * 2 * 2; i++) {
        const char *wanted = actions[i % 6];
        const char *mode = modes[i / 6 % 3];
        struct realip_facts facts = { .source = i / 18 % 2 == 0 ? REALIP_SOURCE_POLICYD : REALIP_SOURCE_MILTER,
                                      .stage = REALIP_STAGE_MAIL,
                                      .peer_state = REALIP_PEER_UNATTESTED,
                                      .client = address_of("10.0.1.1"),
                                      .password_login = i / 36 == 1 };
        struct realip_verdict verdict;

        rules.fallback.mode = mode_values[i / 6 % 3];
        rules.fallback.actions[REALIP_REASON_INFRASTRUCTURE] = realip_action_from_token(wanted);
        realip_decide(&rules, &facts, &verdict);
        ck_assert_str_eq(realip_action_token(verdict.wanted), wanted);
        ck_assert_str_eq(realip_action_token(verdict.action),
                         plain_action(wanted, mode, facts.source, facts.password_login));
    }
}
END_TEST

/* ---- Which line and which network decided. */

static struct realip_verdict judge(const char *client, const char *peer)
{
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD,
                                  .stage = REALIP_STAGE_MAIL,
                                  .peer_state = peer == NULL ? REALIP_PEER_UNATTESTED : REALIP_PEER_KNOWN,
                                  .client = address_of(client),
                                  .peer = address_of(peer) };
    struct realip_verdict verdict;

    realip_decide(&rules, &facts, &verdict);
    return verdict;
}

static void check_rule(const struct realip_verdict *verdict, unsigned line, const char *network)
{
    char text[REALIP_NETWORK_TEXT_SIZE];

    ck_assert_str_eq(realip_network_format(&verdict->network, text), network);
    ck_assert_uint_eq(verdict->rule.line, line);
    ck_assert_msg((verdict->rule.file == NULL) == (line == 0), "a line without a file, or the reverse");
}

START_TEST(settings_name_their_line_too)
{
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD,
                                  .stage = REALIP_STAGE_MAIL,
                                  .peer_state = REALIP_PEER_KNOWN,
                                  .client = address_of("203.0.113.7"),
                                  .peer = address_of("10.0.2.1") };
    struct realip_verdict verdict;

    rules.suspicion_origin = (struct realip_origin){ "rules.conf", 60 };
    facts.suspected = true;
    realip_decide(&rules, &facts, &verdict);
    ck_assert_int_eq((int)verdict.reason, REALIP_REASON_SHARED_SUSPECT);
    ck_assert_uint_eq(verdict.rule.line, 60);
    facts.client_name_rule = &name_rule;
    realip_decide(&rules, &facts, &verdict);
    ck_assert_int_eq((int)verdict.reason, REALIP_REASON_INSIDE_ASSERTED);
    ck_assert_uint_eq(verdict.rule.line, 99);
    rules.fallback.proxy = REALIP_PROXY_FORBIDDEN;
    rules.fallback.proxy_origin = (struct realip_origin){ "rules.conf", 61 };
    rules.fallback.mode = REALIP_MODE_PROTECT;
    realip_decide(&rules, &facts, &verdict);
    ck_assert_int_eq((int)verdict.reason, REALIP_REASON_PROXY_UNTRUSTED);
    ck_assert_uint_eq(verdict.rule.line, 61);
    ck_assert_int_eq((int)verdict.mode, REALIP_MODE_PROTECT);
    rules.origin_count = 0; /* labels that point nowhere name no line, and nothing breaks */
    rules.fallback.proxy = REALIP_PROXY_OPTIONAL;
    facts.client_name_rule = NULL;
    facts.client = address_of("10.0.1.1");
    realip_decide(&rules, &facts, &verdict);
    ck_assert_int_eq((int)verdict.reason, REALIP_REASON_INSIDE_ASSERTED);
    ck_assert_ptr_null(verdict.rule.file);
}
END_TEST

START_TEST(logins_of_others_are_none)
{
    ck_assert(realip_facts_is_login("PLAIN", "bob"));
    ck_assert(realip_facts_is_login("EXTERNAL", "bob"));
    ck_assert(!realip_facts_is_login("XCLIENT", "bob"));
    ck_assert(!realip_facts_is_login("xclient", "bob"));
    ck_assert(!realip_facts_is_login("Anonymous", "bob"));
    ck_assert(!realip_facts_is_login("PLAIN", ""));
    ck_assert(!realip_facts_is_login("PLAIN", NULL));
    ck_assert(!realip_facts_is_login("", "bob"));
    ck_assert(!realip_facts_is_login(NULL, "bob"));
}
END_TEST

START_TEST(the_line_that_decided_is_named)
{
    struct realip_verdict verdict = judge("10.0.1.1", NULL);
    check_rule(&verdict, REALIP_SET_INFRASTRUCTURE + 1, "10.0.1.1/32");
    verdict = judge("10.0.3.1", NULL);
    check_rule(&verdict, REALIP_SET_PROXIES + 1, "10.0.3.1/32");
    verdict = judge("10.0.3.1", "10.0.2.1");
    check_rule(&verdict, REALIP_SET_INFRASTRUCTURE + 1, "10.0.3.1/32");
    verdict = judge("203.0.113.7", "10.0.2.1"); /* real: the proxy that vouched for it */
    check_rule(&verdict, REALIP_SET_PROXIES + 1, "10.0.2.1/32");
    verdict = judge("203.0.113.7", NULL);
    check_rule(&verdict, 0, "-");
    verdict = judge("127.0.0.1", "10.0.2.1");
    check_rule(&verdict, 0, "-");
    rules.fallback.proxy = REALIP_PROXY_REQUIRED;
    rules.fallback.proxy_origin = (struct realip_origin){ "rules.conf", 50 };
    verdict = judge("203.0.113.7", "203.0.113.7");
    check_rule(&verdict, 50, "-");
    rules.fallback.attest = REALIP_ATTEST_REQUIRED;
    rules.fallback.attest_origin = (struct realip_origin){ "rules.conf", 51 };
    verdict = judge("203.0.113.7", NULL);
    check_rule(&verdict, 51, "-");
}
END_TEST

/* ---- Faults of an adapter. */

static void check_undecided(const struct realip_facts *facts)
{
    struct realip_verdict verdict;

    realip_decide(&rules, facts, &verdict);
    ck_assert_int_eq((int)verdict.reason, REALIP_REASON_UNDECIDED);
    ck_assert_int_eq((int)verdict.action, REALIP_ACTION_UNDECIDED);
    ck_assert_ptr_nonnull(verdict.listener);
}

START_TEST(incomplete_facts_are_undecided)
{
    const struct realip_facts good = { .source = REALIP_SOURCE_POLICYD,
                                       .stage = REALIP_STAGE_MAIL,
                                       .peer_state = REALIP_PEER_UNATTESTED,
                                       .client = address_of("203.0.113.7") };
    struct realip_facts facts = good;

    check_undecided(&(struct realip_facts){ 0 });
    facts.source = REALIP_SOURCE_UNDECIDED;
    check_undecided(&facts);
    facts = good;
    facts.stage = REALIP_STAGE_UNDECIDED;
    check_undecided(&facts);
    facts = good;
    facts.peer_state = REALIP_PEER_UNDECIDED;
    check_undecided(&facts);
    facts.peer_state = REALIP_PEER_KNOWN; /* and no peer */
    check_undecided(&facts);
    facts = good;
    rules.fallback.mode = REALIP_MODE_UNDECIDED;
    check_undecided(&facts);
    rules.fallback.mode = REALIP_MODE_ENFORCE;
    enum realip_proxy_need proxy = rules.fallback.proxy;
    rules.fallback.proxy = REALIP_PROXY_UNDECIDED;
    check_undecided(&facts);
    rules.fallback.proxy = proxy;
    rules.fallback.attest = REALIP_ATTEST_UNDECIDED;
    check_undecided(&facts);
}
END_TEST

/* ---- Which listener judges. */

START_TEST(listeners_match_by_name_then_port_then_service)
{
    static const char *const smtp_names[] = { "smtp-proxied", "25-in" };
    static const uint16_t smtp_ports[] = { 25, 2525 };
    static const uint16_t imap_ports[] = { 143 };
    struct realip_listener listeners[3];
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD };

    for (unsigned i = 0; i < 3; i++)
        realip_listener_set_defaults(&listeners[i]);
    listeners[0].title = "smtp";
    listeners[0].names = smtp_names;
    listeners[0].name_count = 2;
    listeners[0].ports = smtp_ports;
    listeners[0].port_count = 2;
    listeners[1].title = "imap-proxied";
    listeners[1].ports = imap_ports;
    listeners[1].port_count = 1;
    listeners[2].title = "imap";
    rules.listeners = listeners;
    rules.listener_count = 3;
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &rules.fallback);
    facts.service = "imap";
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[2]);
    facts.listener_port = 143;
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[1]);
    facts.listener_name = "25-in";
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[0]);
    facts.listener_name = "smtp";
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[0]);
    facts.listener_name = "nobody";
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[1]);
    facts.listener_name = "";
    facts.listener_port = 2525;
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[0]);
    facts.listener_port = 26;
    facts.service = "smtpd";
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &rules.fallback);
    /* The port could not be found out: of the fallback and all listeners with ports the hardest on unknown peers. */
    facts.listener_port = 0;
    facts.listener_unsure = true;
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &rules.fallback); /* all monitor */
    listeners[1].mode = REALIP_MODE_PROTECT;
    listeners[2].mode = REALIP_MODE_ENFORCE; /* has no port: it is not the one */
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[1]);
    listeners[0].mode = REALIP_MODE_ENFORCE;
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[0]);
    listeners[0].attest = REALIP_ATTEST_OFF;
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[1]);
    facts.listener_name = "imap";
    ck_assert_ptr_eq(realip_rules_listener(&rules, &facts), &listeners[2]);
}
END_TEST

Suite *realip_decide_suite(void)
{
    Suite *suite = suite_create("decide");
    TCase *tests = tcase_create("decide");

    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, make_world, free_world);
    tcase_add_test(tests, every_combination_is_judged_as_the_rules_say);
    tcase_add_test(tests, every_action_is_capped_by_the_mode_and_the_source);
    tcase_add_test(tests, the_line_that_decided_is_named);
    tcase_add_test(tests, settings_name_their_line_too);
    tcase_add_test(tests, logins_of_others_are_none);
    tcase_add_test(tests, incomplete_facts_are_undecided);
    tcase_add_test(tests, listeners_match_by_name_then_port_then_service);
    suite_add_tcase(suite, tests);
    return suite;
}
