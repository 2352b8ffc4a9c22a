/* The ops: each is one entry of a table, with its forward and backward side by side.
 *
 * A value is a matrix [rows][cols], one row per row of the batch. An op reads the values `in` and
 * the parameters `param`, and writes the value `out`. Backward reads the gradient of its output and
 * ADDS to those of its inputs and parameters, so that values and parameters may have several
 * readers; it may spoil `d_out`.
 *
 * Results never depend on the pool, nor on which rows share a batch.
 */
#ifndef TDL_NN_OP_H
#define TDL_NN_OP_H

#include "nn/batch.h"
#include "nn/params.h"

enum { TDL_OP_INPUTS_MAX = 2, TDL_OP_PARAMS_MAX = 2 };

/* What an op is asked to be. */
typedef struct tdl_op_config {
    tdl_act act; /* linear */
    double rate; /* dropout: share of elements dropped, in [0, 1) */
} tdl_op_config;

/* Shapes an op sees and states when the net is planned. NULL slices are absent. */
typedef struct tdl_op_shapes {
    size_t in_cols[TDL_OP_INPUTS_MAX];
    const tdl_slice *param[TDL_OP_PARAMS_MAX];
    size_t out_cols;   /* stated by infer */
    size_t saved_cols; /* numbers per row kept from forward for backward; stated by infer */
} tdl_op_shapes;

/* One run of one op. */
typedef struct tdl_op_call {
    const tdl_nn_batch *batch;
    const tdl_op_config *config;
    const tdl_op_shapes *shapes;
    size_t rows;
    tdl_real *in[TDL_OP_INPUTS_MAX];   /* [rows][in_cols] */
    tdl_real *d_in[TDL_OP_INPUTS_MAX]; /* same; added to */
    tdl_real *out, *d_out;             /* [rows][out_cols] */
    tdl_real *saved;                   /* [rows][saved_cols] */
    const tdl_real *param[TDL_OP_PARAMS_MAX];
    tdl_real *d_param[TDL_OP_PARAMS_MAX]; /* added to */
    tdl_real loss_scale;                  /* what each row's loss is multiplied with in the mean */
    uint64_t seed, step;                  /* of the run, for dropout */
    uint32_t id;                          /* of the op in its net, for dropout */
    bool training;                        /* dropout drops only then */
    tdl_pool *pool;
} tdl_op_call;

typedef struct tdl_op {
    const char *name;
    int inputs_n;
    bool is_loss;          /* needs targets; its output is one loss per row */
    bool overwrites_input; /* its gradient takes the place of its input, which nobody else reads */
    /* Check the shapes and state out_cols and saved_cols. TDL_E_INVALID says both in words. */
    tdl_status (*infer)(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why);
    tdl_status (*forward)(const tdl_op_call *call, tdl_report *why);
    tdl_status (*backward)(const tdl_op_call *call, tdl_report *why);
} tdl_op;

extern const tdl_op tdl_op_embed_bag;  /* param: table [ids][d] */
extern const tdl_op tdl_op_linear;     /* param: W [in][out], bias [1][out] or none */
extern const tdl_op tdl_op_add;        /* two inputs of one shape: the residual connection */
extern const tdl_op tdl_op_dropout;    /* inverted: kept elements are scaled by 1 / (1 - rate) */
extern const tdl_op tdl_op_dot_score;  /* param: table [classes][d], bias [1][classes] or none */
extern const tdl_op tdl_op_softmax_ce; /* against batch->target */

#endif
