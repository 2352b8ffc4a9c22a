/* A fully connected network over columns of numbers.
 *
 *     h0 = batch->x    h_i = dropout(act_i(h_{i-1} W_i + b_i))    scores = h_n W + b
 *
 * with a head that says what the scores are and how they are trained:
 *     class      logits of `out` classes; softmax_ce against batch->target, or, of a student,
 *                distil_ce against batch->value too
 *     value      `out` numbers, through out_act; mse, or huber, against batch->value
 *     quantiles  quantiles_n of each of `out` numbers, which cannot cross; quantile loss
 *     binary     logits of `out` yes-or-no labels; bce against batch->value
 */
#ifndef TDL_NN_MLP_H
#define TDL_NN_MLP_H

#include "nn/init.h"
#include "nn/lora.h"

enum { TDL_MLP_HIDDEN_MAX = 16, TDL_MLP_QUANTILES_MAX = 32 };

typedef enum tdl_head {
    TDL_HEAD_CLASS,
    TDL_HEAD_VALUE,
    TDL_HEAD_QUANTILES,
    TDL_HEAD_BINARY
} tdl_head;

typedef struct tdl_mlp_layer {
    size_t width;
    tdl_act act;
    double drop; /* rate of dropout behind it */
} tdl_mlp_layer;

typedef struct tdl_mlp_config {
    size_t in; /* columns of batch->x */
    tdl_mlp_layer hidden[TDL_MLP_HIDDEN_MAX];
    size_t hidden_n; /* 0: a linear model */
    tdl_head head;
    size_t out;
    tdl_act out_act;                        /* value */
    double huber_delta;                     /* value; 0 = mse */
    double smoothing;                       /* class, binary */
    double temperature, soft_share;         /* class: distil_ce when soft_share > 0 */
    double quantile[TDL_MLP_QUANTILES_MAX]; /* quantiles: rising, each in (0, 1) */
    size_t quantiles_n;
    const tdl_lora_config *lora; /* adapters; NULL = none; read by _init only */
} tdl_mlp_config;

typedef struct tdl_mlp {
    tdl_mlp_config config;
    tdl_params params;
    tdl_net net;
    int w[TDL_MLP_HIDDEN_MAX + 1], b[TDL_MLP_HIDDEN_MAX + 1]; /* slices, the head's last */
    int scores;                                               /* value */
} tdl_mlp;

/* Net built but not planned, parameters all zero. Not to be moved: the net points into it. On
 * failure nothing needs releasing. */
tdl_status tdl_mlp_init(tdl_mlp *model, const tdl_mlp_config *config, tdl_report *why);
/* Parameters to their seeded starting values: He before ReLU and its like, else Xavier; biases to
 * zero. */
void tdl_mlp_start(tdl_mlp *model, uint64_t seed);
/* The same with one kind of start for all weights. Zero is accepted, and `note` then says what it
 * leads to; otherwise note is left alone. */
void tdl_mlp_start_as(tdl_mlp *model, tdl_init init, double scale, uint64_t seed, tdl_report *note);
void tdl_mlp_release(tdl_mlp *model); /* accepts a zeroed struct */

#endif
