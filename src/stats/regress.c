#include "stats/regress.h"

#include <math.h>

#include "stats/weight.h"

static double mean_square(const double *y, const double *f, const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i), error = f[i] - y[i];

        all += own;
        sum += own * error * error;
    }
    return sum / all;
}

double tdl_rmse(const double *y, const double *f, const double *weight, size_t n)
{
    return sqrt(mean_square(y, f, weight, n));
}

double tdl_mae(const double *y, const double *f, const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        sum += own * fabs(f[i] - y[i]);
    }
    return sum / all;
}

double tdl_r2(const double *y, const double *f, const double *weight, size_t n)
{
    double all = 0, mean = 0, spread = 0;

    for (size_t i = 0; i < n; i++) {
        all += tdl_weight_of(weight, i);
        mean += tdl_weight_of(weight, i) * y[i];
    }
    mean /= all;
    for (size_t i = 0; i < n; i++)
        spread += tdl_weight_of(weight, i) * (y[i] - mean) * (y[i] - mean);
    spread /= all;
    return spread > 0 ? 1 - mean_square(y, f, weight, n) / spread : (double)NAN;
}

double tdl_mape(const double *y, const double *f, const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++)
        if (y[i] != 0) {
            double own = tdl_weight_of(weight, i);

            all += own;
            sum += own * fabs((f[i] - y[i]) / y[i]);
        }
    return sum / all;
}

double tdl_poisson_deviance(const double *y, const double *f, const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        if (own > 0)
            sum += own * 2 * ((y[i] > 0 ? y[i] * log(y[i] / f[i]) : 0) - y[i] + f[i]);
    }
    return sum / all;
}

double tdl_tweedie_deviance(const double *y, const double *f, const double *weight, size_t n,
                            double p)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        if (own > 0)
            sum += own * 2 *
                   (pow(y[i], 2 - p) / ((1 - p) * (2 - p)) - y[i] * pow(f[i], 1 - p) / (1 - p) +
                    pow(f[i], 2 - p) / (2 - p));
    }
    return sum / all;
}

double tdl_pinball(const double *y, const double *f, size_t stride, const double *weight, size_t n,
                   double q)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i), error = y[i] - f[i * stride];

        all += own;
        sum += own * fmax(q * error, (q - 1) * error);
    }
    return sum / all;
}

double tdl_coverage(const double *y, const double *low, const double *high, size_t stride,
                    const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        if (low[i * stride] <= y[i] && y[i] <= high[i * stride])
            sum += own;
    }
    return sum / all;
}

double tdl_mean_width(const double *low, const double *high, size_t stride, const double *weight,
                      size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        sum += own * (high[i * stride] - low[i * stride]);
    }
    return sum / all;
}

/* ---- series ---- */

double tdl_smape(const double *y, const double *f, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double under = fabs(f[i]) + fabs(y[i]);

        sum += under > 0 ? 200 * fabs(f[i] - y[i]) / under : 0; // both zero: no error
    }
    return sum / (double)n;
}

double tdl_wape(const double *y, const double *f, size_t n)
{
    double sum = 0, under = 0;

    for (size_t i = 0; i < n; i++) {
        sum += fabs(f[i] - y[i]);
        under += fabs(y[i]);
    }
    return sum / under;
}

double tdl_seasonal_error(const double *past, size_t past_n, size_t season)
{
    double sum = 0;

    for (size_t t = season; t < past_n; t++)
        sum += fabs(past[t] - past[t - season]);
    return past_n > season ? sum / (double)(past_n - season) : (double)NAN;
}

double tdl_mase(const double *y, const double *f, size_t n, double seasonal_error)
{
    return tdl_mae(y, f, NULL, n) / seasonal_error;
}

double tdl_owa(double smape, double mase, double naive_smape, double naive_mase)
{
    return (smape / naive_smape + mase / naive_mase) / 2;
}
