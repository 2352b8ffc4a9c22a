/* What a score owes to its inputs: input gradients and integrated gradients (Sundararajan et al.,
 * ICML 2017).
 *
 *     gradient     d F / d x
 *     integrated   (x - b) * mean over k of d F / d x at b + (k + 1/2) / m (x - b),  k < m
 *
 * F is one score of each row, x numbers of the batch or any value of the net, as embedded tokens,
 * and b a baseline of no information. The integrated gradients of a row sum to F(x) - F(b) but for
 * the error of the midpoint rule, which is measured and told.
 *
 * Life cycle   a model of its own: _init, parameters loaded, tdl_params_freeze_matching "*" ->
 *              tdl_attrib_prepare -> tdl_net_plan with backward -> the questions. batch->target
 * says which score of each row is meant, TDL_TARGET_NONE: none
 */
#ifndef TDL_NN_ATTRIB_H
#define TDL_NN_ATTRIB_H

#include "nn/net.h"

/* Before planning: the loss at the end of the net, if it has one, gives way to value `scores`, and
 * what is needed of value `input` is kept. */
void tdl_attrib_prepare(tdl_net *net, int scores, int input);

/* d F / d `input` for the batch: ret [rows of the value][columns]. Dropout is off. Fails as
 * tdl_net_forward. */
tdl_status tdl_attrib_gradient(tdl_net *net, int input, const tdl_nn_batch *batch, tdl_pool *pool,
                               tdl_real *ret, tdl_report *why);

typedef struct tdl_attrib_options {
    const tdl_real *baseline; /* like ret; NULL = 0 */
    size_t steps;             /* m; 0 = 50 */
    tdl_pool *pool;
} tdl_attrib_options;

/* Integrated gradients of `input`.
 *   ret      [rows of the value][columns]
 *   ret_gap  largest |sum of a row - (F(x) - F(b))| of the batch over the largest |F(x) - F(b)|, a
 *            row being one of the batch; more steps make it smaller. May be NULL
 *   returns  as tdl_net_forward | TDL_E_NO_MEMORY */
tdl_status tdl_attrib_integrated(tdl_net *net, int input, const tdl_nn_batch *batch,
                                 const tdl_attrib_options *options, tdl_real *ret, double *ret_gap,
                                 tdl_report *why);

#endif
