/* The training loop: seeded epochs of mini-batches, schedule, clipping, early stopping, guard,
 * checkpoints.
 *
 * The loop knows a model through a few functions (tdl_trainee) and its flat parameters. Same seed,
 * same bits, for any pool, and for any run killed and resumed. The last, smaller batch of an epoch
 * is used, and its loss is the mean over its true weight.
 *
 * Several ranks, processes with one model each, share every batch among them: a run is the same as
 * of one rank, but for the rounding of sums. All of them give the same data and options, apart from
 * pool, log, tell and stop: whoever wants to stop stops all. Rank 0 alone touches the folder.
 */
#ifndef TDL_TRAIN_LOOP_H
#define TDL_TRAIN_LOOP_H

#include <stdatomic.h>

#include "train/comm.h"
#include "train/guard.h"
#include "train/log.h"
#include "train/optim.h"
#include "train/sample.h"
#include "train/sched.h"

typedef struct tdl_trainee {
    void *model;
    tdl_params *params;
    size_t examples_n;

    /* May be NULL: comes before each `gradient`, for models that augment their examples. */
    void (*begin)(void *model, const tdl_batch_place *place);

    /* What the loss of `example` [n] is divided by: tokens, sums of weights. NULL: n. */
    double (*weight)(void *model, const uint32_t *example, size_t n);

    /* Add `scale` times the gradient of the summed loss over `example` [n] to params->grad. A step
     * may take several calls, of micro-batches; `scale` is one over the weight of them all.
     *   step      counts the steps of the run from 0, and keys what is random in the model
     *   ret_loss  that sum, without the scale */
    tdl_status (*gradient)(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why);

    /* May be NULL: comes before each `gradient`, with whom that call is to tell how far it is
     * (tdl_run.watch), or NULL: nobody. For models whose `gradient` is one backward pass over
     * `params`: sums over the ranks then begin while it goes on. */
    void (*watch)(void *model, const tdl_gradient_watch *watch);

    /* What is to be made small on the held-out data. Needed for patience and evaluation. */
    tdl_status (*validate)(void *model, tdl_pool *pool, double *ret, tdl_report *why);

    /* May be NULL: the parameters have other values now (a step, a restore). The place to renew
     * what is derived from them, as packed or bf16 copies. */
    tdl_status (*changed)(void *model, tdl_pool *pool, tdl_report *why);
} tdl_trainee;

/* Before each step and after each epoch. `done` in [0, 1]. False = give up the run. */
typedef bool tdl_loop_tell(void *context, double done, const char *detail);

/* One fact about the run that the loop cannot know: "model", "schema_hash". Borrowed. */
typedef struct tdl_loop_fact {
    const char *key, *value;
} tdl_loop_fact;

typedef struct tdl_loop_checkpoint {
    const char *folder;        /* NULL: none is written; the guard then keeps its own in memory */
    uint64_t every;            /* steps; 0 = every epoch. One more is written when the run ends */
    unsigned keep;             /* the last so many stay, and the best; 0 = 2 */
    bool resume;               /* go on from the newest; when there is none, start */
    const tdl_loop_fact *fact; /* [facts_n] must be the same to resume */
    size_t facts_n;
} tdl_loop_checkpoint;

typedef struct tdl_loop_ranks {
    tdl_comm *comm;      /* NULL = one rank. On failure it may be lost: close ends the job then */
    size_t bucket_bytes; /* of the gradient, summed at a time; 0 = 4 MiB */
    bool wait;           /* sum when backward is over, not while it goes on */
} tdl_loop_ranks;

typedef struct tdl_loop_options {
    uint64_t seed;
    unsigned epochs;     /* at most; 0 = no such limit */
    uint64_t steps;      /* at most; 0 = no such limit; one of both is needed */
    size_t batch;        /* examples per step, of all ranks; >= 1; at most all there are is used */
    size_t micro_batch;  /* examples at a time, the gradients are added; 0 = the batch */
    uint64_t eval_every; /* steps; 0 = every epoch, with patience or stop_on_validation only */
    unsigned patience;   /* stop after so many evaluations without a better one; 0 = no such stop */
    double stop_loss;    /* stop the run once an epoch's mean training loss is below; 0 = no */
    bool stop_on_validation; /* stop_loss is for the validation instead */
    double seconds;          /* stop after so many; 0 = no limit */
    const atomic_bool *stop; /* may be NULL; stop when true, as a signal handler may set it */
    double clip;             /* largest global gradient norm; 0 = no clipping */
    tdl_optim_config optim;
    tdl_sched_config sched;
    tdl_guard_config guard;
    tdl_sampler sampler;
    tdl_loop_checkpoint checkpoint;
    tdl_loop_ranks ranks;
    tdl_pool *pool;
    const tdl_train_log *log; /* may be NULL */
    tdl_loop_tell *tell;      /* may be NULL */
    void *tell_context;
} tdl_loop_options;

/* X(name, text) */
#define TDL_STOP_MAP(X)                                                                            \
    X(NOT_YET, "")                                                                                 \
    X(LOSS_THRESHOLD, "loss_threshold")                                                            \
    X(PATIENCE, "patience")                                                                        \
    X(MAX_STEPS, "max_steps") /* or epochs */                                                      \
    X(TIME, "time")                                                                                \
    X(SIGNAL, "signal")                                                                            \
    X(DIVERGED, "diverged")

typedef enum tdl_stop {
#define TDL_STOP_ENUM(name, text) TDL_STOP_##name,
    TDL_STOP_MAP(TDL_STOP_ENUM)
#undef TDL_STOP_ENUM
} tdl_stop;

const char *tdl_stop_name(tdl_stop stop);

typedef struct tdl_loop_result {
    unsigned epochs_run, epochs_best; /* best = run when there is no validation */
    uint64_t steps, steps_best;       /* steps include skipped ones */
    uint64_t skipped, roll_backs;     /* by the guard */
    double train_loss;                /* mean of the last whole epoch; NaN before the first */
    double best;                      /* best validation; NaN when there is none */
    tdl_stop stop;
} tdl_loop_result;

/* Train. At the end the parameters are those of the best evaluation with patience, else the
 * average of the weights where optim.ema is set, else the last. What is evaluated is that average
 * too. On failure they are those of the best evaluation so far, or of the last checkpoint (without
 * a folder: of the start of the epoch); with several ranks, as they were.
 *   TDL_E_INVALID   options out of range, or the run diverged: the report names the step
 *   TDL_E_CONFLICT  the folder holds checkpoints of another configuration, or any without `resume`
 *   TDL_E_CORRUPT   the newest checkpoint is damaged
 *   TDL_E_STOPPED   tell said so, or another rank failed
 *   TDL_E_NO_MEMORY, TDL_E_IO (also: other ranks are lost), or what the trainee answered */
tdl_status tdl_loop_run(const tdl_trainee *trainee, const tdl_loop_options *options,
                        tdl_loop_result *ret, tdl_report *why);

#endif
