/* lists: as listwise, but of lists of any length, one row for each item: rows side by side with the
 * same batch->target are a list, batch->value [rows] says how relevant each is (Cao et al., ICML
 * 2007, top one)
 *
 *     p = relevance / its sum    loss = logsumexp(z) - sum p z    d z = softmax(z) - p
 *
 * The loss stands at the first row of its list, with that row's weight; the others weigh nothing,
 * and neither does a list in which nothing is relevant. In: [rows][1].
 */
#include <math.h>

#include "nn/loss.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] != 1)
        return TDL_FAIL(why, TDL_E_INVALID, "lists: %zu scores a row, not one", shapes->in_cols[0]);
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    tdl_status st;

    if (!call->batch->value || !call->batch->target)
        return TDL_FAIL(why, TDL_E_INVALID, "lists: the batch has no relevance, or no lists");
    if ((st = tdl_nn_batch_check_targets(call->batch, call->rows, SIZE_MAX, why)) ||
        (st = tdl_nn_check_finite("relevance", call->batch->value, call->rows, 1, why)))
        return st;
    for (size_t i = 0; i < call->rows; i++)
        if (call->batch->value[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: relevance %g is not >= 0", i,
                            (double)call->batch->value[i]);
    return TDL_OK;
}

static size_t list_end(const tdl_op_call *call, size_t first)
{
    size_t end = first + 1;

    while (end < call->rows && call->batch->target[end] == call->batch->target[first])
        end++;
    return end;
}

static double relevance_of(const tdl_op_call *call, size_t first, size_t end)
{
    double sum = 0;

    for (size_t i = first; i < end; i++)
        sum += (double)call->batch->value[i];
    return sum;
}

/* The largest score of a list, and the sum of exp(score - it). */
static double sum_exp(const tdl_real *z, size_t first, size_t end, double *ret_most)
{
    double most = (double)z[first], sum = 0;

    for (size_t i = first + 1; i < end; i++)
        most = fmax(most, (double)z[i]);
    for (size_t i = first; i < end; i++)
        sum += exp((double)z[i] - most);
    *ret_most = most;
    return sum;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    const tdl_real *z = call->in[0];

    TDL_UNUSED(why);
    for (size_t first = 0, end; first < call->rows; first = end) {
        double relevance, expected = 0, most;

        end = list_end(call, first);
        relevance = relevance_of(call, first, end);
        double loss = log(sum_exp(z, first, end, &most));
        for (size_t i = first; i < end; i++) // relative to the largest: no digits are lost
            expected += (double)call->batch->value[i] * ((double)z[i] - most);
        tdl_loss_put(call, first, relevance > 0 ? tdl_loss_weight(call, first) : 0,
                     relevance > 0 ? (tdl_real)(loss - expected / relevance) : 0);
        for (size_t i = first + 1; i < end; i++)
            tdl_loss_put(call, i, 0, 0);
    }
    return TDL_OK;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    const tdl_real *z = call->in[0];

    TDL_UNUSED(why);
    for (size_t first = 0, end; call->d_in[0] && first < call->rows; first = end) {
        double scale = (double)tdl_loss_scale(call, first), relevance, most, sum;

        end = list_end(call, first);
        relevance = relevance_of(call, first, end);
        sum = sum_exp(z, first, end, &most);
        for (size_t i = first; i < end; i++) {
            double p = relevance > 0 ? (double)call->batch->value[i] / relevance : 0;
            tdl_real d = (tdl_real)(scale * (exp((double)z[i] - most) / sum - p));

            tdl_put(call->d_in_add[0], 1, &d, call->d_in[0] + i);
        }
    }
    return TDL_OK;
}

const tdl_op tdl_op_lists = {
    .name = "lists",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0 | TDL_READS_OUT,
    .is_loss = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
