#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer what an arena has not handed out is poisoned, so that overruns and uses
 * after a reset are found as if each piece had come from malloc. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(at, n)   ASAN_POISON_MEMORY_REGION(at, n)
#define UNPOISON(at, n) ASAN_UNPOISON_MEMORY_REGION(at, n)
#else
#define POISON(at, n)   ((void)(at), (void)(n))
#define UNPOISON(at, n) ((void)(at), (void)(n))
#endif

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

typedef struct block {
    struct block *next; /* younger */
    size_t size, used;  /* bytes of data */
    _Alignas(ALIGN) unsigned char data[];
} block;

struct tdl_arena {
    size_t budget, held; /* bytes from the system */
    size_t used;         /* bytes handed out, rounding included */
    size_t next_size;    /* data bytes of the next block unless a request is larger */
    block *first, *last;
};

tdl_arena *tdl_arena_new(size_t budget)
{
    tdl_arena *arena = calloc(1, sizeof *arena);

    if (!arena)
        return NULL;
    arena->budget = budget;
    arena->held = sizeof *arena;
    arena->next_size = FIRST_BLOCK - sizeof(block);
    return arena;
}

static void free_blocks(tdl_arena *arena, block *from)
{
    while (from) {
        block *next = from->next;

        arena->held -= sizeof *from + from->size;
        UNPOISON(from->data, from->size);
        free(from);
        from = next;
    }
}

void tdl_arena_free(tdl_arena *arena)
{
    if (!arena)
        return;
    free_blocks(arena, arena->first);
    free(arena);
}

void tdl_arena_reset(tdl_arena *arena)
{
    arena->used = 0;
    arena->last = arena->first;
    if (!arena->first)
        return;
    free_blocks(arena, arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->next_size = FIRST_BLOCK - sizeof(block);
    POISON(arena->first->data, arena->first->size);
}

size_t tdl_arena_used(const tdl_arena *arena)
{
    return arena->used;
}

/* Append a block with room for `bytes` (a multiple of ALIGN), as large as planned if it fits. */
static block *add_block(tdl_arena *arena, size_t bytes)
{
    size_t room = arena->budget > arena->held ? arena->budget - arena->held : 0;
    size_t size = bytes > arena->next_size ? bytes : arena->next_size;
    block *added;

    if (room < sizeof *added || bytes > room - sizeof *added)
        return NULL;
    if (size > room - sizeof *added)
        size = (room - sizeof *added) & ~(size_t)(ALIGN - 1);
    added = aligned_alloc(ALIGN, sizeof *added + size);
    if (!added)
        return NULL;
    *added = (block){.size = size};
    POISON(added->data, size);
    arena->held += sizeof *added + size;
    if (arena->next_size < LARGEST_BLOCK)
        arena->next_size = 2 * (arena->next_size + sizeof *added) - sizeof *added;
    if (arena->last)
        arena->last->next = added;
    else
        arena->first = added;
    arena->last = added;
    return added;
}

void *tdl_arena_alloc(tdl_arena *arena, size_t n, size_t size)
{
    size_t bytes, taken;
    block *from = arena->last;
    void *ret;

    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - ALIGN)
        return NULL;
    taken = bytes ? (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    if (!from || taken > from->size - from->used)
        from = add_block(arena, taken);
    if (!from)
        return NULL;
    ret = from->data + from->used;
    from->used += taken;
    arena->used += taken;
    UNPOISON(ret, bytes);
    return ret;
}

void *tdl_arena_zalloc(tdl_arena *arena, size_t n, size_t size)
{
    void *ret = tdl_arena_alloc(arena, n, size);

    return ret ? memset(ret, 0, n * size) : NULL;
}

tdl_str tdl_arena_str(tdl_arena *arena, tdl_str text)
{
    char *copy = text.len < SIZE_MAX ? tdl_arena_alloc(arena, text.len + 1, 1) : NULL;

    if (!copy)
        return (tdl_str){0};
    if (text.len)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return (tdl_str){copy, text.len};
}

tdl_str tdl_arena_printf(tdl_arena *arena, const char *format, ...)
{
    char *text;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = len >= 0 ? tdl_arena_alloc(arena, (size_t)len + 1, 1) : NULL;
    if (!text)
        return (tdl_str){0};
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return (tdl_str){text, (size_t)len};
}
