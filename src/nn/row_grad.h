/* Gradients of table rows: many entries, each adds to the row of the table that its id names.
 *
 * Only the rows named are touched. Entries are grouped by id first; each group is then summed in
 * entry order by one thread, so that the sums do not depend on the pool.
 */
#ifndef TDL_NN_ROW_GRAD_H
#define TDL_NN_ROW_GRAD_H

#include <stdint.h>

#include "nn/real.h"

typedef struct tdl_row_grad {
    size_t ids, d;          /* the table is [ids][d] */
    size_t n;               /* entries */
    const int32_t *id;      /* [n] in [0, ids), or negative: adds to nothing */
    const tdl_real *x;      /* [rows][d] what entries add */
    const uint32_t *of;     /* [n] row of x of each entry; NULL: entry / each */
    size_t each;            /* entries of one row of x; 0 = 1 */
    const tdl_real *weight; /* of entry e: weight[(e / each) * pitch + e % each]; NULL: 1 */
    size_t weight_pitch;    /* 0 = each */
    tdl_real scale;         /* of all */
} tdl_row_grad;

/* grad[id] += scale * weight * x of each entry. TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_row_grad_add(const tdl_row_grad *entries, tdl_real *grad, tdl_pool *pool,
                            tdl_report *why);

/* y[n] += scale * x */
void tdl_add_scaled(size_t n, tdl_real scale, const tdl_real *restrict x, tdl_real *restrict y);

#endif
