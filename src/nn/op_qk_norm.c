/* qk_norm: every query head and every key head brought to mean square 1 (norm.c), then scaled by
 * the gain that the heads of its kind share; all other columns as they are (Dehghani et al. 2023;
 * RMS as in Qwen 3).  q gain, k gain [1][d_head]
 *
 *     saved: for the query heads of a row their means, which are 0, then 1 / deviation of each;
 * then the same for its key heads
 *
 * Gains are summed over rows in at most PARTS_MAX parts, cut by the number of rows alone.
 */
#include <math.h>
#include <stdlib.h>

#include "nn/op.h"

enum { ROWS_EACH = 16, PARTS_MAX = 16, KINDS = 2 /* queries, keys */ };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_qk_norm_config *norm = &config->qk_norm;
    size_t cols = shapes->in_cols[0], heads, wide;

    if (!(config->eps > 0) || !isfinite(config->eps))
        return TDL_FAIL(why, TDL_E_INVALID, "qk_norm: eps %g is not above 0", config->eps);
    if (norm->d_head == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "qk_norm: heads of no columns");
    if (__builtin_add_overflow(norm->heads, norm->kv_heads, &heads) ||
        __builtin_mul_overflow(heads, norm->d_head, &wide) || norm->at > cols ||
        wide > cols - norm->at)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "qk_norm: %zu + %zu heads of %zu columns from column %zu on, the input has "
                        "%zu",
                        norm->heads, norm->kv_heads, norm->d_head, norm->at, cols);
    for (int i = 0; i < KINDS; i++) {
        const tdl_slice *gain = shapes->param[i];

        if (!gain)
            return TDL_FAIL(why, TDL_E_INVALID, "qk_norm: no gain of the %s",
                            i == 0 ? "queries" : "keys");
        if (gain->rows != 1 || gain->cols != norm->d_head)
            return TDL_FAIL(why, TDL_E_INVALID, "qk_norm: heads of %zu columns, '%s' [%zu][%zu]",
                            norm->d_head, gain->name, gain->rows, gain->cols);
    }
    shapes->out_cols = cols;
    shapes->saved_cols = 2 * heads;
    return TDL_OK;
}

/* The heads of one kind in one row: [heads][d_head] from column `at` on. */
typedef struct heads_of_row {
    size_t n, at;
    tdl_real *mean, *rstd; /* [n] */
} heads_of_row;

static heads_of_row heads_of(const tdl_op_call *call, size_t r, int kind)
{
    const tdl_qk_norm_config *norm = &call->config->qk_norm;
    tdl_real *saved = call->saved + r * call->shapes->saved_cols;

    if (kind == 0)
        return (heads_of_row){norm->heads, norm->at, saved, saved + norm->heads};
    saved += 2 * norm->heads;
    return (heads_of_row){norm->kv_heads, norm->at + norm->heads * norm->d_head, saved,
                          saved + norm->kv_heads};
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols, d = call->config->qk_norm.d_head;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *out = call->out + r * cols;

        tdl_put(false, cols, call->in[0] + r * cols, out);
        for (int kind = 0; kind < KINDS; kind++) {
            heads_of_row h = heads_of(call, r, kind);

            tdl_norm_forward(false, h.n, d, out + h.at, call->param[kind], NULL, call->config->eps,
                             out + h.at, h.mean, h.rstd, NULL);
        }
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, ROWS_EACH, forward_rows, (void *)call);
    return TDL_OK;
}

typedef struct backward_job {
    const tdl_op_call *call;
    size_t parts;
    tdl_real *d_gain; /* [parts][KINDS][d_head] */
} backward_job;

/* The gradient of the input takes the place of d_out. */
static void backward_parts(void *context, size_t begin, size_t end, unsigned thread)
{
    const backward_job *j = context;
    const tdl_op_call *call = j->call;
    size_t cols = call->shapes->out_cols, d = call->config->qk_norm.d_head;

    TDL_UNUSED(thread);
    for (size_t part = begin; part < end; part++)
        for (size_t r = part * call->rows / j->parts; r < (part + 1) * call->rows / j->parts; r++)
            for (int kind = 0; kind < KINDS; kind++) {
                heads_of_row h = heads_of(call, r, kind);
                size_t at = r * cols + h.at;

                tdl_norm_backward(false, h.n, d, call->in[0] + at, call->param[kind], h.mean,
                                  h.rstd, call->d_out + at, call->d_out + at,
                                  j->d_gain + (part * KINDS + (size_t)kind) * d, NULL, NULL);
            }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->config->qk_norm.d_head;
    backward_job j = {.call = call, .parts = call->rows < PARTS_MAX ? call->rows : PARTS_MAX};

    j.d_gain = calloc((j.parts + 1) * KINDS * d, sizeof *j.d_gain);
    if (!j.d_gain)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "qk_norm: no memory for gradients of heads of %zu",
                        d);
    tdl_pool_run(call->pool, j.parts, 1, backward_parts, &j);
    for (size_t i = 0; i < j.parts * KINDS; i++)
        if (call->d_param[i % KINDS])
            tdl_put(true, d, j.d_gain + i * d, call->d_param[i % KINDS]);
    free(j.d_gain);
    if (call->d_in[0])
        tdl_put(call->d_in_add[0], call->rows * call->shapes->out_cols, call->d_out, call->d_in[0]);
    return TDL_OK;
}

const tdl_op tdl_op_qk_norm = {
    .name = "qk_norm",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .may_replace_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
