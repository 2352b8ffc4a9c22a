/* Training by libxgboost in a process of its own: whatever the library does, the caller survives.
 *
 * The worker is this same program, started anew (posix_spawn of /proc/self/exe with
 * tdl_xgboost_worker_argument): a constructor in xgboost_child.c sees the argument and never comes
 * to main(). Not a plain fork, because a server has many threads, and after a fork only those
 * functions may be called that are safe in a signal handler, of which dlopen is none. It works for
 * every program that this library is linked into statically, tests and benchmarks included.
 *
 * The matrix goes over in a memfd, requests and models over a socket. One worker serves one matrix;
 * it dies with its socket, and with the thread that started it. To start one takes 16 ms, a fit
 * tenths of seconds: none is kept for another fit. Workers are independent: use as many at once as
 * there are cores.
 *
 *     parent                                   child, one thread, stdin stdout stderr to /dev/null
 *     start: matrix, spawn            ---->    dlopen; READY, or FAILED and why
 *     rounds: parameters              ---->    a booster for each fold, in step; BEAT each round
 *     train: parameters, rounds       ---->    one booster on all rows; BEAT each round; MODEL
 *
 * Failure      the library refuses: TDL_E_INVALID with its words. The child crashes, exits or says
 *              nothing for `silence` seconds: TDL_E_INTERNAL. `stop`: TDL_E_STOPPED. It is killed
 *              then, by its pid, and the worker answers nothing more
 * Replay       nthread is 1: same matrix, parameters, version of the library: same bytes
 */
#ifndef TDL_LEARN_XGBOOST_WORKER_H
#define TDL_LEARN_XGBOOST_WORKER_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

enum { TDL_XGBOOST_ALWAYS = 255, TDL_XGBOOST_FOLDS_MAX = 16 };

typedef struct tdl_xgboost_data {
    size_t rows, cols;   /* no rows: only to see whether the library is there */
    const float *x;      /* [rows][cols], NaN and infinite = missing */
    const float *y;      /* [rows] */
    const float *weight; /* [rows] or NULL */
    /* [rows] ranking: which list a row is of; equal ones stand together, and are in one fold. NULL
     * = no lists */
    const int32_t *group;
    /* [rows] in which fold a row is held out, TDL_XGBOOST_ALWAYS = in none; NULL without folds */
    const uint8_t *fold;
    size_t folds_n;
    const atomic_bool *stop; /* may be NULL */
    double silence;          /* seconds; 0 = 300 */
} tdl_xgboost_data;

/* What is to be low on the rows held out. */
typedef enum tdl_xgboost_loss {
    TDL_XGBOOST_LOGISTIC, /* y is 0 or 1 */
    TDL_XGBOOST_SOFTMAX,  /* y is a class */
    TDL_XGBOOST_SQUARED,
    TDL_XGBOOST_ABSOLUTE,
    TDL_XGBOOST_POISSON,
    TDL_XGBOOST_HUBER,   /* d^2 (sqrt(1 + (e / d)^2) - 1), d the parameter */
    TDL_XGBOOST_TWEEDIE, /* of power `parameter`; a score is the log of the mean */
    TDL_XGBOOST_NDCG     /* 1 - NDCG of the first ten of each list; lists of nothing relevant: 0 */
} tdl_xgboost_loss;

typedef struct tdl_xgboost_plan {
    tdl_str parameters; /* the library's, "name" NUL "value" NUL ... */
    tdl_xgboost_loss loss;
    double parameter; /* of the loss */
    size_t groups_n;  /* scores of a row */
    uint32_t rounds;  /* most */
    uint32_t minimum; /* rounds before stopping is thought of */
    uint32_t patience;
    double seconds; /* no new round after them; 0 = no limit */
} tdl_xgboost_plan;

typedef struct tdl_xgboost_worker tdl_xgboost_worker;

extern const char tdl_xgboost_worker_argument[];

/* TDL_E_NOT_FOUND: there is no library; the hint names the package */
tdl_status tdl_xgboost_worker_start(const tdl_xgboost_data *data, tdl_xgboost_worker **ret,
                                    tdl_report *why);
void tdl_xgboost_worker_end(tdl_xgboost_worker *worker); /* accepts NULL */
pid_t tdl_xgboost_worker_pid(const tdl_xgboost_worker *worker);

/* How many rounds give the lowest mean loss on the rows held out, over all folds? Stops `patience`
 * rounds after the lowest. ret_loss: the loss there. */
tdl_status tdl_xgboost_worker_rounds(tdl_xgboost_worker *worker, const tdl_xgboost_plan *plan,
                                     uint32_t *ret_rounds, double *ret_loss, tdl_report *why);
/* Train plan->rounds on all rows.
 *   ret_model   for tdl_xgboost_model_read, appended
 *   ret_rounds  those there was time for, >= 1; may be NULL */
tdl_status tdl_xgboost_worker_train(tdl_xgboost_worker *worker, const tdl_xgboost_plan *plan,
                                    tdl_buf *ret_model, uint32_t *ret_rounds, tdl_report *why);

/* Is there a library that will do? Starts a worker once; that it is there is remembered. */
tdl_status tdl_xgboost_available(tdl_report *why);

#endif
