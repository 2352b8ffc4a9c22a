/* The contest: learners measured out of fold on the same rows, each with its best setting.
 *
 * For each learner all settings are tried on the first fold, the better third of them on the
 * second, and the two best on all (successive halving; Jamieson and Talwalkar, AISTATS 2016).
 * Whatever is fitted, preparation included, is fitted on the training rows of its fold only.
 *
 * Time     what is tried is planned by estimates of rows and features, so that a busy machine tries
 *          the same; the clock ends the contest only at the deadline, far beyond the budget. Who is
 *          left out for either says so
 * Resume   every result goes into `log`, and is taken from there when it is
 * Replay   same rows, same seed: same scores, for any number of threads
 */
#ifndef TDL_PREDICT_CONTEST_H
#define TDL_PREDICT_CONTEST_H

#include "apps/app.h"
#include "apps/predict/search_log.h"
#include "apps/predict/target.h"
#include "apps/predict/wish.h"
#include "stats/bootstrap.h"
#include "stats/metric.h"

enum { TDL_CONTEST_FOLDS_MAX = 20, TDL_CONTEST_SETTINGS_MAX = 24, TDL_CONTEST_ENTRIES_MAX = 24 };

typedef struct tdl_contest_data {
    const tdl_frame *frame;
    const bool *left_out; /* [columns_n] no features */
    const tdl_predict_target *target;
    const uint32_t *row; /* [rows_n] of the frame: those with a target */
    size_t rows_n;
    size_t all_n;         /* rows that the best is fitted on in the end; 0 = rows_n */
    const uint32_t *fold; /* [rows_n] */
    size_t folds_n;       /* by time: blocks, of which the first is never tested */
    bool by_time;         /* a fold trains on those before it, otherwise on all others */
    const int32_t *group; /* [rows_n] ranking: which list; NULL = none */
    const float *weight;  /* [rows of the frame] or NULL */
    const tdl_metric *metric;
    tdl_wish wish; /* of every learner's rows */
    uint64_t seed;
    tdl_pool *pool;
    double budget;       /* seconds by estimate (bout.h) for all that are no floor; 0 = no limit */
    int64_t deadline_us; /* monotonic: the clock ends what the estimate did not; 0 = none */
    tdl_search_log *log; /* of results; NULL = none are kept */
    const json_t *set;   /* of every setting of learners asked for by name; NULL = nothing */
    bool patient;        /* learners that take minutes may take part */
    tdl_progress_fn *progress;
    void *progress_context;
} tdl_contest_data;

/* One learner's result. */
typedef struct tdl_entry {
    const tdl_learner_ops *ops;
    json_t *setting;       /* the best */
    json_t *note;          /* of its last fit; NULL = none */
    double *score;         /* [rows_n][scores_n] out of fold; NaN where a row was never tested */
    double *fold_metric;   /* [folds_n]; NaN for a fold that is never tested */
    double metric;         /* mean over folds */
    double standard_error; /* of that mean */
    size_t settings_tried, settings_n;
    size_t terms;        /* that a person has to read of it: coefficients, leaves */
    double seconds;      /* of all its fits, summed over threads */
    tdl_report left_out; /* status TDL_OK: took part; else why not */
    bool cut_off;        /* left out for time */
} tdl_entry;

typedef struct tdl_contest {
    tdl_entry *entry; /* [entries_n], in the order of tdl_learners */
    size_t entries_n;
    size_t folds_n, scores_n;
    double estimated; /* seconds, of what took part; see budget */
} tdl_contest;

/* Hold it. wanted: "auto" = every learner that suits, or names with commas between.
 *   returns  TDL_OK | TDL_E_INVALID (no learner could take part: says why) | TDL_E_STOPPED | ... */
tdl_status tdl_contest_hold(const tdl_contest_data *data, const char *wanted, tdl_contest *ret,
                            tdl_report *why);
void tdl_contest_release(tdl_contest *contest); /* accepts a zeroed struct */

/* ---- for others that measure on the same folds ---- */

tdl_metric_task tdl_metric_task_of(tdl_task task);
bool tdl_contest_trains(const tdl_contest_data *data, size_t fold, size_t i); /* row i of them? */
bool tdl_contest_tests(const tdl_contest_data *data, size_t fold); /* is there anything to test? */
/* Probabilities, or values, of scores: in place, by the target's task. [n][scores_n] */
void tdl_scores_to_outputs(tdl_task task, double *score, size_t n, size_t scores_n);
/* The metric of scores over the rows of one fold. score: [rows_n][scores_n] */
tdl_status tdl_contest_measure(const tdl_contest_data *data, const double *score, size_t scores_n,
                               size_t fold, double *ret, tdl_report *why);
/* Mean over the folds that are tested, and its standard error. */
void tdl_contest_mean(const double *fold_metric, size_t folds_n, double *ret_mean,
                      double *ret_standard_error);
/* All rows that were tested, in order: how many; ret [rows_n] may be NULL. */
size_t tdl_contest_tested(const tdl_contest_data *data, uint32_t *ret);

/* Run n tasks on the pool, each by whichever thread is free; fn is told which. */
typedef void tdl_task_fn(void *context, size_t task);
void tdl_tasks_run(tdl_pool *pool, size_t n, tdl_task_fn *fn, void *context);

#endif
