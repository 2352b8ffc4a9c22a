#include <math.h>

#include "stats/cholesky.h"

/* Sum of a[k] * b[k], always in the same order: four running sums. */
static double dot(const double *a, const double *b, size_t n)
{
    double s[4] = {0};
    size_t k = 0;

    for (; k + 4 <= n; k += 4)
        for (size_t c = 0; c < 4; c++)
            s[c] += a[k + c] * b[k + c];
    for (; k < n; k++)
        s[0] += a[k] * b[k];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

tdl_status tdl_cholesky(double *a, size_t n, tdl_report *why)
{
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        double pivot;

        for (size_t j = 0; j < i; j++)
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        pivot = row[i] - dot(row, row, i);
        // what is left of a pivot by cancellation alone is no pivot
        if (!(pivot > 1e-14 * fabs(row[i])) || !isfinite(pivot))
            return TDL_FAIL(why, TDL_E_INVALID,
                            "a matrix of %zu rows is not positive definite at row %zu", n, i);
        row[i] = sqrt(pivot);
    }
    return TDL_OK;
}

void tdl_cholesky_solve(const double *l, size_t n, double *b, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            for (size_t c = 0; c < m; c++)
                b[i * m + c] -= l[i * n + k] * b[k * m + c];
        for (size_t c = 0; c < m; c++)
            b[i * m + c] /= l[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t c = 0; c < m; c++)
            b[i * m + c] /= l[i * n + i];
        for (size_t k = 0; k < i; k++)
            for (size_t c = 0; c < m; c++)
                b[k * m + c] -= l[i * n + k] * b[i * m + c];
    }
}
