#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/ridge.h"
#include "stats/cholesky.h"

tdl_status tdl_ridge_sums_init(tdl_ridge_sums *sums, size_t window, size_t horizon, tdl_report *why)
{
    *sums = (tdl_ridge_sums){.window = window, .horizon = horizon};
    if (window < 1 || window > TDL_RIDGE_WINDOW_MAX || horizon < 1 ||
        horizon > TDL_RIDGE_HORIZON_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "ridge: a window of %zu for a horizon of %zu, not 1-%d",
                        window, horizon, TDL_RIDGE_WINDOW_MAX);
    sums->xx = calloc(window * window, sizeof *sums->xx);
    sums->xy = calloc(window * horizon, sizeof *sums->xy);
    sums->yy = calloc(horizon, sizeof *sums->yy);
    if (sums->xx && sums->xy && sums->yy)
        return TDL_OK;
    tdl_ridge_sums_release(sums);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the sums of %zu lags", window + horizon);
}

void tdl_ridge_sums_release(tdl_ridge_sums *sums)
{
    free(sums->xx);
    free(sums->xy);
    free(sums->yy);
    sums->xx = sums->xy = sums->yy = NULL;
}

/* s[j] = sum over windows of y[t + lag] y[t + j], for j in [lag, width) */
static void first_row(const double *restrict y, size_t windows, size_t width, double *restrict s)
{
    memset(s, 0, width * sizeof *s);
    for (size_t t = 0; t < windows; t++) {
        const double *restrict from = y + t;
        double first = y[t];

        for (size_t j = 0; j < width; j++)
            s[j] += first * from[j];
    }
}

/* The row of lag + 1 from that of lag, in place: each window moves on by one. */
static void next_row(const double *restrict y, size_t windows, size_t width, size_t lag,
                     double *restrict s)
{
    double out = y[lag], in = y[lag + windows];
    const double *restrict after = y + windows;

    for (size_t j = width - 1; j > lag; j--)
        s[j] = s[j - 1] - out * y[j - 1] + in * after[j - 1];
}

/* What is left when the window's last value is taken from both factors:
 * (a - l)(b - l) = ab - al - bl + ll, where `last` holds the sums with l. */
static void add_rows(tdl_ridge_sums *sums, const double *s /* [window][width] */, size_t width)
{
    size_t w = sums->window;
    const double *last = s + (w - 1) * width;
    double ll = last[w - 1];

    for (size_t i = 0; i < w; i++) {
        const double *row = s + i * width;
        double il = row[w - 1];

        for (size_t j = i; j < w; j++)
            sums->xx[i * w + j] += row[j] - il - s[j * width + w - 1] + ll;
        for (size_t j = i + 1; j < w; j++)
            sums->xx[j * w + i] = sums->xx[i * w + j];
        for (size_t h = 0; h < sums->horizon; h++)
            sums->xy[i * sums->horizon + h] += row[w + h] - il - last[w + h] + ll;
    }
}

tdl_status tdl_ridge_sums_add(tdl_ridge_sums *sums, const double *y, size_t n, tdl_report *why)
{
    size_t width = sums->window + sums->horizon;
    size_t windows = n >= width ? n - width + 1 : 0;
    double *s, *row, *centred, mean = 0;

    if (!windows)
        return TDL_OK;
    s = calloc(sums->window * width, sizeof *s);
    row = calloc(width, sizeof *row);
    centred = calloc(n, sizeof *centred);
    if (!s || !row || !centred) {
        free(s);
        free(row);
        free(centred);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the sums of %zu lags", width);
    }
    for (size_t t = 0; t < n; t++)
        mean += y[t];
    mean /= (double)n;
    for (size_t t = 0; t < n; t++) // any constant falls out, digits are won
        centred[t] = y[t] - mean;
    first_row(centred, windows, width, row);
    for (size_t lag = 0;; lag++) {
        memcpy(s + lag * width + lag, row + lag, (width - lag) * sizeof *s);
        if (lag + 1 == sums->window)
            break;
        next_row(centred, windows, width, lag, row);
    }
    add_rows(sums, s, width);
    for (size_t h = 0; h < sums->horizon; h++)
        for (size_t t = 0; t < windows; t++) {
            double step = centred[t + sums->window + h] - centred[t + sums->window - 1];
            sums->yy[h] += step * step;
        }
    sums->windows_n += windows;
    free(s);
    free(row);
    free(centred);
    return TDL_OK;
}

static double *factor(const tdl_ridge_sums *sums, double lambda, tdl_report *why)
{
    size_t w = sums->window;
    double *l = malloc(w * w * sizeof *l);

    if (!l) {
        TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a %zu x %zu matrix", w, w);
        return NULL;
    }
    memcpy(l, sums->xx, w * w * sizeof *l);
    for (size_t i = 0; i < w; i++)
        l[i * w + i] += lambda;
    if (tdl_cholesky(l, w, why)) {
        free(l);
        return NULL;
    }
    return l;
}

tdl_status tdl_ridge_solve(const tdl_ridge_sums *sums, double lambda, double *ret_w,
                           tdl_report *why)
{
    tdl_report own = {0};
    double *l = factor(sums, lambda, why ? why : &own);

    if (!l)
        return why ? why->status : own.status;
    memcpy(ret_w, sums->xy, sums->window * sums->horizon * sizeof *ret_w);
    tdl_cholesky_solve(l, sums->window, ret_w, sums->horizon);
    free(l);
    return TDL_OK;
}

double tdl_ridge_error(const tdl_ridge_sums *sums, const double *w)
{
    size_t n = sums->window, horizon = sums->horizon;
    double total = 0;

    if (!sums->windows_n)
        return 0;
    for (size_t h = 0; h < horizon; h++)
        total += sums->yy[h];
    for (size_t i = 0; i < n; i++) { // tr(W' X'X W) - 2 tr(W' X'Y), a row of W at a time
        const double *wi = w + i * horizon, *xyi = sums->xy + i * horizon;
        double own = 0, cross = 0;

        for (size_t h = 0; h < horizon; h++) {
            own += wi[h] * wi[h];
            cross += wi[h] * xyi[h];
        }
        total += sums->xx[i * n + i] * own - 2 * cross;
        for (size_t j = i + 1; j < n; j++) {
            const double *wj = w + j * horizon;
            double both[4] = {0};
            size_t h = 0;

            for (; h + 4 <= horizon; h += 4)
                for (size_t k = 0; k < 4; k++)
                    both[k] += wi[h + k] * wj[h + k];
            for (; h < horizon; h++)
                both[0] += wi[h] * wj[h];
            total += 2 * sums->xx[i * n + j] * ((both[0] + both[1]) + (both[2] + both[3]));
        }
    }
    return total / ((double)sums->windows_n * (double)horizon);
}

tdl_status tdl_ridge_choose(const tdl_ridge_sums *train, const tdl_ridge_sums *valid,
                            const double *lambda, size_t lambdas_n, double *ret_w,
                            double *ret_lambda, double *ret_error, tdl_report *why)
{
    size_t size = train->window * train->horizon;
    double *w = calloc(size, sizeof *w), best = HUGE_VAL;
    tdl_status st = TDL_OK;

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", size);
    for (size_t k = 0; k < lambdas_n; k++) {
        if ((st = tdl_ridge_solve(train, lambda[k], w, why)))
            break;
        double error = tdl_ridge_error(valid, w);

        if (error < best || k == 0) {
            best = error;
            *ret_lambda = lambda[k];
            memcpy(ret_w, w, size * sizeof *w);
        }
    }
    if (!st && ret_error)
        *ret_error = best;
    free(w);
    return st;
}

void tdl_ridge_apply(const double *w, size_t window, size_t horizon, const double *last,
                     double *ret)
{
    double level = last[window - 1];

    for (size_t h = 0; h < horizon; h++)
        ret[h] = level;
    for (size_t i = 0; i + 1 < window; i++) {
        double x = last[i] - level;
        const double *restrict row = w + i * horizon;

        for (size_t h = 0; h < horizon; h++)
            ret[h] += x * row[h];
    }
}

tdl_status tdl_ridge_forecast(const tdl_ridge_sums *sums, const double *lambda, size_t lambdas_n,
                              const double *last, double *ret, tdl_report *why)
{
    size_t n = sums->window;
    double *z = malloc(n * sizeof *z);
    tdl_report own = {0};

    if (!z)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a window of %zu", n);
    for (size_t k = 0; k < lambdas_n; k++) {
        double *l = factor(sums, lambda[k], why ? why : &own);

        if (!l) {
            free(z);
            return why ? why->status : own.status;
        }
        for (size_t i = 0; i < n; i++)
            z[i] = last[i] - last[n - 1];
        tdl_cholesky_solve(l, n, z, 1);
        free(l);
        for (size_t h = 0; h < sums->horizon; h++)
            ret[k * sums->horizon + h] = last[n - 1];
        for (size_t i = 0; i < n; i++)
            for (size_t h = 0; h < sums->horizon; h++)
                ret[k * sums->horizon + h] += z[i] * sums->xy[i * sums->horizon + h];
    }
    free(z);
    return TDL_OK;
}
