#include "nn/batch.h"

#include <math.h>

tdl_status tdl_nn_batch_check_offsets(const tdl_nn_batch *batch, tdl_report *why)
{
    if (batch->rows && batch->offsets[0] != 0)
        return TDL_FAIL(why, TDL_E_INVALID, "the first offset is %zu, not 0", batch->offsets[0]);
    for (size_t r = 0; r < batch->rows; r++) {
        if (batch->offsets[r + 1] < batch->offsets[r])
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: ends at %zu, before its begin %zu", r,
                            batch->offsets[r + 1], batch->offsets[r]);
        if (batch->offsets[r + 1] - batch->offsets[r] > TDL_TOKENS_OF_ROW_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %zu tokens, at most %d", r,
                            batch->offsets[r + 1] - batch->offsets[r], TDL_TOKENS_OF_ROW_MAX);
    }
    return TDL_OK;
}

tdl_status tdl_nn_batch_check_ids(const tdl_nn_batch *batch, int stream, size_t limit,
                                  tdl_report *why)
{
    const int32_t *id = batch->id[stream];

    if (!batch->offsets)
        return TDL_FAIL(why, TDL_E_INVALID, "the batch has no tokens");
    if (!id)
        return tdl_nn_batch_tokens(batch)
                   ? TDL_FAIL(why, TDL_E_INVALID, "the batch has no ids (stream %d)", stream)
                   : TDL_OK;
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            if (id[e] < 0 || (size_t)id[e] >= limit)
                return TDL_FAIL(why, TDL_E_INVALID, "row %zu, entry %zu: id %d is not in [0, %zu)",
                                r, e - batch->offsets[r], id[e], limit);
    return TDL_OK;
}

tdl_status tdl_nn_batch_check_targets(const tdl_nn_batch *batch, size_t n, size_t classes,
                                      tdl_report *why)
{
    for (size_t i = 0; i < n && batch->target; i++)
        if (batch->target[i] != TDL_TARGET_NONE &&
            (batch->target[i] < 0 || (size_t)batch->target[i] >= classes))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: target %d is not in [0, %zu)", i,
                            batch->target[i], classes);
    for (size_t i = 0; i < n && batch->target_weight; i++)
        if (!isfinite(batch->target_weight[i]) || batch->target_weight[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: weight %g of the loss is not >= 0", i,
                            (double)batch->target_weight[i]);
    return TDL_OK;
}

tdl_status tdl_nn_batch_check_negatives(const tdl_nn_batch *batch, size_t n, size_t classes,
                                        tdl_report *why)
{
    size_t all = (batch->negatives_each ? n : 1) * batch->negatives_n;

    for (size_t i = 0; i < all && batch->negative; i++)
        if (batch->negative[i] < 0 || (size_t)batch->negative[i] >= classes)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, negative %zu: %d is not in [0, %zu)",
                            i / batch->negatives_n, i % batch->negatives_n, batch->negative[i],
                            classes);
    return TDL_OK;
}

tdl_status tdl_nn_check_finite(const char *what, const tdl_real *x, size_t rows, size_t cols,
                               tdl_report *why)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            if (!isfinite(x[r * cols + c]))
                return TDL_FAIL(why, TDL_E_INVALID, "row %zu, column %zu: %s %g is not finite", r,
                                c, what, (double)x[r * cols + c]);
    return TDL_OK;
}
