#include "mmdb_file.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define NONE UINT32_MAX         /* no network below */
#define HIT (UINT32_MAX - 1)    /* every address below is in a network */

struct tree {
    uint32_t (*nodes)[2];
    uint32_t count;
    uint32_t room;
};

static uint32_t add_node(struct tree *tree)
{
    if (tree->count == tree->room) {
        tree->room = tree->room == 0 ? 1U << 16 : tree->room * 2;
        tree->nodes = realloc(tree->nodes, tree->room * sizeof(*tree->nodes));
        if (tree->nodes == NULL)
            bench_die("out of memory");
    }
    tree->nodes[tree->count][0] = NONE;
    tree->nodes[tree->count][1] = NONE;
    return tree->count++;
}

static unsigned bit_of(const struct realip_address *address, unsigned number)
{
    if (address->family == REALIP_FAMILY_IPV4)
        return (unsigned)(address->lo >> (31 - number) & 1);
    return (unsigned)((number < 64 ? address->hi >> (63 - number) : address->lo >> (127 - number)) & 1);
}

static void add_network(struct tree *tree, const struct realip_network *network)
{
    uint32_t at = 0;

    for (unsigned i = 0; i + 1 < network->prefix; i++) {
        unsigned bit = bit_of(&network->address, i);

        if (tree->nodes[at][bit] == HIT)
            return; /* a wider network holds it */
        if (tree->nodes[at][bit] == NONE) {
            uint32_t fresh = add_node(tree);

            tree->nodes[at][bit] = fresh;
        }
        at = tree->nodes[at][bit];
    }
    tree->nodes[at][bit_of(&network->address, network->prefix - 1)] = HIT;
}

static void write_tree(const struct tree *tree, FILE *file)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t wire[2];

        for (unsigned side = 0; side < 2; side++) {
            uint32_t to = tree->nodes[i][side];

            /* A number behind the tree's points into the data, whose first byte has the number count + 16. */
            wire[side] = htonl(to == NONE ? tree->count : to == HIT ? tree->count + 16 : to);
        }
        fwrite(wire, sizeof(wire), 1, file);
    }
}

/* A text of less than 29 bytes: its type and length are one byte. */
static void write_text(const char *text, FILE *file)
{
    fputc(0x40 | (int)strlen(text), file);
    fputs(text, file);
}

static void write_number(const char *key, int control, uint32_t number, unsigned bytes, FILE *file)
{
    write_text(key, file);
    fputc(control | (int)bytes, file);
    while (bytes-- > 0)
        fputc((int)(number >> bytes * 8 & 255), file);
}

static void write_metadata(uint32_t nodes, uint16_t version, FILE *file)
{
    const int uint16 = 0xa0;
    const int uint32 = 0xc0;

    fputs("\xab\xcd\xefMaxMind.com", file);
    fputc(0xe0 | 9, file); /* a map of nine */
    write_number("node_count", uint32, nodes, 4, file);
    write_number("record_size", uint16, 32, 2, file);
    write_number("ip_version", uint16, version, 2, file);
    write_text("database_type", file);
    write_text("bench", file);
    write_text("languages", file);
    fputc(0x00, file); /* an array (extended type 11 = 7 + 4) of none */
    fputc(0x04, file);
    write_number("binary_format_major_version", uint16, 2, 2, file);
    write_number("binary_format_minor_version", uint16, 0, 2, file);
    write_text("build_epoch", file);
    fputc(0x04, file); /* uint64 (extended type 9 = 7 + 2) of four bytes */
    fputc(0x02, file);
    fwrite("\x60\0\0\0", 4, 1, file);
    write_text("description", file);
    fputc(0xe0, file); /* an empty map */
}

void bench_mmdb_write(const char *path, const struct realip_network_entry *entries, size_t count, enum realip_family family)
{
    struct tree tree = { .count = 0 };
    FILE *file = fopen(path, "wb");

    if (file == NULL)
        bench_die("cannot write %s", path);
    add_node(&tree);
    for (size_t i = 0; i < count; i++)
        add_network(&tree, &entries[i].network);
    write_tree(&tree, file);
    fwrite((char[16]){ 0 }, 16, 1, file);
    write_text("listed", file);
    write_metadata(tree.count, family == REALIP_FAMILY_IPV4 ? 4 : 6, file);
    if (fclose(file) != 0)
        bench_die("cannot write %s", path);
    free(tree.nodes);
}
