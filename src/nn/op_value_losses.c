/* Losses against numbers, batch->value. With f = in[r][c], y the number to be met, e = y - f:
 *
 *     mse       e^2                                          slope in f: -2 e
 *     huber     e^2 / 2 within delta, else delta (|e| - delta / 2)       -e, or -delta sign(e)
 *     quantile  max(q e, (q - 1) e)                                      -q, or 1 - q  (Koenker and
 *               Bassett, Econometrica 1978)
 *     bce       max(f, 0) - f y + log1p(exp(-|f|)), f a logit            sigmoid(f) - y
 *               y in [0, 1], smoothed to y (1 - s) + s / 2
 *     hinge     max(0, 1 - y f), y = -1 or +1                            -y inside the margin
 *     poisson   exp(f) - y f, f the log of a mean, y >= 0                exp(f) - y
 *     tweedie   exp((2 - p) f) / (2 - p) - y exp((1 - p) f) / (1 - p)
 *               f the log of a mean, y >= 0, 1 < p < 2              exp((2 - p) f) - y exp((1 - p)
 * f)
 *
 * A row's loss is the mean over its columns, weighted by class_weight [columns] if there is one. in
 * and value are [rows][columns]; under quantile, `quantiles_n` neighbouring columns of in belong to
 * one column of value.
 */
#include <math.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/softplus.h"

enum { BLOCK = 256 };

/* Losses and slopes of n numbers, the first of which is number `at` of the input. */
typedef void terms_fn(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                      const tdl_real *y, tdl_real *loss, tdl_real *slope);

static void mse_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                      const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    TDL_UNUSED(config);
    TDL_UNUSED(at);
    for (size_t i = 0; i < n; i++) {
        tdl_real e = y[i] - f[i];

        loss[i] = e * e;
        slope[i] = -2 * e;
    }
}

static void huber_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                        const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    tdl_real delta = (tdl_real)config->parameter;

    TDL_UNUSED(at);
    for (size_t i = 0; i < n; i++) {
        tdl_real e = y[i] - f[i], size = e < 0 ? -e : e;

        loss[i] = size <= delta ? e * e / 2 : delta * (size - delta / 2);
        slope[i] = size <= delta ? -e : e > 0 ? -delta : delta;
    }
}

static void quantile_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                           const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    for (size_t i = 0; i < n; i++) {
        tdl_real e = y[i] - f[i], q = (tdl_real)config->quantile[(at + i) % config->quantiles_n];

        loss[i] = e > 0 ? q * e : (q - 1) * e;
        slope[i] = e > 0 ? -q : 1 - q;
    }
}

static void bce_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                      const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    tdl_real smoothing = (tdl_real)config->smoothing;

    TDL_UNUSED(at);
    tdl_softplus(n, f, loss, slope);
    for (size_t i = 0; i < n; i++) {
        tdl_real target = y[i] * (1 - smoothing) + smoothing / 2;

        loss[i] -= f[i] * target;
        slope[i] -= target;
    }
}

static void hinge_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                        const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    TDL_UNUSED(config);
    TDL_UNUSED(at);
    for (size_t i = 0; i < n; i++) {
        tdl_real short_of = 1 - y[i] * f[i];

        loss[i] = short_of > 0 ? short_of : 0;
        slope[i] = short_of > 0 ? -y[i] : 0;
    }
}

static void poisson_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                          const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    TDL_UNUSED(config);
    TDL_UNUSED(at);
    memcpy(slope, f, n * sizeof *slope);
    tdl_real_exp(1, n, slope, n);
    for (size_t i = 0; i < n; i++) {
        loss[i] = slope[i] - y[i] * f[i];
        slope[i] -= y[i];
    }
}

static void tweedie_terms(const tdl_loss_config *config, size_t at, size_t n, const tdl_real *f,
                          const tdl_real *y, tdl_real *loss, tdl_real *slope)
{
    tdl_real p = (tdl_real)config->parameter;

    TDL_UNUSED(at);
    for (size_t i = 0; i < n; i++) {
        loss[i] = (1 - p) * f[i];
        slope[i] = (2 - p) * f[i];
    }
    tdl_real_exp(1, n, loss, n);
    tdl_real_exp(1, n, slope, n);
    for (size_t i = 0; i < n; i++) {
        tdl_real low = y[i] * loss[i];

        loss[i] = slope[i] / (2 - p) - low / (1 - p);
        slope[i] -= low;
    }
}

/* ---- shapes and checks ---- */

static size_t columns_each(const tdl_op_call *call)
{
    return call->config->loss.quantiles_n ? call->config->loss.quantiles_n : 1;
}

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "a loss over no columns");
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status infer_huber(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!(config->loss.parameter > 0 && isfinite(config->loss.parameter)))
        return TDL_FAIL(why, TDL_E_INVALID, "huber: delta %g is not > 0", config->loss.parameter);
    return infer(config, shapes, why);
}

static tdl_status infer_tweedie(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!(config->loss.parameter > 1 && config->loss.parameter < 2))
        return TDL_FAIL(why, TDL_E_INVALID, "tweedie: power %g is not in (1, 2)",
                        config->loss.parameter);
    return infer(config, shapes, why);
}

static tdl_status infer_bce(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!(config->loss.smoothing >= 0 && config->loss.smoothing < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "bce: smoothing %g is not in [0, 1)",
                        config->loss.smoothing);
    return infer(config, shapes, why);
}

static tdl_status infer_quantile(const tdl_op_config *config, tdl_op_shapes *shapes,
                                 tdl_report *why)
{
    const tdl_loss_config *loss = &config->loss;

    if (!loss->quantiles_n || shapes->in_cols[0] % loss->quantiles_n)
        return TDL_FAIL(why, TDL_E_INVALID, "quantile: %zu columns for %zu quantiles each",
                        shapes->in_cols[0], loss->quantiles_n);
    for (size_t i = 0; i < loss->quantiles_n; i++)
        if (!(loss->quantile[i] > 0 && loss->quantile[i] < 1))
            return TDL_FAIL(why, TDL_E_INVALID, "quantile: %g is not in (0, 1)", loss->quantile[i]);
    return infer(config, shapes, why);
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0] / columns_each(call);
    tdl_status st;

    if (!call->batch->value)
        return TDL_FAIL(why, TDL_E_INVALID, "the batch has no numbers to predict");
    if ((st = tdl_nn_batch_check_targets(call->batch, call->rows, SIZE_MAX, why)))
        return st;
    return tdl_nn_check_finite("target", call->batch->value, call->rows, cols, why);
}

static tdl_status check_bce(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0];
    tdl_status st = check(call, why);

    for (size_t i = 0; !st && i < call->rows * cols; i++)
        if (!(call->batch->value[i] >= 0 && call->batch->value[i] <= 1))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, column %zu: target %g is not in [0, 1]",
                            i / cols, i % cols, (double)call->batch->value[i]);
    return st;
}

static tdl_status check_hinge(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0];
    tdl_status st = check(call, why);

    for (size_t i = 0; !st && i < call->rows * cols; i++)
        if (call->batch->value[i] != 1 && call->batch->value[i] != -1)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, column %zu: label %g is not -1 or +1",
                            i / cols, i % cols, (double)call->batch->value[i]);
    return st;
}

static tdl_status check_poisson(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0];
    tdl_status st = check(call, why);

    for (size_t i = 0; !st && i < call->rows * cols; i++)
        if (!(call->batch->value[i] >= 0))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, column %zu: count %g is not >= 0",
                            i / cols, i % cols, (double)call->batch->value[i]);
    return st;
}

/* ---- running ---- */

typedef struct job {
    const tdl_op_call *call;
    terms_fn *terms;
    tdl_real column_weights; /* their sum */
} job;

static tdl_real column_weight(const tdl_op_call *call, size_t column)
{
    const tdl_real *weight = call->config->loss.class_weight;

    return weight ? weight[column] : 1;
}

static job make_job(const tdl_op_call *call, terms_fn *terms)
{
    job j = {.call = call, .terms = terms};

    for (size_t c = 0; c < call->shapes->in_cols[0]; c++)
        j.column_weights += column_weight(call, c);
    return j;
}

/* Losses and slopes of numbers at .. at + n of the input, n <= BLOCK. */
static void block_terms(const job *j, size_t at, size_t n, tdl_real *loss, tdl_real *slope)
{
    const tdl_op_call *call = j->call;
    size_t each = columns_each(call);
    tdl_real y[BLOCK];

    for (size_t i = 0; i < n; i++)
        y[i] = call->batch->value[(at + i) / each];
    j->terms(&call->config->loss, at, n, call->in[0] + at, y, loss, slope);
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const job *j = context;
    size_t cols = j->call->shapes->in_cols[0], last = end * cols;
    double sum = 0;

    TDL_UNUSED(part);
    for (size_t at = begin * cols; at < last; at += BLOCK) {
        size_t n = last - at < BLOCK ? last - at : BLOCK;
        tdl_real loss[BLOCK], slope[BLOCK];

        block_terms(j, at, n, loss, slope);
        for (size_t i = 0; i < n; i++) {
            size_t row = (at + i) / cols, column = (at + i) % cols;

            sum += (double)(loss[i] * column_weight(j->call, column));
            if (column + 1 < cols)
                continue;
            tdl_loss_put(j->call, row, tdl_loss_weight(j->call, row),
                         (tdl_real)(sum / (double)j->column_weights));
            sum = 0;
        }
    }
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const job *j = context;
    size_t cols = j->call->shapes->in_cols[0], last = end * cols;

    TDL_UNUSED(part);
    for (size_t at = begin * cols; at < last; at += BLOCK) {
        size_t n = last - at < BLOCK ? last - at : BLOCK;
        tdl_real loss[BLOCK], slope[BLOCK];

        block_terms(j, at, n, loss, slope);
        for (size_t i = 0; i < n; i++) {
            tdl_real scale = tdl_loss_scale(j->call, (at + i) / cols);

            slope[i] *= scale * column_weight(j->call, (at + i) % cols) / j->column_weights;
        }
        tdl_put(j->call->d_in_add[0], n, slope, j->call->d_in[0] + at);
    }
}

static tdl_status forward(const tdl_op_call *call, terms_fn *terms)
{
    job j = make_job(call, terms);

    tdl_pool_run(call->pool, call->rows, 64, forward_rows, &j);
    return TDL_OK;
}

static tdl_status backward(const tdl_op_call *call, terms_fn *terms)
{
    job j = make_job(call, terms);

    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, 64, backward_rows, &j);
    return TDL_OK;
}

/* ---- the entries ---- */

#define VALUE_LOSS(title, infer_it, check_it)                                                      \
    static tdl_status title##_forward(const tdl_op_call *call, tdl_report *why)                    \
    {                                                                                              \
        TDL_UNUSED(why);                                                                           \
        return forward(call, title##_terms);                                                       \
    }                                                                                              \
    static tdl_status title##_backward(const tdl_op_call *call, tdl_report *why)                   \
    {                                                                                              \
        TDL_UNUSED(why);                                                                           \
        return backward(call, title##_terms);                                                      \
    }                                                                                              \
    const tdl_op tdl_op_##title = {                                                                \
        .name = #title,                                                                            \
        .inputs_n = 1,                                                                             \
        .reads = TDL_READS_IN_0 | TDL_READS_OUT,                                                   \
        .is_loss = true,                                                                           \
        .infer = infer_it,                                                                         \
        .check = check_it,                                                                         \
        .forward = title##_forward,                                                                \
        .backward = title##_backward,                                                              \
    }

VALUE_LOSS(mse, infer, check);
VALUE_LOSS(huber, infer_huber, check);
VALUE_LOSS(quantile, infer_quantile, check);
VALUE_LOSS(bce, infer_bce, check_bce);
VALUE_LOSS(hinge, infer, check_hinge);
VALUE_LOSS(poisson, infer, check_poisson);
VALUE_LOSS(tweedie, infer_tweedie, check_poisson);
