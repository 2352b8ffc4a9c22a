/* Ridge regression on columns of any scale: each is brought to mean 0 and deviation 1 first, a
 * missing cell counts as the mean, a constant column as nothing. The intercept is free. */
#ifndef TDL_FORECAST_LEAST_SQUARES_H
#define TDL_FORECAST_LEAST_SQUARES_H

#include <stddef.h>

#include "base/report.h"

typedef struct tdl_least_squares {
    size_t cols;
    double *mean, *deviation, *w; /* [cols] each; one block, at `mean` */
    double intercept;
} tdl_least_squares;

/* Minimise sum (y - x w - b)^2 + lambda |w|^2.  x [rows][cols], NaN = missing; y [rows]
 *   returns  TDL_OK | TDL_E_INVALID (not positive definite: lambda is 0) | TDL_E_NO_MEMORY */
tdl_status tdl_least_squares_fit(const double *x, size_t rows, size_t cols, const double *y,
                                 double lambda, tdl_least_squares *ret, tdl_report *why);
void tdl_least_squares_release(tdl_least_squares *fit); /* accepts a zeroed struct */
/* ret [rows] */
tdl_status tdl_least_squares_apply(const tdl_least_squares *fit, const double *x, size_t rows,
                                   double *ret, tdl_report *why);

#endif
