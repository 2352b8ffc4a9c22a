/* A net: a static list of ops, built once, run forward and, reversed, backward.
 *
 * Life cycle   zeroed struct -> tdl_net_<op> ... -> tdl_net_plan -> forward / backward ...
 *              -> tdl_net_release
 * Building     every tdl_net_<op> returns the number of its value; `params` slices by number.
 *              Mistakes are remembered and told by tdl_net_plan, which names the op
 * Memory       values, gradients and what ops save are one block, allocated by tdl_net_plan for
 *              `rows_max` rows and not touched by a larger batch, which is refused
 * Threads      one net, one thread at a time; ops use the pool inside
 */
#ifndef TDL_NN_NET_H
#define TDL_NN_NET_H

#include "nn/op.h"

enum { TDL_NET_MAX = 32, TDL_NONE = -1 };

typedef struct tdl_node {
    const tdl_op *op;
    tdl_op_config config;
    int in[TDL_OP_INPUTS_MAX];    /* values read */
    int param[TDL_OP_PARAMS_MAX]; /* slices, TDL_NONE = absent */
    tdl_op_shapes shapes;
    tdl_real *out, *d_out; /* [rows_max][out_cols]; d_out NULL for inference */
    tdl_real *saved;       /* [rows_max][saved_cols] */
} tdl_node;

typedef struct tdl_net {
    tdl_params *params; /* borrowed */
    tdl_node node[TDL_NET_MAX];
    int nodes_n;
    size_t rows_max;
    tdl_real *block; /* all values */
    bool failed;
} tdl_net;

/* How to run: a training run drops, keyed by (seed, step). */
typedef struct tdl_run {
    uint64_t seed, step;
    bool training;
    tdl_pool *pool;
} tdl_run;

int tdl_net_embed_bag(tdl_net *net, int table);
int tdl_net_linear(tdl_net *net, int in, int weights, int bias, tdl_act act);
int tdl_net_add(tdl_net *net, int a, int b);
int tdl_net_dropout(tdl_net *net, int in, double rate);
int tdl_net_dot_score(tdl_net *net, int in, int table, int bias);
int tdl_net_softmax_ce(tdl_net *net, int in);

/* Check all shapes, then allocate. backward: gradients too. TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_net_plan(tdl_net *net, size_t rows_max, bool backward, tdl_report *why);
void tdl_net_release(tdl_net *net); /* accepts a zeroed struct */

/* Run the list; losses only when the batch has targets. A batch that does not fit the plan, or that
 * tdl_nn_batch_check refuses, changes nothing. */
tdl_status tdl_net_forward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                           tdl_report *why);

/* Sum over the rows of the last forward's losses, in row order; the losses are the last op. */
double tdl_net_loss_sum(const tdl_net *net, size_t rows);

/* After a forward of the same batch: add the gradient of loss_scale * (sum of the losses) to
 * params->grad. The mean over a batch split in parts: loss_scale = 1 / (rows of all parts). */
tdl_status tdl_net_backward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                            double loss_scale, tdl_report *why);

/* Value `node` of the last forward: [rows][cols]. Scores under a loss have become probabilities. */
const tdl_real *tdl_net_value(const tdl_net *net, int node);

#endif
