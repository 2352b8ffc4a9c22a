/* cosine: out[r] = scale * a . b / (|a| |b|) for the rows of two inputs of one shape
 *
 *     d a = scale d out (b / |b| - c a / |a|) / |a|,  c the cosine; d b likewise
 *
 * A row of zeros has cosine 0 with anything, and gets no gradient. config.scale 0 is 1.
 */
#include "nn/op.h"
#include "nn/unit.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] != shapes->in_cols[1] || shapes->in_per_row[0] != shapes->in_per_row[1])
        return TDL_FAIL(why, TDL_E_INVALID, "cosine: %zu rows of %zu columns against %zu of %zu",
                        shapes->in_per_row[0], shapes->in_cols[0], shapes->in_per_row[1],
                        shapes->in_cols[1]);
    shapes->out_cols = 1;
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *a = call->in[0] + r * d, *b = call->in[1] + r * d;

        call->out[r] = tdl_unit_scale(call->config) * tdl_inner(d, a, b) *
                       tdl_one_over_length(d, a) * tdl_one_over_length(d, b);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, forward_rows, (void *)call);
    return TDL_OK;
}

/* d a of one row; g: d out * scale */
static void backward_row(size_t d, tdl_real g, const tdl_real *a, const tdl_real *b, bool add,
                         tdl_real *d_a)
{
    tdl_real of_a = tdl_one_over_length(d, a), of_b = tdl_one_over_length(d, b);
    tdl_real cosine = tdl_inner(d, a, b) * of_a * of_b;

    for (size_t i = 0; i < d; i++)
        d_a[i] = (add ? d_a[i] : 0) + g * of_a * (b[i] * of_b - cosine * a[i] * of_a);
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        for (int i = 0; i < 2; i++)
            if (call->d_in[i])
                backward_row(d, call->d_out[r] * tdl_unit_scale(call->config), call->in[i] + r * d,
                             call->in[1 - i] + r * d, call->d_in_add[i], call->d_in[i] + r * d);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_cosine = {
    .name = "cosine",
    .inputs_n = 2,
    .reads = TDL_READS_IN_0 | TDL_READS_IN_1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
