/* pairwise: what is better must score higher, m = s+ - s-
 *
 *     logistic  softplus(-m)         slope in m: -sigmoid(-m)  (Burges et al., ICML 2005)
 *     margin    max(0, margin - m)   -1 inside the margin
 *
 * Two inputs of one shape: in[0] should score above in[1], column by column. One input [rows][n]:
 * the column target[r] should score above those of batch->negative, or above all others when there
 * are none; a negative that is the target is left out. A row's loss is the mean over its pairs.
 * Rows with the target TDL_TARGET_NONE, or without a pair, count for nothing.
 */
#include <math.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/softplus.h"

enum { BLOCK = 128 };

/* Some pairs of one row. */
typedef struct pairs {
    size_t n;
    size_t worse[BLOCK]; /* columns */
    tdl_real minus_m[BLOCK], loss[BLOCK], slope[BLOCK];
} pairs;

static bool has_two(const tdl_op_call *call)
{
    return call->in[1] != NULL;
}

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    double margin = config->loss.parameter;

    if (!(margin >= 0 && isfinite(margin)))
        return TDL_FAIL(why, TDL_E_INVALID, "pairwise: margin %g is not >= 0", margin);
    if (!shapes->in_cols[0])
        return TDL_FAIL(why, TDL_E_INVALID, "pairwise: no scores");
    if (shapes->in_cols[1] && (shapes->in_cols[1] != shapes->in_cols[0] ||
                               shapes->in_per_row[1] != shapes->in_per_row[0]))
        return TDL_FAIL(why, TDL_E_INVALID, "pairwise: %zu scores against %zu", shapes->in_cols[0],
                        shapes->in_cols[1]);
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;

    if (!batch->target)
        return TDL_FAIL(why, TDL_E_INVALID, "pairwise: the batch has no targets");
    if (has_two(call))
        return tdl_nn_batch_check_targets(batch, call->rows, SIZE_MAX, why);
    tdl_status st = tdl_nn_batch_check_targets(batch, call->rows, call->shapes->in_cols[0], why);
    return st ? st : tdl_nn_batch_check_negatives(batch, call->rows, call->shapes->in_cols[0], why);
}

static size_t candidates_n(const tdl_op_call *call)
{
    return has_two(call) || !call->batch->negative ? call->shapes->in_cols[0]
                                                   : call->batch->negatives_n;
}

/* Column of candidate `c` of the worse, or SIZE_MAX when it is the target itself. */
static size_t candidate(const tdl_op_call *call, size_t row, size_t c)
{
    const tdl_nn_batch *batch = call->batch;
    size_t column = c;

    if (has_two(call))
        return c;
    if (batch->negative)
        column =
            (size_t)batch->negative[(batch->negatives_each ? row : 0) * batch->negatives_n + c];
    return column == (size_t)batch->target[row] ? SIZE_MAX : column;
}

static size_t pairs_n(const tdl_op_call *call, size_t row)
{
    size_t n = 0, candidates = candidates_n(call);

    for (size_t c = 0; call->batch->target[row] != TDL_TARGET_NONE && c < candidates; c++)
        n += candidate(call, row, c) != SIZE_MAX;
    return n;
}

static void find_terms(const tdl_op_call *call, pairs *p)
{
    tdl_real margin = (tdl_real)call->config->loss.parameter;

    if (margin == 0) {
        tdl_softplus(p->n, p->minus_m, p->loss, p->slope);
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        tdl_real short_of = margin + p->minus_m[i];

        p->loss[i] = short_of > 0 ? short_of : 0;
        p->slope[i] = short_of > 0 ? 1 : 0;
    }
}

/* The next pairs of a row from candidate *at on, with their losses and slopes in -m. */
static bool next_pairs(const tdl_op_call *call, size_t row, size_t *at, pairs *p)
{
    size_t cols = call->shapes->in_cols[0], candidates = candidates_n(call);
    const tdl_real *z = call->in[0] + row * cols;
    const tdl_real *other = has_two(call) ? call->in[1] + row * cols : z;

    for (p->n = 0; p->n < BLOCK && *at < candidates; ++*at) {
        size_t worse = candidate(call, row, *at);

        if (worse == SIZE_MAX)
            continue;
        p->worse[p->n] = worse;
        p->minus_m[p->n++] =
            other[worse] - z[has_two(call) ? worse : (size_t)call->batch->target[row]];
    }
    find_terms(call, p);
    return p->n > 0;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    pairs p;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        size_t n = pairs_n(call, r), at = 0;
        double sum = 0;

        while (n && next_pairs(call, r, &at, &p))
            for (size_t i = 0; i < p.n; i++)
                sum += (double)p.loss[i];
        tdl_loss_put(call, r, n ? tdl_loss_weight(call, r) : 0,
                     n ? (tdl_real)(sum / (double)n) : 0);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_row(const tdl_op_call *call, size_t row)
{
    size_t cols = call->shapes->in_cols[0], n = pairs_n(call, row), at = 0;
    tdl_real scale = tdl_loss_scale(call, row);
    tdl_real *d_better = call->d_in[0] ? call->d_in[0] + row * cols : NULL;
    tdl_real *d_worse = d_better;
    pairs p = {0};

    if (has_two(call))
        d_worse = call->d_in[1] ? call->d_in[1] + row * cols : NULL;
    while (scale != 0 && next_pairs(call, row, &at, &p))
        for (size_t i = 0; i < p.n; i++) {
            tdl_real slope = p.slope[i] * scale / (tdl_real)n;
            size_t better = has_two(call) ? p.worse[i] : (size_t)call->batch->target[row];

            if (d_better)
                d_better[better] -= slope;
            if (d_worse)
                d_worse[p.worse[i]] += slope;
        }
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (int i = 0; i < 2; i++)
        if (call->d_in[i] && !call->d_in_add[i])
            memset(call->d_in[i] + begin * cols, 0, (end - begin) * cols * sizeof(tdl_real));
    for (size_t r = begin; r < end; r++)
        backward_row(call, r);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_pairwise = {
    .name = "pairwise",
    .inputs_n = 1,
    .inputs_max = 2,
    .reads = TDL_READS_IN_0 | TDL_READS_IN_1 | TDL_READS_OUT,
    .is_loss = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
