/* Presets: that what is seen on a platform is held, and its neighbours are not; and places as texts. */
#include <stdlib.h>
#include <string.h>

#include "runtime/network_place.h"
#include "runtime/network_preset.h"
#include "suites.h"

static struct realip_arena arena;
static struct realip_network_list list;
static struct realip_problems problems;
static const struct realip_origin named_at = { "/etc/mail-realip/mail-realip.conf", 7 };

static void clear(void)
{
    realip_arena_clear(&arena);
    realip_network_list_clear(&list);
    realip_problems_clear(&problems);
}

static const struct realip_network_preset *add(enum realip_set set, const char *name)
{
    const struct realip_network_preset *preset;

    clear();
    realip_network_preset_add(set, name, named_at, &arena, &list, &problems, &preset);
    return preset;
}

static bool holds(const char *text)
{
    struct realip_address address;
    const char *reason;

    ck_assert_msg(realip_address_parse(text, strlen(text), &address, &reason) == 0, "%s: %s", text, reason);
    for (size_t i = 0; i < list.count; i++) {
        if (realip_network_contains(&list.entries[i].network, &address))
            return true;
    }
    return false;
}

/* What was seen in place of clients, by platform; and next to it, what may be a client, a webmail or a proxy. */
static const struct {
    const char *preset;
    const char *held[6];
    const char *not_held[6];
} seen[] = {
    { "docker", { "172.17.0.1", "172.18.0.1", "172.22.0.1", "172.30.0.1", "172.31.0.1", "192.168.240.1" },
      { "172.16.0.1", "172.17.0.2", "172.18.0.10", "192.168.0.10", "192.168.1.1", "172.32.0.1" } },
    { "docker-swarm", { "10.0.0.2", "10.255.0.2" }, { "10.0.1.2", "10.1.0.1" } },
    { "podman", { "10.88.0.1", "10.89.0.1", "10.89.255.1" }, { "10.88.0.2", "10.89.0.2", "10.90.0.1" } },
    { "rootless", { "127.0.0.1", "::1", "10.0.2.2", "10.0.2.100", "fd00::2" }, { "10.0.2.15", "10.89.0.5", "fd00::3" } },
    { "flannel", { "10.244.0.0", "10.244.0.1", "10.244.3.8" }, { "10.243.255.255", "10.245.0.0" } },
    { "k3s", { "10.42.0.1", "10.42.1.0", "10.43.0.1", "2001:cafe:42:1::1" }, { "10.41.255.255", "10.44.0.0", "2001:cafe:44::1" } },
    { "rke2", { "10.42.0.0" }, { "10.44.0.0" } },
    { "microk8s", { "10.1.128.192", "10.152.183.1" }, { "10.2.0.1", "10.152.182.1" } },
    { "calico", { "192.168.235.192" }, { "192.167.0.1", "10.244.0.1" } },
    { "mailcow", { "172.22.1.1", "fd4d:6169:6c63:6f77::1" }, { "172.22.1.248", "172.22.1.250", "fd4d:6169:6c63:6f77::c" } },
    { "mailu", { "192.168.203.1" }, { "192.168.203.8" } },
    { "azure", { "168.63.129.16" }, { "168.63.129.15" } },
    /* The last two are of mail servers of Gmail. */
    { "gcp", { "35.191.0.1", "130.211.3.255", "2600:2d00:1:b029::1" }, { "35.190.247.1", "209.85.208.41", "209.85.166.174" } },
};

START_TEST(what_a_platform_shows_is_held_and_no_more)
{
    const struct realip_network_preset *preset = add(REALIP_SET_INFRASTRUCTURE, seen[_i].preset);

    ck_assert_msg(preset != NULL, "%s", problems.text);
    ck_assert_str_eq(preset->name, seen[_i].preset);
    for (unsigned i = 0; i < 6 && seen[_i].held[i] != NULL; i++)
        ck_assert_msg(holds(seen[_i].held[i]), "%s: %s is not held", preset->name, seen[_i].held[i]);
    for (unsigned i = 0; i < 6 && seen[_i].not_held[i] != NULL; i++)
        ck_assert_msg(!holds(seen[_i].not_held[i]), "%s: %s is held", preset->name, seen[_i].not_held[i]);
}
END_TEST

static bool is_tested(const char *name)
{
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        if (strcmp(seen[i].preset, name) == 0)
            return true;
    }
    return false;
}

START_TEST(every_preset_has_its_source_and_is_narrow)
{
    const struct realip_network_preset *preset;

    for (size_t i = 0; (preset = realip_network_preset_at(i)) != NULL; i++) {
        ck_assert_msg(strncmp(preset->source, "https://", 8) == 0, "%s", preset->name);
        ck_assert_msg(preset->what != NULL && (preset->instead == NULL) == (preset->pools[0].cidr != NULL), "%s", preset->name);
        ck_assert_msg((add(REALIP_SET_INFRASTRUCTURE, preset->name) != NULL) == (preset->instead == NULL), "%s", preset->name);
        ck_assert_msg(preset->instead != NULL || is_tested(preset->name), "%s has no row above", preset->name);
        for (size_t k = 0; k < list.count; k++) {
            const struct realip_network *network = &list.entries[k].network;

            ck_assert_msg(network->prefix >= (network->address.family == REALIP_FAMILY_IPV4 ? 16 : 48)
                              || realip_address_is_loopback(&network->address),
                          "%s is too wide", preset->name);
        }
    }
}
END_TEST

START_TEST(docker_has_as_many_gateways_as_networks)
{
    char text[REALIP_NETWORK_PRESET_POOL_SIZE];
    const struct realip_network_preset *preset = add(REALIP_SET_INFRASTRUCTURE, "docker");

    ck_assert_uint_eq(list.count, 15 + 16);
    ck_assert_str_eq(realip_network_preset_pool_text(&preset->pools[1], text), "172.18.0.0/15 (first of each /16)");
    ck_assert_str_eq(list.origins[30].file, "/etc/mail-realip/mail-realip.conf[preset:docker]");
    ck_assert_uint_eq(list.origins[30].line, 7);
}
END_TEST

/* Anybody may stand behind such an address: no set that believes, or looks behind its members, takes one. */
START_TEST(a_preset_gives_no_trust)
{
    const struct realip_network_preset *preset;

    for (size_t i = 0; (preset = realip_network_preset_at(i)) != NULL; i++) {
        for (unsigned set = 0; set < REALIP_SET_CONFIGURED_COUNT; set++) {
            bool fits = preset->instead == NULL
                && (set == REALIP_SET_INFRASTRUCTURE || (set == REALIP_SET_PROBERS && preset->has_probes));

            ck_assert_msg((add((enum realip_set)set, preset->name) != NULL) == fits, "%s in %s", preset->name,
                          realip_set_token((enum realip_set)set));
            ck_assert(fits || (list.count == 0 && problems.count == 1));
        }
    }
}
END_TEST

static const struct {
    const char *text;
    enum realip_network_place_kind kind;
    const char *file;
    const char *detail;
} places[] = {
    { NULL, REALIP_PLACE_UNKNOWN, "", "" },
    { "/etc/x.conf", REALIP_PLACE_LINE, "/etc/x.conf", "" },
    { "", REALIP_PLACE_LINE, "", "" },
    { "]", REALIP_PLACE_LINE, "]", "" },
    { "/etc/[x].conf", REALIP_PLACE_LINE, "/etc/[x].conf", "" },
    { "/etc/x.conf[preset:k3s]", REALIP_PLACE_PRESET, "/etc/x.conf", "k3s" },
    { "/etc/[x].conf[discover:gateway:eth0]", REALIP_PLACE_DISCOVERED, "/etc/[x].conf", "gateway:eth0" },
    { "/run/nodes.json[worker-1]", REALIP_PLACE_NODE, "/run/nodes.json", "worker-1" },
    { "/run/nodes.json[preset]", REALIP_PLACE_NODE, "/run/nodes.json", "preset" },
    { "/run/nodes.json[]", REALIP_PLACE_NODE, "/run/nodes.json", "" },
};

START_TEST(a_place_is_read_as_it_was_written)
{
    struct realip_network_place place = realip_network_place_read((struct realip_origin){ places[_i].text, 9 });

    ck_assert_int_eq(place.kind, places[_i].kind);
    ck_assert_uint_eq(place.line, 9);
    ck_assert_uint_eq(place.file_length, strlen(places[_i].file));
    ck_assert(place.file_length == 0 || strncmp(place.file, places[_i].file, place.file_length) == 0);
    ck_assert_uint_eq(place.detail_length, strlen(places[_i].detail));
    ck_assert(place.detail_length == 0 || strncmp(place.detail, places[_i].detail, place.detail_length) == 0);
}
END_TEST

Suite *realip_network_preset_suite(void)
{
    Suite *suite = suite_create("network presets");
    TCase *tests = tcase_create("network presets");

    tcase_add_checked_fixture(tests, NULL, clear);
    tcase_add_loop_test(tests, what_a_platform_shows_is_held_and_no_more, 0, (int)(sizeof(seen) / sizeof(seen[0])));
    tcase_add_test(tests, every_preset_has_its_source_and_is_narrow);
    tcase_add_test(tests, docker_has_as_many_gateways_as_networks);
    tcase_add_test(tests, a_preset_gives_no_trust);
    tcase_add_loop_test(tests, a_place_is_read_as_it_was_written, 0, (int)(sizeof(places) / sizeof(places[0])));
    suite_add_tcase(suite, tests);
    return suite;
}
