#include "train/optim.h"

#include <math.h>
#include <stdlib.h>

enum { GRAIN = 4096 };

/* ---- AdamW ---- */

static tdl_status check(const tdl_adamw_config *c, tdl_report *why)
{
    if (!(c->lr > 0 && isfinite(c->lr)))
        return TDL_FAIL(why, TDL_E_INVALID, "learning rate %g is not a positive number", c->lr);
    if (!(c->beta1 >= 0 && c->beta1 < 1) || !(c->beta2 >= 0 && c->beta2 < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "betas %g and %g are not both in [0, 1)", c->beta1,
                        c->beta2);
    if (!(c->eps >= 0 && isfinite(c->eps)) || !(c->decay >= 0 && isfinite(c->decay)))
        return TDL_FAIL(why, TDL_E_INVALID, "eps %g and weight decay %g are not both >= 0", c->eps,
                        c->decay);
    return TDL_OK;
}

tdl_status tdl_adamw_init(tdl_adamw *optim, const tdl_adamw_config *config,
                          const tdl_params *params, tdl_report *why)
{
    tdl_status st = check(config, why);

    if (st)
        return st;
    *optim = (tdl_adamw){.config = *config,
                         .m = calloc(params->n + 1, sizeof *optim->m),
                         .v = calloc(params->n + 1, sizeof *optim->v)};
    if (optim->m && optim->v)
        return TDL_OK;
    tdl_adamw_release(optim);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the moments of %zu parameters", params->n);
}

void tdl_adamw_release(tdl_adamw *optim)
{
    free(optim->m);
    free(optim->v);
    *optim = (tdl_adamw){0};
}

typedef struct step {
    tdl_real *restrict w, *restrict g, *restrict m, *restrict v;
    tdl_real keep;                       /* 1 - lr * decay */
    tdl_real beta1, rest1, beta2, rest2; /* rest = 1 - beta, rounded once */
    tdl_real rate, root, eps;            /* lr / (1 - b1^t), 1 / sqrt(1 - b2^t) */
} step;

static void take_step(void *context, size_t begin, size_t end, unsigned part)
{
    const step s = *(const step *)context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++) {
        tdl_real g = s.g[i];
        tdl_real m = s.beta1 * s.m[i] + s.rest1 * g;
        tdl_real v = s.beta2 * s.v[i] + s.rest2 * g * g;
        // sqrt is exactly rounded in IEEE arithmetic, so no libm is trusted here
#ifdef TDL_REAL_DOUBLE
        tdl_real scale = sqrt(v) * s.root + s.eps;
#else
        tdl_real scale = sqrtf(v) * s.root + s.eps;
#endif
        s.w[i] = s.w[i] * s.keep - s.rate * m / scale;
        s.m[i] = m;
        s.v[i] = v;
        s.g[i] = 0;
    }
}

void tdl_adamw_step(tdl_adamw *optim, tdl_params *params, tdl_pool *pool)
{
    const tdl_adamw_config *c = &optim->config;
    double t = (double)++optim->t;

    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        size_t at = slice->offset;
        step s = {.w = params->value + at,
                  .g = params->grad + at,
                  .m = optim->m + at,
                  .v = optim->v + at,
                  .keep = (tdl_real)(slice->decay ? 1 - c->lr * c->decay : 1),
                  .beta1 = (tdl_real)c->beta1,
                  .rest1 = (tdl_real)(1 - c->beta1),
                  .beta2 = (tdl_real)c->beta2,
                  .rest2 = (tdl_real)(1 - c->beta2),
                  .rate = (tdl_real)(c->lr / (1 - pow(c->beta1, t))),
                  .root = (tdl_real)(1 / sqrt(1 - pow(c->beta2, t))),
                  .eps = (tdl_real)c->eps};
        tdl_pool_run(pool, slice->rows * slice->cols, GRAIN, take_step, &s);
    }
}

/* ---- clipping ---- */

typedef struct squares {
    const tdl_real *x;
    double *sum; /* one per block of GRAIN */
} squares;

static void add_squares(void *context, size_t begin, size_t end, unsigned part)
{
    const squares *s = context;

    TDL_UNUSED(part);
    for (size_t block = begin / GRAIN; block * GRAIN < end; block++) {
        size_t last = block * GRAIN + GRAIN < end ? block * GRAIN + GRAIN : end;
        double lane[8] = {0};

        for (size_t i = block * GRAIN; i < last; i++)
            lane[i % 8] += (double)s->x[i] * (double)s->x[i];
        s->sum[block] = ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
                        ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
}

tdl_status tdl_global_norm(const tdl_real *x, size_t n, tdl_pool *pool, double *ret,
                           tdl_report *why)
{
    size_t blocks = n / GRAIN + 1;
    squares s = {x, calloc(blocks, sizeof *s.sum)};
    double sum = 0;

    if (!s.sum)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a norm of %zu numbers", n);
    tdl_pool_run(pool, n, GRAIN, add_squares, &s);
    for (size_t b = 0; b < blocks; b++)
        sum += s.sum[b];
    free(s.sum);
    *ret = sqrt(sum);
    return TDL_OK;
}

typedef struct scaling {
    tdl_real *x, by;
} scaling;

static void scale_part(void *context, size_t begin, size_t end, unsigned part)
{
    const scaling *s = context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++)
        s->x[i] *= s->by;
}

void tdl_clip(tdl_params *params, double norm, double max_norm, tdl_pool *pool)
{
    double by = max_norm / (norm + 1e-6);
    scaling s = {params->grad, (tdl_real)by};

    if (by < 1)
        tdl_pool_run(pool, params->n, GRAIN, scale_part, &s);
}
