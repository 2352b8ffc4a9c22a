/* Low-rank adapters (Hu et al., ICLR 2022): a few numbers beside frozen weights.
 *
 *     out = in W + (alpha / rank) (in A) B + b      A [in][rank] gaussian, B [rank][out] zero
 *
 * The linears of a model whose weights fit a pattern get them when the model is built: its config
 * points to a tdl_lora_config, and the op builders of nn/layers.h find the adapter by the slice.
 *
 * Names        W.lora_a, W.lora_scale [1][rank] and W.lora_b behind the name of W, after all slices
 *              of the model. The pattern "*.lora_*" is all of them: an adapter is saved and loaded
 *              alone, with its own scale
 * Life cycle   model _init with `lora` -> _start, or weights by tdl_params_load ->
 *              tdl_lora_freeze_base -> plan and train -> tdl_lora_merge to serve
 */
#ifndef TDL_NN_LORA_H
#define TDL_NN_LORA_H

#include "nn/net.h"

/* Slices of an adapter, counted from the `adapter` of the slice it stands beside. */
enum { TDL_LORA_A, TDL_LORA_SCALE, TDL_LORA_B };

typedef struct tdl_lora_config {
    const char *const *pattern; /* [patterns_n] of names of weights, see nn/pattern.h */
    size_t patterns_n;
    size_t rank;
    double alpha; /* 0 = rank, that is a scale of 1 */
} tdl_lora_config;

/* ---- for models: between the last slice and the seal, then when the net is built ---- */

/* Declare an adapter for each matrix that fits. NULL: none.
 * TDL_E_INVALID: a rank of 0 or not below both sides of a matrix, a pattern that names no matrix, a
 * name that is too long. */
tdl_status tdl_lora_declare(tdl_params *params, const tdl_lora_config *config, tdl_report *why);
/* TDL_E_INVALID: names a matrix with an adapter that no linear of the net reads. */
tdl_status tdl_lora_check(const tdl_net *net, tdl_report *why);
/* A to gaussians of deviation 1 / sqrt(in), B to zero: the model is what it was without. */
void tdl_lora_start(tdl_params *params, uint64_t seed);

/* ---- for their users ---- */

/* Freeze all but A and B. A new head is thawed by tdl_params_thaw_matching afterwards. */
void tdl_lora_freeze_base(tdl_params *params);

/* W += scale A B, then B = 0: the same outputs, to rounding, from W alone, which fits a model built
 * without adapters. TDL_E_NO_MEMORY leaves the adapters it did not reach unmerged. */
tdl_status tdl_lora_merge(tdl_params *params, tdl_pool *pool, tdl_report *why);

#endif
