/* Arena: many small allocations that die together, under a byte budget.
 *
 * Life cycle   tdl_arena_new -> alloc ... -> (reset -> alloc ...) -> tdl_arena_free
 * Ownership    what an arena gave lives until reset or free
 * Threads      one thread at a time
 * Failure      NULL past the budget or when the system has no memory; nothing aborts
 */
#ifndef TDL_BASE_ARENA_H
#define TDL_BASE_ARENA_H

#include <stddef.h>

#include "base/report.h"
#include "treadle/str.h"

typedef struct tdl_arena tdl_arena;

/* budget: most bytes it may hold, bookkeeping included. NULL when the system has no memory. */
tdl_arena *tdl_arena_new(size_t budget);
void tdl_arena_free(tdl_arena *arena);  /* accepts NULL */
void tdl_arena_reset(tdl_arena *arena); /* forget all, keep the first block */
size_t tdl_arena_used(const tdl_arena *arena);

/* Memory aligned to 16; uninitialised. n * size is overflow-checked. n * size == 0 gives a valid
 * pointer. */
void *tdl_arena_alloc(tdl_arena *arena, size_t n, size_t size);
void *tdl_arena_zalloc(tdl_arena *arena, size_t n, size_t size);

/* Copy, NUL-terminated after `len` bytes. On failure `at` is NULL and `len` is 0. */
tdl_str tdl_arena_str(tdl_arena *arena, tdl_str text);
/* printf into the arena; .at is NUL-terminated, or NULL on failure. */
tdl_str tdl_arena_printf(tdl_arena *arena, const char *format, ...) TDL_PRINTF(2, 3);

#endif
