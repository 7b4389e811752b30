/* Fuzzer: a list of nodes, as `kubectl get nodes -o json` prints it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/kubernetes_nodes.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Every network is one that a node can have, and says where it is from. */
static void check_entry(const struct realip_network_list *list, size_t index, const char *path, bool pods)
{
    const struct realip_network *network = &list->entries[index].network;
    const struct realip_origin *origin = &list->origins[index];
    unsigned longest = network->address.family == REALIP_FAMILY_IPV4 ? 32 : 128;
    struct realip_network again;
    char text[REALIP_NETWORK_TEXT_SIZE];
    const char *reason;

    require(network->address.family != REALIP_FAMILY_NONE && list->entries[index].label == index);
    require(network->prefix == longest || (pods && network->prefix < longest && network->prefix >= longest / 4));
    require(!realip_address_is_loopback(&network->address) && !realip_address_is_unusable(&network->address));
    realip_network_format(network, text);
    require(realip_network_parse(text, strlen(text), &again, &reason) == 0 && realip_network_equal(network, &again));
    require(strncmp(origin->file, path, strlen(path)) == 0 && origin->file[strlen(path)] == '[' && origin->line > 0);
    require(strpbrk(origin->file + strlen(path), " \"\\\n%") == NULL && origin->file[strlen(origin->file) - 1] == ']');
}

static size_t check_reading(const char *path, bool pods, int *result_r)
{
    static const struct realip_origin named_at = { "fuzz", 1 };
    const struct realip_network other = { { 0, 0x7f000001, REALIP_FAMILY_IPV4 }, 32 };
    struct realip_network_list list = { 0 };
    struct realip_problems problems = { 0 };
    struct realip_problems warnings = { 0 };
    struct realip_arena arena = { 0 };

    require(realip_network_list_add(&list, &other, named_at) == 0);
    *result_r = realip_kubernetes_nodes_read("infrastructure", path, named_at, pods, &arena, &list, &problems, &warnings);
    require((*result_r == 0) == (problems.count == 0));
    /* nothing is half read, and a refusal says why and what would be right */
    require(*result_r == 0 || (list.count == 1 && problems.text != NULL && strstr(problems.text, "; ") != NULL));
    for (size_t i = 1; i < list.count; i++)
        check_entry(&list, i, path, pods);
    size_t count = list.count;
    realip_network_list_clear(&list);
    realip_problems_clear(&problems);
    realip_problems_clear(&warnings);
    realip_arena_clear(&arena);
    return count;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static int file = -1;
    static char path[64];
    int with_pods;
    int without;

    if (file < 0) {
        file = memfd_create("nodes", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    }
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    if (size == 0) {
        require(check_reading("/nowhere/nodes.json", true, &with_pods) == 1 && with_pods == -1);
        return 0;
    }
    size_t most = check_reading(path, true, &with_pods);
    size_t least = check_reading(path, false, &without);
    require(least <= most);
    /* What is left out is read all the same; only the bound on a node's networks counts what is kept. */
    require(with_pods != 0 || without == 0);
    return 0;
}
