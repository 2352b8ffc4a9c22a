/* Private to the training loop: its state, and how that becomes a checkpoint and comes back. */
#ifndef TDL_TRAIN_LOOP_STATE_H
#define TDL_TRAIN_LOOP_STATE_H

#include "train/ckpt_safetensors.h"
#include "train/loop.h"
#include "train/reduction.h"

/* Where the run stands. With the blocks of the optimiser, the windows of guard and schedule and
 * the best parameters, this is all that later steps depend on. */
typedef struct tdl_loop_progress {
    uint64_t step, epoch;
    uint64_t cursor;             /* positions of the epoch behind us */
    double loss_sum, weight_sum; /* of the epoch so far */
    double train_loss;           /* of the last whole epoch */
    double best;                 /* validation; NaN before the first */
    uint64_t epoch_best, step_best;
    uint64_t stale; /* evaluations since the best */
} tdl_loop_progress;

typedef struct tdl_loop_state {
    const tdl_trainee *trainee;
    const tdl_loop_options *options;
    tdl_comm alone; /* what `comm` is without other ranks */
    tdl_comm *comm;
    bool agreed; /* all ranks know of the failure, and none waits for another */
    tdl_optim optim;
    tdl_sched sched;
    tdl_guard guard;
    tdl_loop_progress at;
    tdl_stop stop;
    size_t epoch_n;  /* positions in an epoch */
    uint32_t *order; /* [epoch_n] of order_epoch */
    uint64_t order_epoch;
    tdl_real *best; /* [params->n] with patience, else NULL */
    json_t *config; /* what a checkpoint must have in common with this run */
    tdl_buf saved;  /* without a folder: the last checkpoint */
} tdl_loop_state;

/* ---- loop_config.c ---- */

/* TDL_E_INVALID names the option. The optimiser, schedule and guard check their own. */
tdl_status tdl_loop_check(const tdl_trainee *trainee, const tdl_loop_options *options,
                          tdl_report *why);

/* What a checkpoint must have in common with this run: an object of texts. */
json_t *tdl_loop_describe(const tdl_loop_state *state);

/* One text of such an object. A real has 17 digits, which come back as the same number. */
void tdl_put_text(json_t *texts, const char *key, const char *value);
void tdl_put_whole(json_t *texts, const char *key, uint64_t value);
void tdl_put_real(json_t *texts, const char *key, double value);

/* ---- loop_ranks.c: all ranks call these together ---- */

enum { TDL_RANKS_SUM_MAX = 4 };

/* x[n] = its sum over the ranks, n <= TDL_RANKS_SUM_MAX, provided that all are well so far.
 *   mine     how this rank is
 *   returns  `mine`; TDL_E_STOPPED: another rank failed; or the failure of the ranks to meet */
tdl_status tdl_ranks_sum(tdl_loop_state *state, tdl_status mine, double *x, size_t n,
                         tdl_report *why);

/* `bytes` = those of rank 0; empty on the others. */
tdl_status tdl_ranks_share(tdl_loop_state *state, tdl_status mine, tdl_buf *bytes, tdl_report *why);

/* TDL_E_INTERNAL: this checksum is not the same on all ranks. */
tdl_status tdl_ranks_compare(tdl_loop_state *state, const char *what, uint32_t checksum,
                             tdl_report *why);

/* This rank's part of n examples, [begin, begin + n): sizes differ by one at most. */
void tdl_ranks_part(const tdl_comm *comm, size_t n, size_t *ret_begin, size_t *ret_n);

/* ---- loop_state.c ---- */

/* Checks the options and allocates. Release also after a failure. */
tdl_status tdl_loop_state_init(tdl_loop_state *state, const tdl_trainee *trainee,
                               const tdl_loop_options *options, tdl_report *why);
void tdl_loop_state_release(tdl_loop_state *state);

/* Open the folder; go on from its newest checkpoint, or write the first one. Many ranks start as
 * rank 0 does. */
tdl_status tdl_loop_state_start(tdl_loop_state *state, tdl_report *why);

/* Write a checkpoint into the folder, by rank 0, or into memory without one. */
tdl_status tdl_loop_state_save(tdl_loop_state *state, tdl_report *why);
tdl_status tdl_loop_state_save_best(tdl_loop_state *state, tdl_report *why);

/* Take over what a checkpoint holds. When it is refused, the parameters and moments are as before,
 * but not the progress. TDL_E_CONFLICT | TDL_E_CORRUPT */
tdl_status tdl_loop_state_restore(tdl_loop_state *state, const tdl_st_file *file, tdl_report *why);

/* Back to the last checkpoint, but the guard keeps its counts and its rate. */
tdl_status tdl_loop_state_roll_back(tdl_loop_state *state, tdl_report *why);

#endif
