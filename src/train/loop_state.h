/* Private to the training loop: its state, and how that becomes a checkpoint and comes back. */
#ifndef TDL_TRAIN_LOOP_STATE_H
#define TDL_TRAIN_LOOP_STATE_H

#include "train/ckpt_safetensors.h"
#include "train/loop.h"

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

/* ---- loop_state.c ---- */

/* Checks the options and allocates. Release also after a failure. */
tdl_status tdl_loop_state_init(tdl_loop_state *state, const tdl_trainee *trainee,
                               const tdl_loop_options *options, tdl_report *why);
void tdl_loop_state_release(tdl_loop_state *state);

/* Open the folder; go on from its newest checkpoint, or write the first one. */
tdl_status tdl_loop_state_start(tdl_loop_state *state, tdl_report *why);

/* Write a checkpoint into the folder, or into memory without one. */
tdl_status tdl_loop_state_save(tdl_loop_state *state, tdl_report *why);
tdl_status tdl_loop_state_save_best(tdl_loop_state *state, tdl_report *why);

/* Take over what a checkpoint holds. When it is refused, the parameters and moments are as before,
 * but not the progress. TDL_E_CONFLICT | TDL_E_CORRUPT */
tdl_status tdl_loop_state_restore(tdl_loop_state *state, const tdl_st_file *file, tdl_report *why);

/* Back to the last checkpoint, but the guard keeps its counts and its rate. */
tdl_status tdl_loop_state_roll_back(tdl_loop_state *state, tdl_report *why);

#endif
