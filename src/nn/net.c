#include "nn/net.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, PER_LINE = ALIGNMENT / sizeof(tdl_real) };

/* ---- building ---- */

static int append(tdl_net *net, const tdl_op *op, tdl_op_config config, int in0, int in1,
                  int param0, int param1)
{
    const int in[] = {in0, in1}, param[] = {param0, param1};

    for (int i = 0; i < TDL_OP_INPUTS_MAX; i++)
        net->failed |= i < op->inputs_n ? in[i] < 0 || in[i] >= net->nodes_n : in[i] != TDL_NONE;
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        net->failed |= param[i] >= net->params->slices_n;
    if (net->failed || net->nodes_n == TDL_NET_MAX || net->block) {
        net->failed = true;
        return 0;
    }
    net->node[net->nodes_n] =
        (tdl_node){.op = op, .config = config, .in = {in0, in1}, .param = {param0, param1}};
    return net->nodes_n++;
}

int tdl_net_embed_bag(tdl_net *net, int table)
{
    return append(net, &tdl_op_embed_bag, (tdl_op_config){0}, TDL_NONE, TDL_NONE, table, TDL_NONE);
}

int tdl_net_linear(tdl_net *net, int in, int weights, int bias, tdl_act act)
{
    return append(net, &tdl_op_linear, (tdl_op_config){.act = act}, in, TDL_NONE, weights, bias);
}

int tdl_net_add(tdl_net *net, int a, int b)
{
    return append(net, &tdl_op_add, (tdl_op_config){0}, a, b, TDL_NONE, TDL_NONE);
}

int tdl_net_dropout(tdl_net *net, int in, double rate)
{
    return append(net, &tdl_op_dropout, (tdl_op_config){.rate = rate}, in, TDL_NONE, TDL_NONE,
                  TDL_NONE);
}

int tdl_net_dot_score(tdl_net *net, int in, int table, int bias)
{
    return append(net, &tdl_op_dot_score, (tdl_op_config){0}, in, TDL_NONE, table, bias);
}

int tdl_net_softmax_ce(tdl_net *net, int in)
{
    return append(net, &tdl_op_softmax_ce, (tdl_op_config){0}, in, TDL_NONE, TDL_NONE, TDL_NONE);
}

/* ---- planning ---- */

static tdl_status infer_node(const tdl_net *net, tdl_node *node, tdl_report *why)
{
    for (int i = 0; i < node->op->inputs_n; i++) {
        const tdl_node *in = &net->node[node->in[i]];
        if (in->op->is_loss)
            return TDL_FAIL(why, TDL_E_INVALID, "%s reads the losses of %s", node->op->name,
                            in->op->name);
        node->shapes.in_cols[i] = in->shapes.out_cols;
    }
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (node->param[i] != TDL_NONE)
            node->shapes.param[i] = &net->params->slice[node->param[i]];
    return node->op->infer(&node->config, &node->shapes, why);
}

static int readers_of(const tdl_net *net, int value)
{
    int n = 0;

    for (int k = 0; k < net->nodes_n; k++)
        for (int i = 0; i < net->node[k].op->inputs_n; i++)
            n += net->node[k].in[i] == value;
    return n;
}

static tdl_status infer_all(tdl_net *net, tdl_report *why)
{
    tdl_status st;

    for (int k = 0; k < net->nodes_n; k++) {
        tdl_node *node = &net->node[k];
        if ((st = infer_node(net, node, why))) {
            tdl_report_prefix(why, "op %d", k);
            return st;
        }
        if (node->op->overwrites_input && readers_of(net, node->in[0]) > 1)
            return TDL_FAIL(why, TDL_E_INVALID, "op %d: %s overwrites a value that others read", k,
                            node->op->name);
        if (node->op->is_loss && k + 1 < net->nodes_n)
            return TDL_FAIL(why, TDL_E_INVALID, "op %d: a loss that is not the last op", k);
    }
    return TDL_OK;
}

/* Take rows_max x cols numbers from the block: at NULL only counts. False when sizes overflow. */
static bool take(tdl_real *block, size_t *at, size_t rows, size_t cols, tdl_real **ret)
{
    size_t n;

    *ret = NULL;
    if (__builtin_mul_overflow(rows, cols, &n) || n > SIZE_MAX / 64 || *at > SIZE_MAX / 64)
        return false;
    if (block && n)
        *ret = block + *at;
    *at += (n + PER_LINE - 1) / PER_LINE * PER_LINE;
    return true;
}

static bool is_overwritten(const tdl_net *net, int value)
{
    for (int k = value + 1; k < net->nodes_n; k++)
        if (net->node[k].op->overwrites_input && net->node[k].in[0] == value)
            return true;
    return false;
}

static bool lay_out(tdl_net *net, bool backward, size_t *ret_n)
{
    bool fits = true;

    *ret_n = 0;
    for (int k = 0; k < net->nodes_n; k++) {
        tdl_node *node = &net->node[k];
        size_t cols = node->shapes.out_cols;

        fits &= take(net->block, ret_n, net->rows_max, cols, &node->out);
        fits &= take(net->block, ret_n, net->rows_max, node->shapes.saved_cols, &node->saved);
        if (is_overwritten(net, k))
            node->d_out = node->out;
        else if (backward)
            fits &= take(net->block, ret_n, net->rows_max, cols, &node->d_out);
    }
    return fits;
}

tdl_status tdl_net_plan(tdl_net *net, size_t rows_max, bool backward, tdl_report *why)
{
    size_t n;
    tdl_status st;

    if (net->failed || net->nodes_n == 0 || net->block)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "a net of no ops or of more than %d, an op that reads what is not there, "
                        "or a second plan",
                        TDL_NET_MAX);
    if ((st = infer_all(net, why)))
        return st;
    net->rows_max = rows_max;
    if (!lay_out(net, backward, &n))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a batch of %zu rows does not fit in memory",
                        rows_max);
    net->block = aligned_alloc(ALIGNMENT, (n + PER_LINE) * sizeof *net->block);
    if (!net->block)
        return TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "use a smaller batch",
                             "no memory for the values of %zu rows: %zu bytes", rows_max,
                             n * sizeof *net->block);
    lay_out(net, backward, &n);
    return TDL_OK;
}

void tdl_net_release(tdl_net *net)
{
    free(net->block);
    *net = (tdl_net){0};
}

/* ---- running ---- */

static tdl_op_call make_call(const tdl_net *net, int k, const tdl_nn_batch *batch,
                             const tdl_run *run)
{
    const tdl_node *node = &net->node[k];
    tdl_op_call call = {.batch = batch,
                        .config = &node->config,
                        .shapes = &node->shapes,
                        .rows = batch->rows,
                        .out = node->out,
                        .d_out = node->d_out,
                        .saved = node->saved,
                        .seed = run->seed,
                        .step = run->step,
                        .id = (uint32_t)k,
                        .training = run->training,
                        .pool = run->pool};

    for (int i = 0; i < node->op->inputs_n; i++) {
        call.in[i] = net->node[node->in[i]].out;
        call.d_in[i] = net->node[node->in[i]].d_out;
    }
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (node->param[i] != TDL_NONE) {
            call.param[i] = tdl_params_value(net->params, node->param[i]);
            call.d_param[i] = tdl_params_grad(net->params, node->param[i]);
        }
    return call;
}

static tdl_status check_batch(const tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                              tdl_report *why)
{
    size_t ids = SIZE_MAX, classes = SIZE_MAX;

    if (batch->rows > net->rows_max)
        return TDL_FAIL(why, TDL_E_INVALID, "a batch of %zu rows, the net was planned for %zu",
                        batch->rows, net->rows_max);
    for (int k = 0; k < net->nodes_n; k++) {
        const tdl_node *node = &net->node[k];
        if (node->op == &tdl_op_embed_bag && node->shapes.param[0]->rows < ids)
            ids = node->shapes.param[0]->rows;
        if (node->op->is_loss)
            classes = node->shapes.in_cols[0];
        if (node->op == &tdl_op_dropout && run->training && batch->rows && !batch->example)
            return TDL_FAIL(why, TDL_E_INVALID, "dropout: the batch has no example numbers");
    }
    return tdl_nn_batch_check(batch, ids, classes, why);
}

tdl_status tdl_net_forward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                           tdl_report *why)
{
    tdl_status st = check_batch(net, batch, run, why);

    for (int k = 0; !st && k < net->nodes_n; k++) {
        tdl_op_call call = make_call(net, k, batch, run);
        if (!net->node[k].op->is_loss || batch->target)
            st = net->node[k].op->forward(&call, why);
    }
    return st;
}

double tdl_net_loss_sum(const tdl_net *net, size_t rows)
{
    const tdl_real *loss = net->node[net->nodes_n - 1].out;
    double sum = 0;

    for (size_t r = 0; r < rows; r++)
        sum += (double)loss[r];
    return sum;
}

static void clear_gradients(tdl_net *net, size_t rows)
{
    for (int k = 0; k < net->nodes_n; k++) {
        tdl_node *node = &net->node[k];
        if (node->d_out != node->out)
            memset(node->d_out, 0, rows * node->shapes.out_cols * sizeof *node->d_out);
    }
}

tdl_status tdl_net_backward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                            double loss_scale, tdl_report *why)
{
    tdl_status st = check_batch(net, batch, run, why);

    if (st || batch->rows == 0)
        return st;
    if (!batch->target || !net->node[net->nodes_n - 1].op->is_loss || !net->node[0].d_out)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "backward needs targets, a loss and a plan with gradients");
    clear_gradients(net, batch->rows);
    for (int k = net->nodes_n; !st && k-- > 0;) {
        tdl_op_call call = make_call(net, k, batch, run);
        call.loss_scale = (tdl_real)loss_scale;
        st = net->node[k].op->backward(&call, why);
    }
    return st;
}

const tdl_real *tdl_net_value(const tdl_net *net, int node)
{
    return net->node[node].out;
}
