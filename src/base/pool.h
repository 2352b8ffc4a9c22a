/* Thread pool: a parallel for with a static split, so results never depend on scheduling.
 *
 * Life cycle   tdl_pool_new -> tdl_pool_run ... -> tdl_pool_free
 * Threads      one tdl_pool_run at a time per pool; `threads` counts the caller
 * Failure      tdl_pool_new answers NULL when no memory; fewer threads than asked are used when
 *              the system refuses some
 */
#ifndef TDL_BASE_POOL_H
#define TDL_BASE_POOL_H

#include <stddef.h>

typedef struct tdl_pool tdl_pool;

/* Work on [begin, end); `part` in [0, tdl_pool_threads) names the share, not the thread. */
typedef void tdl_pool_fn(void *context, size_t begin, size_t end, unsigned part);

tdl_pool *tdl_pool_new(unsigned threads); /* 0 = TREADLE_THREADS or the number of usable cores */
void tdl_pool_free(tdl_pool *pool);       /* accepts NULL */
unsigned tdl_pool_threads(const tdl_pool *pool); /* NULL pool: 1 */

/* Split [0, n) into contiguous shares whose bounds are multiples of `grain` (last excepted), run
 * them, return when all are done. A NULL pool runs everything on the caller. */
void tdl_pool_run(tdl_pool *pool, size_t n, size_t grain, tdl_pool_fn *fn, void *context);

#endif
