/* Rows of tokens for tests: each token is a row of a table. */
#ifndef TDL_TEST_SEQUENCE_CASE_H
#define TDL_TEST_SEQUENCE_CASE_H

#include "nn/layers.h"

static inline tdl_status infer_tokens(const tdl_op_config *config, tdl_op_shapes *shapes,
                                      tdl_report *why)
{
    TDL_UNUSED(config);
    TDL_UNUSED(why);
    shapes->out_cols = shapes->param[0]->cols;
    shapes->out_per_row = TDL_RAGGED;
    return TDL_OK;
}

static inline tdl_status forward_tokens(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(why);
    for (size_t i = 0; i < call->rows; i++)
        tdl_put(false, d, call->param[0] + (size_t)call->batch->id[0][i] * d, call->out + i * d);
    return TDL_OK;
}

static inline tdl_status backward_tokens(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(why);
    for (size_t i = 0; i < call->rows; i++)
        tdl_put(true, d, call->d_out + i * d, call->d_param[0] + (size_t)call->batch->id[0][i] * d);
    return TDL_OK;
}

/* A value of one row per token: row id[0][i] of the table. */
static inline int add_tokens(tdl_net *net, int table)
{
    static const tdl_op tokens = {.name = "tokens",
                                  .infer = infer_tokens,
                                  .forward = forward_tokens,
                                  .backward = backward_tokens};

    return tdl_net_append(net, &tokens, (tdl_op_config){0}, TDL_EMPTY, TDL_LIST(table));
}

#endif
