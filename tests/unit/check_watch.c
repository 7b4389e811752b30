/* What of the file system is seen by who watches it, and when: with the kernel's own inotify. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/watch.h"
#include "scratch.h"
#include "suites.h"

#define SOON 1500 /* milliseconds in which a change must be told */
#define LONG 600  /* and in which nothing may be, where there is nothing to tell */

static char folder[] = "/tmp/realip-watch-XXXXXX";
static struct realip_watch *watch;
static struct timespec since;
static int open_file = -1; /* of a test that leaves it so */

static const char *in(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    realip_scratch_write(in(name), text, strlen(text));
}

static void put_in_place(const char *name, const char *text)
{
    FILE *file = fopen(in(name), "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds until it was time to read; -1: it was not in that time. */
static long long await(int within)
{
    long long begun = now_ms();

    for (long long left = within; left > 0; left = begun + within - now_ms()) {
        struct pollfd fd = { realip_watch_fd(watch), POLLIN, 0 };

        if (poll(&fd, 1, (int)left) > 0 && realip_watch_read(watch) == 1)
            return now_ms() - begun;
    }
    return -1;
}

static int name_again(const char *path, bool is_pattern)
{
    struct realip_problems problems = { 0 };

    realip_watch_begin(watch);
    realip_watch_add(watch, path, is_pattern);
    int result = realip_watch_end(watch, &since, &problems);
    ck_assert_int_eq(result == 0, problems.count == 0);
    realip_problems_clear(&problems);
    return result;
}

/* As after a reading: now begins what must be seen. */
static void settle(const char *path, bool is_pattern)
{
    usleep(20000); /* more than a tick of the kernel's clock, by which files get their times */
    clock_gettime(CLOCK_REALTIME, &since);
    while (await(150) >= 0)
        continue;
    ck_assert_int_eq(name_again(path, is_pattern), 0);
    while (await(150) >= 0)
        continue;
}

static void begin(void)
{
    struct realip_problems problems = { 0 };

    realip_scratch_make(folder);
    ck_assert_msg(realip_watch_new(REALIP_WATCH_MOST_FOLDERS, &watch, &problems) == 0, "%s", problems.text);
}

static void end(void)
{
    char command[sizeof(folder) + 16];

    realip_watch_free(&watch);
    if (open_file >= 0)
        close(open_file);
    open_file = -1;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    mkdir(folder, 0755);
    realip_scratch_remove(folder);
}

/* ---- ways of changing a file ----------------------------------------------------------------------------------------- */

static void rename_over(void)
{
    put("list", "new\n");
}

static void write_in_place(void)
{
    put_in_place("list", "new\n");
}

static void append_and_stay_open(void)
{
    open_file = open(in("list"), O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq((int)write(open_file, "new\n", 4), 4);
}

static void cut_off(void)
{
    ck_assert_int_eq(truncate(in("list"), 1), 0);
}

static void delete(void)
{
    ck_assert_int_eq(unlink(in("list")), 0);
}

static void rename_away(void)
{
    ck_assert_int_eq(rename(in("list"), in("other")), 0);
}

static void forbid(void)
{
    ck_assert_int_eq(chmod(in("list"), 0), 0);
}

static void link_over(void)
{
    put("target", "new\n");
    ck_assert_int_eq(symlink("target", in("list.new")), 0);
    ck_assert_int_eq(rename(in("list.new"), in("list")), 0);
}

static void (*const changes[])(void) = { rename_over, write_in_place, append_and_stay_open, cut_off, delete, rename_away, forbid, link_over };

START_TEST(each_way_to_change_a_file_is_seen)
{
    put("list", "old\n");
    settle(in("list"), false);
    changes[_i]();
    ck_assert_int_ge((int)await(SOON), 0);
    settle(in("list"), false);
    unlink(in("list"));
    put("list", "again\n");
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

START_TEST(by_a_pattern_too)
{
    put("list", "old\n");
    settle(in("l*t"), true);
    changes[_i]();
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

START_TEST(other_files_are_nobodys_business)
{
    put("list", "old\n");
    settle(in("list"), false);
    put("other", "x");
    put_in_place("list.tmp", "x");
    unlink(in("other"));
    mkdir(in("folder"), 0755);
    ck_assert_int_eq((int)await(LONG), -1);
    settle(in("*.cidr"), true);
    put("list", "x");
    put(".hidden.cidr", "x"); /* as for glob(7) */
    ck_assert_int_eq((int)await(LONG), -1);
}
END_TEST

START_TEST(reading_is_no_change)
{
    put("list", "old\n");
    settle(in("list"), false);
    FILE *file = fopen(in("list"), "r");
    char byte;
    ck_assert_uint_eq(fread(&byte, 1, 1, file), 1);
    fclose(file);
    ck_assert_int_eq((int)await(LONG), -1);
}
END_TEST

/* ---- ways to a file -------------------------------------------------------------------------------------------------- */

/* As the kubelet does it: a new folder, a link beside the old link, renamed over it, the old folder removed. */
static void update_configmap(unsigned version)
{
    char name[64];
    char old[80];

    snprintf(name, sizeof(name), "volume/..v%u", version);
    ck_assert_int_eq(mkdir(in(name), 0755), 0);
    snprintf(old, sizeof(old), "volume/..v%u/nodes.json", version);
    put(old, "x");
    snprintf(name, sizeof(name), "..v%u", version);
    ck_assert_int_eq(symlink(name, in("volume/..data_tmp")), 0);
    ck_assert_int_eq(rename(in("volume/..data_tmp"), in("volume/..data")), 0);
    if (version > 0) {
        snprintf(old, sizeof(old), "volume/..v%u/nodes.json", version - 1);
        unlink(in(old));
        snprintf(old, sizeof(old), "volume/..v%u", version - 1);
        ck_assert_int_eq(rmdir(in(old)), 0);
    }
}

START_TEST(a_configmap_is_followed_from_version_to_version)
{
    char link[96];

    mkdir(in("volume"), 0755);
    update_configmap(0);
    ck_assert_int_eq(symlink("..data/nodes.json", in("volume/nodes.json")), 0);
    snprintf(link, sizeof(link), "%s/volume/nodes.json", folder);
    ck_assert_int_eq(symlink(link, in("list")), 0); /* and an absolute link in front of it */
    for (unsigned version = 1; version <= 4; version++) {
        settle(in("list"), false);
        update_configmap(version);
        ck_assert_msg(await(SOON) >= 0, "version %u", version);
    }
    settle(in("list"), false);
    put_in_place("volume/..v4/nodes.json", "in place");
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

START_TEST(folders_may_come_later_and_go_again)
{
    settle(in("a/b/*.cidr"), true);
    ck_assert_int_eq((int)await(LONG), -1);
    for (int round = 0; round < 2; round++) {
        mkdir(in("a"), 0755);
        ck_assert_int_ge((int)await(SOON), 0);
        settle(in("a/b/*.cidr"), true);
        mkdir(in("a/b"), 0755);
        ck_assert_int_ge((int)await(SOON), 0);
        settle(in("a/b/*.cidr"), true);
        put("a/b/x.cidr", "x");
        ck_assert_int_ge((int)await(SOON), 0);
        settle(in("a/b/*.cidr"), true);
        unlink(in("a/b/x.cidr"));
        rmdir(in("a/b"));
        rmdir(in("a"));
        ck_assert_int_ge((int)await(SOON), 0);
        settle(in("a/b/*.cidr"), true);
    }
}
END_TEST

/* Both levels at once, before the upper one can be watched. */
START_TEST(nothing_falls_between_two_watches)
{
    settle(in("a/b/list"), false);
    mkdir(in("a"), 0755);
    mkdir(in("a/b"), 0755);
    put("a/b/list", "x");
    ck_assert_int_ge((int)await(SOON), 0);
    usleep(20000);
    clock_gettime(CLOCK_REALTIME, &since); /* here it is read, ... */
    put("a/b/list", "y");                  /* ... written, and only then watched */
    ck_assert_int_eq(name_again(in("a/b/list"), false), 0);
    ck_assert_int_ge((int)await(SOON), 0);
    ck_assert_int_eq(name_again(in("a/b/list"), false), 0);
    ck_assert_int_eq((int)await(LONG), -1); /* told once, though the file's time is still younger than `since` */
}
END_TEST

START_TEST(a_folder_is_replaced_by_another)
{
    mkdir(in("a"), 0755);
    put("a/list", "x");
    mkdir(in("b"), 0755);
    put("b/list", "y");
    settle(in("a/list"), false);
    ck_assert_int_eq(rename(in("a"), in("c")), 0);
    ck_assert_int_eq(rename(in("b"), in("a")), 0);
    ck_assert_int_ge((int)await(SOON), 0);
    settle(in("a/list"), false);
    put("c/list", "of no interest any more");
    ck_assert_int_eq((int)await(LONG), -1);
    put("a/list", "z");
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

START_TEST(patterns_in_the_middle_find_new_folders)
{
    mkdir(in("one.d"), 0755);
    put("one.d/x.cidr", "x");
    settle(in("*.d/*.cidr"), true);
    mkdir(in("two.d"), 0755);
    ck_assert_int_ge((int)await(SOON), 0);
    settle(in("*.d/*.cidr"), true);
    put("two.d/x.cidr", "x");
    ck_assert_int_ge((int)await(SOON), 0);
    settle(in("*.d/*.cidr"), true);
    put("target", "x");
    ck_assert_int_eq(symlink("../target", in("two.d/y.cidr")), 0);
    ck_assert_int_ge((int)await(SOON), 0);
    settle(in("*.d/*.cidr"), true);
    put("target", "y"); /* behind the link that the pattern matched */
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

START_TEST(odd_ways_lead_to_the_file)
{
    static const char *const ways[] = { "a/../list", "./a/.././list", "a/b/../../list", "up/list", "//a///up/list" };

    mkdir(in("a"), 0755);
    mkdir(in("a/b"), 0755);
    put("list", "x");
    ck_assert_int_eq(symlink("a/..", in("up")), 0);
    ck_assert_int_eq(symlink("..", in("a/up")), 0);
    settle(in(ways[_i]), false);
    put("list", "y");
    ck_assert_int_ge((int)await(SOON), 0);
    ck_assert_int_eq(chdir(in("a")), 0); /* a relative one, from a folder below */
    settle("../list", false);
    put("list", "z");
    ck_assert_int_ge((int)await(SOON), 0);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(ways_without_an_end_are_given_up)
{
    char path[2400] = "";

    ck_assert_int_eq(symlink("loop", in("loop")), 0);
    settle(in("loop"), false);
    unlink(in("loop"));
    ck_assert_int_ge((int)await(SOON), 0);
    for (unsigned i = 0; i < 300; i++)
        memcpy(path + 2 * (size_t)i, "./", 3);
    ck_assert_int_eq(name_again(in(path), false), -1);
}
END_TEST

/* ---- when ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_burst_makes_one_reading)
{
    put("list", "x");
    settle(in("list"), false);
    for (int i = 0; i < 200; i++)
        put("list", "y");
    long long waited = await(SOON);
    ck_assert_msg(waited >= 0, "the burst is not seen");
    ck_assert_int_eq((int)await(LONG), -1);
}
END_TEST

START_TEST(changes_without_an_end_are_read_each_second)
{
    int told = 0;

    put("list", "x");
    settle(in("list"), false);
    long long begun = now_ms();
    while (now_ms() < begun + 3300) {
        put("list", "y");
        told += await(20) >= 0;
    }
    ck_assert_msg(told >= 2 && told <= 4, "told %d times in 3.3 s", told);
}
END_TEST

START_TEST(who_writes_slowly_is_given_time)
{
    put("list", "x");
    settle(in("list"), false);
    int fd = open(in("list"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    ck_assert_int_eq((int)await(200), -1); /* it is empty now */
    ck_assert_int_eq((int)write(fd, "y\n", 2), 2);
    ck_assert_int_eq((int)await(200), -1);
    close(fd);
    long long waited = await(SOON);
    ck_assert_msg(waited >= 0 && waited < 400, "%lld ms after it was closed", waited);
}
END_TEST

START_TEST(what_the_kernel_could_not_queue_counts_as_a_change)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    long most = 0;

    ck_assert(file != NULL && fscanf(file, "%ld", &most) == 1);
    fclose(file);
    ck_assert_msg(most < 1000000, "a queue of %ld events takes too long to fill", most);
    put("list", "x");
    put_in_place("a", "x");
    put_in_place("b", "x");
    settle(in("list"), false);
    for (long i = 0; i < most + 10; i++) /* of no interest, and in turn, as equal ones are merged */
        ck_assert_int_eq(chmod(in(i % 2 == 0 ? "a" : "b"), 0644), 0);
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

/* ---- what can't be watched ------------------------------------------------------------------------------------------- */

START_TEST(a_limit_is_told_once_and_the_rest_is_watched)
{
    struct realip_problems problems = { 0 };

    realip_watch_free(&watch);
    ck_assert_int_eq(realip_watch_new(4, &watch, &problems), 0);
    mkdir(in("a"), 0755);
    mkdir(in("b"), 0755);
    put("a/list", "x");
    for (int round = 0; round < 2; round++) {
        realip_watch_begin(watch);
        realip_watch_add(watch, in("a/list"), false); /* "/", "/tmp", the test's folder and a */
        realip_watch_add(watch, in("b/list"), false);
        ck_assert_int_eq(realip_watch_end(watch, &since, &problems), round == 0 ? -1 : 0);
        ck_assert_uint_eq(problems.count, 1);
    }
    ck_assert_ptr_nonnull(strstr(problems.text, in("b")));
    ck_assert_ptr_nonnull(strstr(problems.text, "send SIGHUP"));
    realip_problems_clear(&problems);
    while (await(200) >= 0)
        continue;
    put("a/list", "y");
    ck_assert_int_ge((int)await(SOON), 0);
}
END_TEST

START_TEST(a_folder_that_may_not_be_read_is_told)
{
    mkdir(in("a"), 0755);
    put("a/list", "x");
    ck_assert_int_eq(chmod(folder, 0711), 0); /* on the way: it can be passed, and hides little */
    ck_assert_int_eq(seteuid(geteuid() == 0 ? 65534 : geteuid()), 0);
    if (access(in("."), R_OK) != 0)
        ck_assert_int_eq(name_again(in("a/list"), false), 0);
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(chmod(in("a"), 0311), 0);
    ck_assert_int_eq(seteuid(geteuid() == 0 ? 65534 : geteuid()), 0);
    ck_assert_int_eq(name_again(in("a/list"), false), -1);
    ck_assert_int_eq(name_again(in("a/*"), true), 0); /* the same folder: told already */
    ck_assert_int_eq(seteuid(getuid()), 0);
    chmod(folder, 0755);
    chmod(in("a"), 0755);
}
END_TEST

Suite *realip_watch_suite(void)
{
    Suite *suite = suite_create("watch");
    TCase *tests = tcase_create("watch");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, each_way_to_change_a_file_is_seen, 0, (int)(sizeof(changes) / sizeof(changes[0])));
    tcase_add_loop_test(tests, by_a_pattern_too, 0, (int)(sizeof(changes) / sizeof(changes[0])));
    tcase_add_test(tests, other_files_are_nobodys_business);
    tcase_add_test(tests, reading_is_no_change);
    tcase_add_test(tests, a_configmap_is_followed_from_version_to_version);
    tcase_add_test(tests, folders_may_come_later_and_go_again);
    tcase_add_test(tests, nothing_falls_between_two_watches);
    tcase_add_test(tests, a_folder_is_replaced_by_another);
    tcase_add_test(tests, patterns_in_the_middle_find_new_folders);
    tcase_add_loop_test(tests, odd_ways_lead_to_the_file, 0, 5);
    tcase_add_test(tests, ways_without_an_end_are_given_up);
    tcase_add_test(tests, a_burst_makes_one_reading);
    tcase_add_test(tests, changes_without_an_end_are_read_each_second);
    tcase_add_test(tests, who_writes_slowly_is_given_time);
    tcase_add_test(tests, what_the_kernel_could_not_queue_counts_as_a_change);
    tcase_add_test(tests, a_limit_is_told_once_and_the_rest_is_watched);
    tcase_add_test(tests, a_folder_that_may_not_be_read_is_told);
    suite_add_tcase(suite, tests);
    return suite;
}
