/* Sources of networks that vanish, turn empty, are cut off or broken keep what they last held, and say so once. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/decide.h"
#include "runtime/log.h"
#include "runtime/snapshot.h"
#include "scratch.h"
#include "suites.h"

static char folder[] = "/tmp/realip-sources-XXXXXX";
static char config_path[64];
static struct realip_metrics *metrics;
static struct realip_snapshots *snapshots;
static int standard_error; /* while the log goes to a file */

static const char *in(const char *name)
{
    static char paths[4][80];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    realip_scratch_write(in(name), text, strlen(text));
}

static void begin(void)
{
    realip_scratch_make(folder);
    mkdir(in("d"), 0755);
    snprintf(config_path, sizeof(config_path), "%s/conf", folder);
    metrics = realip_metrics_new(REALIP_SOURCE_POLICYD);
    int log = open(in("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    standard_error = dup(STDERR_FILENO);
    ck_assert(log >= 0 && standard_error >= 0 && dup2(log, STDERR_FILENO) == STDERR_FILENO);
    close(log);
}

static void end(void)
{
    char command[sizeof(folder) + 16];

    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    realip_snapshots_free(&snapshots);
    realip_metrics_free(&metrics);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    mkdir(folder, 0755);
    realip_scratch_remove(folder);
}

/* `text` has %s for the folder, once or twice. */
static void configure(const char *text)
{
    char whole[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(whole, sizeof(whole), text, folder, folder);
#pragma GCC diagnostic pop
    put("conf", whole);
}

static void open_snapshots(void)
{
    struct realip_problems problems = { 0 };

    ck_assert_msg(realip_snapshots_open(config_path, metrics, &snapshots, &problems) == 0, "%s", problems.text);
}

/* What a refresh returns; the first problem's text must hold `words` where it fails. */
static int refresh(const char *words)
{
    struct realip_problems problems = { 0 };
    int result = realip_snapshots_refresh(snapshots, &problems);

    ck_assert_int_eq(result < 0, problems.count > 0);
    ck_assert_msg(result == 0 || result == 1 || strstr(problems.text, words) != NULL, "%s", problems.text);
    realip_problems_clear(&problems);
    return result;
}

static bool knows(const char *client)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(snapshots);
    struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD, .stage = REALIP_STAGE_MAIL, .peer_state = REALIP_PEER_UNATTESTED };
    struct realip_verdict verdict;
    const char *reason;

    ck_assert_int_eq(realip_address_parse(client, strlen(client), &facts.client, &reason), 0);
    realip_decide(&realip_snapshot_config(snapshot)->rules, &facts, &verdict);
    ck_assert(verdict.rule.file == NULL || verdict.rule.file[0] != '\0'); /* its text is the new rules' own */
    realip_snapshot_release(&snapshot);
    return verdict.reason == REALIP_REASON_INFRASTRUCTURE;
}

static unsigned logged(const char *words)
{
    static char text[65536];
    FILE *file = fopen(in("log"), "r");
    unsigned count = 0;

    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static bool shows(const char *line)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    realip_metrics_write(metrics, out);
    fclose(out);
    bool found = strstr(text, line) != NULL;
    free(text);
    return found;
}

static bool shows_of(const char *gauge, const char *name, const char *rest)
{
    char line[256];

    snprintf(line, sizeof(line), "%s{set=\"infrastructure\",source=\"%s\"%s", gauge, in(name), rest);
    return shows(line);
}

/* As if it had been written so many seconds after 1970. */
static void date(const char *name, long seconds)
{
    const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

    ck_assert_int_eq(utimensat(AT_FDCWD, in(name), times, 0), 0);
}

static bool is_of(const char *name, const char *kind, long seconds)
{
    char rest[64];

    snprintf(rest, sizeof(rest), ",kind=\"%s\"} %ld\n", kind, seconds);
    return shows_of("realip_source_modified_timestamp_seconds", name, rest);
}

/* ---- one file -------------------------------------------------------------------------------------------------------- */

static const char good[] = "# nodes\n10.0.20.1\n10.0.20.2\n";

static void make_empty(void)
{
    put("list", "");
}

static void leave_comments(void)
{
    put("list", "# nodes\n\n");
}

static void cut_a_line(void)
{
    ck_assert_int_eq(truncate(in("list"), (off_t)strlen(good) - 2), 0);
}

static void cut_all(void)
{
    ck_assert_int_eq(truncate(in("list"), 0), 0);
}

static void break_a_line(void)
{
    put("list", "10.0.20.1\n10.0.20.0/24x\n");
}

static void delete(void)
{
    ck_assert_int_eq(unlink(in("list")), 0);
}

static void put_a_folder(void)
{
    unlink(in("list"));
    ck_assert_int_eq(mkdir(in("list"), 0755), 0);
}

static void put_zeros(void)
{
    realip_scratch_write(in("list"), "\0\0\0\0\0\0\0\0", 8); /* as a crash leaves some file systems */
}

/* A network, and a comment that makes its line so long, with its end. */
static void put_line_of(size_t bytes)
{
    char text[8192];

    ck_assert_uint_lt(strlen(good) + bytes, sizeof(text));
    snprintf(text, sizeof(text), "%s10.0.20.3 #%0*d\n", good, (int)bytes - 12, 0);
    ck_assert_uint_eq(strlen(text), strlen(good) + bytes);
    put("list", text);
}

static void put_a_long_line(void)
{
    put_line_of(4097);
}

static void put_too_much(void)
{
    ck_assert_int_eq(truncate(in("list"), (64L << 20) + 1), 0);
}

static void (*const damages[])(void) = { make_empty, leave_comments, cut_a_line,   cut_all,         break_a_line,
                                         delete,     put_a_folder,   put_zeros, put_a_long_line, put_too_much };
#define DAMAGES (int)(sizeof(damages) / sizeof(damages[0]))

START_TEST(a_damaged_file_keeps_its_last_good_content)
{
    configure("mode = enforce\nnetworks infrastructure { files = \"%s/list\" }\n");
    put("list", good);
    open_snapshots();
    damages[_i]();
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(refresh(""), 1); /* nothing else changed */
        ck_assert(knows("10.0.20.1") && knows("10.0.20.2") && !knows("10.0.20.3"));
        ck_assert_uint_eq(logged("is stale, its last good content stays in force (2 networks, of 20"), 1);
        ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 1);
    }
    ck_assert(!realip_metrics_is_stale(metrics));
    configure("mode = monitor\nnetworks infrastructure { cidr = \"10.9.0.0/16\" files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 0); /* the rest goes on being reloaded */
    ck_assert(knows("10.9.0.1") && knows("10.0.20.1") && knows("10.0.20.2"));
    ck_assert_uint_eq(logged("is stale"), 1);
    rmdir(in("list"));
    put("list", "10.0.20.2\n10.0.20.3\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(!knows("10.0.20.1") && knows("10.0.20.2") && knows("10.0.20.3"));
    ck_assert_uint_eq(logged("is stale"), 1);
    ck_assert_uint_eq(logged("is good again (2 networks)"), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
}
END_TEST

START_TEST(a_file_without_bounds_is_named)
{
    configure("networks infrastructure { files = \"%s/list\" }\n");
    put_line_of(4096);
    open_snapshots();
    ck_assert(knows("10.0.20.3"));
    put_a_long_line();
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(knows("10.0.20.3"));
    ck_assert_uint_eq(logged("(3 networks, of 20"), 1);
    ck_assert_uint_eq(logged("/list:4: networks infrastructure: a line of more than 4096 bytes; write one network a line, or shorten its comment\n"), 1);
    put("list", good);
    ck_assert_int_eq(refresh(""), 0);
    put_too_much();
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(logged("/list: networks infrastructure: is larger than 64 MiB: no list of networks is; write networks alone into it, one a line\n"), 1);
}
END_TEST

START_TEST(at_the_start_each_source_must_be_good)
{
    struct realip_problems problems = { 0 };

    configure("networks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(realip_snapshots_open(config_path, metrics, &snapshots, &problems), -1);
    ck_assert_ptr_nonnull(strstr(problems.text, "cannot read"));
    realip_problems_clear(&problems);
    put("list", "10.0.20.1\nx\n");
    ck_assert_int_eq(realip_snapshots_open(config_path, metrics, &snapshots, &problems), -1);
    realip_problems_clear(&problems);
}
END_TEST

START_TEST(a_new_source_must_be_good_too)
{
    configure("networks infrastructure { cidr = \"10.1.0.0/16\" }\n");
    open_snapshots();
    configure("networks infrastructure { cidr = \"10.2.0.0/16\" files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh("cannot read"), -1);
    ck_assert(knows("10.1.0.1") && !knows("10.2.0.1"));
    ck_assert_int_eq(refresh(""), 1); /* told already */
    put("list", "x\n");
    ck_assert_int_eq(refresh("'x'"), -1);
    put("list", good);
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.2.0.1") && knows("10.0.20.1"));
}
END_TEST

START_TEST(empty_on_purpose)
{
    static const char *const texts[] = { "# empty\n", "#empty", "  #  empty  \r\n", "# nodes\n# empty\n# more\n" };

    configure("networks infrastructure { files = \"%s/list\" }\n");
    put("list", good);
    open_snapshots();
    put("list", texts[_i]);
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(!knows("10.0.20.1"));
    ck_assert_uint_eq(logged("stale"), 0);
    put("list", ""); /* there was nothing to lose */
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(logged("stale"), 0);
}
END_TEST

START_TEST(words_of_comments_do_not_empty_a_file)
{
    static const char *const texts[] = { "# emptyish\n", "# not empty\n", "# empty or not\n", "## empty\n" };

    configure("networks infrastructure { files = \"%s/list\" }\n");
    put("list", good);
    open_snapshots();
    put("list", texts[_i]);
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(knows("10.0.20.1"));
    ck_assert_uint_eq(logged("has no network any more; write a line '# empty'"), 1);
}
END_TEST

START_TEST(a_last_line_without_an_end_is_fine_where_it_always_was)
{
    configure("networks infrastructure { files = \"%s/list\" }\n");
    put("list", "10.0.20.1\n10.0.20.2");
    open_snapshots();
    ck_assert(knows("10.0.20.2"));
    put("list", "10.0.20.1\n10.0.20.3");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.20.3") && !knows("10.0.20.2"));
}
END_TEST

/* ---- contradictions -------------------------------------------------------------------------------------------------- */

static bool lists(enum realip_set set, const char *address)
{
    struct realip_snapshot *snapshot = realip_snapshots_acquire(snapshots);
    struct realip_address parsed;
    const char *reason;

    ck_assert_int_eq(realip_address_parse(address, strlen(address), &parsed, &reason), 0);
    bool found = realip_network_set_contains(realip_snapshot_config(snapshot)->rules.sets[set], &parsed);
    realip_snapshot_release(&snapshot);
    return found;
}

/* A list of `set` is what it was, and then wants what contradicts the rest of the configuration. */
static const struct {
    enum realip_set set;
    const char *rest;  /* of the configuration; %s is the folder */
    const char *wants; /* besides 10.0.20.1 */
    const char *why;
} quarrels[] = {
    { REALIP_SET_PROXIES, "networks internal { cidr = \"10.1.0.5\" }", "10.1.0.5", "networks proxies: 10.1.0.5/32 is also in networks internal" },
    { REALIP_SET_INTERNAL, "networks proxies { cidr = \"10.1.0.5\" }", "10.1.0.5", "networks proxies: 10.1.0.5/32 is also in networks internal" },
    { REALIP_SET_RELAYS, "networks infrastructure { cidr = \"10.1.0.5\" }", "10.1.0.5", "networks relays: 10.1.0.5/32 is also in networks infrastructure" },
    { REALIP_SET_INFRASTRUCTURE, "networks relays { cidr = { \"10.7.0.1\", \"10.1.0.5\" } }", "10.1.0.5",
      "networks relays: 10.1.0.5/32 is also in networks infrastructure" },
    { REALIP_SET_PROXIES, "", "0.0.0.0/0", "networks proxies: 0.0.0.0/0 is (nearly) every address" },
    { REALIP_SET_INTERNAL, "", "::/0", "networks internal: ::/0 is (nearly) every address" },
    { REALIP_SET_RELAYS, "", "128.0.0.0/1", "networks relays: 128.0.0.0/1 is (nearly) every address" },
};
#define QUARRELS (int)(sizeof(quarrels) / sizeof(quarrels[0]))

static void put_wanted(const char *wanted)
{
    char text[128];

    snprintf(text, sizeof(text), "10.0.20.2\n%s\n", wanted);
    put("list", text);
}

START_TEST(a_list_that_contradicts_the_rest_keeps_its_last_good_content)
{
    const char *set = realip_set_token(quarrels[_i].set);
    char text[512];

    snprintf(text, sizeof(text), "networks %s { files = { \"%s/list\" } }\nnetworks probers { files = \"%s/other\" }\n%s\n", set, folder, folder, quarrels[_i].rest);
    put("conf", text);
    put("list", "10.0.20.1\n");
    put("other", "10.3.0.1\n");
    open_snapshots();
    put_wanted(quarrels[_i].wants);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(refresh(""), 1);
        ck_assert(lists(quarrels[_i].set, "10.0.20.1") && !lists(quarrels[_i].set, "10.0.20.2"));
        ck_assert_uint_eq(logged("/list' is stale, its last good content stays in force (1 networks, of 20"), 1);
        ck_assert_uint_eq(logged(quarrels[_i].why), 1);
        ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 1);
    }
    put("other", "10.3.0.2\n"); /* all else goes on */
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(lists(REALIP_SET_PROBERS, "10.3.0.2") && lists(quarrels[_i].set, "10.0.20.1") && !realip_metrics_is_stale(metrics));
    put("list", "10.0.20.2\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(lists(quarrels[_i].set, "10.0.20.2") && !lists(quarrels[_i].set, "10.0.20.1"));
    ck_assert_uint_eq(logged("is good again (1 networks)"), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
}
END_TEST

START_TEST(two_lists_that_contradict_each_other)
{
    configure("networks proxies { files = \"%s/list\" }\nnetworks internal { files = \"%s/d/*.cidr\" }\n");
    put("list", "10.0.20.1\n");
    put("d/a.cidr", "10.0.20.2\n");
    open_snapshots();
    put("list", "10.0.20.1\n10.0.20.2\n10.0.20.3\n"); /* only what is new is at fault */
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 1);
    ck_assert_uint_eq(logged("/list' is stale"), 1);
    put("d/a.cidr", "10.0.20.4\n"); /* it moved */
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(lists(REALIP_SET_PROXIES, "10.0.20.2") && lists(REALIP_SET_INTERNAL, "10.0.20.4") && !lists(REALIP_SET_INTERNAL, "10.0.20.2"));
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
    put("list", "10.0.20.1\n10.0.20.5\n"); /* both are */
    put("d/a.cidr", "10.0.20.4\n10.0.20.5\n");
    put("d/b.cidr", "10.0.20.1\n10.0.20.6\n");
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 2);
    ck_assert(lists(REALIP_SET_PROXIES, "10.0.20.2") && lists(REALIP_SET_INTERNAL, "10.0.20.4"));
    ck_assert(!lists(REALIP_SET_PROXIES, "10.0.20.5") && !lists(REALIP_SET_INTERNAL, "10.0.20.5") && !lists(REALIP_SET_INTERNAL, "10.0.20.6"));
}
END_TEST

/* One fault may hide another: the list is read again as often as there are lists. */
START_TEST(contradictions_come_one_after_the_other)
{
    configure("networks proxies { cidr = \"10.0.20.9\" }\nnetworks internal { files = { \"%s/list\", \"%s/other\" } }\n");
    put("list", "10.0.20.1\n");
    put("other", "10.0.20.2\n");
    open_snapshots();
    put("list", "10.0.20.3\n10.0.20.9\n");
    put("other", "10.0.20.4\n10.0.20.9\n");
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 2);
    ck_assert(lists(REALIP_SET_INTERNAL, "10.0.20.1") && lists(REALIP_SET_INTERNAL, "10.0.20.2"));
    ck_assert(!lists(REALIP_SET_INTERNAL, "10.0.20.3") && !lists(REALIP_SET_INTERNAL, "10.0.20.4"));
}
END_TEST

START_TEST(a_contradiction_in_the_configuration_is_its_own)
{
    configure("networks proxies { files = \"%s/list\" }\n");
    put("list", "10.0.20.1\n");
    open_snapshots();
    configure("networks proxies { files = \"%s/list\" }\nnetworks internal { cidr = \"10.0.20.1\" }\n");
    ck_assert_int_eq(refresh("10.0.20.1/32 is also in networks internal"), -1);
    ck_assert(!lists(REALIP_SET_INTERNAL, "10.0.20.1"));
    ck_assert_uint_eq(logged("is stale"), 0);
    put_wanted("10.0.20.1\n0.0.0.0/0"); /* and a list's that comes to it is no excuse */
    ck_assert_int_eq(refresh("10.0.20.1/32 is also in networks internal"), 1); /* told already */
    configure("networks proxies { files = { \"%s/list\", \"%s/new\" } }\n");
    put("new", "0.0.0.0/0\n"); /* as a source that is new */
    ck_assert_int_eq(refresh("/new:1: networks proxies: 0.0.0.0/0"), -1);
    ck_assert(lists(REALIP_SET_PROXIES, "10.0.20.1") && !lists(REALIP_SET_PROXIES, "10.0.20.2"));
}
END_TEST

/* ---- patterns -------------------------------------------------------------------------------------------------------- */

START_TEST(of_a_pattern_one_file_is_kept_and_the_others_go_on)
{
    configure("networks infrastructure { files = \"%s/d/*.cidr\" }\n");
    put("d/a.cidr", "10.0.1.1\n");
    put("d/b.cidr", "10.0.2.1\n");
    open_snapshots();
    put("d/a.cidr", "");
    put("d/b.cidr", "10.0.2.2\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.1.1") && knows("10.0.2.2") && !knows("10.0.2.1"));
    ck_assert_uint_eq(logged("is stale"), 1);
    put("d/c.cidr", "half of a network\n"); /* new and wrong: it gives nothing, and the others go on */
    put("d/a.cidr", "10.0.1.2\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.1.2") && knows("10.0.2.2") && !knows("10.0.1.1"));
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 1);
    put("d/c.cidr", "10.0.3.1\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.3.1"));
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
    ck_assert_uint_eq(logged("is stale"), 1);
    ck_assert_uint_eq(logged("is good again (3 networks)"), 1);
}
END_TEST

START_TEST(a_new_file_that_is_half_written_gives_nothing)
{
    configure("networks proxies { files = \"%s/d/*.cidr\" }\n");
    put("d/a.cidr", "10.0.1.1");
    open_snapshots();
    put("d/b.cidr", "10.0.2.1\n10.0.20.1"); /* 10.0.20.13 it will be: nobody ever trusted 10.0.20.1 */
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(logged("b.cidr: ends in the middle of a line"), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 1);
    put("d/b.cidr", "10.0.2.1\n10.0.20.13\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert_uint_eq(logged("is good again (3 networks)"), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
}
END_TEST

START_TEST(a_file_that_is_taken_out_of_a_pattern_is_gone)
{
    configure("networks infrastructure { files = \"%s/d/*.cidr\" }\n");
    put("d/a.cidr", "10.0.1.1\n");
    put("d/b.cidr", "10.0.2.1\n10.0.2.2\n");
    open_snapshots();
    unlink(in("d/b.cidr"));
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.1.1") && !knows("10.0.2.1"));
    ck_assert_uint_eq(logged("b.cidr' is gone, and what it listed (2 networks)"), 1);
    ck_assert_uint_eq(logged("stale"), 0);
    unlink(in("d/a.cidr")); /* but not the last one */
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(knows("10.0.1.1"));
    ck_assert_uint_eq(logged("no file matches"), 1);
    rmdir(in("d"));
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(knows("10.0.1.1"));
    mkdir(in("d"), 0755);
    put("d/x.cidr", "# empty\n"); /* this is how it is said */
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(!knows("10.0.1.1"));
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
}
END_TEST

START_TEST(a_pattern_may_match_nothing_from_the_start)
{
    configure("networks infrastructure { files = \"%s/d/*.cidr\" }\n");
    open_snapshots();
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 0);
    put("d/a.cidr", "10.0.1.1\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.1.1"));
}
END_TEST

/* ---- all together ---------------------------------------------------------------------------------------------------- */

START_TEST(nothing_new_is_told_apart)
{
    configure("mode = enforce # a\nnetworks infrastructure { files = \"%s/list\" }\n");
    put("list", good);
    open_snapshots();
    ck_assert_int_eq(refresh(""), 1);
    put("list", good); /* another file, the same content */
    configure("mode = enforce # b\nnetworks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 1);
    put("list", "# nodes\n\n10.0.20.1\n10.0.20.2\n"); /* the rule's line is another one */
    ck_assert_int_eq(refresh(""), 0);
    put("list", "# nodes\n\n10.0.20.1\n10.0.20.3\n");
    ck_assert_int_eq(refresh(""), 0);
    configure("mode = monitor\nnetworks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 0);
    struct realip_problems problems = { 0 };
    ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), 0); /* who asks gets an answer */
}
END_TEST

START_TEST(a_node_that_tells_its_health_changes_nothing)
{
    static const char *const texts[] = {
        "{ \"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [ { \"kind\": \"Node\", \"metadata\": { \"name\": \"a\" },\n"
        "\"status\": { \"addresses\": [ { \"type\": \"InternalIP\", \"address\": \"10.0.20.1\" } ] } } ] }\n",
        "{ \"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n\n { \"kind\": \"Node\", \"metadata\": { \"name\": \"a\" },\n"
        "\"status\": { \"conditions\": [ ],\n\"addresses\": [ { \"type\": \"InternalIP\", \"address\": \"10.0.20.1\" } ] } } ] }\n",
        "{ \"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [ { \"kind\": \"Node\", \"metadata\": { \"name\": \"b\" },\n"
        "\"status\": { \"addresses\": [ { \"type\": \"InternalIP\", \"address\": \"10.0.20.1\" } ] } } ] }\n",
    };

    configure("networks infrastructure { kubernetes-nodes = \"%s/nodes\" }\n");
    put("nodes", texts[0]);
    open_snapshots();
    put("nodes", texts[1]);
    ck_assert_int_eq(refresh(""), 1);
    put("nodes", texts[2]);
    ck_assert_int_eq(refresh(""), 0);
    put("nodes", "");
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(knows("10.0.20.1"));
    put("nodes", texts[2]);
    ck_assert_int_eq(refresh(""), 1);
    ck_assert_uint_eq(logged("nodes' is stale, "), 1);
    ck_assert_uint_eq(logged("nodes' is good again (1 networks)"), 1);
}
END_TEST

START_TEST(rules_that_are_mended_are_told_also_when_they_are_as_before)
{
    static const char text[] = "networks infrastructure { files = \"%s/list\" }\n";

    configure(text);
    put("list", good);
    open_snapshots();
    configure("mode = perhaps\nnetworks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh("mode"), -1);
    ck_assert_int_eq(refresh(""), 1);
    struct realip_problems problems = { 0 };
    ck_assert_int_eq(realip_snapshots_reload(snapshots, &problems), -1); /* who asks is told again */
    realip_problems_clear(&problems);
    configure(text);
    ck_assert_int_eq(refresh(""), 0);
    ck_assert_int_eq(refresh(""), 1);
}
END_TEST

START_TEST(a_refused_load_leaves_the_sources_as_they_were)
{
    configure("networks infrastructure { files = \"%s/list\" }\n");
    put("list", good);
    open_snapshots();
    put("list", "10.0.20.7\n");
    configure("mode = perhaps\nnetworks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh("mode"), -1);
    unlink(in("list"));
    configure("mode = enforce\nnetworks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(knows("10.0.20.1") && !knows("10.0.20.7"));
}
END_TEST

START_TEST(kept_networks_go_where_they_were_read_for)
{
    configure("networks proxies { files = \"%s/list\" }\nnetworks internal { files = \"%s/list\" }\n");
    put("list", "");
    open_snapshots();
    put("list", good);
    ck_assert_int_eq(refresh(""), 1); /* contradictions are looked for as ever */
    ck_assert_uint_eq(realip_metrics_stale_sources(metrics), 2);
    ck_assert_uint_eq(logged("is also in networks internal"), 2);
    configure("networks proxies { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 0);
    unlink(in("list"));
    configure("networks infrastructure { cidr = \"10.0.20.1\" }\nnetworks proxies { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 0);
    struct realip_snapshot *snapshot = realip_snapshots_acquire(snapshots);
    const struct realip_rules *rules = &realip_snapshot_config(snapshot)->rules;
    ck_assert_uint_eq(realip_network_set_count(rules->sets[REALIP_SET_PROXIES]), 2);
    ck_assert_uint_eq(realip_network_set_count(rules->sets[REALIP_SET_LISTED_INFRASTRUCTURE]), 1);
    const struct realip_network_entry *entry = realip_network_set_entry(rules->sets[REALIP_SET_PROXIES], 1);
    ck_assert_str_eq(realip_rules_origin(rules, entry->label).file, in("list"));
    ck_assert_uint_eq(realip_rules_origin(rules, entry->label).line, 3);
    realip_snapshot_release(&snapshot);
}
END_TEST

START_TEST(a_file_of_both_families_comes_back_as_it_was)
{
    struct realip_snapshot *snapshot;
    char text[REALIP_NETWORK_TEXT_SIZE];

    configure("networks infrastructure { files = \"%s/list\" }\n");
    put("list", "2001:db8:7::/48\n192.0.2.0/25\n::ffff:198.51.100.0/120\nfe80::1\n");
    open_snapshots();
    unlink(in("list"));
    configure("mode = enforce networks infrastructure { files = \"%s/list\" }\n");
    ck_assert_int_eq(refresh(""), 0);
    snapshot = realip_snapshots_acquire(snapshots);
    const struct realip_network_set *set = realip_snapshot_config(snapshot)->rules.sets[REALIP_SET_INFRASTRUCTURE];
    static const char *const expected[] = { "192.0.2.0/25", "198.51.100.0/24", "2001:db8:7::/48", "fe80::1/128" };
    ck_assert_uint_eq(realip_network_set_count(set), 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(realip_network_format(&realip_network_set_entry(set, i)->network, text), expected[i]);
    realip_snapshot_release(&snapshot);
}
END_TEST

START_TEST(metrics_show_each_source_once)
{
    char line[256];

    configure("networks infrastructure { files = { \"%s/l\\\"is t\", \"%s/d/*.cidr\" } }\n"
              "networks internal { }\n");
    put("l\"is t", good);
    put("d/a.cidr", "10.0.1.1\n");
    open_snapshots();
    snprintf(line, sizeof(line), "realip_source_networks{set=\"infrastructure\",source=\"%s/l\\\\x22is\\\\x20t\"} 2\n", folder);
    ck_assert(shows(line));
    snprintf(line, sizeof(line), "realip_source_stale{set=\"infrastructure\",source=\"%s/d/*.cidr\"} 0\n", folder);
    ck_assert(shows(line));
    snprintf(line, sizeof(line), "realip_source_last_read_timestamp_seconds{set=\"infrastructure\",source=\"%s/d/*.cidr\"} 1", folder);
    ck_assert(shows(line));
    unlink(in("d/a.cidr"));
    ck_assert_int_eq(refresh(""), 1);
    snprintf(line, sizeof(line), "realip_source_stale{set=\"infrastructure\",source=\"%s/d/*.cidr\"} 1\n", folder);
    ck_assert(shows(line));
    snprintf(line, sizeof(line), "realip_source_networks{set=\"infrastructure\",source=\"%s/d/*.cidr\"} 1\n", folder);
    ck_assert(shows(line));
    configure("networks infrastructure { files = { \"%s/d/*.cidr\", \"%s/d/*.cidr\" } }\n"); /* two series of one name are an error */
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(shows(line));
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    realip_metrics_write(metrics, out);
    fclose(out);
    ck_assert_ptr_null(strstr(strstr(text, line) + 1, line));
    free(text);
}
END_TEST

START_TEST(each_source_has_an_age_of_its_own)
{
    static const char nodes[] = "{ \"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [ { \"kind\": \"Node\", \"metadata\": { \"name\": \"a\" },\n"
                                "\"status\": { \"addresses\": [ { \"type\": \"InternalIP\", \"address\": \"10.0.20.1\" } ] } } ] }\n";

    configure("networks infrastructure { kubernetes-nodes = { \"%s/nodes\", \"%s/others\" } }\n");
    put("nodes", nodes);
    date("nodes", 1000);
    put("others", nodes);
    date("others", 2000);
    open_snapshots();
    ck_assert(is_of("nodes", "kubernetes-nodes", 1000) && is_of("others", "kubernetes-nodes", 2000));
    put("others", nodes); /* renewed, and as it was */
    date("others", 3000);
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(is_of("nodes", "kubernetes-nodes", 1000) && is_of("others", "kubernetes-nodes", 3000));
    ck_assert(!shows_of("realip_source_last_read_timestamp_seconds", "nodes", "} 1000\n")); /* that is another time */
}
END_TEST

START_TEST(the_age_is_that_of_what_is_in_force)
{
    configure("networks infrastructure { files = { \"%s/list\", \"%s/d/*.cidr\" } }\n");
    put("list", good);
    date("list", 1000);
    open_snapshots();
    ck_assert(is_of("list", "files", 1000));
    ck_assert(!shows_of("realip_source_modified_timestamp_seconds", "d/*.cidr", "")); /* no file, no age */
    ck_assert(shows_of("realip_source_networks", "d/*.cidr", "} 0\n"));
    put("d/a.cidr", "10.0.1.1\n");
    date("d/a.cidr", 2000);
    put("d/b.cidr", "10.0.2.1\n");
    date("d/b.cidr", 1500);
    put("list", "10.0.20.1\nx\n"); /* broken: its content of before decides */
    date("list", 5000);
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(is_of("list", "files", 1000));
    ck_assert(is_of("d/*.cidr", "files", 2000)); /* the newest */
    unlink(in("list"));
    unlink(in("d/a.cidr"));
    ck_assert_int_eq(refresh(""), 0);
    ck_assert(is_of("list", "files", 1000));
    ck_assert(is_of("d/*.cidr", "files", 1500));
    unlink(in("d/b.cidr"));
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(is_of("d/*.cidr", "files", 1500));
    put("list", good);
    date("list", 900); /* also where it is older than the one before: a copy with its time kept */
    ck_assert_int_eq(refresh(""), 1);
    ck_assert(is_of("list", "files", 900));
}
END_TEST

Suite *realip_sources_suite(void)
{
    Suite *suite = suite_create("sources");
    TCase *tests = tcase_create("sources");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, a_damaged_file_keeps_its_last_good_content, 0, DAMAGES);
    tcase_add_test(tests, a_file_without_bounds_is_named);
    tcase_add_test(tests, at_the_start_each_source_must_be_good);
    tcase_add_test(tests, a_new_source_must_be_good_too);
    tcase_add_loop_test(tests, empty_on_purpose, 0, 4);
    tcase_add_loop_test(tests, words_of_comments_do_not_empty_a_file, 0, 4);
    tcase_add_test(tests, a_last_line_without_an_end_is_fine_where_it_always_was);
    tcase_add_loop_test(tests, a_list_that_contradicts_the_rest_keeps_its_last_good_content, 0, QUARRELS);
    tcase_add_test(tests, two_lists_that_contradict_each_other);
    tcase_add_test(tests, contradictions_come_one_after_the_other);
    tcase_add_test(tests, a_contradiction_in_the_configuration_is_its_own);
    tcase_add_test(tests, of_a_pattern_one_file_is_kept_and_the_others_go_on);
    tcase_add_test(tests, a_new_file_that_is_half_written_gives_nothing);
    tcase_add_test(tests, a_file_that_is_taken_out_of_a_pattern_is_gone);
    tcase_add_test(tests, a_pattern_may_match_nothing_from_the_start);
    tcase_add_test(tests, nothing_new_is_told_apart);
    tcase_add_test(tests, a_node_that_tells_its_health_changes_nothing);
    tcase_add_test(tests, rules_that_are_mended_are_told_also_when_they_are_as_before);
    tcase_add_test(tests, a_refused_load_leaves_the_sources_as_they_were);
    tcase_add_test(tests, kept_networks_go_where_they_were_read_for);
    tcase_add_test(tests, a_file_of_both_families_comes_back_as_it_was);
    tcase_add_test(tests, metrics_show_each_source_once);
    tcase_add_test(tests, each_source_has_an_age_of_its_own);
    tcase_add_test(tests, the_age_is_that_of_what_is_in_force);
    suite_add_tcase(suite, tests);
    return suite;
}
