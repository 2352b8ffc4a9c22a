/* The training loop: seeded epochs of mini-batches, clipping, AdamW, early stopping.
 *
 * The loop knows a model through two functions (tdl_trainee) and its flat parameters. Same seed,
 * same bits, for any pool. The shuffle is a permutation keyed by (seed, epoch); the last, smaller
 * batch is used, and its loss is the mean over its true count.
 */
#ifndef TDL_TRAIN_LOOP_H
#define TDL_TRAIN_LOOP_H

#include "train/optim.h"

typedef struct tdl_trainee {
    void *model;
    tdl_params *params;
    size_t examples_n;

    /* Add the gradient of the mean loss over `example` [n] to params->grad (zeros before).
     *   step      counts all steps of the run from 0, and keys what is random in the model
     *   ret_loss  that mean */
    tdl_status (*gradient)(void *model, const uint32_t *example, size_t n, uint64_t step,
                           tdl_pool *pool, double *ret_loss, tdl_report *why);

    /* What is to be made small on the held-out data. Needed when patience > 0. */
    tdl_status (*validate)(void *model, tdl_pool *pool, double *ret, tdl_report *why);
} tdl_trainee;

/* After each epoch and now and then inside one. `done` in [0, 1]. False = stop. */
typedef bool tdl_loop_tell(void *context, double done, const char *detail);

typedef struct tdl_loop_options {
    uint64_t seed;
    unsigned epochs; /* at most; >= 1 */
    size_t batch;    /* examples per step; >= 1; a larger one than the data is all of it */
    unsigned
        patience; /* stop after so many epochs without a better validation; 0 = no validation */
    double clip;  /* largest global gradient norm; 0 = no clipping */
    tdl_adamw_config optim;
    tdl_pool *pool;
    tdl_loop_tell *tell; /* may be NULL */
    void *tell_context;
} tdl_loop_options;

typedef struct tdl_loop_result {
    unsigned epochs_run, epochs_best; /* best = run when there is no validation */
    uint64_t steps;
    double train_loss; /* mean of the last epoch */
    double best;       /* validation at epochs_best; NaN when there is none */
} tdl_loop_result;

/* Train. With patience, the parameters of the best epoch are restored at the end. On failure they
 * are those of the best epoch so far, or, without validation, those of before the epoch that
 * failed. TDL_E_INVALID     options out of range, or a loss or gradient that is not finite: the
 * report names the step TDL_E_STOPPED     tell said so TDL_E_NO_MEMORY, or what the trainee
 * answered */
tdl_status tdl_loop_run(const tdl_trainee *trainee, const tdl_loop_options *options,
                        tdl_loop_result *ret, tdl_report *why);

/* order[n] = a permutation of 0..n-1 that depends on (seed, epoch) only */
void tdl_epoch_order(uint64_t seed, unsigned epoch, uint32_t *order, size_t n);

#endif
