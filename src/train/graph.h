/* A net as a graph for whoever watches its training: TensorBoard's page "Graphs". */
#ifndef TDL_TRAIN_GRAPH_H
#define TDL_TRAIN_GRAPH_H

#include "nn/net.h"
#include "train/log.h"

/* Tell the log the ops of a planned net and the slices they read, each before what reads it.
 *
 * A slice's name falls into groups at its dots: "layer.0.qkv.weight" is "layer/0/qkv/weight", of op
 * "parameter". An op is named after itself and its number, in the group of its first slice, else of
 * its first input: "layer/0/qkv/linear.3". A value of tokens is [-1, columns]; of n rows an
 * example,
 * [-1, n, columns].
 *
 * Nothing is told to a log that does not listen to graphs, nor when there is no memory. */
void tdl_graph_tell(const tdl_net *net, const tdl_train_log *log);

#endif
