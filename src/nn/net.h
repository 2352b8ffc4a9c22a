/* A net: a static list of ops, built once, run forward and, reversed, backward.
 *
 * Life cycle   zeroed struct with `params` -> nn/layers.h ... -> tdl_net_plan -> forward /
 *              backward ... -> tdl_net_release
 * Building     every op returns the number of its value; parameters are slices by number.
 *              Mistakes are remembered and told by tdl_net_plan, which names the op
 * Memory       values, gradients and what ops save lie in one block, each at a place that is free
 *              from its first use to its last (plan.c). It is allocated once, for the largest batch
 *              there will be; a larger one is refused
 * Threads      one net, one thread at a time; ops use the pool inside
 */
#ifndef TDL_NN_NET_H
#define TDL_NN_NET_H

#include "nn/op.h"

enum { TDL_NONE = -1 };

typedef struct tdl_node {
    const tdl_op *op;
    tdl_op_config config;
    int in[TDL_OP_INPUTS_MAX];    /* values read, TDL_NONE = absent */
    int param[TDL_OP_PARAMS_MAX]; /* slices, TDL_NONE = absent */
    tdl_op_shapes shapes;
    bool keep, keep_gradient; /* until the end of the pass */
    /* set by the plan */
    bool left;           /* read by no op but a loss: there after a forward, until a backward */
    bool wants_gradient; /* some parameter above it is to be trained */
    bool add[TDL_OP_INPUTS_MAX];          /* d_in_add */
    tdl_real *out, *d_out, *saved, *work; /* NULL = none */
    size_t gradient_end; /* behind what backward has completed once it is through this op */
    tdl_packed *packed;  /* linear, dot_score; see tdl_net_pack */
} tdl_node;

typedef struct tdl_net {
    tdl_params *params; /* borrowed */
    tdl_node *node;     /* [nodes_n] */
    int nodes_n, nodes_cap;
    size_t rows_max, tokens_max;
    bool training;       /* planned for backward */
    bool went_back;      /* since the last forward */
    bool bf16;           /* planned for products in bf16 */
    bool borrows_packed; /* see tdl_net_copy */
    size_t bytes;        /* of the block */
    tdl_real *block;
    bool failed;
} tdl_net;

/* Numbers that a value has instead of what its op makes: nothing above it counts. */
typedef struct tdl_given {
    int value; /* not an input, which is batch->x, nor a reshape */
    const tdl_real *numbers;
} tdl_given;

/* How to run: a training run drops, keyed by (seed, step). */
typedef struct tdl_run {
    uint64_t seed, step;
    bool training;
    bool defers_loss;    /* losses that are formed again on the way back may leave it to that: what
                          * tdl_net_loss says holds after the backward */
    tdl_kv_cache *cache; /* see nn/kv_cache.h; NULL = none */
    const tdl_given *given;          /* NULL = none */
    const tdl_gradient_watch *watch; /* told by backward; NULL = nobody */
    tdl_pool *pool;
} tdl_run;

/* ---- building ---- */

/* Append an op: values read and slices, in the op's order, TDL_NONE = absent. nn/layers.h has a
 * function for each op.
 *     tdl_net_append(net, &tdl_op_linear, config, TDL_LIST(in), TDL_LIST(weights, bias)) */
int tdl_net_append(tdl_net *net, const tdl_op *op, tdl_op_config config, const int *in, size_t in_n,
                   const int *param, size_t param_n);
#define TDL_LIST(...)                                                                              \
    (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(const int)
#define TDL_EMPTY NULL, 0

/* Append the first `nodes_n` ops of `from`, whose slices lie in net->params from number
 * `first_slice` on. What they borrow must outlive the net. Returns the number of their last value.
 *   input  the value that `from` reads where it read the numbers of the batch; TDL_NONE: those */
int tdl_net_join(tdl_net *net, const tdl_net *from, int nodes_n, int first_slice, int input);

/* Before planning: the value, or its gradient, is read after the pass. Values that no op but a loss
 * reads are there after a forward anyhow, until a backward takes their place. */
void tdl_net_keep(tdl_net *net, int value);
void tdl_net_keep_gradient(tdl_net *net, int value);

/* ---- planning ---- */

/* Check all shapes and state them (node[...].shapes), as planning does first. TDL_E_INVALID names
 * the op that cannot be. */
tdl_status tdl_net_infer(tdl_net *net, tdl_report *why);

typedef struct tdl_plan_options {
    size_t rows, tokens; /* of the largest batch */
    bool backward;       /* gradients too */
    bool bf16;           /* linear and dot_score, forth and back, round what they multiply to bf16.
                          * Sums, values, gradients and parameters stay float */
    size_t budget;       /* bytes the block may have; 0 = no limit */
} tdl_plan_options;

/* Check all shapes, place all values, then allocate. TDL_E_INVALID (an op that cannot be, or that
 * has no backward), TDL_E_TOO_LARGE (past the budget: bytes wanted, and rows that fit),
 * TDL_E_NO_MEMORY. */
tdl_status tdl_net_plan(tdl_net *net, const tdl_plan_options *options, tdl_report *why);
/* The same without allocating: how many bytes the block would have. */
tdl_status tdl_net_measure(tdl_net *net, const tdl_plan_options *options, size_t *ret_bytes,
                           tdl_report *why);
void tdl_net_release(tdl_net *net); /* accepts a zeroed struct */

/* Of a planned net: pack the weights of every linear and dot_score for serving, in place of what
 * was packed before. Parameters must not change any more. Runs that are not training then compute
 * these ops in that precision (tensor/gemm.h); f32 gives the bits of the net without packing. On
 * failure nothing is packed. The double build checks its argument and packs nothing. TDL_E_INVALID
 * the net is not planned, or a weight that the precision cannot hold: names it TDL_E_NO_MEMORY */
tdl_status tdl_net_pack_as(tdl_net *net, tdl_precision precision, tdl_report *why);
tdl_status tdl_net_pack(tdl_net *net, tdl_report *why); /* in f32 */
/* Back to the parameters themselves, as before they change. */
void tdl_net_unpack(tdl_net *net);

/* Bytes of the parameters as the ops read them: packed, or, where not packed, the slice itself. */
size_t tdl_net_weight_bytes(const tdl_net *net);

/* Another net of the first `nodes_n` ops of `from`, for use by another thread or with other values
 * kept: not planned, with a block of its own once it is. What `from` borrows, and its packed
 * weights, are borrowed: `from` must outlive it.
 *   params  that have the layout of from's; the packed weights are then not taken. NULL: the same
 *   ret     released or zeroed
 *   TDL_E_NO_MEMORY */
tdl_status tdl_net_copy(const tdl_net *from, int nodes_n, tdl_params *params, tdl_net *ret,
                        tdl_report *why);

/* ---- running ---- */

/* Run the list; losses only when the batch has targets. A batch that does not fit the plan, or that
 * an op refuses, changes nothing. */
tdl_status tdl_net_forward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                           tdl_report *why);

/* Of the last forward, whose last op is a loss: sum over the rows of weight x loss, and of the
 * weights, both in row order. The mean loss is their quotient. */
void tdl_net_loss(const tdl_net *net, const tdl_nn_batch *batch, double *ret_sum,
                  double *ret_weight);

/* After a forward of the same batch: add the gradient of loss_scale * (sum of the losses) to
 * params->grad. The mean over a batch split in parts: loss_scale = 1 / (weights of all parts). */
tdl_status tdl_net_backward(tdl_net *net, const tdl_nn_batch *batch, const tdl_run *run,
                            double loss_scale, tdl_report *why);

/* Value `node` of the last forward: [rows][cols]. Scores under a loss may have become
 * probabilities. NULL: it was not kept, or a backward has taken its place. */
const tdl_real *tdl_net_value(const tdl_net *net, int node);
/* Of a planned net: will it be there after a forward? */
bool tdl_net_has_value(const tdl_net *net, int node);
/* Gradient of a value asked for with tdl_net_keep_gradient, after backward. */
const tdl_real *tdl_net_gradient(const tdl_net *net, int node);
/* rows of a value for this batch */
size_t tdl_net_rows(const tdl_net *net, int node, const tdl_nn_batch *batch);

#endif
