/* A batch: ragged rows, no padding. Row r owns entries offsets[r] .. offsets[r + 1); none is legal.
 */
#ifndef TDL_NN_BATCH_H
#define TDL_NN_BATCH_H

#include <stdint.h>

#include "nn/real.h"

typedef struct tdl_nn_batch {
    size_t rows;
    const size_t *offsets;   /* [rows + 1], offsets[0] = 0 */
    const int32_t *id;       /* [offsets[rows]] row of the embedding table */
    const tdl_real *weight;  /* [offsets[rows]] of each entry */
    const int32_t *target;   /* [rows] class to predict; NULL = inference, losses are not run */
    const uint64_t *example; /* [rows] number of the row in the whole data set: keys dropout, so
                              * that no mask depends on how rows were put into batches */
} tdl_nn_batch;

/* Refuse, before any state changes, what an op could not survive. ids: rows of the table, classes:
 * columns of the scores. TDL_E_INVALID names the row, the field and the value. */
tdl_status tdl_nn_batch_check(const tdl_nn_batch *batch, size_t ids, size_t classes,
                              tdl_report *why);

#endif
