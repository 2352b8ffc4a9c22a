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
int tdl_net_dot_score(tdl_net *net, int in, int table, int bias);
int tdl_net_softmax_ce(tdl_net *net, int in, const tdl_loss_config *config); /* NULL = plain */

#endif
