/* The first model: what a user will do next from the last things they did.
 *
 *     h = sum over recent items of weight(age) * in_table[item]          embed_bag
 *     z = h' + gelu(h' W1 + b1) W2 + b2,  h' = dropout(h)                linear, linear, add
 *     scores = out_table . z' + bias,  z' = dropout(z)                   dot_score
 *
 * with the loss softmax_ce over the whole catalogue. The weights of a row are the caller's: see
 * tdl_recency_weights. in_table and out_table are two tables: what leads to an item and what
 * follows it are different questions.
 */
#ifndef TDL_NN_RECENT_MLP_H
#define TDL_NN_RECENT_MLP_H

#include "nn/net.h"

typedef struct tdl_recent_mlp_config {
    size_t items_n, d, hidden;
    double drop_in, drop_out; /* rates of the two dropouts */
} tdl_recent_mlp_config;

typedef struct tdl_recent_mlp {
    tdl_recent_mlp_config config;
    tdl_params params;
    tdl_net net;
    int in_table, w1, b1, w2, b2, out_table, out_bias; /* slices */
    int scores;                                        /* value */
} tdl_recent_mlp;

/* Net built but not planned, parameters all zero. Not to be moved: the net points to params. On
 * failure nothing needs releasing. */
tdl_status tdl_recent_mlp_init(tdl_recent_mlp *model, const tdl_recent_mlp_config *config,
                               tdl_report *why);
/* Parameters to their seeded starting values; biases to zero. */
void tdl_recent_mlp_start(tdl_recent_mlp *model, uint64_t seed);
void tdl_recent_mlp_release(tdl_recent_mlp *model); /* accepts a zeroed struct */

/* weight[n], newest last: decay^age, divided by their sum. */
void tdl_recency_weights(size_t n, double decay, tdl_real *weight);

#endif
