#include "nn/net.h"

#include <stdlib.h>
#include <string.h>

#include "nn/kv_cache.h"

/* ---- building ---- */

static bool make_room(tdl_net *net)
{
    int cap = net->nodes_cap ? 2 * net->nodes_cap : 16;

    if (net->nodes_n < net->nodes_cap)
        return true;
    tdl_node *grown = realloc(net->node, (size_t)cap * sizeof *grown);
    if (!grown)
        return false;
    net->node = grown;
    net->nodes_cap = cap;
    return true;
}

/* Copy list[n] to ret[max], the rest TDL_NONE. False when one is not below `limit`. */
static bool take_list(const int *list, size_t n, size_t max, int limit, int *ret)
{
    bool good = n <= max;

    for (size_t i = 0; i < max; i++) {
        ret[i] = i < n ? list[i] : TDL_NONE;
        good &= ret[i] >= TDL_NONE && ret[i] < limit;
    }
    return good;
}

static bool takes_inputs(const tdl_op *op, const int in[TDL_OP_INPUTS_MAX])
{
    int most = op->inputs_max ? op->inputs_max : op->inputs_n;

    for (int i = 0; i < TDL_OP_INPUTS_MAX; i++)
        if (in[i] == TDL_NONE ? i < op->inputs_n : i >= most)
            return false;
    return true;
}

int tdl_net_append(tdl_net *net, const tdl_op *op, tdl_op_config config, const int *in, size_t in_n,
                   const int *param, size_t param_n)
{
    tdl_node node = {.op = op, .config = config};

    if (!take_list(in, in_n, TDL_OP_INPUTS_MAX, net->nodes_n, node.in) ||
        !take_list(param, param_n, TDL_OP_PARAMS_MAX, net->params->slices_n, node.param) ||
        !takes_inputs(op, node.in) || net->failed || net->block || !make_room(net)) {
        net->failed = true;
        return 0;
    }
    net->node[net->nodes_n] = node;
    return net->nodes_n++;
}

static void shift(int n, const int *list, int by, int *ret)
{
    for (int i = 0; i < n; i++)
        ret[i] = list[i] == TDL_NONE ? TDL_NONE : list[i] + by;
}

int tdl_net_join(tdl_net *net, const tdl_net *from, int nodes_n, int first_slice, int input)
{
    int *place = malloc(((size_t)nodes_n + 1) * sizeof *place), last = 0;

    net->failed |= !place || from->failed;
    for (int k = 0; place && k < nodes_n; k++) {
        const tdl_node *node = &from->node[k];
        int in[TDL_OP_INPUTS_MAX], param[TDL_OP_PARAMS_MAX];

        for (int i = 0; i < TDL_OP_INPUTS_MAX; i++)
            in[i] = node->in[i] == TDL_NONE ? TDL_NONE : place[node->in[i]];
        shift(TDL_OP_PARAMS_MAX, node->param, first_slice, param);
        last = place[k] = node->op == &tdl_op_input && input != TDL_NONE
                              ? input
                              : tdl_net_append(net, node->op, node->config, in, TDL_OP_INPUTS_MAX,
                                               param, TDL_OP_PARAMS_MAX);
    }
    free(place);
    return last;
}

void tdl_net_keep(tdl_net *net, int value)
{
    if (!net->failed)
        net->node[value].keep = true;
}

void tdl_net_keep_gradient(tdl_net *net, int value)
{
    if (!net->failed)
        net->node[value].keep_gradient = true;
}

void tdl_net_unpack(tdl_net *net)
{
    for (int k = 0; k < net->nodes_n; k++) {
        if (!net->borrows_packed)
            tdl_packed_free(net->node[k].packed);
        net->node[k].packed = NULL;
    }
    net->borrows_packed = false;
}

void tdl_net_release(tdl_net *net)
{
    tdl_net_unpack(net);
    free(net->node);
    free(net->block);
    *net = (tdl_net){0};
}

tdl_status tdl_net_copy(const tdl_net *from, int nodes_n, tdl_params *params, tdl_net *ret,
                        tdl_report *why)
{
    tdl_node *node = malloc((size_t)nodes_n * sizeof *node);

    if (!node)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a net of %d ops", nodes_n);
    memcpy(node, from->node, (size_t)nodes_n * sizeof *node);
    for (int k = 0; k < nodes_n; k++) {
        node[k].out = node[k].d_out = node[k].saved = node[k].work = NULL;
        node[k].packed = params ? NULL : node[k].packed;
    }
    *ret = (tdl_net){.params = params ? params : from->params,
                     .node = node,
                     .nodes_n = nodes_n,
                     .nodes_cap = nodes_n,
                     .borrows_packed = !params};
    return TDL_OK;
}

/* ---- packing ---- */

/* Both multiply their input with their first parameter. */
static bool is_packable(const tdl_node *node)
{
    return node->op == &tdl_op_linear || node->op == &tdl_op_dot_score;
}

static tdl_status pack_node(tdl_net *net, tdl_node *node, tdl_precision precision, tdl_report *why)
{
    const tdl_slice *w = &net->params->slice[node->param[0]];
    const tdl_real *value = tdl_params_value(net->params, node->param[0]);
    bool table = node->op == &tdl_op_dot_score;
    tdl_status st = tdl_real_pack(precision, value, table, table ? w->cols : w->rows,
                                  table ? w->rows : w->cols, &node->packed, why);

    if (st)
        tdl_report_prefix(why, "%s", w->name);
    return st;
}

tdl_status tdl_net_pack_as(tdl_net *net, tdl_precision precision, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (!net->block)
        return TDL_FAIL(why, TDL_E_INVALID, "the net was not planned");
    tdl_net_unpack(net);
    for (int k = 0; !st && k < net->nodes_n; k++)
        if (is_packable(&net->node[k]))
            st = pack_node(net, &net->node[k], precision, why);
    if (st)
        tdl_net_unpack(net);
    return st;
}

tdl_status tdl_net_pack(tdl_net *net, tdl_report *why)
{
    return tdl_net_pack_as(net, TDL_PRECISION_F32, why);
}

/* Does an op before node k read the slice too, as it is? */
static bool is_counted(const tdl_net *net, int k, int slice)
{
    for (int j = 0; j < k; j++)
        for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
            if (net->node[j].param[i] == slice && !(i == 0 && net->node[j].packed))
                return true;
    return false;
}

size_t tdl_net_weight_bytes(const tdl_net *net)
{
    size_t bytes = 0;

    for (int k = 0; k < net->nodes_n; k++) {
        const tdl_node *node = &net->node[k];

        bytes += node->packed ? tdl_packed_bytes(node->packed) : 0;
        for (int i = node->packed ? 1 : 0; i < TDL_OP_PARAMS_MAX; i++) {
            if (node->param[i] == TDL_NONE || is_counted(net, k, node->param[i]))
                continue;
            const tdl_slice *slice = &net->params->slice[node->param[i]];
            bytes += slice->rows * slice->cols * sizeof(tdl_real);
        }
    }
    return bytes;
}

/* ---- running ---- */

static size_t rows_of(size_t per_row, const tdl_nn_batch *batch)
{
    return per_row == TDL_RAGGED ? tdl_nn_batch_tokens(batch) : batch->rows * per_row;
}

size_t tdl_net_rows(const tdl_net *net, int node, const tdl_nn_batch *batch)
{
    return rows_of(net->node[node].shapes.out_per_row, batch);
}

/* Values made of the batch's own numbers have no place in the block. */
static tdl_real *value_at(const tdl_net *net, int value, const tdl_nn_batch *batch)
{
    const tdl_node *node = &net->node[value];

    while (node->op == &tdl_op_reshape)
        node = &net->node[node->in[0]];
    return node->op == &tdl_op_input ? (tdl_real *)batch->x : node->out;
}

static void set_inputs(const tdl_net *net, const tdl_node *node, tdl_op_call *call)
{
    for (int i = 0; i < TDL_OP_INPUTS_MAX; i++) {
        if (node->in[i] == TDL_NONE)
            continue;
        call->in[i] = value_at(net, node->in[i], call->batch);
        call->in_rows[i] = rows_of(node->shapes.in_per_row[i], call->batch);
        call->d_in[i] = net->node[node->in[i]].d_out;
        call->d_in_add[i] = node->add[i];
    }
}

static void set_params(const tdl_net *net, const tdl_node *node, tdl_op_call *call)
{
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++) {
        if (node->param[i] == TDL_NONE)
            continue;
        call->param[i] = tdl_params_value(net->params, node->param[i]);
        if (net->params->grad && !net->params->slice[node->param[i]].frozen)
            call->d_param[i] = tdl_params_grad(net->params, node->param[i]);
    }
}

static tdl_op_call make_call(const tdl_net *net, int k, const tdl_nn_batch *batch,
                             const tdl_run *run)
{
    const tdl_node *node = &net->node[k];
    tdl_op_call call = {.batch = batch,
                        .config = &node->config,
                        .shapes = &node->shapes,
                        .rows = rows_of(node->shapes.out_per_row, batch),
                        .out = node->out,
                        .d_out = node->d_out,
                        .saved = node->saved,
                        .work = node->work,
                        .packed = node->packed,
                        .cache = run->cache,
                        .seed = run->seed,
                        .step = run->step,
                        .id = (uint32_t)k,
                        .training = run->training,
                        .defers_loss = run->defers_loss,
                        .bf16 = net->bf16,
                        .pool = run->pool};

    set_inputs(net, node, &call);
    set_params(net, node, &call);
    return call;
}

static bool is_run(const tdl_node *node, const tdl_nn_batch *batch)
{
    return !node->op->is_loss || batch->target || batch->value;
}

static tdl_status check_batch(const tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                              tdl_report *why)
{
    tdl_status st;

    if (!net->block)
        return TDL_FAIL(why, TDL_E_INVALID, "the net was not planned");
    if (batch->rows > net->rows_max)
        return TDL_FAIL(why, TDL_E_INVALID, "a batch of %zu rows, the net was planned for %zu",
                        batch->rows, net->rows_max);
    if (batch->offsets && (st = tdl_nn_batch_check_offsets(batch, why)))
        return st;
    if (tdl_nn_batch_tokens(batch) > net->tokens_max)
        return TDL_FAIL(why, TDL_E_INVALID, "a batch of %zu tokens, the net was planned for %zu",
                        tdl_nn_batch_tokens(batch), net->tokens_max);
    if (run->cache && (st = tdl_kv_cache_check(run->cache, net, batch, why)))
        return st;
    for (int k = 0; k < net->nodes_n; k++) {
        const tdl_node *node = &net->node[k];
        tdl_op_call call = make_call(net, k, batch, run);

        if (node->op->check && is_run(node, batch) && batch->rows &&
            (st = node->op->check(&call, why)))
            return st;
    }
    return TDL_OK;
}

tdl_status tdl_net_forward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                           tdl_report *why)
{
    tdl_status st = check_batch(net, batch, run, why);

    net->went_back &= st != TDL_OK;
    for (int k = 0; !st && k < net->nodes_n; k++) {
        const tdl_node *node = &net->node[k];
        tdl_op_call call = make_call(net, k, batch, run);

        if (node->op->forward && is_run(node, batch))
            st = node->op->forward(&call, why);
        if (run->given && run->given->value == k)
            tdl_put(false, call.rows * node->shapes.out_cols, run->given->numbers, node->out);
    }
    if (!st && run->cache)
        tdl_kv_cache_advance(run->cache, batch);
    return st;
}

void tdl_net_loss(const tdl_net *net, const tdl_nn_batch *batch, double *ret_sum,
                  double *ret_weight)
{
    int last = net->nodes_n - 1;
    size_t rows = tdl_net_rows(net, last, batch);
    const tdl_real *loss = net->node[last].out;

    *ret_sum = *ret_weight = 0;
    for (size_t r = 0; r < rows; r++) {
        *ret_sum += (double)loss[TDL_LOSS_COLS * r];
        *ret_weight += (double)loss[TDL_LOSS_COLS * r + 1];
    }
}

tdl_status tdl_net_backward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                            double loss_scale, tdl_report *why)
{
    tdl_status st = check_batch(net, batch, run, why);

    if (st)
        return st;
    if (!net->training || !net->node[net->nodes_n - 1].op->is_loss ||
        !is_run(&net->node[net->nodes_n - 1], batch))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "backward needs targets, a loss and a plan with gradients");
    net->went_back = true;
    for (int k = net->nodes_n; !st && batch->rows && k-- > 0;) {
        tdl_op_call call = make_call(net, k, batch, run);

        if (!net->node[k].wants_gradient || !net->node[k].op->backward)
            continue;
        call.loss_scale = (tdl_real)loss_scale;
        st = net->node[k].op->backward(&call, why);
        if (!st && run->watch)
            run->watch->passed(run->watch->context, net->node[k].gradient_end);
    }
    return st;
}

const tdl_real *tdl_net_value(const tdl_net *net, int node)
{
    const tdl_node *n = &net->node[node];

    return n->keep || (n->left && !net->went_back) ? n->out : NULL;
}

bool tdl_net_has_value(const tdl_net *net, int node)
{
    return net->node[node].out && (net->node[node].keep || net->node[node].left);
}

const tdl_real *tdl_net_gradient(const tdl_net *net, int node)
{
    return net->node[node].keep_gradient ? net->node[node].d_out : NULL;
}
