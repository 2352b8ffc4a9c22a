/* Normalised rows. With rstd = 1 / sqrt(variance + eps), h = (x - mean) rstd, g = dy * gain:
 *
 *     layer   y = h * gain + bias    dx = rstd (g - mean(g) - h mean(g h))    (Ba et al. 2016)
 *     rms     the same with mean = 0 and without mean(g)                      (Zhang, Sennrich
 * 2019) dgain   sum over rows of dy h
 */
#include <math.h>

#include "nn/real.h"

#ifdef TDL_REAL_DOUBLE

enum { LANES = 16, ROWS_EACH = 16, COLUMNS_EACH = 512 };

static tdl_real add_lanes(tdl_real lane[LANES])
{
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static tdl_real mean_of(size_t n, const tdl_real *x)
{
    tdl_real lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += x[i + l];
    for (size_t l = 0; i + l < n; l++)
        lane[l] += x[i + l];
    return add_lanes(lane) / (tdl_real)n;
}

static tdl_real mean_square(size_t n, const tdl_real *x)
{
    tdl_real lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += x[i + l] * x[i + l];
    for (size_t l = 0; i + l < n; l++)
        lane[l] += x[i + l] * x[i + l];
    return add_lanes(lane) / (tdl_real)n;
}

/* y = x - mean; returns the mean. Far from 0 a number cannot hold the mean to the digits that the
 * differences need: what is left of it is taken off in a second step. */
static tdl_real centre(size_t n, const tdl_real *x, tdl_real *y)
{
    tdl_real mean = mean_of(n, x), rest;

    for (size_t i = 0; i < n; i++)
        y[i] = x[i] - mean;
    rest = mean_of(n, y);
    for (size_t i = 0; i < n; i++)
        y[i] -= rest;
    return mean + rest;
}

typedef struct norm_job {
    bool centred;
    size_t rows, n;
    const tdl_real *x, *gain, *bias, *dy;
    double eps;
    tdl_real *y, *mean, *rstd;               /* forward */
    const tdl_real *known_mean, *known_rstd; /* backward */
    tdl_real *dx, *dgain;
} norm_job;

static void forward_row(const norm_job *j, size_t r)
{
    const tdl_real *x = j->x + r * j->n, *gain = j->gain, *bias = j->bias;
    tdl_real *y = j->y + r * j->n, variance;
    size_t n = j->n;

    if (!j->centred)
        tdl_put(false, n, x, y);
    j->mean[r] = j->centred ? centre(n, x, y) : 0;
    variance = mean_square(n, y);
    j->rstd[r] = 1 / sqrt(variance + j->eps);
    for (size_t i = 0; i < n; i++)
        y[i] *= j->rstd[r];
    for (size_t i = 0; gain && i < n; i++)
        y[i] *= gain[i];
    for (size_t i = 0; bias && i < n; i++)
        y[i] += bias[i];
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        forward_row(context, r);
}

void tdl_norm_forward(bool centred, size_t rows, size_t n, const tdl_real *x, const tdl_real *gain,
                      const tdl_real *bias, double eps, tdl_real *y, tdl_real *ret_mean,
                      tdl_real *ret_rstd, tdl_pool *pool)
{
    norm_job j = {.centred = centred,
                  .n = n,
                  .x = x,
                  .gain = gain,
                  .bias = bias,
                  .eps = eps,
                  .y = y,
                  .mean = ret_mean,
                  .rstd = ret_rstd};

    tdl_pool_run(pool, rows, ROWS_EACH, forward_rows, &j);
}

/* The means of g and of g h over a row. */
static void mean_gradients(const norm_job *j, size_t r, tdl_real *ret_g, tdl_real *ret_gh)
{
    const tdl_real *x = j->x + r * j->n, *dy = j->dy + r * j->n, *gain = j->gain;
    tdl_real g_lane[LANES] = {0}, gh_lane[LANES] = {0};

    for (size_t i = 0; i < j->n; i += LANES) {
        size_t m = j->n - i < LANES ? j->n - i : LANES;
        tdl_real g[LANES] = {0}, h[LANES] = {0};

        for (size_t l = 0; l < m; l++) {
            g[l] = gain ? dy[i + l] * gain[i + l] : dy[i + l];
            h[l] = (x[i + l] - j->known_mean[r]) * j->known_rstd[r];
        }
        for (size_t l = 0; l < LANES; l++) {
            g_lane[l] += g[l];
            gh_lane[l] += g[l] * h[l];
        }
    }
    *ret_g = j->centred ? add_lanes(g_lane) / (tdl_real)j->n : 0;
    *ret_gh = add_lanes(gh_lane) / (tdl_real)j->n;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const norm_job *j = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *x = j->x + r * j->n, *dy = j->dy + r * j->n, *gain = j->gain;
        tdl_real *dx = j->dx + r * j->n, mean = j->known_mean[r], rstd = j->known_rstd[r];
        tdl_real mean_g, mean_gh;

        mean_gradients(j, r, &mean_g, &mean_gh);
        for (size_t i = 0; i < j->n; i++) {
            tdl_real g = gain ? dy[i] * gain[i] : dy[i], h = (x[i] - mean) * rstd;

            dx[i] = rstd * (g - mean_g - h * mean_gh);
        }
    }
}

static void sum_gain_columns(void *context, size_t begin, size_t end, unsigned part)
{
    const norm_job *j = context;

    TDL_UNUSED(part);
    for (size_t r = 0; r < j->rows; r++) {
        const tdl_real *restrict x = j->x + r * j->n, *restrict dy = j->dy + r * j->n;
        tdl_real *restrict dgain = j->dgain;
        tdl_real mean = j->known_mean[r], rstd = j->known_rstd[r];

        for (size_t i = begin; i < end; i++)
            dgain[i] += dy[i] * ((x[i] - mean) * rstd);
    }
}

/* The parameters first: dx may take the place of dy. */
void tdl_norm_backward(bool centred, size_t rows, size_t n, const tdl_real *x, const tdl_real *gain,
                       const tdl_real *mean, const tdl_real *rstd, const tdl_real *dy, tdl_real *dx,
                       tdl_real *dgain, tdl_real *dbias, tdl_pool *pool)
{
    norm_job j = {.centred = centred,
                  .rows = rows,
                  .n = n,
                  .x = x,
                  .gain = gain,
                  .dy = dy,
                  .known_mean = mean,
                  .known_rstd = rstd,
                  .dx = dx,
                  .dgain = dgain};

    if (dgain)
        tdl_pool_run(pool, n, COLUMNS_EACH, sum_gain_columns, &j);
    if (dbias)
        tdl_sum_rows(rows, n, dy, dbias, pool);
    tdl_pool_run(pool, rows, ROWS_EACH, backward_rows, &j);
}

#else

#include "tensor/rows.h"

void tdl_norm_forward(bool centred, size_t rows, size_t n, const tdl_real *x, const tdl_real *gain,
                      const tdl_real *bias, double eps, tdl_real *y, tdl_real *ret_mean,
                      tdl_real *ret_rstd, tdl_pool *pool)
{
    tdl_norm_rows(centred ? TDL_ROWS_LAYER_NORM : TDL_ROWS_RMS_NORM, rows, n, x, gain, bias,
                  (float)eps, y, ret_mean, ret_rstd, pool);
}

void tdl_norm_backward(bool centred, size_t rows, size_t n, const tdl_real *x, const tdl_real *gain,
                       const tdl_real *mean, const tdl_real *rstd, const tdl_real *dy, tdl_real *dx,
                       tdl_real *dgain, tdl_real *dbias, tdl_pool *pool)
{
    tdl_norm_backward_rows(centred ? TDL_ROWS_LAYER_NORM : TDL_ROWS_RMS_NORM, rows, n, x, gain,
                           mean, rstd, dy, dx, dgain, dbias, pool);
}

#endif
