/* The ops as functions that append to a net. Each returns the number of its value. */
#ifndef TDL_NN_LAYERS_H
#define TDL_NN_LAYERS_H

#include "nn/net.h"

int tdl_net_input(tdl_net *net, size_t cols);
int tdl_net_embed_bag(tdl_net *net, int table);
int tdl_net_linear(tdl_net *net, int in, int weights, int bias, tdl_act act);
/* act(in W + b) + residual */
int tdl_net_linear_add(tdl_net *net, int in, int residual, int weights, int bias, tdl_act act);
int tdl_net_add(tdl_net *net, int a, int b);
int tdl_net_dropout(tdl_net *net, int in, double rate);
int tdl_net_reshape(tdl_net *net, int in, size_t cols);
int tdl_net_act(tdl_net *net, int in, tdl_act act);
/* act(first half) * second half, or, with act_second, first half * act(second half) */
int tdl_net_glu(tdl_net *net, int in, tdl_act act, bool act_second);
/* gain and bias as the kind has them, else TDL_NONE */
int tdl_net_norm(tdl_net *net, int in, tdl_norm_kind kind, int gain, int bias, double eps);
int tdl_net_rope(tdl_net *net, int in, const tdl_rope_config *config);
/* The heads' queries and keys brought to mean square 1, then scaled: gains [1][d_head] */
int tdl_net_qk_norm(tdl_net *net, int in, const tdl_qk_norm_config *config, int q_gain, int k_gain,
                    double eps);
/* Biases of the scores: by distance [1][2 max - 1], by time [1][time_buckets + 1], or TDL_NONE */
int tdl_net_attention(tdl_net *net, int in, const tdl_attention_config *config, int distance_bias,
                      int time_bias);
/* in * the columns of `gates` from `at` on */
int tdl_net_gate_mul(tdl_net *net, int in, int gates, size_t at);
int tdl_net_pool(tdl_net *net, int in, tdl_pooling pooling);
int tdl_net_group_before(tdl_net *net, int in);
int tdl_net_dot_score(tdl_net *net, int in, int table, int bias);
int tdl_net_softmax_ce(tdl_net *net, int in, const tdl_loss_config *config); /* NULL = plain */
/* softmax_ce of dot_score, without the matrix of scores; no smoothing */
int tdl_net_table_ce(tdl_net *net, int in, int table, const tdl_loss_config *config);

/* ---- front ends ---- */

typedef struct tdl_embed_tables {
    int table[3];  /* of the first streams of ids; TDL_NONE = no more */
    int positions; /* TDL_NONE with TDL_POSITION_NONE */
    tdl_position position;
    double scale; /* of the sum of the tables; 0 = 1 */
} tdl_embed_tables;

int tdl_net_embed(tdl_net *net, const tdl_embed_tables *tables);
/* cls may be TDL_NONE; weights and tables are when there are no such columns */
int tdl_net_feature_tokens(tdl_net *net, const tdl_feature_config *features, int cls, int weights,
                           int bias, int tables);
int tdl_net_prepend(tdl_net *net, int in, int row, int positions);
int tdl_net_concat(tdl_net *net, int a, int b, int c, int d); /* c, d may be TDL_NONE */
int tdl_net_scale_shift(tdl_net *net, int in, int gain, int bias);
/* scale * the cosine of each row with each of the table's, or of the rows of two values */
int tdl_net_cosine_score(tdl_net *net, int in, int table, double scale);
int tdl_net_cosine(tdl_net *net, int a, int b, double scale);
int tdl_net_cut(tdl_net *net, int in, size_t at, size_t cols);
/* A token of sines and cosines for each of the columns `column` [numbers], which is borrowed */
int tdl_net_periodic(tdl_net *net, int in, const uint32_t *column, size_t numbers, int frequencies);
int tdl_net_rising(tdl_net *net, int in, size_t group);

/* ---- images ---- */

/* An image as it is in the batch, channels first: into patches of kernel x kernel */
int tdl_net_patchify(tdl_net *net, int in, const tdl_image_config *image);
/* ... and into pixels, channels last, as the next two need it */
int tdl_net_image_input(tdl_net *net, int in, const tdl_image_config *image);
int tdl_net_conv2d(tdl_net *net, int in, const tdl_image_config *image, int weights, int bias,
                   tdl_act act);
int tdl_net_max_pool2d(tdl_net *net, int in, const tdl_image_config *image);

/* ---- losses: formulas in op_value_losses.c and in each one's file; config NULL = plain ---- */

int tdl_net_mse(tdl_net *net, int in, const tdl_loss_config *config);
int tdl_net_huber(tdl_net *net, int in, double delta);
/* in has n columns for each column of batch->value, one for each quantile; `quantile` is borrowed
 * as long as the net lives */
int tdl_net_quantile(tdl_net *net, int in, const double *quantile, size_t n);
int tdl_net_bce(tdl_net *net, int in, const tdl_loss_config *config);
int tdl_net_hinge(tdl_net *net, int in);
int tdl_net_poisson(tdl_net *net, int in); /* in: logs of means, batch->value: counts */
/* against a teacher's probabilities, batch->value, and, where they are, classes, batch->target */
int tdl_net_distil_ce(tdl_net *net, int in, double temperature, double soft_share);
int tdl_net_hinge_classes(tdl_net *net, int in, const tdl_loss_config *config);
int tdl_net_tweedie(tdl_net *net, int in, double power); /* likewise */
/* in: one score a row; rows side by side with one batch->target are a list */
int tdl_net_lists(tdl_net *net, int in);
int tdl_net_listwise(tdl_net *net, int in);
/* worse TDL_NONE: the target against negatives among the columns of `better`; margin 0: logistic */
int tdl_net_pairwise(tdl_net *net, int better, int worse, double margin);
/* config->negatives_max is needed */
int tdl_net_sampled_softmax(tdl_net *net, int in, int table, const tdl_loss_config *config);
int tdl_net_sampled_bce(tdl_net *net, int in, int table, const tdl_loss_config *config);

#endif
