/* Files of secrets: the first line and nothing else, whole or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/secret_file.h"
#include "scratch.h"
#include "suites.h"

#define MOST REALIP_SECRET_FILE_MOST

static char folder[] = "/tmp/realip-secret-XXXXXX";
static char path[64];
static struct realip_problems problems;
static char *secret;

static void begin(void)
{
    realip_scratch_make(folder);
    snprintf(path, sizeof(path), "%s/secret", folder);
}

static void end(void)
{
    free(secret);
    secret = NULL;
    realip_problems_clear(&problems);
    unlink(path);
    realip_scratch_remove(folder);
}

static int read_it(void)
{
    free(secret);
    realip_problems_clear(&problems);
    return realip_secret_file_read(path, "store-password-file", (struct realip_origin){ "/etc/test.conf", 7 }, &secret, &problems);
}

static int read_bytes(const void *bytes, size_t size)
{
    realip_scratch_write(path, bytes, size);
    ck_assert_int_eq(chmod(path, 0640), 0);
    return read_it();
}

static int read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void assert_refused(const char *words)
{
    ck_assert_ptr_null(secret);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_msg(strstr(problems.text, "/etc/test.conf:7: store-password-file '") != NULL && strstr(problems.text, path) != NULL
                      && strstr(problems.text, words) != NULL,
                  "%s", problems.text);
}

START_TEST(the_first_line_counts)
{
    static const struct {
        const char *text;
        const char *secret;
    } rows[] = {
        { "sesame\n", "sesame" }, { "sesame", "sesame" },     { "sesame\r\n", "sesame" },       { "sesame\r", "sesame" }, { "sesame\nmore\n", "sesame" },
        { "", "" },               { "\nsesame\n", "" },       { " se\rsame \xc3\xbc\n", " se\rsame \xc3\xbc" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(read_text(rows[i].text), 0);
        ck_assert_str_eq(secret, rows[i].secret);
        ck_assert_uint_eq(problems.count, 0);
    }
}
END_TEST

START_TEST(a_secret_is_never_cut)
{
    static const char *const ends[] = { "", "\n", "\r\n", "\nmore" };
    char text[2 * MOST + 8];

    for (size_t size = MOST - 1; size <= 2 * MOST; size++) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            memset(text, 'x', size);
            strcpy(text + size, ends[i]);
            ck_assert_int_eq(read_text(text), size <= MOST ? 0 : -1);
            if (size <= MOST)
                ck_assert_uint_eq(strlen(secret), size);
            else
                assert_refused("more than 1023 bytes: put a shorter secret there");
        }
    }
    ck_assert_int_eq(read_bytes("open\0sesame\n", 12), -1);
    assert_refused("zero byte");
    ck_assert_int_eq(read_bytes("sesame\nbehind\0it", 16), 0);
    ck_assert_str_eq(secret, "sesame");
}
END_TEST

START_TEST(what_cannot_be_read_is_told)
{
    ck_assert_int_eq(read_it(), -1);
    assert_refused("cannot be read: No such file");
    ck_assert_int_eq(mkdir(path, 0750), 0);
    ck_assert_int_eq(read_it(), -1);
    assert_refused("cannot be read: Is a directory");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(read_text("sesame\n"), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(read_it(), -1);
    assert_refused("can be read by others: chmod 0640 it");
}
END_TEST

Suite *realip_secret_file_suite(void)
{
    Suite *suite = suite_create("secret_file");
    TCase *tcase = tcase_create("secrets");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, the_first_line_counts);
    tcase_add_test(tcase, a_secret_is_never_cut);
    tcase_add_test(tcase, what_cannot_be_read_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
