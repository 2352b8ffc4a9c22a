/* What a score owes to its inputs: input gradients and integrated gradients (Sundararajan et al.,
 * ICML 2017).
 *
 *     gradient     d F / d x
 *     integrated   (x - b) * sum over k of w_k d F / d x at b + t_k (x - b),  k < m
 *
 * F is one score of each row, x numbers of the batch or any value of the net, as embedded tokens,
 * and b a baseline of no information. t_k and w_k are the middles of m equal steps and 1 / m, or
 * the nodes and weights of Gauss and Legendre. The integrated gradients of a row sum to F(x) - F(b)
 * but for the error of that rule, which is measured and told.
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
    const tdl_real *baseline;  /* like ret; NULL = 0 */
    size_t steps;              /* m; 0 = 50, with gauss 32 */
    bool gauss;                /* Gauss-Legendre: far better where F is smooth */
    double *ret_from, *ret_to; /* [rows of the batch] F(b), F(x); may be NULL */
    tdl_pool *pool;
} tdl_attrib_options;

/* Integrated gradients of `input`. Where rows have no tokens, several points of the path are rows
 * of one pass, as many as the plan has rows for: plan for `steps` times the batch, and a row costs
 * little more than a pass.
 *   ret      [rows of the value][columns]
 *   ret_gap  largest |sum of a row - (F(x) - F(b))| of the batch over the largest |F(x) - F(b)|, a
 *            row being one of the batch; more steps make it smaller. May be NULL
 *   returns  as tdl_net_forward | TDL_E_NO_MEMORY */
tdl_status tdl_attrib_integrated(tdl_net *net, int input, const tdl_nn_batch *batch,
                                 const tdl_attrib_options *options, tdl_real *ret, double *ret_gap,
                                 tdl_report *why);

#endif
