/* Normalised rows. With r = 1 / sqrt(variance + eps), h = (x - mean) r, g = dy * gain:
 *
 *     layer   y = h * gain + bias    dx = r (g - mean(g) - h mean(g h))    (Ba et al. 2016)
 *     rms     the same with mean = 0 and without mean(g)                   (Zhang, Sennrich 2019)
 *     dgain   sum over rows of dy h
 */
#include <math.h>

#include "nn/real.h"

enum { LANES = 16, MEAN = 0, INVERSE = 1 };

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

static tdl_real mean_square(size_t n, const tdl_real *x, tdl_real mean)
{
    tdl_real lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += (x[i + l] - mean) * (x[i + l] - mean);
    for (size_t l = 0; i + l < n; l++)
        lane[l] += (x[i + l] - mean) * (x[i + l] - mean);
    return add_lanes(lane) / (tdl_real)n;
}

void tdl_norm_forward(size_t rows, size_t n, bool centred, double eps, const tdl_real *x,
                      const tdl_real *gain, const tdl_real *bias, tdl_real *y, tdl_real *ret_stats)
{
    for (size_t r = 0; r < rows; r++, x += n, y += n, ret_stats += TDL_NORM_STATS) {
        tdl_real mean = centred ? mean_of(n, x) : 0, variance = mean_square(n, x, mean);
#ifdef TDL_REAL_DOUBLE
        tdl_real inverse = 1 / sqrt(variance + eps);
#else
        tdl_real inverse = 1 / sqrtf(variance + (float)eps);
#endif

        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * inverse;
        for (size_t i = 0; gain && i < n; i++)
            y[i] *= gain[i];
        for (size_t i = 0; bias && i < n; i++)
            y[i] += bias[i];
        ret_stats[MEAN] = mean;
        ret_stats[INVERSE] = inverse;
    }
}

/* The means of g and of g h over a row. */
static void mean_gradients(size_t n, const tdl_real *x, const tdl_real *gain, const tdl_real *stats,
                           const tdl_real *dy, tdl_real *ret_g, tdl_real *ret_gh)
{
    tdl_real g_lane[LANES] = {0}, gh_lane[LANES] = {0};

    for (size_t i = 0; i < n; i += LANES)
        for (size_t l = 0; l < LANES && i + l < n; l++) {
            tdl_real g = dy[i + l] * (gain ? gain[i + l] : 1);

            g_lane[l] += g;
            gh_lane[l] += g * ((x[i + l] - stats[MEAN]) * stats[INVERSE]);
        }
    *ret_g = add_lanes(g_lane) / (tdl_real)n;
    *ret_gh = add_lanes(gh_lane) / (tdl_real)n;
}

void tdl_norm_backward(size_t rows, size_t n, bool centred, const tdl_real *x, const tdl_real *gain,
                       const tdl_real *stats, const tdl_real *dy, tdl_real *dx, bool add)
{
    for (size_t r = 0; r < rows; r++, x += n, dy += n, dx += n, stats += TDL_NORM_STATS) {
        tdl_real mean_g, mean_gh;

        mean_gradients(n, x, gain, stats, dy, &mean_g, &mean_gh);
        if (!centred)
            mean_g = 0;
        for (size_t i = 0; i < n; i++) {
            tdl_real h = (x[i] - stats[MEAN]) * stats[INVERSE];
            tdl_real d = stats[INVERSE] * (dy[i] * (gain ? gain[i] : 1) - mean_g - h * mean_gh);

            dx[i] = add ? dx[i] + d : d;
        }
    }
}

typedef struct gain_sums {
    size_t rows, n;
    const tdl_real *x, *stats, *dy;
    tdl_real *dgain;
} gain_sums;

static void sum_columns(void *context, size_t begin, size_t end, unsigned part)
{
    const gain_sums *j = context;

    TDL_UNUSED(part);
    for (size_t r = 0; r < j->rows; r++) {
        const tdl_real *restrict x = j->x + r * j->n, *restrict dy = j->dy + r * j->n;
        tdl_real *restrict dgain = j->dgain;
        tdl_real mean = j->stats[r * TDL_NORM_STATS + MEAN];
        tdl_real inverse = j->stats[r * TDL_NORM_STATS + INVERSE];

        for (size_t i = begin; i < end; i++)
            dgain[i] += dy[i] * ((x[i] - mean) * inverse);
    }
}

void tdl_norm_gain_backward(size_t rows, size_t n, const tdl_real *x, const tdl_real *stats,
                            const tdl_real *dy, tdl_real *dgain, tdl_pool *pool)
{
    enum { COLUMNS_EACH = 512 };
    gain_sums j = {rows, n, x, stats, dy, dgain};

    tdl_pool_run(pool, n, COLUMNS_EACH, sum_columns, &j);
}
