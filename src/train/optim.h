/* Optimisers over the flat parameter block.
 *
 * With g the gradient and t = 1, 2, ...; all of them found by name:
 *
 *     sgd        w -= lr g
 *     momentum   m = mu m + g                w -= lr m              (m starts at 0)
 *     nesterov   m = mu m + g                w -= lr (g + mu m)
 *     adagrad    v += g^2                    w -= lr g / (sqrt v + eps)
 *     rmsprop    v = a v + (1 - a) g^2       w -= lr g / (sqrt v + eps)
 *     adam       m = b1 m + (1 - b1) g       v = b2 v + (1 - b2) g^2
 *                w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *     adamw      w *= 1 - lr decay, then as adam    (Loshchilov and Hutter, ICLR 2019)
 *
 * Slices that decay get l2 w + l1 sign(w) added to g first. Frozen slices are not touched. Weights
 * under a params->mask of 0 are zero after every step, and so is their gradient. The moments are
 * flat blocks of the parameters' layout. Results do not depend on the pool.
 */
#ifndef TDL_TRAIN_OPTIM_H
#define TDL_TRAIN_OPTIM_H

#include <stdint.h>

#include "nn/params.h"

typedef struct tdl_optim_config {
    const char *name;    /* borrowed; one of the above */
    double lr;           /* > 0; schedules scale it */
    double momentum;     /* mu in [0, 1) */
    double beta1, beta2; /* in [0, 1) */
    double alpha;        /* a in [0, 1) */
    double eps;          /* >= 0 */
    double l1, l2;       /* >= 0; penalties in the gradient */
    double decay;        /* >= 0; apart from the gradient: adamw only */
    double ema;          /* in [0, 1): average of weights, a = ema a + (1 - ema) w; 0 = none */
} tdl_optim_config;

typedef struct tdl_optim_method tdl_optim_method;

typedef struct tdl_optim {
    tdl_optim_config config;
    const tdl_optim_method *method;
    tdl_real *m, *v;   /* [params->n]; NULL where the method keeps none */
    tdl_real *average; /* [params->n] of the weights; NULL when ema is 0 */
    uint64_t t;        /* steps taken */
    double *block_sum; /* scratch of the norm */
} tdl_optim;

/* The settings usual for that method, lr included. TDL_E_INVALID: no such method; lists them. */
tdl_status tdl_optim_defaults(const char *name, tdl_optim_config *ret, tdl_report *why);

/* After the parameters have their first values: the average starts there.
 * TDL_E_INVALID (names the setting) | TDL_E_NO_MEMORY */
tdl_status tdl_optim_init(tdl_optim *optim, const tdl_optim_config *config,
                          const tdl_params *params, tdl_report *why);
void tdl_optim_release(tdl_optim *optim); /* accepts a zeroed struct */

/* Euclidean norm of params->grad without what is not trained (frozen, masked), whose gradients are
 * cleared: blocks of 4096 are summed in double, then added in rising order. */
double tdl_optim_norm(tdl_optim *optim, tdl_params *params, tdl_pool *pool);

/* What the gradient is to be multiplied with: min(1, max_norm / (norm + 1e-6)). */
double tdl_clip_scale(double norm, double max_norm);

/* One step at rate `lr` from scale * params->grad, which is cleared: the next batch adds to zeros.
 * Each number of every block is read and written once. */
void tdl_optim_step(tdl_optim *optim, tdl_params *params, double lr, double scale, tdl_pool *pool);

#endif
