/* Softmax of rows against a table, its cross-entropy and the gradients, without the matrix of
 * scores: a few rows at a time pass through the cache once, forth and back.
 *
 *     z[r][c] = x[r] . table[c] + bias[c]        p = softmax over the classes
 *     loss[r] = log sum exp z[r] - z[r][target]
 *     d z     = weight[r] (p - onehot)
 *
 * Order   a score is a chain as in gemm.h; d x likewise, over the classes; d table goes on with
 *         what is there, one chain over the rows. No bit depends on threads or instruction set
 */
#ifndef TDL_TENSOR_TABLE_SOFTMAX_H
#define TDL_TENSOR_TABLE_SOFTMAX_H

#include <stdint.h>

#include "tensor/gemm.h"

/* The gradient check of nn has a plain version in double. */
#ifdef TDL_REAL_DOUBLE
typedef double tdl_score_real;
#else
typedef float tdl_score_real;
#endif

typedef struct tdl_table_softmax {
    size_t rows, classes, d;      /* classes and d above 0 */
    const tdl_score_real *x;      /* [rows][d] */
    const tdl_score_real *table;  /* [classes][d] */
    const tdl_score_real *bias;   /* [classes] or NULL */
    const int32_t *target;        /* [rows]; of a row that counts the number of a class */
    const tdl_score_real *weight; /* [rows] >= 0; a row of 0 is passed over: no loss, no gradient */
    /* Of a sample of the classes: which they are, and the scores of the targets themselves, which
     * stand beside the sample. A sampled class that is a row's target is left out of it. */
    const int32_t *id;         /* [classes] or NULL: the table has all, target counts its rows */
    const tdl_score_real *own; /* [rows] or NULL, as id */
    tdl_score_real *d_own;     /* [rows], with id */
    tdl_score_real *loss;      /* [rows] */
    tdl_score_real *d_x;       /* [rows][d] or NULL */
    bool d_x_add;              /* add to what is there */
    tdl_score_real *d_table;   /* [classes][d], added to, or NULL */
} tdl_table_softmax;

/* TDL_E_NO_MEMORY: nothing has changed. */
tdl_status tdl_table_softmax_run(const tdl_table_softmax *job, tdl_pool *pool, tdl_report *why);

#endif
