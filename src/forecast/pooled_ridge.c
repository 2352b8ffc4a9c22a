#include <math.h>
#include <stdlib.h>

#include "forecast/pooled.h"
#include "forecast/ridge.h"

void tdl_scale_of(const double *y, size_t n, double *ret_mean, double *ret_deviation)
{
    double mean = 0, square = 0;

    for (size_t t = 0; t < n; t++)
        mean += y[t];
    mean /= (double)(n ? n : 1);
    for (size_t t = 0; t < n; t++)
        square += (y[t] - mean) * (y[t] - mean);
    square = sqrt(square / (double)(n ? n : 1));
    *ret_mean = mean;
    *ret_deviation = square > 0 ? square : 1;
}

void tdl_pooled_ridge_release(tdl_pooled_ridge *model)
{
    free(model->w);
    *model = (tdl_pooled_ridge){0};
}

/* Add the windows of y's points [begin, end), scaled by the first `known`. */
static tdl_status add(tdl_ridge_sums *sums, const double *y, size_t known, size_t begin, size_t end,
                      tdl_report *why)
{
    double mean, deviation;
    double *scaled;
    tdl_status st;

    if (end <= begin)
        return TDL_OK;
    if (!(scaled = malloc((end - begin) * sizeof *scaled)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", end - begin);
    tdl_scale_of(y, known, &mean, &deviation);
    for (size_t t = begin; t < end; t++)
        scaled[t - begin] = (y[t] - mean) / deviation;
    st = tdl_ridge_sums_add(sums, scaled, end - begin, why);
    free(scaled);
    return st;
}

tdl_status tdl_pooled_ridge_fit(const tdl_series *series, size_t series_n, size_t held,
                                size_t window, size_t horizon, tdl_pooled_ridge *ret,
                                tdl_report *why)
{
    static const double lambda[] = {1, 10, 100, 1000, 10000, 100000};
    tdl_ridge_sums early = {0}, late = {0}, all = {0};
    tdl_pooled_ridge model = {.window = window, .horizon = horizon};
    tdl_status st;

    if ((st = tdl_ridge_sums_init(&early, window, horizon, why)) ||
        (st = tdl_ridge_sums_init(&late, window, horizon, why)) ||
        (st = tdl_ridge_sums_init(&all, window, horizon, why)))
        goto out;
    for (size_t i = 0; i < series_n; i++) {
        size_t n = series[i].n > held ? series[i].n - held : 0;
        size_t last = n / 5 > horizon ? n / 5 : horizon;

        if (n < 2 * window + horizon + last)
            continue;
        if ((st = add(&early, series[i].y, n - last, 0, n - last, why)) ||
            (st = add(&late, series[i].y, n - last, n - last - window, n, why)) ||
            (st = add(&all, series[i].y, n, 0, n, why)))
            goto out;
    }
    if (!early.windows_n || !late.windows_n) {
        st = TDL_FAIL(why, TDL_E_INVALID, "no series has room for windows of %zu + %zu points",
                      window, horizon);
        goto out;
    }
    if (!(model.w = malloc(window * horizon * sizeof *model.w))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", window * horizon);
        goto out;
    }
    if ((st = tdl_ridge_choose(&early, &late, lambda, sizeof lambda / sizeof *lambda, model.w,
                               &model.lambda, NULL, why)) ||
        (st = tdl_ridge_solve(&all, model.lambda, model.w, why)))
        goto out;
    *ret = model;
    model = (tdl_pooled_ridge){0};
out:
    tdl_pooled_ridge_release(&model);
    tdl_ridge_sums_release(&early);
    tdl_ridge_sums_release(&late);
    tdl_ridge_sums_release(&all);
    return st;
}

/* The scale falls out: a window is relative to its last value, and W is linear. */
static tdl_status forecast(const void *model, const double *y, size_t n, size_t horizon,
                           double *ret, tdl_report *why)
{
    const tdl_pooled_ridge *m = model;
    double *all;

    if (horizon == m->horizon) {
        tdl_ridge_apply(m->w, m->window, m->horizon, y + n - m->window, ret);
        return TDL_OK;
    }
    if (!(all = malloc(m->horizon * sizeof *all)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", m->horizon);
    tdl_ridge_apply(m->w, m->window, m->horizon, y + n - m->window, all);
    for (size_t h = 0; h < horizon; h++)
        ret[h] = h < m->horizon ? all[h] : NAN;
    free(all);
    return TDL_OK;
}

tdl_pooled tdl_pooled_of_ridge(const tdl_pooled_ridge *model)
{
    return (tdl_pooled){
        .name = "pooled_ridge", .model = model, .shortest = model->window, .forecast = forecast};
}
