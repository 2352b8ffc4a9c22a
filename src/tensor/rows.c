#include "tensor/rows.h"

#include "tensor/kernel.h"

typedef struct softmax_job {
    size_t n, ldx;
    float *x, *lse;
} softmax_job;

static void softmax_share(void *context, size_t begin, size_t end, unsigned part)
{
    const softmax_job *job = context;
    const tdl_kernel *kernel = tdl_kernel_get();

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        float lse = kernel->softmax(job->x + r * job->ldx, job->n);
        if (job->lse)
            job->lse[r] = lse;
    }
}

void tdl_softmax_rows(size_t rows, size_t n, float *x, size_t ldx, float *ret_lse, tdl_pool *pool)
{
    softmax_job job = {n, ldx, x, ret_lse};

    if (n)
        tdl_pool_run(pool, rows, 1, softmax_share, &job);
}

tdl_map tdl_map_of_act(tdl_act act)
{
    switch (act) {
    case TDL_ACT_RELU:
        return TDL_MAP_RELU;
    case TDL_ACT_TANH:
        return TDL_MAP_TANH;
    case TDL_ACT_SIGMOID:
        return TDL_MAP_SIGMOID;
    case TDL_ACT_GELU:
        return TDL_MAP_GELU;
    case TDL_ACT_GELU_ERF:
        return TDL_MAP_GELU_ERF;
    case TDL_ACT_SILU:
        return TDL_MAP_SILU;
    case TDL_ACT_LEAKY_RELU:
        return TDL_MAP_LEAKY_RELU;
    case TDL_ACT_NONE:
        break;
    }
    return TDL_MAP_COPY;
}

void tdl_finish_rows(size_t rows, size_t n, const float *bias, tdl_act act, float *y, size_t ldy)
{
    tdl_kernel_get()->map_rows(tdl_map_of_act(act), rows, n, y, ldy, bias, y, ldy);
}

float tdl_dot(const float *x, const float *y, size_t n)
{
    return tdl_kernel_get()->dot(x, y, n);
}

/* ---- activations backward ---- */

enum {
    ROW_GRAIN = 4096,
    COLUMN_GRAIN = 64
}; /* elements and columns that one thread is woken for */

typedef struct act_job {
    tdl_map f;
    const float *saved;
    float *dy;
} act_job;

static void act_share(void *context, size_t begin, size_t end, unsigned part)
{
    const act_job *job = context;

    TDL_UNUSED(part);
    tdl_kernel_get()->map_backward(job->f, end - begin, job->saved + begin, job->dy + begin);
}

void tdl_act_backward_rows(size_t rows, size_t n, tdl_act act, const float *saved, float *dy,
                           tdl_pool *pool)
{
    act_job job = {tdl_map_of_act(act), saved, dy};

    if (act != TDL_ACT_NONE)
        tdl_pool_run(pool, rows * n, ROW_GRAIN, act_share, &job);
}

/* ---- norms ---- */

typedef struct norm_job {
    bool rms;
    size_t rows, n;
    const float *x, *gain, *bias;
    float eps;
    float *y, *ret_mean, *ret_rstd;
    const float *mean, *rstd, *dy; /* the way back */
    float *dx, *dgain, *dbias;
} norm_job;

static size_t rows_at_least(size_t n)
{
    return n < ROW_GRAIN ? ROW_GRAIN / n : 1;
}

static void norm_share(void *context, size_t begin, size_t end, unsigned part)
{
    const norm_job *j = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        tdl_kernel_get()->norm(j->rms, j->n, j->x + r * j->n, j->gain, j->bias, j->eps,
                               j->y + r * j->n, j->ret_mean + r, j->ret_rstd + r);
}

static void norm_gains_share(void *context, size_t begin, size_t end, unsigned part)
{
    const norm_job *j = context;

    TDL_UNUSED(part);
    tdl_kernel_get()->norm_gains(j->rows, end - begin, j->n, j->x + begin, j->mean, j->rstd,
                                 j->dy + begin, j->dgain ? j->dgain + begin : NULL,
                                 j->dbias ? j->dbias + begin : NULL);
}

static void norm_backward_share(void *context, size_t begin, size_t end, unsigned part)
{
    const norm_job *j = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        tdl_kernel_get()->norm_backward(j->rms, j->n, j->x + r * j->n, j->gain, j->mean[r],
                                        j->rstd[r], j->dy + r * j->n, j->dx + r * j->n);
}

void tdl_norm_rows(tdl_norm_form form, size_t rows, size_t n, const float *x, const float *gain,
                   const float *bias, float eps, float *y, float *ret_mean, float *ret_rstd,
                   tdl_pool *pool)
{
    norm_job job = {.rms = form == TDL_ROWS_RMS_NORM,
                    .n = n,
                    .x = x,
                    .gain = gain,
                    .bias = bias,
                    .eps = eps,
                    .y = y,
                    .ret_mean = ret_mean,
                    .ret_rstd = ret_rstd};

    if (n)
        tdl_pool_run(pool, rows, rows_at_least(n), norm_share, &job);
}

void tdl_norm_backward_rows(tdl_norm_form form, size_t rows, size_t n, const float *x,
                            const float *gain, const float *mean, const float *rstd,
                            const float *dy, float *dx, float *dgain, float *dbias, tdl_pool *pool)
{
    norm_job job = {.rms = form == TDL_ROWS_RMS_NORM,
                    .rows = rows,
                    .n = n,
                    .x = x,
                    .gain = gain,
                    .mean = mean,
                    .rstd = rstd,
                    .dy = dy,
                    .dx = dx,
                    .dgain = dgain,
                    .dbias = dbias};

    if (!n)
        return;
    if (dgain || dbias) /* first: dx may take the place of dy */
        tdl_pool_run(pool, n, COLUMN_GRAIN, norm_gains_share, &job);
    tdl_pool_run(pool, rows, rows_at_least(n), norm_backward_share, &job);
}

float tdl_quantise_row(const float *x, size_t n, int8_t *ret_q)
{
    const tdl_kernel *kernel = tdl_kernel_get();
    float scale = kernel->int8_scale(x, n);

    kernel->quantise(x, n, scale, ret_q);
    return scale;
}
