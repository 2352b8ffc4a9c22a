/* Structured pruning of transformers: heads and hidden units go, and matrices shrink. What is left
 * is an ordinary transformer, to be trained on for some epochs; prune.h is about networks of fully
 * connected layers, and about single weights. */
#ifndef TDL_TRAIN_PRUNE_TRANSFORMER_H
#define TDL_TRAIN_PRUNE_TRANSFORMER_H

#include "nn/transformer.h"

typedef struct tdl_prune_shares {
    double heads, units; /* in [0, 1) */
} tdl_prune_shares;

/* A model of fewer heads and hidden units: of each layer the share of key heads, each with
 * the query heads that read it, and of hidden units, each with its gate, goes whose product of
 * lengths, of values and output, or of weights in and out, is smallest; one always stays. Layers
 * lose as many, but not the same.
 *   ret  initialised with the smaller sizes and the weights that stay, not planned; its config says
 *        core.fewer_heads when some went. On failure nothing needs releasing
 *   TDL_E_INVALID: a share not in [0, 1), out_gate, adapters (named) | TDL_E_NO_MEMORY */
tdl_status tdl_prune_transformer(const tdl_transformer *model, const tdl_prune_shares *shares,
                                 tdl_transformer *ret, tdl_report *why);

#endif
