#include "forecast/least_squares.h"

#include <math.h>
#include <stdlib.h>

#include "stats/cholesky.h"

void tdl_least_squares_release(tdl_least_squares *fit)
{
    free(fit->mean);
    *fit = (tdl_least_squares){0};
}

static void standardise(const double *x, size_t rows, tdl_least_squares *l)
{
    for (size_t k = 0; k < l->cols; k++) {
        double sum = 0, square = 0;
        size_t count = 0;

        for (size_t i = 0; i < rows; i++)
            if (isfinite(x[i * l->cols + k])) {
                sum += x[i * l->cols + k];
                count++;
            }
        l->mean[k] = count ? sum / (double)count : 0;
        for (size_t i = 0; i < rows; i++)
            if (isfinite(x[i * l->cols + k])) {
                double step = x[i * l->cols + k] - l->mean[k];
                square += step * step;
            }
        l->deviation[k] = square > 0 ? sqrt(square / (double)count) : 0;
    }
}

static void standard_row(const double *x, const tdl_least_squares *l, double *ret)
{
    for (size_t k = 0; k < l->cols; k++)
        ret[k] = l->deviation[k] > 0 && isfinite(x[k]) ? (x[k] - l->mean[k]) / l->deviation[k] : 0;
}

tdl_status tdl_least_squares_fit(const double *x, size_t rows, size_t cols, const double *y,
                                 double lambda, tdl_least_squares *ret, tdl_report *why)
{
    double *xx = calloc(cols * cols, sizeof *xx), *row = malloc(cols * sizeof *row);
    tdl_status st = TDL_OK;

    *ret = (tdl_least_squares){.cols = cols, .mean = calloc(3 * cols, sizeof(double))};
    if (!xx || !row || !ret->mean) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", cols);
        goto out;
    }
    ret->deviation = ret->mean + cols;
    ret->w = ret->deviation + cols;
    standardise(x, rows, ret);
    for (size_t i = 0; i < rows; i++)
        ret->intercept += y[i] / (double)rows;
    for (size_t i = 0; i < rows; i++) {
        standard_row(x + i * cols, ret, row);
        for (size_t a = 0; a < cols; a++) {
            double left = row[a];

            if (left == 0)
                continue;
            ret->w[a] += left * (y[i] - ret->intercept);
            for (size_t b = 0; b <= a; b++)
                xx[a * cols + b] += left * row[b];
        }
    }
    for (size_t a = 0; a < cols; a++)
        xx[a * cols + a] += lambda;
    if (!(st = tdl_cholesky(xx, cols, why)))
        tdl_cholesky_solve(xx, cols, ret->w, 1);
out:
    if (st)
        tdl_least_squares_release(ret);
    free(xx);
    free(row);
    return st;
}

tdl_status tdl_least_squares_apply(const tdl_least_squares *fit, const double *x, size_t rows,
                                   double *ret, tdl_report *why)
{
    double *row = malloc(fit->cols * sizeof *row);

    if (!row)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
    for (size_t i = 0; i < rows; i++) {
        double sum = fit->intercept;

        standard_row(x + i * fit->cols, fit, row);
        for (size_t k = 0; k < fit->cols; k++)
            sum += row[k] * fit->w[k];
        ret[i] = sum;
    }
    free(row);
    return TDL_OK;
}
