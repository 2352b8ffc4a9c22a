/* table_ce: softmax_ce of dot_score(in, table) without the matrix of scores: a few rows of it are
 * there at a time (tensor/table_softmax.h)
 *
 *     loss[r] = logsumexp(in[r] . table) - in[r] . table[target[r]]
 *
 * weighted by class_weight[y] and target_weight[r]; a target of TDL_TARGET_NONE weighs nothing.
 * Backward goes over all of it anew. Where the run defers its loss, forward leaves it to that.
 */
#include <stdlib.h>

#include "nn/loss.h"
#include "tensor/table_softmax.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *table = shapes->param[0];

    TDL_UNUSED(config);
    if (!table)
        return TDL_FAIL(why, TDL_E_INVALID, "table_ce: no table");
    if (table->cols != shapes->in_cols[0])
        return TDL_FAIL(why, TDL_E_INVALID, "table_ce: input of %zu columns, table '%s' [%zu][%zu]",
                        shapes->in_cols[0], table->name, table->rows, table->cols);
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    if (!call->batch->target)
        return TDL_FAIL(why, TDL_E_INVALID, "table_ce: the batch has no classes to predict");
    return tdl_nn_batch_check_targets(call->batch, call->rows, call->shapes->param[0]->rows, why);
}

static tdl_status run(const tdl_op_call *call, tdl_real scale, tdl_real *d_in, tdl_real *d_table,
                      tdl_report *why)
{
    size_t rows = call->rows;
    tdl_real *weight = malloc((2 * rows + 1) * sizeof *weight), *loss = weight + rows;
    tdl_status st;

    if (!weight)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "table_ce: no memory for %zu rows", rows);
    for (size_t r = 0; r < rows; r++)
        weight[r] = scale * tdl_loss_class_weight(call, r);
    st = tdl_table_softmax_run(&(tdl_table_softmax){.rows = rows,
                                                    .classes = call->shapes->param[0]->rows,
                                                    .d = call->shapes->in_cols[0],
                                                    .x = call->in[0],
                                                    .table = call->param[0],
                                                    .target = call->batch->target,
                                                    .weight = weight,
                                                    .loss = loss,
                                                    .d_x = d_in,
                                                    .d_x_add = call->d_in_add[0],
                                                    .d_table = d_table},
                               call->pool, why);
    for (size_t r = 0; !st && r < rows; r++)
        tdl_loss_put(call, r, tdl_loss_class_weight(call, r), loss[r]);
    free(weight);
    return st;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    return call->defers_loss ? TDL_OK : run(call, 1, NULL, NULL, why);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    return run(call, call->loss_scale, call->d_in[0], call->d_param[0], why);
}

const tdl_op tdl_op_table_ce = {
    .name = "table_ce",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .is_loss = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
