/* feature_tokens: the columns of a table as tokens (Gorishniy et al., NeurIPS 2021)
 *
 *     cls                                 a token of its own, when there is one
 *     x[r][j] * weight[j] + bias[j]       for each of the `numbers` columns of batch->x
 *     table_k[category[r][k]] + bias[numbers + k]    for each of the `categories` columns
 *
 * weight [numbers][d], bias [numbers + categories][d], cls [1][d]. The tables of all categories are
 * one, one below the other: [sum of category_sizes][d].
 */
#include <stdlib.h>

#include "nn/op.h"
#include "nn/row_grad.h"

enum { CLS, WEIGHT, BIAS, TABLE };

static size_t table_rows(const tdl_feature_config *f)
{
    size_t sum = 0;

    for (size_t k = 0; k < f->categories; k++)
        sum += f->category_sizes[k];
    return sum;
}

static bool has_shape(const tdl_slice *slice, size_t rows, size_t cols)
{
    return rows == 0 ? !slice : slice && slice->rows == rows && slice->cols == cols;
}

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_feature_config *f = &config->features;
    size_t columns = f->numbers + f->categories;
    size_t d = shapes->param[BIAS] ? shapes->param[BIAS]->cols : 0;

    if (!columns || !has_shape(shapes->param[BIAS], columns, d))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "feature_tokens: %zu columns, and a bias that does not have as many rows",
                        columns);
    if ((shapes->param[CLS] && !has_shape(shapes->param[CLS], 1, d)) ||
        !has_shape(shapes->param[WEIGHT], f->numbers, d) ||
        !has_shape(shapes->param[TABLE], table_rows(f), d))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "feature_tokens: cls is not [1][%zu], the weights not [%zu][%zu], or the "
                        "tables not [%zu][%zu]",
                        d, f->numbers, d, table_rows(f), d);
    shapes->out_cols = d;
    shapes->out_per_row = columns + (shapes->param[CLS] != NULL);
    return TDL_OK;
}

static tdl_status check_categories(const tdl_op_call *call, tdl_report *why)
{
    const tdl_feature_config *f = &call->config->features;

    for (size_t i = 0; i < call->batch->rows * f->categories; i++) {
        int32_t at = call->batch->category[i];
        size_t size = f->category_sizes[i % f->categories];
        if (at < 0 || (size_t)at >= size)
            return TDL_FAIL(why, TDL_E_INVALID,
                            "row %zu, column %zu: category %d is not in [0, %zu)",
                            i / f->categories, i % f->categories, at, size);
    }
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_feature_config *f = &call->config->features;
    const tdl_nn_batch *batch = call->batch;
    tdl_status st;

    if ((f->numbers && !batch->x) || (f->categories && !batch->category))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "feature_tokens: the batch has no numbers, or no categories");
    if (f->numbers && (st = tdl_nn_check_finite("feature", batch->x, batch->rows, f->numbers, why)))
        return st;
    return check_categories(call, why);
}

static void token_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_feature_config *f = &call->config->features;
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *out = call->out + r * call->shapes->out_per_row * d;
        const tdl_real *bias = call->param[BIAS], *table = call->param[TABLE];

        if (call->param[CLS]) {
            tdl_put(false, d, call->param[CLS], out);
            out += d;
        }
        for (size_t j = 0; j < f->numbers; j++, out += d, bias += d) {
            tdl_put(false, d, bias, out);
            tdl_add_scaled(d, call->batch->x[r * f->numbers + j], call->param[WEIGHT] + j * d, out);
        }
        for (size_t k = 0; k < f->categories; k++, out += d, bias += d) {
            tdl_put(false, d, bias, out);
            tdl_put(true, d, table + (size_t)call->batch->category[r * f->categories + k] * d, out);
            table += f->category_sizes[k] * d;
        }
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->batch->rows, 16, token_rows, (void *)call);
    return TDL_OK;
}

/* d weight[j] for columns begin .. end */
static void weight_columns(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->out_cols, numbers = call->config->features.numbers;
    size_t per_row = call->shapes->out_per_row, first = call->param[CLS] != NULL;

    TDL_UNUSED(part);
    for (size_t r = 0; r < call->batch->rows; r++)
        for (size_t j = begin; j < end; j++)
            tdl_add_scaled(d, call->batch->x[r * numbers + j],
                           call->d_out + (r * per_row + first + j) * d,
                           call->d_param[WEIGHT] + j * d);
}

/* cls and bias: sums of the tokens of their column */
static tdl_status sums_backward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols, n = call->shapes->out_per_row * d;
    size_t first = call->param[CLS] != NULL;
    tdl_real *sums = calloc(n, sizeof *sums);

    if (!sums)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "feature_tokens: no memory for %zu sums", n);
    tdl_sum_rows(call->batch->rows, n, call->d_out, sums, call->pool);
    if (call->d_param[CLS])
        tdl_put(true, d, sums, call->d_param[CLS]);
    if (call->d_param[BIAS])
        tdl_put(true, n - first * d, sums + first * d, call->d_param[BIAS]);
    free(sums);
    return TDL_OK;
}

static tdl_status table_backward(const tdl_op_call *call, tdl_report *why)
{
    const tdl_feature_config *f = &call->config->features;
    size_t n = call->batch->rows * f->categories, above = 0;
    size_t first = (call->param[CLS] != NULL) + f->numbers;
    tdl_row_grad entries = {
        .ids = table_rows(f), .d = call->shapes->out_cols, .n = n, .x = call->d_out, .scale = 1};
    int32_t *id = malloc((n + 1) * sizeof *id);
    uint32_t *of = malloc((n + 1) * sizeof *of);
    tdl_status st;

    if (!id || !of) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "feature_tokens: no memory for %zu categories", n);
        goto out;
    }
    for (size_t k = 0; k < f->categories; above += f->category_sizes[k++])
        for (size_t r = 0; r < call->batch->rows; r++) {
            size_t e = r * f->categories + k;
            id[e] = (int32_t)above + call->batch->category[e];
            of[e] = (uint32_t)(r * call->shapes->out_per_row + first + k);
        }
    entries.id = id;
    entries.of = of;
    st = tdl_row_grad_add(&entries, call->d_param[TABLE], call->pool, why);
out:
    free(id);
    free(of);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (call->d_param[WEIGHT])
        tdl_pool_run(call->pool, call->config->features.numbers, 1, weight_columns, (void *)call);
    if (call->d_param[CLS] || call->d_param[BIAS])
        st = sums_backward(call, why);
    return st || !call->d_param[TABLE] ? st : table_backward(call, why);
}

const tdl_op tdl_op_feature_tokens = {
    .name = "feature_tokens",
    .inputs_n = 0,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
