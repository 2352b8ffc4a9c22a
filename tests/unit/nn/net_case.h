/* What tests of nets share. */
#ifndef TDL_TEST_NET_CASE_H
#define TDL_TEST_NET_CASE_H

#include "nn/layers.h"

/* Plan for so many rows of up to 64 tokens. */
static inline tdl_status plan(tdl_net *net, size_t rows, bool backward, tdl_report *why)
{
    const tdl_plan_options options = {.rows = rows, .tokens = 64 * rows, .backward = backward};

    return tdl_net_plan(net, &options, why);
}

/* Sum of the losses of the last forward. */
static inline double loss_sum(const tdl_net *net, const tdl_nn_batch *batch)
{
    double sum, weight;

    tdl_net_loss(net, batch, &sum, &weight);
    return sum;
}

#endif
