#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "core/decide.h"
#include "runtime/endpoint.h"
#include "runtime/log.h"
#include "runtime/name_pattern.h"
#include "runtime/paced_log.h"
#include "runtime/snapshot.h"
#include "suites.h"

/* ---- Endpoints. */

START_TEST(endpoints_are_read_as_libmilter_spells_them)
{
    static const struct {
        const char *text;
        const char *path;
        const char *host;
        unsigned port;
    } rows[] = {
        { "unix:/run/x", "/run/x", NULL, 0 },
        { "local:/run/x", "/run/x", NULL, 0 },
        { "inet:10040", NULL, NULL, 10040 },
        { "inet:10040@127.0.0.1", NULL, "127.0.0.1", 10040 },
        { "inet6:10040@::1", NULL, "::1", 10040 },
        { "inet6:10040@[::1]", NULL, "::1", 10040 },
        { "127.0.0.1:9168", NULL, "127.0.0.1", 9168 },
        { "[::1]:9168", NULL, "::1", 9168 },
        { ":9168", NULL, NULL, 9168 },
    };
    static const char *const bad[] = { "", "x", "/run/x", "unix:", "unix:x", "inet:", "inet:0", "inet:65536", "inet:x@y",
                                       "host", "host:", "host:x", "::1:9168", "[::1]", "inet:123456" };
    struct realip_arena arena = { NULL };
    struct realip_endpoint endpoint;
    const char *reason = "";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(realip_endpoint_parse(rows[i].text, &arena, &endpoint, &reason) == 0, "%s: %s", rows[i].text, reason);
        ck_assert_pstr_eq(endpoint.path, rows[i].path);
        ck_assert_pstr_eq(endpoint.host, rows[i].host);
        ck_assert_uint_eq(endpoint.port, rows[i].port);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(realip_endpoint_parse(bad[i], &arena, &endpoint, &reason) == -1, "'%s' was taken", bad[i]);
    realip_arena_clear(&arena);
}
END_TEST

/* ---- The log line. */

START_TEST(escaped_text_cannot_end_its_field)
{
    char out[64];
    unsigned char all[256];

    ck_assert_uint_eq(realip_log_escape("plain-text_1.2@x", out, sizeof(out)), 16);
    ck_assert_str_eq(out, "plain-text_1.2@x");
    realip_log_escape("a b=\"\\\n\x80", out, sizeof(out));
    ck_assert_str_eq(out, "a\\x20b\\x3d\\x22\\x5c\\x0a\\x80");
    realip_log_escape("", out, sizeof(out));
    ck_assert_str_eq(out, "-");
    realip_log_escape(NULL, out, sizeof(out));
    ck_assert_str_eq(out, "-");
    for (unsigned i = 0; i < 255; i++)
        all[i] = (unsigned char)(i + 1);
    all[255] = '\0';
    for (size_t size = 1; size <= sizeof(out); size++) { /* cut anywhere, never in the middle of an escape */
        size_t length = realip_log_escape((const char *)all, out, size);

        ck_assert_uint_lt(length, size);
        ck_assert_uint_eq(strlen(out), length);
        ck_assert_ptr_null(strpbrk(out, " =\"\n"));
        ck_assert_uint_eq(length % 4, 0); /* the first 32 bytes are all escaped */
    }
}
END_TEST

START_TEST(the_log_line_has_its_keys_in_order)
{
    struct realip_listener listener;
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD,
                                  .peer_state = REALIP_PEER_KNOWN,
                                  .client = { 0, 0x0a001405, REALIP_FAMILY_IPV4 },
                                  .peer = { 0, 0x0a00140d, REALIP_FAMILY_IPV4 },
                                  .service = "smtpd",
                                  .session = "a.b",
                                  .user = "bob smith" };
    struct realip_verdict verdict = { .reason = REALIP_REASON_INSIDE_ASSERTED,
                                      .wanted = REALIP_ACTION_DEFER,
                                      .action = REALIP_ACTION_PASS,
                                      .listener = &listener,
                                      .network = { { 0, 0x0a001400, REALIP_FAMILY_IPV4 }, 24 },
                                      .rule = { "/etc/x y.conf", 7 } };
    char line[REALIP_LOG_LINE_SIZE];
    char longer[4000];

    realip_listener_set_defaults(&listener);
    listener.title = "smtp in";
    realip_log_verdict_line(&facts, &verdict, line, sizeof(line));
    ck_assert_str_eq(line, "realip source=policyd listener=smtp\\x20in reason=inside-asserted action=pass wanted=defer "
                           "client=10.0.20.5 peer=10.0.20.13 network=10.0.20.0/24 rule=/etc/x\\x20y.conf:7 service=smtpd "
                           "session=a.b user=bob\\x20smith");
    listener.title = NULL;
    facts = (struct realip_facts){ .source = REALIP_SOURCE_MILTER, .peer_state = REALIP_PEER_GONE };
    verdict.network = (struct realip_network){ 0 };
    verdict.rule = (struct realip_origin){ NULL, 0 };
    realip_log_verdict_line(&facts, &verdict, line, sizeof(line));
    ck_assert_str_eq(line, "realip source=milter listener=- reason=inside-asserted action=pass wanted=defer client=- "
                           "peer=gone network=- rule=- service=- session=- user=-");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    facts.session = facts.user = facts.service = longer;
    ck_assert_uint_lt(realip_log_verdict_line(&facts, &verdict, line, sizeof(line)), sizeof(line));
    ck_assert_ptr_nonnull(strstr(line, " user=xxx")); /* long texts are cut, later keys stay */
    for (size_t size = 1; size < 300; size++)
        ck_assert_uint_lt(realip_log_verdict_line(&facts, &verdict, line, size), size);
}
END_TEST

/* ---- Configuration and snapshots. */

static char path[] = "/tmp/realip-unit-XXXXXX";
static bool has_path;

static void write_config(const char *text)
{
    if (!has_path) {
        int fd = mkstemp(path);

        ck_assert_int_ge(fd, 0);
        close(fd);
        has_path = true;
    }
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void remove_config(void)
{
    if (has_path)
        unlink(path);
}

static void check_defaults(const struct realip_listener *listener)
{
    ck_assert_int_eq((int)listener->mode, REALIP_MODE_MONITOR);
    ck_assert_int_eq((int)listener->proxy, REALIP_PROXY_OPTIONAL);
    ck_assert_int_eq((int)listener->attest, REALIP_ATTEST_AVAILABLE);
    ck_assert(!listener->allow_internal);
    ck_assert_int_eq((int)listener->actions[REALIP_REASON_INFRASTRUCTURE], REALIP_ACTION_DEFER);
    ck_assert_int_eq((int)listener->actions[REALIP_REASON_SHARED_SUSPECT], REALIP_ACTION_FLAG);
}

/* What `count` messages of a kind write into the log. */
static void write_paced(struct realip_paced_log *kind, int count, char *written, size_t size)
{
    int standard_error = dup(STDERR_FILENO);
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    for (int i = 0; i < count; i++)
        realip_paced_log(kind, LOG_WARNING, "a %s is refused", "question");
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(ends[1]);
    ssize_t length = read(ends[0], written, size - 1);
    close(ends[0]);
    ck_assert_int_ge(length, 0);
    written[length] = '\0';
}

START_TEST(a_paced_log_tells_how_often)
{
    struct realip_paced_log kind = { 0 }, other = { 0 };
    char written[1000];

    realip_log_open("test", REALIP_LOG_STDERR);
    write_paced(&kind, 100, written, sizeof(written));
    ck_assert_str_eq(written, "test: a question is refused; if it goes on, a line a minute tells how often\n");
    write_paced(&other, 1, written, sizeof(written));
    ck_assert_str_ne(written, "");
    kind.said_at -= REALIP_PACED_LOG_SECONDS - 2;
    write_paced(&kind, 1, written, sizeof(written));
    ck_assert_str_eq(written, "");
    kind.said_at -= 2;
    write_paced(&kind, 7, written, sizeof(written));
    ck_assert_str_eq(written, "test: a question is refused (and 100 times since the last line about it)\n");
    kind.said_at -= REALIP_PACED_LOG_SECONDS;
    write_paced(&kind, 1, written, sizeof(written));
    ck_assert_str_eq(written, "test: a question is refused (and 6 times since the last line about it)\n");
}
END_TEST

START_TEST(an_empty_file_is_a_configuration)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config;

    write_config("");
    ck_assert_int_eq(realip_config_load(path, &config, &problems), 0);
    check_defaults(&config->rules.fallback);
    ck_assert_uint_eq(config->rules.listener_count, 0);
    ck_assert_str_eq(config->client_user, "postfix");
    ck_assert_ptr_null(config->user);
    ck_assert(!config->log_passes);
    realip_config_free(&config);
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(listeners_inherit_the_top_level_wherever_it_stands)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config;

    write_config("listener a { }\nlistener b { mode = monitor proxy = optional actions { infrastructure = flag } }\n"
                 "mode = enforce\nproxy = required\nattest = off\nallow-internal = true\n"
                 "actions { infrastructure = reject peer-unknown = flag }\n");
    ck_assert_int_eq(realip_config_load(path, &config, &problems), 0);
    const struct realip_listener *a = &config->rules.listeners[0];
    const struct realip_listener *b = &config->rules.listeners[1];
    ck_assert_int_eq((int)a->mode, REALIP_MODE_ENFORCE);
    ck_assert_int_eq((int)a->proxy, REALIP_PROXY_REQUIRED);
    ck_assert_uint_eq(a->proxy_origin.line, 4);
    ck_assert_int_eq((int)a->attest, REALIP_ATTEST_OFF);
    ck_assert(a->allow_internal);
    ck_assert_int_eq((int)a->actions[REALIP_REASON_INFRASTRUCTURE], REALIP_ACTION_REJECT);
    ck_assert_int_eq((int)b->mode, REALIP_MODE_MONITOR);
    ck_assert_int_eq((int)b->proxy, REALIP_PROXY_OPTIONAL);
    ck_assert_int_eq((int)b->actions[REALIP_REASON_INFRASTRUCTURE], REALIP_ACTION_FLAG);
    ck_assert_int_eq((int)b->actions[REALIP_REASON_PEER_UNKNOWN], REALIP_ACTION_FLAG);
    ck_assert_int_eq((int)b->actions[REALIP_REASON_PROXY_SHOWN], REALIP_ACTION_DEFER);
    realip_config_free(&config);
}
END_TEST

static const char *judged(struct realip_snapshot *snapshot)
{
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD,
                                  .stage = REALIP_STAGE_MAIL,
                                  .peer_state = REALIP_PEER_UNATTESTED,
                                  .client = { 0, 0x0a001405, REALIP_FAMILY_IPV4 } };
    struct realip_verdict verdict;

    realip_snapshot_judge(snapshot, &facts, &verdict);
    return realip_reason_token(verdict.reason);
}

static unsigned long long counted(struct realip_metrics *metrics, const char *line)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    unsigned long long value = 0;

    realip_metrics_write(metrics, out);
    fclose(out);
    const char *found = strstr(text, line);
    if (found != NULL)
        value = strtoull(found + strlen(line), NULL, 10);
    free(text);
    return value;
}

START_TEST(a_reload_swaps_and_a_broken_one_does_not)
{
    struct realip_metrics *metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    struct realip_problems problems = { 0 };
    struct realip_snapshots *snapshots;

    write_config("networks infrastructure { cidr = \"10.0.20.0/24\" }");
    ck_assert_int_eq(realip_snapshots_open(path, metrics, &snapshots, &problems), 0);
    struct realip_snapshot *first = realip_snapshots_acquire(snapshots);
    ck_assert_str_eq(judged(first), "infrastructure");
    write_config("networks infrastructure { cidr = \"10.0.20.0/33\" }");
    ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), -1);
    ck_assert_uint_eq(problems.count, 1);
    struct realip_snapshot *same = realip_snapshots_acquire(snapshots);
    ck_assert_ptr_eq(same, first);
    realip_snapshot_release(&same);
    write_config("mode = enforce");
    ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), 0);
    struct realip_snapshot *second = realip_snapshots_acquire(snapshots);
    ck_assert_str_eq(judged(second), "real");
    ck_assert_str_eq(judged(first), "infrastructure"); /* who holds the old one goes on with it */
    ck_assert_uint_eq(counted(metrics, "reason=\"infrastructure\",action=\"pass\"} "), 2);
    ck_assert_uint_eq(counted(metrics, "reason=\"real\",action=\"pass\"} "), 1);
    realip_snapshot_release(&first);
    realip_snapshot_release(&second);
    ck_assert_ptr_null(second);
    realip_snapshots_free(&snapshots);
    realip_metrics_free(&metrics);
    realip_problems_clear(&problems);
}
END_TEST

START_TEST(names_match_as_patterns)
{
    struct realip_name_pattern *list = NULL;
    struct realip_problems problems = { 0 };
    struct realip_origin one = { "x", 1 };
    struct realip_origin two = { "x", 2 };

    ck_assert_int_eq(realip_name_pattern_add(&list, "/^node[0-9]+\\./i", one, &problems), 0);
    ck_assert_int_eq(realip_name_pattern_add(&list, "/^(a+)+$/", two, &problems), 0);
    ck_assert_uint_eq(realip_name_pattern_match(list, "NODE1.example.net")->line, 1);
    ck_assert_uint_eq(realip_name_pattern_match(list, "aaaa")->line, 2);
    ck_assert_ptr_null(realip_name_pattern_match(list, "mail.example.net"));
    ck_assert_ptr_null(realip_name_pattern_match(list, "unknown"));
    ck_assert_ptr_null(realip_name_pattern_match(list, "[10.0.0.1]"));
    ck_assert_ptr_null(realip_name_pattern_match(list, ""));
    ck_assert_ptr_null(realip_name_pattern_match(list, NULL));
    ck_assert_ptr_null(realip_name_pattern_match(NULL, "node1.x"));
    /* A name that makes the pattern run out of its limit buys no pass. */
    ck_assert_ptr_nonnull(realip_name_pattern_match(list, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
    ck_assert_int_eq(realip_name_pattern_add(&list, "node", one, &problems), -1);
    ck_assert_int_eq(realip_name_pattern_add(&list, "/node/x", one, &problems), -1);
    ck_assert_int_eq(realip_name_pattern_add(&list, "/(/", one, &problems), -1);
    ck_assert_int_eq(realip_name_pattern_add(&list, "//", one, &problems), -1);
    realip_name_pattern_free(&list);
    ck_assert_ptr_null(list);
    realip_problems_clear(&problems);
}
END_TEST

Suite *realip_runtime_suite(void)
{
    Suite *suite = suite_create("runtime");
    TCase *tests = tcase_create("runtime");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, remove_config);
    tcase_add_test(tests, endpoints_are_read_as_libmilter_spells_them);
    tcase_add_test(tests, escaped_text_cannot_end_its_field);
    tcase_add_test(tests, the_log_line_has_its_keys_in_order);
    tcase_add_test(tests, a_paced_log_tells_how_often);
    tcase_add_test(tests, an_empty_file_is_a_configuration);
    tcase_add_test(tests, listeners_inherit_the_top_level_wherever_it_stands);
    tcase_add_test(tests, a_reload_swaps_and_a_broken_one_does_not);
    tcase_add_test(tests, names_match_as_patterns);
    suite_add_tcase(suite, tests);
    return suite;
}
