/* glu: [n][2 f] to [n][f], out = act(a) * b; a is the first half of a row and b the second, or,
 * with act_second, the other way round (Shazeer 2020: SwiGLU, ReGLU, GEGLU)
 *
 *     d a += d out * b * act'(a)    d b += d out * act(a)
 */
#include "nn/op.h"

enum { BLOCK = 256, ROWS_EACH = 16 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] == 0 || shapes->in_cols[0] % 2)
        return TDL_FAIL(why, TDL_E_INVALID, "glu: %zu columns have no two halves",
                        shapes->in_cols[0]);
    shapes->out_cols = shapes->in_cols[0] / 2;
    return TDL_OK;
}

/* Where the activated half and the other begin in a row. */
static size_t activated_at(const tdl_op_call *call)
{
    return call->config->act_second ? call->shapes->out_cols : 0;
}

static size_t other_at(const tdl_op_call *call)
{
    return call->config->act_second ? 0 : call->shapes->out_cols;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t f = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *in = call->in[0] + r * 2 * f, *restrict b = in + other_at(call);
        tdl_real *restrict out = call->out + r * f;

        tdl_put(false, f, in + activated_at(call), out);
        tdl_act_forward(call->config->act, f, NULL, out);
        for (size_t i = 0; i < f; i++)
            out[i] *= b[i];
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, ROWS_EACH, forward_rows, (void *)call);
    return TDL_OK;
}

/* n <= BLOCK numbers of a row. */
static void backward_block(tdl_act act, size_t n, const tdl_real *a, const tdl_real *b,
                           const tdl_real *dy, tdl_real *da, tdl_real *db, bool add)
{
    tdl_real y[BLOCK], slope[BLOCK];

    tdl_put(false, n, a, y);
    tdl_act_forward(act, n, NULL, y);
    for (size_t i = 0; i < n; i++)
        slope[i] = dy[i] * b[i];
    tdl_act_backward(act, n, tdl_act_needs_input(act) ? a : y, slope);
    for (size_t i = 0; i < n; i++)
        y[i] *= dy[i];
    tdl_put(add, n, slope, da);
    tdl_put(add, n, y, db);
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t f = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        for (size_t i = 0; i < f; i += BLOCK) {
            size_t a = r * 2 * f + activated_at(call) + i, b = r * 2 * f + other_at(call) + i;

            backward_block(call->config->act, f - i < BLOCK ? f - i : BLOCK, call->in[0] + a,
                           call->in[0] + b, call->d_out + r * f + i, call->d_in[0] + a,
                           call->d_in[0] + b, call->d_in_add[0]);
        }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, ROWS_EACH, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_glu = {
    .name = "glu",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
