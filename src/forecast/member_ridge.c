/* The ridge forecaster of one series by itself: windows of two seasons' lengths, six lambdas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "forecast/member.h"
#include "forecast/ridge.h"

enum { WINDOWS_MAX = 2, LAMBDAS = 6 };
static const double lambdas[LAMBDAS] = {.3, 1, 3, 10, 30, 100}; /* of a series of deviation 1 */

/* Windows of two seasons and of the next period (hours: 48 and 168). A fit needs more windows than
 * it has lags, or lambda alone decides. */
static size_t windows_of(const tdl_forecast_task *task, size_t ret[WINDOWS_MAX])
{
    size_t season = task->periods_n ? task->period[0] : 1, n = 0;
    size_t want[WINDOWS_MAX] = {2 * season, task->periods_n > 1 ? task->period[1] : 4 * season};

    if (season < 4) {
        want[0] = 8;
        want[1] = 24;
    }
    for (size_t i = 0; i < WINDOWS_MAX; i++)
        if (want[i] >= 2 && want[i] <= TDL_RIDGE_WINDOW_MAX &&
            task->horizon <= TDL_RIDGE_HORIZON_MAX && task->shortest >= 2 * want[i] + task->horizon)
            ret[n++] = want[i];
    return n;
}

static size_t variants(const tdl_forecast_task *task)
{
    size_t window[WINDOWS_MAX];

    return windows_of(task, window) * LAMBDAS;
}

static void label(const tdl_forecast_task *task, size_t variant, char ret[TDL_VARIANT_NAME_MAX])
{
    size_t window[WINDOWS_MAX] = {0};

    windows_of(task, window);
    snprintf(ret, TDL_VARIANT_NAME_MAX, "ridge %zu/%g", window[variant / LAMBDAS],
             lambdas[variant % LAMBDAS]);
}

static double deviation(const double *y, size_t n)
{
    double mean = 0, square = 0;

    for (size_t t = 0; t < n; t++)
        mean += y[t];
    mean /= (double)n;
    for (size_t t = 0; t < n; t++)
        square += (y[t] - mean) * (y[t] - mean);
    return sqrt(square / (double)n);
}

static tdl_status forecast_window(size_t window, size_t horizon, const double *y, size_t n,
                                  size_t which, double *ret, tdl_report *why)
{
    tdl_ridge_sums sums;
    tdl_status st = tdl_ridge_sums_init(&sums, window, horizon, why);

    if (st)
        return st;
    if (!(st = tdl_ridge_sums_add(&sums, y, n, why))) {
        if (which == SIZE_MAX)
            st = tdl_ridge_forecast(&sums, lambdas, LAMBDAS, y + n - window, ret, why);
        else
            st = tdl_ridge_forecast(&sums, lambdas + which, 1, y + n - window,
                                    ret + which * horizon, why);
    }
    tdl_ridge_sums_release(&sums);
    return st;
}

static tdl_status forecast(const tdl_forecast_task *task, const double *y, size_t n, size_t which,
                           double *ret, tdl_report *why)
{
    size_t window[WINDOWS_MAX], windows = windows_of(task, window);
    size_t size = LAMBDAS * task->horizon;
    double scale = deviation(y, n);
    double *scaled = malloc(n * sizeof *scaled);
    tdl_status st = TDL_OK;

    if (!scaled)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", n);
    if (!(scale > 0))
        scale = 1;
    for (size_t t = 0; t < n; t++)
        scaled[t] = y[t] / scale;
    for (size_t w = 0; w < windows && !st; w++)
        if (which == SIZE_MAX || which / LAMBDAS == w)
            st = forecast_window(window[w], task->horizon, scaled, n,
                                 which == SIZE_MAX ? which : which % LAMBDAS, ret + w * size, why);
    for (size_t i = 0; i < windows * size && !st; i++)
        ret[i] *= scale;
    free(scaled);
    return st;
}

const tdl_member_ops tdl_member_ridge = {
    .name = "ridge", .variants = variants, .label = label, .forecast = forecast};
