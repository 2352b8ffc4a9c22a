#include "train/optim.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* GRAIN: a share of the pool. BLOCK: what a step works on at a time; all its streams fit into the
 * first cache, so that penalty, update and average are one pass over memory. */
enum { GRAIN = 4096, BLOCK = 1024 };

/* sqrt is exactly rounded in IEEE arithmetic, so no libm is trusted here. */
#ifdef TDL_REAL_DOUBLE
static inline tdl_real root_of(tdl_real x)
{
    return sqrt(x);
}
#else
static inline tdl_real root_of(tdl_real x)
{
    return sqrtf(x);
}
#endif

/* ---- the methods: update n weights from their gradients ---- */

/* Computed in double and rounded once: in float, 1 - 0.999f is off by 5e-5. */
typedef struct factors {
    tdl_real rate; /* adam: lr / (1 - b1^t) */
    tdl_real keep; /* 1 - lr * decay */
    tdl_real momentum, beta1, rest1, beta2, rest2, alpha, rest_alpha;
    tdl_real root; /* 1 / sqrt(1 - b2^t) */
    tdl_real eps;
} factors;

typedef void update_fn(const factors *f, size_t n, tdl_real *restrict w, const tdl_real *restrict g,
                       tdl_real *restrict m, tdl_real *restrict v);

struct tdl_optim_method {
    const char *name;
    bool has_m, has_v, corrects_bias, decays;
    update_fn *update;
    tdl_optim_config usual;
};

static void update_sgd(const factors *f, size_t n, tdl_real *restrict w, const tdl_real *restrict g,
                       tdl_real *restrict m, tdl_real *restrict v)
{
    const tdl_real rate = f->rate;

    TDL_UNUSED(m);
    TDL_UNUSED(v);
    for (size_t i = 0; i < n; i++)
        w[i] -= rate * g[i];
}

static void update_momentum(const factors *f, size_t n, tdl_real *restrict w,
                            const tdl_real *restrict g, tdl_real *restrict m, tdl_real *restrict v)
{
    const tdl_real rate = f->rate, momentum = f->momentum;

    TDL_UNUSED(v);
    for (size_t i = 0; i < n; i++) {
        m[i] = momentum * m[i] + g[i];
        w[i] -= rate * m[i];
    }
}

static void update_nesterov(const factors *f, size_t n, tdl_real *restrict w,
                            const tdl_real *restrict g, tdl_real *restrict m, tdl_real *restrict v)
{
    const tdl_real rate = f->rate, momentum = f->momentum;

    TDL_UNUSED(v);
    for (size_t i = 0; i < n; i++) {
        m[i] = momentum * m[i] + g[i];
        w[i] -= rate * (g[i] + momentum * m[i]);
    }
}

static void update_adagrad(const factors *f, size_t n, tdl_real *restrict w,
                           const tdl_real *restrict g, tdl_real *restrict m, tdl_real *restrict v)
{
    const tdl_real rate = f->rate, eps = f->eps;

    TDL_UNUSED(m);
    for (size_t i = 0; i < n; i++) {
        v[i] += g[i] * g[i];
        w[i] -= rate * g[i] / (root_of(v[i]) + eps);
    }
}

static void update_rmsprop(const factors *f, size_t n, tdl_real *restrict w,
                           const tdl_real *restrict g, tdl_real *restrict m, tdl_real *restrict v)
{
    const tdl_real rate = f->rate, alpha = f->alpha, rest = f->rest_alpha, eps = f->eps;

    TDL_UNUSED(m);
    for (size_t i = 0; i < n; i++) {
        v[i] = alpha * v[i] + rest * g[i] * g[i];
        w[i] -= rate * g[i] / (root_of(v[i]) + eps);
    }
}

/* adam too: there `keep` is 1 */
static void update_adamw(const factors *f, size_t n, tdl_real *restrict w,
                         const tdl_real *restrict g, tdl_real *restrict m, tdl_real *restrict v)
{
    const factors k = *f;

    for (size_t i = 0; i < n; i++) {
        m[i] = k.beta1 * m[i] + k.rest1 * g[i];
        v[i] = k.beta2 * v[i] + k.rest2 * g[i] * g[i];
        w[i] = w[i] * k.keep - k.rate * m[i] / (root_of(v[i]) * k.root + k.eps);
    }
}

/* The usual settings are PyTorch's. */
static const tdl_optim_method METHODS[] = {
    {.name = "sgd", .update = update_sgd, .usual = {.lr = 0.01}},
    {.name = "momentum",
     .has_m = true,
     .update = update_momentum,
     .usual = {.lr = 0.01, .momentum = 0.9}},
    {.name = "nesterov",
     .has_m = true,
     .update = update_nesterov,
     .usual = {.lr = 0.01, .momentum = 0.9}},
    {.name = "adagrad",
     .has_v = true,
     .update = update_adagrad,
     .usual = {.lr = 0.01, .eps = 1e-10}},
    {.name = "rmsprop",
     .has_v = true,
     .update = update_rmsprop,
     .usual = {.lr = 0.01, .alpha = 0.99, .eps = 1e-8}},
    {.name = "adam",
     .has_m = true,
     .has_v = true,
     .corrects_bias = true,
     .update = update_adamw,
     .usual = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}},
    {.name = "adamw",
     .has_m = true,
     .has_v = true,
     .corrects_bias = true,
     .decays = true,
     .update = update_adamw,
     .usual = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0.01}},
};
enum { METHODS_N = sizeof METHODS / sizeof *METHODS };

/* ---- settings ---- */

static tdl_status find(const char *name, const tdl_optim_method **ret, tdl_report *why)
{
    for (size_t i = 0; name && i < METHODS_N; i++)
        if (!strcmp(METHODS[i].name, name)) {
            *ret = &METHODS[i];
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "there are sgd, momentum, nesterov, adagrad, rmsprop, adam and adamw",
                         "no optimiser is called \"%s\"", name ? name : "");
}

tdl_status tdl_optim_defaults(const char *name, tdl_optim_config *ret, tdl_report *why)
{
    const tdl_optim_method *method = NULL;
    tdl_status st = find(name, &method, why);

    if (st)
        return st;
    *ret = method->usual;
    ret->name = method->name;
    return TDL_OK;
}

static tdl_status check(const tdl_optim_config *c, const tdl_optim_method *method, tdl_report *why)
{
    const struct {
        const char *name;
        double value;
    } shares[] = {{"momentum", c->momentum},
                  {"beta1", c->beta1},
                  {"beta2", c->beta2},
                  {"alpha", c->alpha},
                  {"ema", c->ema}},
      sizes[] = {{"eps", c->eps}, {"l1", c->l1}, {"l2", c->l2}, {"decay", c->decay}};

    if (!(c->lr > 0 && isfinite(c->lr)))
        return TDL_FAIL(why, TDL_E_INVALID, "lr: learning rate %g is not a positive number", c->lr);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (!(shares[i].value >= 0 && shares[i].value < 1))
            return TDL_FAIL(why, TDL_E_INVALID, "%s: %g is not in [0, 1)", shares[i].name,
                            shares[i].value);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (!(sizes[i].value >= 0 && isfinite(sizes[i].value)))
            return TDL_FAIL(why, TDL_E_INVALID, "%s: %g is not a number >= 0", sizes[i].name,
                            sizes[i].value);
    if (c->decay > 0 && !method->decays)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "use l2, or adamw",
                             "decay: %s has no decay apart from the gradient", method->name);
    return TDL_OK;
}

static tdl_status allocate(tdl_optim *optim, const tdl_params *params, tdl_report *why)
{
    size_t n = params->n + 1; // an empty model is a model

    optim->block_sum = calloc(params->n / GRAIN + 1, sizeof *optim->block_sum);
    if (optim->method->has_m)
        optim->m = calloc(n, sizeof *optim->m);
    if (optim->method->has_v)
        optim->v = calloc(n, sizeof *optim->v);
    if (optim->config.ema > 0)
        optim->average = calloc(n, sizeof *optim->average);
    if (optim->block_sum && (optim->m || !optim->method->has_m) &&
        (optim->v || !optim->method->has_v) && (optim->average || !(optim->config.ema > 0)))
        return TDL_OK;
    tdl_optim_release(optim);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the moments of %zu parameters", params->n);
}

tdl_status tdl_optim_init(tdl_optim *optim, const tdl_optim_config *config,
                          const tdl_params *params, tdl_report *why)
{
    const tdl_optim_method *method = NULL;
    tdl_status st;

    if ((st = find(config->name, &method, why)) || (st = check(config, method, why)))
        return st;
    *optim = (tdl_optim){.config = *config, .method = method};
    optim->config.name = method->name;
    if ((st = allocate(optim, params, why)))
        return st;
    if (optim->average)
        memcpy(optim->average, params->value, params->n * sizeof *optim->average);
    return TDL_OK;
}

void tdl_optim_release(tdl_optim *optim)
{
    free(optim->m);
    free(optim->v);
    free(optim->average);
    free(optim->block_sum);
    *optim = (tdl_optim){0};
}

/* ---- one step ---- */

typedef struct step {
    const tdl_optim *optim;
    const tdl_params *params;
    factors with_decay, without;
    tdl_real scale, l1, l2, ema, rest_ema;
    bool penalised;
} step;

static factors factors_of(const tdl_optim *optim, double lr, bool decay)
{
    const tdl_optim_config *c = &optim->config;
    double rate = lr, root = 1, t = (double)optim->t;

    if (optim->method->corrects_bias) {
        rate = lr / (1 - pow(c->beta1, t));
        root = 1 / sqrt(1 - pow(c->beta2, t));
    }
    return (factors){.rate = (tdl_real)rate,
                     .keep = (tdl_real)(decay ? 1 - lr * c->decay : 1),
                     .momentum = (tdl_real)c->momentum,
                     .beta1 = (tdl_real)c->beta1,
                     .rest1 = (tdl_real)(1 - c->beta1),
                     .beta2 = (tdl_real)c->beta2,
                     .rest2 = (tdl_real)(1 - c->beta2),
                     .alpha = (tdl_real)c->alpha,
                     .rest_alpha = (tdl_real)(1 - c->alpha),
                     .root = (tdl_real)root,
                     .eps = (tdl_real)c->eps};
}

static void scale_gradient(size_t n, tdl_real scale, tdl_real *g)
{
    for (size_t i = 0; i < n; i++)
        g[i] *= scale;
}

static void add_penalty(size_t n, tdl_real l1, tdl_real l2, const tdl_real *restrict w,
                        tdl_real *restrict g)
{
    for (size_t i = 0; i < n; i++) {
        tdl_real sign = (tdl_real)(w[i] > 0) - (tdl_real)(w[i] < 0);
        g[i] += l2 * w[i] + l1 * sign;
    }
}

static void follow(size_t n, tdl_real ema, tdl_real rest, const tdl_real *restrict w,
                   tdl_real *restrict average)
{
    for (size_t i = 0; i < n; i++)
        average[i] = ema * average[i] + rest * w[i];
}

/* Moments of a weight pruned in mid-run would still move it. */
static void hold(size_t n, const uint8_t *restrict mask, tdl_real *restrict w)
{
    for (size_t i = 0; i < n; i++)
        w[i] = mask[i] ? w[i] : 0;
}

/* The numbers [at, at + n) of one slice, n <= BLOCK. */
static void step_block(const step *s, const tdl_slice *slice, size_t at, size_t n)
{
    const tdl_optim *o = s->optim;
    tdl_real *w = s->params->value + at, *g = s->params->grad + at;

    if (s->scale != 1)
        scale_gradient(n, s->scale, g);
    if (slice->decay && s->penalised)
        add_penalty(n, s->l1, s->l2, w, g);
    o->method->update(slice->decay ? &s->with_decay : &s->without, n, w, g, o->m ? o->m + at : NULL,
                      o->v ? o->v + at : NULL);
    if (s->params->mask)
        hold(n, s->params->mask + at, w);
    if (o->average)
        follow(n, s->ema, s->rest_ema, w, o->average + at);
    memset(g, 0, n * sizeof *g);
}

static void step_part(void *context, size_t begin, size_t end, unsigned part)
{
    const step *s = context;

    TDL_UNUSED(part);
    for (int k = 0; k < s->params->slices_n; k++) {
        const tdl_slice *slice = &s->params->slice[k];
        size_t first = slice->offset, last = first + slice->rows * slice->cols;

        if (slice->frozen)
            continue;
        first = first < begin ? begin : first;
        last = last < end ? last : end;
        for (size_t at = first; at < last; at += BLOCK)
            step_block(s, slice, at, last - at < BLOCK ? last - at : BLOCK);
    }
}

/* Of frozen slices and of weights held at zero. */
static void clear_untrained(tdl_params *params)
{
    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        if (slice->frozen)
            memset(params->grad + slice->offset, 0,
                   slice->rows * slice->cols * sizeof *params->grad);
    }
    for (size_t i = 0; params->mask && i < params->n; i++)
        params->grad[i] = params->mask[i] ? params->grad[i] : 0;
}

void tdl_optim_step(tdl_optim *optim, tdl_params *params, double lr, double scale, tdl_pool *pool)
{
    const tdl_optim_config *c = &optim->config;

    optim->t++;
    step s = {.optim = optim,
              .params = params,
              .with_decay = factors_of(optim, lr, true),
              .without = factors_of(optim, lr, false),
              .scale = (tdl_real)scale,
              .l1 = (tdl_real)c->l1,
              .l2 = (tdl_real)c->l2,
              .ema = (tdl_real)c->ema,
              .rest_ema = (tdl_real)(1 - c->ema),
              .penalised = c->l1 > 0 || c->l2 > 0};
    clear_untrained(params);
    tdl_pool_run(pool, params->n, GRAIN, step_part, &s);
}

/* ---- clipping ---- */

enum { LANES = 8 };

typedef struct squares {
    const tdl_real *x;
    double *sum; /* one per block of GRAIN */
} squares;

static double sum_squares(size_t n, const tdl_real *x)
{
    double lane[LANES] = {0};
    size_t whole = n / LANES * LANES;

    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)x[i + k] * (double)x[i + k];
    for (size_t i = whole; i < n; i++)
        lane[i - whole] += (double)x[i] * (double)x[i];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
           ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

static void squares_part(void *context, size_t begin, size_t end, unsigned part)
{
    const squares *s = context;

    TDL_UNUSED(part);
    for (size_t at = begin; at < end; at += GRAIN)
        s->sum[at / GRAIN] = sum_squares(end - at < GRAIN ? end - at : GRAIN, s->x + at);
}

double tdl_optim_norm(tdl_optim *optim, tdl_params *params, tdl_pool *pool)
{
    squares s = {params->grad, optim->block_sum};
    double sum = 0;

    clear_untrained(params);
    tdl_pool_run(pool, params->n, GRAIN, squares_part, &s);
    for (size_t at = 0; at < params->n; at += GRAIN)
        sum += s.sum[at / GRAIN];
    return sqrt(sum);
}

double tdl_clip_scale(double norm, double max_norm)
{
    double scale = max_norm / (norm + 1e-6);

    return scale < 1 ? scale : 1;
}
