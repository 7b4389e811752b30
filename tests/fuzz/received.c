/* Fuzzer: Received headers, the walk through listed relays, and HTTP's headers. The input is a list of header values, each
 * ended by a NUL. */
#include <stdlib.h>
#include <string.h>

#include "core/forwarded.h"
#include "core/received.h"
#include "core/received_walk.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct realip_rules rules;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void list(enum realip_set set, const char *const *texts, size_t count)
{
    struct realip_network_entry entries[4] = { 0 };
    const char *reason;

    for (size_t i = 0; i < count; i++)
        require(realip_network_parse(texts[i], strlen(texts[i]), &entries[i].network, &reason) == 0);
    require(realip_network_set_build(entries, count, &rules.sets[set], &reason) == 0);
}

static void make_rules(void)
{
    static const char *const relays[] = { "192.0.2.0/24", "2001:db8:25::/48" };
    static const char *const proxies[] = { "10.0.20.13" };
    static const char *const infrastructure[] = { "10.0.20.0/24", "192.0.2.99" };

    if (rules.sets[REALIP_SET_RELAYS] != NULL)
        return;
    list(REALIP_SET_RELAYS, relays, 2);
    list(REALIP_SET_PROXIES, proxies, 1);
    list(REALIP_SET_INFRASTRUCTURE, infrastructure, 2);
}

static bool is_known(const struct realip_address *address)
{
    return address->family != REALIP_FAMILY_NONE;
}

static void check_header(const char *value, size_t length)
{
    struct realip_received received;
    const char *reason = NULL;

    if (realip_received_parse(value, length, &received, &reason) == 0)
        require(received.kind != REALIP_RECEIVED_UNDECIDED);
    else
        require(received.kind == REALIP_RECEIVED_UNDECIDED && reason != NULL && reason[0] != '\0');
    require(is_known(&received.client) == (received.kind == REALIP_RECEIVED_CLIENT));
}

static void check_lists(const char *value, size_t length)
{
    struct realip_address client;
    const char *reason = NULL;

    require((realip_forwarded_read_originating(value, length, &client, &reason) == 0) == is_known(&client));
    require((realip_forwarded_read_list(value, length, &rules, &client, &reason) == 0) == is_known(&client));
    require((realip_forwarded_read_elements(value, length, &rules, &client, &reason) == 0) == is_known(&client));
}

static void check_end(const struct realip_received_walk *walk, const struct realip_address *connected)
{
    bool knows = walk->end == REALIP_RECEIVED_END_SESSION || walk->end == REALIP_RECEIVED_END_CLIENT
        || walk->end == REALIP_RECEIVED_END_RELAY;

    require(walk->end != REALIP_RECEIVED_END_UNDECIDED && is_known(&walk->client) == knows);
    require(walk->end != REALIP_RECEIVED_END_BROKEN || walk->reason != NULL);
    /* Only a relay's word was taken: the client that it saw is none itself. */
    require(walk->end != REALIP_RECEIVED_END_CLIENT || !realip_received_is_relay(&rules, &walk->client));
    struct realip_facts facts = { .client = *connected };
    realip_received_walk_apply(walk, &facts);
    require(realip_address_equal(&facts.client, walk->end == REALIP_RECEIVED_END_SESSION ? connected : &walk->client));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    /* A relay for headers that begin as "from" or qmail's "(qmail" do; else one of four. */
    static const unsigned char hosts[4][4] = { { 203, 0, 113, 9 }, { 10, 0, 20, 13 }, { 192, 0, 2, 25 }, { 192, 0, 2, 99 } };
    struct realip_address connected = realip_address_from_ipv4(hosts[size == 0 ? 0 : data[0] == '(' ? 2 : data[0] & 3]);
    struct realip_received_walk walk;

    make_rules();
    realip_received_walk_start(&walk, &rules, &connected);
    while (size > 0) {
        const unsigned char *nul = memchr(data, '\0', size);
        size_t length = nul != NULL ? (size_t)(nul - data) : size;
        char *value = malloc(length > 0 ? length : 1); /* exactly so long */

        require(value != NULL);
        memcpy(value, data, length);
        check_header(value, length);
        check_lists(value, length);
        realip_received_walk_next(&walk, value, length);
        free(value);
        data += length + (nul != NULL ? 1 : 0);
        size -= length + (nul != NULL ? 1 : 0);
    }
    realip_received_walk_finish(&walk);
    check_end(&walk, &connected);
    return 0;
}
