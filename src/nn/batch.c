#include "nn/batch.h"

#include <math.h>

static tdl_status check_row(const tdl_nn_batch *batch, size_t row, size_t ids, tdl_report *why)
{
    for (size_t e = batch->offsets[row]; e < batch->offsets[row + 1]; e++) {
        if (batch->id[e] < 0 || (size_t)batch->id[e] >= ids)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, entry %zu: id %d is not in [0, %zu)", row,
                            e - batch->offsets[row], batch->id[e], ids);
        if (!isfinite(batch->weight[e]))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, entry %zu: weight %g is not finite", row,
                            e - batch->offsets[row], (double)batch->weight[e]);
    }
    return TDL_OK;
}

tdl_status tdl_nn_batch_check(const tdl_nn_batch *batch, size_t ids, size_t classes,
                              tdl_report *why)
{
    tdl_status st;

    if (batch->rows && batch->offsets[0] != 0)
        return TDL_FAIL(why, TDL_E_INVALID, "the first offset is %zu, not 0", batch->offsets[0]);
    for (size_t r = 0; r < batch->rows; r++) {
        if (batch->offsets[r + 1] < batch->offsets[r])
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: ends at %zu, before its begin %zu", r,
                            batch->offsets[r + 1], batch->offsets[r]);
        if ((st = check_row(batch, r, ids, why)))
            return st;
        if (batch->target && (batch->target[r] < 0 || (size_t)batch->target[r] >= classes))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: target %d is not in [0, %zu)", r,
                            batch->target[r], classes);
    }
    return TDL_OK;
}
