/* gate_mul: out = in * gate, gate = columns [at, at + cols) of a second value (the gate U of HSTU,
 * Zhai et al., ICML 2024)
 *
 *     d in += d out * gate    d gate += d out * in; the other columns of the second value get 0
 */
#include <string.h>

#include "nn/op.h"

enum { ROWS_EACH = 16 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    size_t cols = shapes->in_cols[0], there = shapes->in_cols[1];

    if (config->at > there || cols > there - config->at)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "gate_mul: %zu columns from column %zu on, the gates have %zu", cols,
                        config->at, there);
    if (shapes->in_per_row[0] != shapes->in_per_row[1])
        return TDL_FAIL(why, TDL_E_INVALID, "gate_mul: inputs of %zu and of %zu rows for each",
                        shapes->in_per_row[0], shapes->in_per_row[1]);
    shapes->out_cols = cols;
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *in = call->in[0] + r * cols;
        const tdl_real *gate = call->in[1] + r * call->shapes->in_cols[1] + call->config->at;
        tdl_real *out = call->out + r * cols;

        for (size_t i = 0; i < cols; i++)
            out[i] = in[i] * gate[i];
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, ROWS_EACH, forward_rows, (void *)call);
    return TDL_OK;
}

/* Number by number: d in may take the place of d out, and both inputs may be one value. */
static void backward_row(const tdl_op_call *call, size_t r)
{
    size_t cols = call->shapes->out_cols, wide = call->shapes->in_cols[1];
    size_t at = r * wide + call->config->at;
    const tdl_real *in = call->in[0] + r * cols, *gate = call->in[1] + at;
    const tdl_real *dy = call->d_out + r * cols;
    tdl_real *d_in = call->d_in[0] ? call->d_in[0] + r * cols : NULL;
    tdl_real *d_gate = call->d_in[1] ? call->d_in[1] + at : NULL;

    if (d_gate && !call->d_in_add[1])
        memset(call->d_in[1] + r * wide, 0, wide * sizeof *d_gate);
    for (size_t i = 0; i < cols; i++) {
        tdl_real to_gate = dy[i] * in[i], to_in = dy[i] * gate[i];

        if (d_in)
            d_in[i] = call->d_in_add[0] ? d_in[i] + to_in : to_in;
        if (d_gate)
            d_gate[i] += to_gate;
    }
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        backward_row(context, r);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, ROWS_EACH, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_gate_mul = {
    .name = "gate_mul",
    .inputs_n = 2,
    .reads = TDL_READS_IN_0 | TDL_READS_IN_1,
    .may_replace_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
