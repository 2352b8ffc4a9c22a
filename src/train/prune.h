/* Pruning: weights that matter least become zero and stay so.
 *
 * What may be pruned are the matrices and tables that decay (tdl_slice.decay) and are not frozen.
 * Pruned weights are held by params->mask: every optimiser step leaves them at zero, so training
 * goes on with what remains. A checkpoint holds the zeros; after loading one, tdl_prune_hold_zeros
 * makes the mask again.
 *
 * Zeros scattered over a matrix save no time; tdl_prune_units takes out whole units of a network,
 * and tdl_prune_transformer (prune_transformer.h) heads and units of one: matrices shrink.
 */
#ifndef TDL_TRAIN_PRUNE_H
#define TDL_TRAIN_PRUNE_H

#include "nn/mlp.h"
#include "train/loop.h"
#include "train/trial.h"

/* Zero and hold the smallest |w| of all those weights together, until `sparsity` of them are zero.
 * Of equal ones the first go.
 * TDL_E_INVALID: sparsity not in [0, 1), nothing to prune, a weight that is no number
 * | TDL_E_NO_MEMORY: 16 bytes a weight are needed. On failure nothing has changed. */
tdl_status tdl_prune_by_size(tdl_params *params, double sparsity, tdl_report *why);

/* The same for each output of each linear by itself, by |w[i]| times the length of the column x[i]
 * of the inputs over a batch (Sun et al., ICLR 2024): a small weight of a strong input counts.
 * Other matrices are left alone.
 *   net    as for training or inference, planned or not; its packed weights are not renewed
 *   batch  calibration: some hundred typical rows */
tdl_status tdl_prune_by_input(tdl_net *net, const tdl_nn_batch *batch, double sparsity,
                              tdl_report *why);

/* Hold all weights that are zero now, and no others; let all go. TDL_E_NO_MEMORY */
tdl_status tdl_prune_hold_zeros(tdl_params *params, tdl_report *why);
void tdl_prune_let_go(tdl_params *params);

/* Share of the weights that may be pruned which are zero; 0 when there are none. */
double tdl_prune_sparsity(const tdl_params *params);

/* Prune, then train on with the mask. */
typedef struct tdl_prune_options {
    double sparsity;
    const tdl_nn_batch *calibration; /* NULL: by size; else by input */
    const tdl_trainee *trainee;      /* whose params are the net's; NULL: no training */
    const tdl_loop_options *loop;    /* of that training */
} tdl_prune_options;

typedef struct tdl_prune_report {
    double sparsity;                                  /* reached */
    double metric_before, metric_after, metric_tuned; /* tuned: after training, or = after */
} tdl_prune_report;

/*   net  planned for the rows of `data` and of the trainee's batches, not packed
 *   ret  set on success only */
tdl_status tdl_prune_net(tdl_net *net, const tdl_trial_data *data, const tdl_prune_options *options,
                         tdl_prune_report *ret, tdl_report *why);

/* A network of fewer hidden units: of each hidden layer the `share` of units goes whose product of
 * lengths, of the weights into it and of those out of it, is smallest; one always stays.
 *   ret  initialised with the smaller widths and the weights that stay, not planned. On failure
 *        nothing needs releasing
 *   TDL_E_INVALID: share not in [0, 1) | TDL_E_NO_MEMORY */
tdl_status tdl_prune_units(const tdl_mlp *model, double share, tdl_mlp *ret, tdl_report *why);

#endif
