/* A net against central differences, in double: (L(w + h) - L(w - h)) / 2h, h = 1e-5.
 *
 * Expected: relative error to the backward pass at most 1e-6, relative to the larger of the two, or
 * to a thousandth of the slice's largest gradient.
 */
#ifndef TDL_TEST_GRAD_CASE_H
#define TDL_TEST_GRAD_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/nn/net_case.h"
#include "nn/init.h"

static const double H = 1e-5, RELATIVE_ERROR_MAX = 1e-6;
static const tdl_run RUN = {.seed = 3, .step = 8, .training = true};

static inline double mean_loss(tdl_net *net, const tdl_nn_batch *batch)
{
    assert_int_equal(tdl_net_forward(net, batch, &RUN, NULL), TDL_OK);
    return loss_sum(net, batch) / (double)batch->rows;
}

static inline void check_slice(tdl_net *net, const tdl_nn_batch *batch, int slice)
{
    const tdl_slice *shape = &net->params->slice[slice];
    size_t n = shape->rows * shape->cols;
    double *value = tdl_params_value(net->params, slice);
    const double *grad = tdl_params_grad(net->params, slice);
    double largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(grad[i]));
    assert_true(largest > 0); // a slice that reaches no loss would pass any check
    for (size_t i = 0; i < n; i++) {
        double at = value[i], scale;

        value[i] = at + H;
        double above = mean_loss(net, batch);
        value[i] = at - H;
        double below = mean_loss(net, batch);
        value[i] = at;
        double numeric = (above - below) / (2 * H);
        scale = fmax(fmax(fabs(numeric), fabs(grad[i])), largest * 1e-3);
        if (fabs(numeric - grad[i]) > RELATIVE_ERROR_MAX * scale)
            fail_msg("%s[%zu]: backward %.12g, central difference %.12g", shape->name, i, grad[i],
                     numeric);
    }
}

/* Plan, run forward and backward once, compare every slice. Releases. */
static inline void check_net(tdl_net *net, const tdl_nn_batch *batch)
{
    tdl_report why = {0};

    if (plan(net, batch->rows, true, &why) || tdl_net_forward(net, batch, &RUN, &why) ||
        tdl_net_backward(net, batch, &RUN, 1 / (double)batch->rows, &why))
        fail_msg("%s", why.message);
    for (int k = 0; k < net->params->slices_n; k++)
        check_slice(net, batch, k);
    tdl_net_release(net);
}

static inline void start(tdl_params *params)
{
    assert_int_equal(tdl_params_seal(params, NULL), TDL_OK);
    for (int k = 0; k < params->slices_n; k++)
        tdl_init_slice(params, k, TDL_INIT_GAUSSIAN, 0.7, 5);
}

#endif
