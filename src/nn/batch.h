/* A batch: examples side by side, ragged, without padding.
 *
 * A row is one example: a sequence, a row of a table, an image. Row r of a batch of sequences owns
 * the tokens offsets[r] .. offsets[r + 1); none and one are legal. What a net does not read may be
 * NULL; what it reads is checked before anything changes.
 */
#ifndef TDL_NN_BATCH_H
#define TDL_NN_BATCH_H

#include <stdint.h>

#include "nn/real.h"

enum {
    TDL_STREAMS_MAX = 4,  /* of ids */
    TDL_TARGET_NONE = -1, /* this row of the loss counts for nothing */
    TDL_TOKENS_OF_ROW_MAX = 1 << 20
};

typedef struct tdl_nn_batch {
    size_t rows;
    const size_t *offsets;              /* [rows + 1], offsets[0] = 0; NULL: rows have no tokens */
    const int32_t *id[TDL_STREAMS_MAX]; /* [tokens] each: token or item, then type, ... */
    const int32_t *position;            /* [tokens] rising within a row; equal = at the same time:
                                         * they see each other; NULL: 0, 1, 2, ... */
    const int64_t *time_s;              /* [tokens] seconds */
    const tdl_real *weight;             /* [tokens] of each entry of a bag */
    const tdl_real *x;                  /* [rows][columns] numbers: features, pixels */
    const int32_t *category;            /* [rows][columns] */
    const int32_t *target;              /* class of each row of the loss, or TDL_TARGET_NONE */
    const tdl_real *value;              /* [rows of the loss][columns] numbers to be met */
    const tdl_real *target_weight;      /* of each row of the loss, >= 0; NULL: 1 */
    const int32_t *negative;            /* [negatives_n] classes drawn for the whole batch, or, with
                                         * negatives_each, [rows of the loss][negatives_n] */
    size_t negatives_n;
    bool negatives_each;
    const tdl_real *log_q;   /* [classes] log of how likely each is drawn; NULL: no correction */
    const uint64_t *example; /* [rows] number of the row in the whole data set: keys dropout, so
                              * that no mask depends on how rows were put into batches */
} tdl_nn_batch;

/* tokens of all rows */
static inline size_t tdl_nn_batch_tokens(const tdl_nn_batch *batch)
{
    return batch->offsets ? batch->offsets[batch->rows] : 0;
}

/* Offsets start at 0 and never fall. TDL_E_INVALID names the row. */
tdl_status tdl_nn_batch_check_offsets(const tdl_nn_batch *batch, tdl_report *why);
/* Every id of a stream in [0, limit). The report names row, entry and id. */
tdl_status tdl_nn_batch_check_ids(const tdl_nn_batch *batch, int stream, size_t limit,
                                  tdl_report *why);
/* target[n] in [0, classes) or TDL_TARGET_NONE, weights finite and >= 0. */
tdl_status tdl_nn_batch_check_targets(const tdl_nn_batch *batch, size_t n, size_t classes,
                                      tdl_report *why);
/* The negatives of a batch whose loss has n rows: each in [0, classes). */
tdl_status tdl_nn_batch_check_negatives(const tdl_nn_batch *batch, size_t n, size_t classes,
                                        tdl_report *why);
/* x[rows][cols] finite; `what` names it. */
tdl_status tdl_nn_check_finite(const char *what, const tdl_real *x, size_t rows, size_t cols,
                               tdl_report *why);

#endif
