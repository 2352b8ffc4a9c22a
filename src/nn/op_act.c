/* act: out = act(in)
 *
 *     d in += d out * act'(in)    act' of some activations is known from out, of others from in
 */
#include "nn/op.h"

enum { NUMBERS_EACH = 4096 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(why);
    shapes->out_cols = shapes->in_cols[0];
    shapes->reads |= tdl_act_needs_input(config->act) ? TDL_READS_IN_0 : TDL_READS_OUT;
    return TDL_OK;
}

static void forward_numbers(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    tdl_put(false, end - begin, call->in[0] + begin, call->out + begin);
    tdl_act_forward(call->config->act, end - begin, NULL, call->out + begin);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows * call->shapes->out_cols, NUMBERS_EACH, forward_numbers,
                 (void *)call);
    return TDL_OK;
}

static void backward_numbers(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    tdl_act act = call->config->act;
    const tdl_real *known = tdl_act_needs_input(act) ? call->in[0] : call->out;

    TDL_UNUSED(part);
    tdl_act_backward(act, end - begin, known + begin, call->d_out + begin);
    tdl_put(call->d_in_add[0], end - begin, call->d_out + begin, call->d_in[0] + begin);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows * call->shapes->out_cols, NUMBERS_EACH,
                     backward_numbers, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_act = {
    .name = "act",
    .inputs_n = 1,
    .may_replace_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
