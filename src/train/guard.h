/* The guard: watches loss and gradient norm of every step, before the step is taken.
 *
 * A number that is not finite makes the step bad. So does, where asked for, a number far from the
 * last 128 (z-score; the detector of karpathy/llm.c, llmc/outlier_detector.h). A bad step is
 * skipped. Three in a row roll the run back to the last checkpoint, at half the rate; the third
 * roll-back is the last: the run has diverged.
 */
#ifndef TDL_TRAIN_GUARD_H
#define TDL_TRAIN_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

enum { TDL_GUARD_WINDOW = 128 };

/* What an outlier does. One that is not finite is always skipped at least. */
typedef enum tdl_guard_action {
    TDL_GUARD_NONE,
    TDL_GUARD_SKIP,
    TDL_GUARD_ROLL_BACK
} tdl_guard_action;

typedef struct tdl_guard_config {
    tdl_guard_action outlier;
    double z;                /* an outlier is more than so many deviations above the mean; 0 = 6 */
    unsigned in_a_row_max;   /* bad steps that make a roll-back; 0 = 3 */
    unsigned roll_backs_max; /* 0 = 3 */
} tdl_guard_config;

typedef struct tdl_guard_window {
    double value[TDL_GUARD_WINDOW]; /* a ring */
    size_t seen, at;
} tdl_guard_window;

typedef struct tdl_guard {
    tdl_guard_config config;
    tdl_guard_window loss, norm;
    uint64_t skipped;  /* steps of the run */
    uint64_t in_a_row; /* bad steps, up to now */
    uint64_t roll_backs;
    double rate_scale; /* 1, then halved by every roll-back */
} tdl_guard;

typedef enum tdl_verdict {
    TDL_VERDICT_TAKE,
    TDL_VERDICT_SKIP,
    TDL_VERDICT_ROLL_BACK, /* counted, the rate is halved: the caller restores the state */
    TDL_VERDICT_DIVERGED   /* restore the state, and end the run */
} tdl_verdict;

/* TDL_E_INVALID: z negative or not a number. */
tdl_status tdl_guard_init(tdl_guard *guard, const tdl_guard_config *config, tdl_report *why);

tdl_verdict tdl_guard_judge(tdl_guard *guard, double loss, double norm);

/* Put x into the window; its z-score there, 0 before the window is full or without spread. */
double tdl_guard_z(tdl_guard_window *window, double x);

#endif
