#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first block is small: most of the rules of a compiled file stay in the file, and each page counts in a process that
 * lives for one connection. */
#define FIRST_BLOCK_SIZE 1024
#define BLOCK_SIZE 16384

struct realip_arena_block {
    struct realip_arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct realip_arena_block *add_block(struct realip_arena *arena, size_t least)
{
    size_t usual = arena->blocks == NULL ? FIRST_BLOCK_SIZE : BLOCK_SIZE;
    size_t size = least > usual ? least : usual;
    struct realip_arena_block *block = calloc(1, sizeof(*block) + size);

    if (block == NULL)
        return NULL;
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *realip_arena_alloc(struct realip_arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    struct realip_arena_block *block = arena->blocks;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;
    if (block == NULL || block->size - block->used < size)
        block = add_block(arena, size);
    if (block == NULL)
        return NULL;
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

char *realip_arena_copy(struct realip_arena *arena, const char *text, size_t length)
{
    char *copy = realip_arena_alloc(arena, length + 1);

    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}

void realip_arena_clear(struct realip_arena *arena)
{
    while (arena->blocks != NULL) {
        struct realip_arena_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
}
