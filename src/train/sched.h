/* Learning-rate schedules, found by name. With t = 0, 1, ... the step, W the warm-up, T the total:
 *
 *     t < W             (t + 1) / W, for every schedule
 *     constant          1
 *     step              gamma^floor(t / every)
 *     exponential       gamma^(t - W)
 *     cosine            f + (1 - f) (1 + cos(pi r)) / 2,   r = (t - W) / (T - W)
 *     linear            1 - r (1 - f)
 *     wsd               1 up to 0.8 T, then f + (1 - f) (1 - sqrt r'),   r' = (t - 0.8 T) / (0.2 T)
 *     inverse_root      sqrt(W / (t + 1))
 *     plateau           times `factor` whenever a line fitted to the last `window` losses has
 *                       P(slope < 0) < 0.51 (the rule of dlib's dnn/trainer.h)
 *
 * Past T, cosine, linear and wsd stay at their floor f.
 */
#ifndef TDL_TRAIN_SCHED_H
#define TDL_TRAIN_SCHED_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TDL_PLATEAU_WINDOW = 2000 };

typedef struct tdl_sched_config {
    const char *name; /* borrowed; NULL = constant */
    uint64_t warmup;  /* steps; <= total where there is one; >= 1 for inverse_root */
    uint64_t total;   /* steps, >= 1: cosine, linear, wsd */
    uint64_t every;   /* steps, >= 1: step */
    double gamma;     /* in (0, 1]: step, exponential */
    double floor;     /* f in [0, 1]: cosine, linear, wsd */
    double factor;    /* in (0, 1): plateau; 0 = 0.1 */
    uint64_t window;  /* losses, in [3, 1000000]: plateau; 0 = TDL_PLATEAU_WINDOW */
} tdl_sched_config;

typedef struct tdl_sched_shape tdl_sched_shape;

typedef struct tdl_sched {
    tdl_sched_config config;
    const tdl_sched_shape *shape;
    double *loss;    /* [window] the last ones, a ring; plateau only */
    size_t seen, at; /* losses kept, and where the next goes */
    double shrunk;   /* product of the factors applied so far */
} tdl_sched;

/* TDL_E_INVALID names the setting | TDL_E_NO_MEMORY */
tdl_status tdl_sched_init(tdl_sched *sched, const tdl_sched_config *config, tdl_report *why);
void tdl_sched_release(tdl_sched *sched); /* accepts a zeroed struct */

/* What the base rate is to be multiplied with at that step. */
double tdl_sched_factor(const tdl_sched *sched, uint64_t step);

/* After each step taken: plateau looks at its loss. True when the rate was shrunk. */
bool tdl_sched_observe(tdl_sched *sched, double loss);

/* P(slope < 0) of the least-squares line through y[n] at 0, 1, ...; n >= 3. The slope is taken as
 * normal around its estimate. */
double tdl_chance_of_descent(size_t n, const double *y);

#endif
