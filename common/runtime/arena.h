/* arena - memory of one lifetime: many small allocations, freed together. */
#ifndef REALIP_ARENA_H
#define REALIP_ARENA_H

#include <stddef.h>

struct realip_arena_block;

/* Zeroed is an empty arena. Not for use by two threads at once. */
struct realip_arena {
    struct realip_arena_block *blocks;
};

/* `size` zeroed bytes, aligned for any type, that live until realip_arena_clear(); NULL when memory is short. */
void *realip_arena_alloc(struct realip_arena *arena, size_t size);

/* A copy with a NUL; NULL when memory is short. */
char *realip_arena_copy(struct realip_arena *arena, const char *text, size_t length);

/* Frees everything; the arena is empty then. */
void realip_arena_clear(struct realip_arena *arena);

#endif
