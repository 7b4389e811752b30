#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/decide.h"
#include "runtime/compiled.h"
#include "scratch.h"
#include "suites.h"

static char folder[] = "/tmp/realip-compiled-XXXXXX";
static char config_path[64];
static char rules_path[64];

static void make_folder(void)
{
    realip_scratch_make(folder);
    snprintf(config_path, sizeof(config_path), "%s/conf", folder);
    snprintf(rules_path, sizeof(rules_path), "%s/rules", folder);
}

static void remove_folder(void)
{
    unlink(config_path);
    unlink(rules_path);
    realip_scratch_remove(folder);
}

static struct realip_config *load_text(const char *text)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config;

    realip_scratch_write(config_path, text, strlen(text));
    ck_assert_msg(realip_config_load(config_path, &config, &problems) == 0, "%s", problems.text);
    return config;
}

static void publish_text(const char *text)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config = load_text(text);

    ck_assert_msg(realip_compiled_publish(config, rules_path, &problems) == 0, "%s", problems.text);
    realip_config_free(&config);
}

static const char *const text = "mode = enforce  log-passes = true\n"
                                "networks infrastructure { cidr = { \"10.0.20.0/24\", \"10.0.0.0/8\", \"fd00:20::/64\" }\n"
                                "  client-names = { \"/^node[0-9]/i\" } }\n"
                                "networks proxies { cidr = { \"10.0.20.13\", \"198.51.100.10\" } }\n"
                                "networks internal { cidr = { \"192.168.7.0/24\" } }\n"
                                "listener smtp { names = { \"a\", \"b\" } ports = { 25, 2525 } proxy = required mode = protect\n"
                                "  actions { proxy-missing = reject } }\n"
                                "listener webmail { allow-internal = true attest = required }\n";

static struct realip_compiled *opened(void)
{
    struct realip_problems problems = { 0 };
    struct realip_compiled *compiled;

    ck_assert_msg(realip_compiled_open(rules_path, &compiled, &problems) == 0, "%s", problems.text);
    return compiled;
}

static struct realip_config *refreshed(struct realip_compiled *compiled)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config;

    ck_assert_msg(realip_compiled_refresh(compiled, &config, &problems) == 0, "%s", problems.text);
    return config;
}

static void check_same_verdict(const struct realip_config *a, const struct realip_config *b,
                               const struct realip_facts *facts)
{
    struct realip_verdict one;
    struct realip_verdict two;

    realip_decide(&a->rules, facts, &one);
    realip_decide(&b->rules, facts, &two);
    ck_assert_int_eq((int)one.reason, (int)two.reason);
    ck_assert_int_eq((int)one.wanted, (int)two.wanted);
    ck_assert_int_eq((int)one.action, (int)two.action);
    ck_assert(realip_network_equal(&one.network, &two.network));
    ck_assert_pstr_eq(one.rule.file, two.rule.file);
    ck_assert_uint_eq(one.rule.line, two.rule.line);
    ck_assert_pstr_eq(one.listener->title, two.listener->title);
}

START_TEST(compiled_rules_decide_as_the_text_does)
{
    static const char *const addresses[] = { "203.0.113.7", "10.0.20.5", "10.9.9.9", "10.0.20.13", "192.168.7.5", "fd00:20::1",
                                             "2001:db8::1", "127.0.0.1", "198.51.100.10" };
    static const char *const names[] = { NULL, "smtp", "b", "webmail" };
    struct realip_config *read = load_text(text);

    publish_text(text);
    struct realip_compiled *compiled = opened();
    struct realip_config *mapped = refreshed(compiled);
    ck_assert_str_eq(mapped->path, config_path);
    ck_assert(mapped->log_passes);
    ck_assert_ptr_null(mapped->client_names);
    for (unsigned i = 0; i < 9 * 10 * 4 * 3; i++) {
        struct realip_facts facts = { .source = REALIP_SOURCE_POLICYD, .stage = REALIP_STAGE_MAIL };
        const char *reason;

        facts.listener_name = names[i / 90 % 4];
        facts.listener_port = i / 360 == 1 ? 2525 : 0;
        realip_address_parse(addresses[i % 9], strlen(addresses[i % 9]), &facts.client, &reason);
        facts.peer_state = i / 9 % 10 == 9 ? REALIP_PEER_GONE : REALIP_PEER_KNOWN;
        if (facts.peer_state == REALIP_PEER_KNOWN)
            realip_address_parse(addresses[i / 9 % 10], strlen(addresses[i / 9 % 10]), &facts.peer, &reason);
        check_same_verdict(read, mapped, &facts);
    }
    realip_compiled_close(&compiled);
    realip_config_free(&mapped);
    realip_config_free(&read);
}
END_TEST

START_TEST(a_newer_file_is_seen_and_only_a_newer_one)
{
    struct realip_problems problems = { 0 };
    struct realip_compiled *compiled = opened();
    struct realip_config *none;

    ck_assert_int_eq(realip_compiled_refresh(compiled, &none, &problems), -1); /* not there yet */
    ck_assert_ptr_nonnull(strstr(problems.text, "No such file"));
    publish_text("mode = protect");
    struct realip_config *first = refreshed(compiled);
    ck_assert_int_eq((int)first->rules.fallback.mode, REALIP_MODE_PROTECT);
    ck_assert_int_eq(realip_compiled_refresh(compiled, &none, &problems), 1);
    ck_assert_ptr_null(none);
    publish_text("mode = enforce");
    struct realip_config *second = refreshed(compiled);
    ck_assert_int_eq((int)second->rules.fallback.mode, REALIP_MODE_ENFORCE);
    ck_assert_int_eq((int)first->rules.fallback.mode, REALIP_MODE_PROTECT); /* kept by who has it */
    unlink(rules_path);
    ck_assert_int_eq(realip_compiled_refresh(compiled, &none, &problems), -1);
    struct stat status;
    publish_text("mode = monitor");
    ck_assert_int_eq(stat(rules_path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0644);
    realip_config_free(&first);
    realip_config_free(&second);
    realip_compiled_close(&compiled);
    realip_problems_clear(&problems);
}
END_TEST

START_TEST(a_folder_that_was_made_anew_is_seen)
{
    struct realip_problems problems = { 0 };
    struct realip_config *none;

    publish_text("mode = protect");
    struct realip_compiled *compiled = opened();
    struct realip_config *first = refreshed(compiled);
    unlink(config_path);
    unlink(rules_path);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_int_eq(realip_compiled_refresh(compiled, &none, &problems), -1);
    ck_assert_ptr_nonnull(strstr(problems.text, "No such file"));
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_eq(realip_compiled_refresh(compiled, &none, &problems), -1);
    publish_text("mode = enforce");
    struct realip_config *second = refreshed(compiled);
    ck_assert_int_eq((int)second->rules.fallback.mode, REALIP_MODE_ENFORCE);
    realip_config_free(&first);
    realip_config_free(&second);
    realip_compiled_close(&compiled);
    realip_problems_clear(&problems);
}
END_TEST

static unsigned char *read_rules(size_t *size_r)
{
    static unsigned char bytes[65536];
    FILE *file = fopen(rules_path, "r");

    ck_assert_ptr_nonnull(file);
    *size_r = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    return bytes;
}

static void check_refused(const unsigned char *bytes, size_t size, const char *why, size_t at)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config = NULL;
    struct realip_compiled *compiled;

    realip_scratch_write(rules_path, bytes, size);
    compiled = opened();
    ck_assert_msg(realip_compiled_refresh(compiled, &config, &problems) == -1, "%s at %zu was taken", why, at);
    ck_assert_ptr_nonnull(strstr(problems.text, "is refused: "));
    ck_assert_int_eq(realip_compiled_refresh(compiled, &config, &problems), 1); /* said once */
    realip_compiled_close(&compiled);
    realip_problems_clear(&problems);
}

START_TEST(broken_files_are_refused)
{
    size_t size;

    publish_text(text);
    unsigned char *bytes = read_rules(&size);
    ck_assert_uint_gt(size, 500);
    for (size_t length = 0; length < size; length += length < 200 ? 1 : 37)
        check_refused(bytes, length, "cut", length);
    for (size_t i = 0; i < size; i += i < 200 ? 1 : 23) {
        bytes[i] ^= 0x10;
        check_refused(bytes, size, "a flipped bit", i);
        bytes[i] ^= 0x10;
    }
    check_refused((const unsigned char *)"mode = enforce\n", 15, "a text", 0);
}
END_TEST

static void change_in_place(size_t at)
{
    FILE *file = fopen(rules_path, "r+");
    int byte;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    byte = getc(file);
    ck_assert_int_eq(fseek(file, (long)at, SEEK_SET), 0);
    ck_assert_int_eq(putc(byte ^ 1, file), byte ^ 1);
    fclose(file);
}

/* The last byte but eight belongs to a text or a set, whose content nobody would miss. */
START_TEST(a_published_file_that_was_changed_is_read_whole)
{
    struct realip_problems problems = { 0 };
    struct realip_config *config;
    struct stat before;
    size_t size;

    publish_text(text);
    (void)read_rules(&size);
    ck_assert_int_eq(stat(rules_path, &before), 0);
    change_in_place(size - 10);
    struct realip_compiled *compiled = opened();
    ck_assert_int_eq(realip_compiled_refresh(compiled, &config, &problems), -1);
    ck_assert_ptr_nonnull(strstr(problems.text, "checksum"));
    realip_compiled_close(&compiled);
    realip_problems_clear(&problems);
    /* with its time put back it is as published, for all that the kernel tells: so it was not read */
    ck_assert_int_eq(utimensat(AT_FDCWD, rules_path, (struct timespec[2]){ before.st_mtim, before.st_mtim }, 0), 0);
    compiled = opened();
    config = refreshed(compiled);
    realip_config_free(&config);
    realip_compiled_close(&compiled);
}
END_TEST

START_TEST(a_copy_is_read_whole_and_taken)
{
    size_t size;

    publish_text(text);
    unsigned char *bytes = read_rules(&size);
    realip_scratch_write(rules_path, bytes, size);
    struct realip_compiled *compiled = opened();
    struct realip_config *config = refreshed(compiled);
    ck_assert_str_eq(config->path, config_path);
    realip_config_free(&config);
    realip_compiled_close(&compiled);
}
END_TEST

/* Past the checksum: numbers inside are wrong, as a writer's fault would make them. Refused or taken, never a crash. */
START_TEST(wrong_numbers_stay_inside)
{
    const char *reason;
    struct realip_network_set *set;
    struct realip_network_entry entries[100];
    srandom(5);
    for (unsigned i = 0; i < 100; i++)
        entries[i] = (struct realip_network_entry){ { { 0, i * 65536U, REALIP_FAMILY_IPV4 }, 20 }, i };
    ck_assert_int_eq(realip_network_set_build(entries, 100, &set, &reason), 0);
    size_t packed = realip_network_set_pack(set, NULL);
    uint64_t *good = calloc(packed / 8, 8);
    uint64_t *bad = calloc(packed / 8, 8);
    ck_assert_uint_eq(realip_network_set_pack(set, good), packed);
    unsigned refused = 0;
    for (int round = 0; round < 3000; round++) {
        struct realip_network_set *attached;
        size_t place = round < 1000 ? (size_t)round % 80 : (size_t)random() % packed;

        memcpy(bad, good, packed);
        ((unsigned char *)bad)[place] = (unsigned char)random();
        if (realip_network_set_attach(bad, packed, false, &attached, &reason) < 0) {
            refused++;
            continue;
        }
        for (int look = 0; look < 50; look++) {
            struct realip_address address = { 0, (uint64_t)random() % (101 * 65536), REALIP_FAMILY_IPV4 };

            (void)realip_network_set_find(attached, &address);
        }
        realip_network_set_free(&attached);
    }
    ck_assert_uint_gt(refused, 100);
    for (size_t length = 0; length < packed; length += 8) {
        struct realip_network_set *attached;

        ck_assert_int_eq(realip_network_set_attach(good, length, false, &attached, &reason), -1);
    }
    free(good);
    free(bad);
    realip_network_set_free(&set);
}
END_TEST

Suite *realip_compiled_suite(void)
{
    Suite *suite = suite_create("compiled");
    TCase *tests = tcase_create("compiled");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, compiled_rules_decide_as_the_text_does);
    tcase_add_test(tests, a_newer_file_is_seen_and_only_a_newer_one);
    tcase_add_test(tests, a_folder_that_was_made_anew_is_seen);
    tcase_add_test(tests, broken_files_are_refused);
    tcase_add_test(tests, a_published_file_that_was_changed_is_read_whole);
    tcase_add_test(tests, a_copy_is_read_whole_and_taken);
    tcase_add_test(tests, wrong_numbers_stay_inside);
    suite_add_tcase(suite, tests);
    return suite;
}
