/* AdamW (Loshchilov and Hutter, ICLR 2019) over the flat parameter block, and gradient clipping.
 *
 *     g = gradient    w *= 1 - lr * decay    (slices that decay only)
 *     m = b1 m + (1 - b1) g    v = b2 v + (1 - b2) g^2
 *     w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps),    t = 1, 2, ...
 *
 * The moments are flat blocks of the parameters' layout. Results do not depend on the pool.
 */
#ifndef TDL_TRAIN_OPTIM_H
#define TDL_TRAIN_OPTIM_H

#include <stdint.h>

#include "nn/params.h"

typedef struct tdl_adamw_config {
    double lr, beta1, beta2, eps, decay;
} tdl_adamw_config;

#define TDL_ADAMW_DEFAULTS ((tdl_adamw_config){1e-3, 0.9, 0.999, 1e-8, 0.01})

typedef struct tdl_adamw {
    tdl_adamw_config config;
    tdl_real *m, *v; /* [params->n] */
    uint64_t t;      /* steps taken */
} tdl_adamw;

/* TDL_E_INVALID: lr <= 0, a beta outside [0, 1), eps or decay < 0, or any not finite. */
tdl_status tdl_adamw_init(tdl_adamw *optim, const tdl_adamw_config *config,
                          const tdl_params *params, tdl_report *why);
void tdl_adamw_release(tdl_adamw *optim); /* accepts a zeroed struct */

/* One step from params->grad, which is cleared: the next batch adds to zeros. */
void tdl_adamw_step(tdl_adamw *optim, tdl_params *params, tdl_pool *pool);

/* Euclidean norm of x[n]: blocks of 4096 are summed in double, then added in rising order. */
tdl_status tdl_global_norm(const tdl_real *x, size_t n, tdl_pool *pool, double *ret,
                           tdl_report *why);

/* params->grad *= min(1, max_norm / (norm + 1e-6)) */
void tdl_clip(tdl_params *params, double norm, double max_norm, tdl_pool *pool);

#endif
